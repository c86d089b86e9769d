//! The parts of a page: sections, prose, pictures with captions, tables.

use std::fmt::Display;

use crate::markup::{Element, element};
use crate::numbers::Numbers;

/// A section with its heading; `id` is what links point to.
pub fn section(id: &'static str, heading: &str) -> Element {
    element("section")
        .with("id", id)
        .child(element("h2").text(heading))
}

/// Prose whose percent signs stay with their numbers at the end of a line.
pub fn prose(text: impl Display) -> String {
    text.to_string().replace(" %", "\u{a0}%")
}

/// A paragraph.
pub fn paragraph(text: impl Display) -> Element {
    element("p").text(prose(text))
}

/// A picture with what it shows, and on how many rows.
pub fn figure(picture: Element, caption: impl Display) -> Element {
    element("figure")
        .child(element("figcaption").text(prose(caption)))
        .child(picture)
}

/// A picture with the numbers behind it.
pub fn numbered(picture: Element, caption: impl Display, numbers: &Numbers) -> Element {
    figure(picture, caption).child(numbers.link())
}

/// Pictures side by side where there is room.
pub fn grid(class: &'static str, pictures: impl IntoIterator<Item = Element>) -> Element {
    element("div").class(class).children(pictures)
}

/// A table that scrolls sideways in its own frame where the screen is narrow. The first cell of a
/// row is its heading.
pub fn table(
    caption: &str,
    headings: impl IntoIterator<Item = Element>,
    rows: impl IntoIterator<Item = Vec<Element>>,
) -> Element {
    let head = element("thead").child(element("tr").children(headings));
    let body =
        element("tbody").children(rows.into_iter().map(|cells| element("tr").children(cells)));
    let table = element("table")
        .with("aria-label", caption)
        .child(head)
        .child(body);
    // The caption stays in place while the table scrolls; focusable, so that the keyboard can scroll.
    let frame = element("div")
        .class("scroll")
        .with("tabindex", 0)
        .with("role", "region")
        .with("aria-label", caption);
    element("div")
        .class("table")
        .child(element("p").text(prose(caption)))
        .child(frame.child(table))
}

/// The heading of a column of words.
pub fn heading(text: &str) -> Element {
    element("th").with("scope", "col").text(text)
}

/// The heading of a column of numbers, which stands on their side.
pub fn number_heading(text: &str) -> Element {
    heading(text).class("number")
}

/// The heading cell of a row.
pub fn row_heading(text: impl Display) -> Element {
    element("th").with("scope", "row").text(text)
}

/// A cell with words.
pub fn cell(text: impl Display) -> Element {
    element("td").text(text)
}

/// A cell with a number.
pub fn number(text: impl Display) -> Element {
    element("td").class("number").text(text)
}
