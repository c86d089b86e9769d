//! The pictures, one module each. They come in two makes: fixed drawings of the width of a phone
//! ([`frame`]), of which a wide screen shows several side by side, and elastic ones ([`bars`],
//! [`intervals`]), whose places are percentages, so that their text has its size on every screen.

pub(crate) mod bars;
pub(crate) mod confusion;
pub(crate) mod curves;
pub(crate) mod frame;
pub(crate) mod histogram;
pub(crate) mod intervals;
pub(crate) mod pareto;
pub(crate) mod reliability;
pub(crate) mod roc;
pub(crate) mod scale;
pub(crate) mod sweep;

use crate::markup::{Element, element};

/// An SVG with a title and a description for those who cannot see it. `id` must be unique.
fn picture(id: &str, title: &str, description: &str) -> Element {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-description"));
    element("svg")
        .with("role", "img")
        .with("aria-labelledby", format!("{title_id} {description_id}"))
        .child(element("title").with("id", title_id).text(title))
        .child(element("desc").with("id", description_id).text(description))
}

/// Text in a picture; `anchor` is start, middle or end.
fn label(x: f64, y: f64, anchor: &'static str, text: impl std::fmt::Display) -> Element {
    element("text")
        .at("x", x)
        .at("y", y)
        .with("text-anchor", anchor)
        .text(text)
}
