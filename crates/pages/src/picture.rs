//! What every picture begins with, and the writing in it.

use std::fmt::Display;

use maud::{Markup, Render, html};

/// How a picture fills its position.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// As wide as its position, whatever that is, with text that keeps its size; of this height.
    Elastic(f64),
    /// Scaled as a whole from this width and height, in pixels of a phone.
    Fixed(f64, f64),
    /// The same, shown larger.
    Broad(f64, f64),
    /// The same, as wide as the page.
    Full(f64, f64),
}

/// An SVG with a title and a description, in parts, for those who cannot see it. `id` must be unique.
pub fn picture<D: Display>(
    id: &str,
    title: &str,
    description: impl IntoIterator<Item = D>,
    size: Size,
    content: Markup,
) -> Markup {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-description"));
    let parts = description.into_iter().map(|part| part.to_string());
    let (class, box_, height) = match size {
        Size::Elastic(height) => (Some("elastic"), None, Some(px(height))),
        Size::Fixed(width, height) => (None, Some((width, height)), None),
        Size::Broad(width, height) => (Some("broad"), Some((width, height)), None),
        Size::Full(width, height) => (Some("full"), Some((width, height)), None),
    };
    let view_box = box_.map(|(width, height)| format!("0 0 {} {}", px(width), px(height)));
    html! {
        svg class=[class] role="img" aria-labelledby=(format!("{title_id} {description_id}"))
            viewBox=[view_box] width=[height.as_ref().map(|_| "100%")] height=[height] {
            title id=(title_id) { (title) }
            desc id=(description_id) { (parts.collect::<Vec<_>>().join("; ")) }
            (content)
        }
    }
}

/// Text in a picture; `anchor` is start, middle or end.
pub fn label((x, y): (f64, f64), anchor: &str, class: Option<&str>, text: impl Render) -> Markup {
    html! { text class=[class] x=(px(x)) y=(px(y)) text-anchor=(anchor) { (text) } }
}

/// A position in a picture to a tenth of a pixel, without useless zeros.
pub fn px(position: f64) -> String {
    let text = format!("{position:.1}");
    match text.strip_suffix(".0").unwrap_or(&text) {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        for (position, expected) in [
            (1.0, "1"),
            (1.25, "1.2"),
            (-0.01, "0"),
            (99.96, "100"),
            (-3.16, "-3.2"),
        ] {
            assert_eq!(px(position), expected);
        }
    }
}
