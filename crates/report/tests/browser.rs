//! The page in a real browser, where there is one: see [`testkit::browser`].

#![allow(missing_docs, reason = "tests")]

mod made_up;

use std::fs;

use report::render;
use testkit::browser::{browser, measure_page, run_chromium};

#[test]
fn the_page_fits_every_window_in_the_light_and_in_the_dark() {
    let Some(browser) = browser() else { return };
    let html = render(&made_up::run(4000));
    for is_dark in [false, true] {
        let (problems, was_dark) = measure_page(&browser, &html, is_dark);
        assert_eq!(was_dark, is_dark);
        assert!(
            problems.is_empty(),
            "dark: {is_dark}\n{}",
            problems.join("\n")
        );
    }
}

#[test]
fn what_does_not_fit_is_seen() {
    let Some(browser) = browser() else { return };
    let html = "<!doctype html><meta name=viewport content='width=device-width'><body style='background:#fff'>\
        <p style='color:#ccc'>pale</p><div style='width:900px'>wide</div>\
        <svg width=100 height=50><text x=5 y=20>one</text><text x=6 y=22>two</text></svg>";
    let (problems, _) = measure_page(&browser, html, false);
    for said in [
        "wider than its window of 360",
        "over each other: one, two",
        "contrast 1.6: pale",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(said)),
            "{said}: {problems:?}"
        );
    }
}

#[test]
fn a_screenshot_shows_something() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("report.html");
    fs::write(&page, render(&made_up::run(4000))).expect("the disk has room");
    let size = |address: &str| {
        let picture = folder.path().join("picture.png");
        let arguments = [
            format!("--screenshot={}", picture.display()),
            "--window-size=1100,1600".to_owned(),
            address.to_owned(),
        ];
        run_chromium(
            &browser,
            folder.path(),
            &arguments.each_ref().map(String::as_str),
        );
        fs::metadata(&picture).expect("a picture").len()
    };
    let (shown, blank) = (
        size(&format!("file://{}", page.display())),
        size("about:blank"),
    );
    assert!(
        shown > 10 * blank,
        "{shown} bytes, and a blank page {blank}"
    );
}
