//! SVG pictures: title, description and size for all of them, and text labels.

use std::fmt::Display;

use maud::{Markup, Render, html};

/// The size of a picture.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// As wide as the column, with a height in pixels. Its text is not scaled.
    Elastic(f64),
    /// Width and height in pixels on a phone, scaled as a whole on larger screens.
    Fixed(f64, f64),
    /// Like `Fixed`, but larger.
    Broad(f64, f64),
    /// Like `Fixed`, but as wide as the page.
    Full(f64, f64),
}

/// An SVG with a title and a description for screen readers. `id` must be unique on the page.
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

/// A coordinate with at most one decimal.
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
