//! A page: one file that needs nothing else, from no network, for any screen and for paper.

use crate::markup::{Element, element};

/// The style of all pages, for whoever shows a part of one elsewhere.
pub const STYLE: &str = include_str!("style.css");

/// The text of a page.
pub fn document(title: &str, body: Element) -> String {
    let html = element("html")
        .with("lang", "en")
        .child(head(title))
        .child(body);
    format!("<!doctype html>\n{}\n", html.render())
}

/// Who made the page.
pub fn footer() -> Element {
    element("footer").text(format!("Made by Ressenti {}", env!("CARGO_PKG_VERSION")))
}

fn head(title: &str) -> Element {
    element("head")
        .child(element("meta").with("charset", "utf-8"))
        .child(
            element("meta")
                .with("name", "viewport")
                .with("content", "width=device-width, initial-scale=1"),
        )
        .child(
            element("meta")
                .with("name", "color-scheme")
                .with("content", "light dark"),
        )
        // Whatever got into the page, it may fetch nothing and run nothing.
        .child(
            element("meta")
                .with("http-equiv", "Content-Security-Policy")
                .with("content", "default-src 'none'; style-src 'unsafe-inline'"),
        )
        .child(element("title").text(title))
        .child(element("style").style_sheet(STYLE))
}
