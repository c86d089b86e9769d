//! Distinguishes HTML tags from other text in angle brackets.

/// Current and former HTML elements. Other words in angle brackets (`<sigh>`) were written by the author.
const ELEMENTS: &str = "a abbr acronym address area article aside audio b base bdi bdo big blink blockquote body \
    br button canvas caption center cite code col colgroup dd del details dfn dialog dir div \
    dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 \
    h6 head header hr html i iframe img input ins kbd label legend li link main map mark \
    marquee meta nav nobr noframes noscript object ol option p param picture pre q s samp \
    script section select small source span strike strong style sub summary sup svg table \
    tbody td textarea tfoot th thead title tr tt u ul var video wbr";

/// Whether the text between `<` and `>` is a tag or a comment.
pub(super) fn is_tag(inside: &str) -> bool {
    if let Some(rest) = inside.strip_prefix('!') {
        return rest.starts_with("--")
            || rest.starts_with('[')
            || rest.starts_with(|first: char| first.is_ascii_alphabetic());
    }
    let inside = inside.strip_prefix('/').unwrap_or(inside);
    let end = inside.bytes().position(|it| !it.is_ascii_alphanumeric());
    let (name, rest) = inside.split_at(end.unwrap_or(inside.len()));
    let mut elements = ELEMENTS.split(' ');
    elements.any(|element| element.eq_ignore_ascii_case(name)) && is_attributes(rest)
}

/// Whether the rest of a tag is empty, a slash, or has a value: `<i think so>` is not a tag.
fn is_attributes(rest: &str) -> bool {
    let separated = rest.starts_with(|first: char| first.is_whitespace() || first == '/');
    let inner = rest.trim();
    inner.is_empty() || inner == "/" || (separated && inner.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_distinguished_from_text() {
        for inside in [
            "br",
            "br /",
            "BR/",
            "/p",
            "h1",
            "a href=\"x\"",
            "img src=x /",
            "!-- note --",
            "!DOCTYPE html",
        ] {
            assert!(is_tag(inside), "{inside}");
        }
        for inside in [
            "",
            "3",
            "-",
            "grin",
            "i think so",
            "p.s. fine",
            " br",
            "!",
            "!!",
            "b\u{301}",
            "/",
            "b:x=1",
        ] {
            assert!(!is_tag(inside), "{inside}");
        }
    }
}
