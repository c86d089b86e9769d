//! A page: one file that needs nothing else, from no network, for any screen and for paper.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The style of all pages, for whoever shows a part of one elsewhere.
pub const STYLE: &str = include_str!("style.css");

/// A page before it is put together.
pub struct Page<'a> {
    /// The title of the window.
    pub title: &'a str,
    /// The title on the page.
    pub heading: &'a str,
    /// The line below it.
    pub subtitle: &'a str,
    /// Names of sections that are linked at the top; the id of each is its name in lower case.
    pub links: &'a [&'a str],
    /// The sections.
    pub main: Markup,
}

impl Page<'_> {
    /// The text of the file.
    pub fn render(self) -> String {
        // Whatever got into the page, it may fetch nothing and run nothing.
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
                    header {
                        h1 { (self.heading) }
                        p { (self.subtitle) }
                    }
                    @if !self.links.is_empty() {
                        nav aria-label="Parts of this page" {
                            @for name in self.links {
                                a href=(format!("#{}", name.to_lowercase())) { (name) }
                            }
                        }
                    }
                    main { (self.main) }
                    footer { "Made by Ressenti " (env!("CARGO_PKG_VERSION")) }
                }
            }
        })
    }
}

/// The markup as text, with control characters replaced: they have no meaning in it.
pub fn replace_control_characters(markup: Markup) -> String {
    let is_control = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\t');
    markup.into_string().replace(is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_text_or_attributes() {
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
