//! Checks a page in a browser: nothing is wider than the window, no texts overlap, and the contrast is sufficient,
//! in three widths and in both colour schemes.
//!
//! Without Chromium tests are skipped with a message; `RESSENTI_BROWSER` can name a browser.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Widths of a telephone, a tablet and a computer screen, in pixels.
const WIDTHS: [u32; 3] = [360, 760, 1280];

/// A script that loads the page in a frame of each width, measures it, and writes the problems into the document.
const MEASURE: &str = include_str!("measure.js");

/// The path of the browser, if one is installed.
#[allow(
    clippy::print_stderr,
    reason = "readers of the test output need to know"
)]
pub fn browser() -> Option<PathBuf> {
    let named = env::var_os("RESSENTI_BROWSER").map(PathBuf::from);
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let candidates = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = named.or_else(|| candidates.into_iter().find(|path| path.is_file()));
    if found.is_none() {
        eprintln!("SKIPPED: Chromium is not installed, so the page was not checked in a browser");
    }
    found
}

/// Runs the browser without a window and returns its output.
pub fn run_chromium(browser: &Path, folder: &Path, arguments: &[&str]) -> String {
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

/// Measures a page. Returns the problems and whether the dark colour scheme was used.
pub fn measure_page(browser: &Path, html: &str, is_dark: bool) -> (Vec<String>, bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let host = folder.path().join("host.html");
    let page = serde_json::to_string(html)
        .expect("text")
        .replace("</", "<\\/");
    let widths = serde_json::to_string(&WIDTHS).expect("numbers");
    let script = MEASURE.replace("PAGE", &page).replace("WIDTHS", &widths);
    let text = format!("<!doctype html><meta charset=utf-8><body><script>{script}</script>");
    fs::write(&host, text).expect("it is written");
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
    let document = run_chromium(browser, folder.path(), &arguments);
    let found = document
        .split("<pre id=\"measured\">")
        .nth(1)
        .and_then(|rest| rest.split("</pre>").next())
        .unwrap_or_else(|| panic!("the script did not finish: {document}"));
    let plain = found
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let value: Value = serde_json::from_str(&plain).expect("the script writes JSON");
    let problems = value["problems"].as_array().expect("a list").iter();
    let problems = problems.map(|problem| problem.as_str().expect("text").to_owned());
    (problems.collect(), value["dark"] == true)
}
