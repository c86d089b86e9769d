//! What every picture begins with, and the writing in it.

use crate::markup::{Element, element};

/// An SVG with a title and a description for those who cannot see it. `id` must be unique.
pub fn picture(id: &str, title: &str, description: &str) -> Element {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-description"));
    element("svg")
        .with("role", "img")
        .with("aria-labelledby", format!("{title_id} {description_id}"))
        .child(element("title").with("id", title_id).text(title))
        .child(element("desc").with("id", description_id).text(description))
}

/// Text in a picture; `anchor` is start, middle or end.
pub fn label(x: f64, y: f64, anchor: &'static str, text: impl std::fmt::Display) -> Element {
    element("text")
        .at("x", x)
        .at("y", y)
        .with("text-anchor", anchor)
        .text(text)
}
