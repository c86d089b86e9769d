//! The parts of a page: sections, paragraphs, figures with captions.

use std::fmt::Display;

use maud::{Markup, Render, html};

/// A section with its heading; links point to `id`.
pub fn section(id: &str, heading: &str, content: Markup) -> Markup {
    html! { section id=(id) { h2 { (heading) } (content) } }
}

/// A section that is collapsed until its heading is clicked. `answer` states in one sentence the question of the section.
///
/// The id belongs to the content, so that browsers open the section when a link leads there.
pub fn collapsed_section(id: &str, heading: &str, answer: impl Display, content: Markup) -> Markup {
    html! {
        section.collapsed {
            details {
                summary { h2 { (heading) } p { (sentence(answer)) } }
                div.content id=(id) { (content) }
            }
        }
    }
}

/// A part of a section that is collapsed until its title is clicked.
pub fn collapsed(title: impl Display, content: Markup) -> Markup {
    html! { details.part { summary { (title.to_string()) } div.content { (content) } } }
}

/// The parts of a text, each with whether it is a name between backticks. A single backtick is part of the text.
pub fn code_spans(text: &str) -> Vec<(&str, bool)> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once('`')
        && let Some((name, tail)) = after.split_once('`')
    {
        parts.extend([(before, false), (name, true)]);
        rest = tail;
    }
    parts.push((rest, false));
    parts
}

/// A sentence whose names between backticks are in code style.
pub fn sentence(text: impl Display) -> Markup {
    let text = text.to_string();
    html! {
        @for (part, is_name) in code_spans(&text) { @if is_name { code { (part) } } @else { (part) } }
    }
}

/// A paragraph, see [`sentence`].
pub fn paragraph(text: impl Display) -> Markup {
    html! { p { (sentence(text)) } }
}

/// A paragraph in small type, for an explanation.
pub fn remark(text: impl Display) -> Markup {
    html! { p.muted { (sentence(text)) } }
}

/// Findings as sentences; the one at the index `conclusion` is emphasised.
pub fn findings(sentences: &[String], conclusion: usize) -> Markup {
    html! {
        ul.findings {
            @for (index, text) in sentences.iter().enumerate() {
                @let class = (index == conclusion).then_some("conclusion");
                li class=[class] { (self::sentence(text)) }
            }
        }
    }
}

/// A picture below its caption.
pub fn figure(picture: Markup, caption: impl Display) -> Markup {
    html! { figure { figcaption { (sentence(caption)) } (picture) } }
}

/// A picture below its caption, and above the link to its numbers.
pub fn figure_with_csv(picture: Markup, caption: impl Display, link: impl Render) -> Markup {
    figure(html! { (picture) (link) }, caption)
}

/// Pictures side by side where the screen is wide enough.
pub fn grid(class: &str, pictures: impl IntoIterator<Item = Markup>) -> Markup {
    html! { div class=(class) { @for picture in pictures { (picture) } } }
}

/// A value and below it, smaller, a detail such as its interval.
pub fn with_detail((value, detail): (impl Render, impl Render)) -> Markup {
    html! { span { (value) } span.range { (detail) } }
}

/// Text of a review.
pub fn quote(text: impl Render) -> Markup {
    html! { span.quote { (text) } }
}
