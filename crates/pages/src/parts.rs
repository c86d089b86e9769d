//! The parts of a page: sections, prose, pictures with captions.

use std::fmt::Display;

use maud::{Markup, Render, html};

/// A section with its heading; `id` is what links point to.
pub fn section(id: &str, heading: &str, content: Markup) -> Markup {
    html! { section id=(id) { h2 { (heading) } (content) } }
}

/// Prose whose percent signs stay with their numbers at the end of a line.
pub fn prose(text: impl Display) -> String {
    text.to_string().replace(" %", "\u{a0}%")
}

/// A paragraph.
pub fn paragraph(text: impl Display) -> Markup {
    html! { p { (prose(text)) } }
}

/// A paragraph that explains what stands above it.
pub fn remark(text: impl Display) -> Markup {
    html! { p.muted { (prose(text)) } }
}

/// Findings as sentences, of which one is the conclusion.
pub fn findings(sentences: &[String], conclusion: usize) -> Markup {
    html! {
        ul.findings {
            @for (position, sentence) in sentences.iter().enumerate() {
                @let class = (position == conclusion).then_some("conclusion");
                li class=[class] { (prose(sentence)) }
            }
        }
    }
}

/// A picture with what it shows, and on how many rows.
pub fn figure(picture: Markup, caption: impl Display) -> Markup {
    html! { figure { figcaption { (prose(caption)) } (picture) } }
}

/// A picture with the link to the numbers behind it.
pub fn figure_with_csv(picture: Markup, caption: impl Display, numbers: Markup) -> Markup {
    figure(html! { (picture) (numbers) }, caption)
}

/// Pictures side by side where there is room.
pub fn grid(class: &str, pictures: impl IntoIterator<Item = Markup>) -> Markup {
    html! { div class=(class) { @for picture in pictures { (picture) } } }
}

/// A value and below it, smaller, what belongs to it: its interval, for example.
pub fn with_detail((value, note): (impl Render, impl Render)) -> Markup {
    html! { span { (value) } span.range { (note) } }
}

/// What people wrote.
pub fn quote(text: impl Render) -> Markup {
    html! { span.quote { (text) } }
}
