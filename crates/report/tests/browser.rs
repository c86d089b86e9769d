//! The page in Chromium, if it is installed: see [`testkit::browser`].

#![allow(missing_docs, reason = "tests")]

mod sample_run;

use std::fs;

use report::render;
use testkit::browser::{browser, measure_page, run_chromium};

#[test]
fn the_page_fits_every_window_in_light_and_dark() {
    let Some(browser) = browser() else { return };
    let collapsed = render(&sample_run::run(4000));
    let open = collapsed.replace("<details", "<details open");
    for (html, is_dark) in [(&collapsed, false), (&open, false), (&open, true)] {
        let (problems, was_dark) = measure_page(&browser, html, is_dark);
        assert_eq!(was_dark, is_dark);
        assert!(
            problems.is_empty(),
            "dark: {is_dark}\n{}",
            problems.join("\n")
        );
    }
}

#[test]
fn problems_of_a_page_are_found() {
    let Some(browser) = browser() else { return };
    let html = "<!doctype html><meta name=viewport content='width=device-width'><body style='background:#fff'>\
        <p style='color:#ccc'>pale</p><div style='width:900px'>wide</div>\
        <svg width=100 height=50><text x=5 y=20>one</text><text x=6 y=22>two</text></svg>";
    let (problems, _) = measure_page(&browser, html, false);
    for expected in [
        "wider than its window of 360",
        "overlapping: one, two",
        "contrast 1.6: pale",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected}: {problems:?}"
        );
    }
}

#[test]
fn a_screenshot_is_not_blank() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("report.html");
    fs::write(&page, render(&sample_run::run(4000))).expect("the disk has space");
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
    let (report, blank) = (
        size(&format!("file://{}", page.display())),
        size("about:blank"),
    );
    assert!(report > 10 * blank, "{report} bytes; blank: {blank}");
}
