//! A page: one HTML file without scripts that loads nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The style sheet of all pages.
pub const STYLE: &str = include_str!("style.css");

/// A page before it is rendered.
pub struct Page<'a> {
    /// Title of the browser window.
    pub title: &'a str,
    /// Heading of the page.
    pub heading: &'a str,
    /// The line below the heading.
    pub subtitle: &'a str,
    /// Headings of the sections that are linked at the top; see [`section_id`].
    pub links: &'a [&'a str],
    /// The sections.
    pub main: Markup,
}

impl Page<'_> {
    /// The HTML of the page.
    pub fn render(self) -> String {
        // Even if markup of a review reached the page, the browser would load and run nothing.
        let policy = "default-src 'none'; style-src 'unsafe-inline'";
        replace_control_characters(html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header { h1 { (self.heading) } p { (self.subtitle) } }
                    @if !self.links.is_empty() {
                        nav aria-label="Sections of this page" {
                            @for name in self.links { a href=(format!("#{}", section_id(name))) { (name) } }
                        }
                    }
                    main { (self.main) }
                    footer { "Ressenti " (env!("CARGO_PKG_VERSION")) }
                }
            }
        })
    }
}

/// The id of a section: its heading in lower case, with hyphens for spaces.
pub fn section_id(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

/// The markup as text with control characters replaced, which HTML and SVG do not allow.
pub fn replace_control_characters(markup: Markup) -> String {
    let is_control = |it: char| it.is_control() && !matches!(it, '\n' | '\t');
    markup.into_string().replace(is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                replace_control_characters(html! { i title=(text) { (text) } }),
                format!("<i title=\"{expected}\">{expected}</i>")
            );
        };
        check("plain", "plain");
        check(
            "<script>alert('x')</script>",
            "&lt;script&gt;alert('x')&lt;/script&gt;",
        );
        check("\"><img onerror=x>", "&quot;&gt;&lt;img onerror=x&gt;");
        check("&amp; <br />", "&amp;amp; &lt;br /&gt;");
        check("a\u{0}b\u{1b}[31m", "a\u{fffd}b\u{fffd}[31m");
    }
}
