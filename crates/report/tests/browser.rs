//! The page in a real browser: nothing wider than the window, no writing over writing, enough contrast,
//! on a telephone and on a desk, in the light and in the dark.
//!
//! Where there is no Chromium these tests say so and judge nothing; `RESSENTI_BROWSER` names one that
//! is elsewhere.

#![allow(missing_docs, clippy::print_stderr, reason = "tests")]

mod made_up;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use report::render;
use serde_json::Value;

/// Widths of a telephone, a tablet and a desk, in pixels.
const WIDTHS: [u32; 3] = [360, 760, 1280];

/// Loads the page in a frame of each width, measures it, and leaves what it found in the document.
const MEASURE: &str = include_str!("measure.js");

fn browser() -> Option<PathBuf> {
    let named = env::var_os("RESSENTI_BROWSER").map(PathBuf::from);
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let candidates = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = named.or_else(|| candidates.into_iter().find(|path| path.is_file()));
    if found.is_none() {
        eprintln!("SKIPPED: there is no Chromium, so that the page was judged by no browser");
    }
    found
}

fn chromium(browser: &Path, folder: &Path, arguments: &[&str]) -> String {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .arg(profile)
        .args(arguments)
        .output()
        .expect("the browser starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("a document is text")
}

/// What the script found on a page, and whether it was dark.
fn measured(browser: &Path, html: &str, is_dark: bool) -> (Vec<String>, bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let host = folder.path().join("host.html");
    let page = serde_json::to_string(html)
        .expect("text")
        .replace("</", "<\\/");
    let widths = serde_json::to_string(&WIDTHS).expect("numbers");
    let script = MEASURE.replace("PAGE", &page).replace("WIDTHS", &widths);
    let text = format!("<!doctype html><meta charset=utf-8><body><script>{script}</script>");
    fs::write(&host, text).expect("the disk has room");
    let scheme = format!(
        "--blink-settings=preferredColorScheme={}",
        if is_dark { 0 } else { 1 }
    );
    let address = format!("file://{}", host.display());
    let arguments = [
        scheme.as_str(),
        "--virtual-time-budget=20000",
        "--dump-dom",
        &address,
    ];
    let document = chromium(browser, folder.path(), &arguments);
    let found = document
        .split("<pre id=\"measured\">")
        .nth(1)
        .and_then(|rest| rest.split("</pre>").next())
        .unwrap_or_else(|| panic!("the script came to no end: {document}"));
    let plain = found
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let value: Value = serde_json::from_str(&plain).expect("the script leaves JSON");
    let problems = value["problems"].as_array().expect("a list").iter();
    let problems = problems.map(|problem| problem.as_str().expect("text").to_owned());
    (problems.collect(), value["dark"] == true)
}

#[test]
fn the_page_fits_every_window_in_the_light_and_in_the_dark() {
    let Some(browser) = browser() else { return };
    let html = render(&made_up::run(4000));
    for is_dark in [false, true] {
        let (problems, was_dark) = measured(&browser, &html, is_dark);
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
    let (problems, _) = measured(&browser, html, false);
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
        chromium(
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
