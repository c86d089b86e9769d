//! HTML and SVG as a tree that escapes: text of reviews is untrusted, so there is no way to put a
//! string into the page except through here.

use std::fmt::{Display, Write as _};

/// An element with its attributes and children.
#[derive(Clone, Debug)]
pub struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Child>,
}

#[derive(Clone, Debug)]
enum Child {
    Element(Element),
    Text(String),
    /// Style sheets are text that must not be escaped, so they must be constants of this program.
    Style(&'static str),
}

/// An element without attributes and children.
pub fn element(name: &'static str) -> Element {
    Element {
        name,
        attributes: Vec::new(),
        children: Vec::new(),
    }
}

impl Element {
    /// Sets an attribute.
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Sets the class.
    pub fn class(self, class: &'static str) -> Self {
        self.with("class", class)
    }

    /// Sets a length or place in a picture, to a tenth of a pixel.
    pub fn at(self, name: &'static str, place: f64) -> Self {
        self.with(name, coordinate(place))
    }

    /// Appends text.
    pub fn text(mut self, text: impl Display) -> Self {
        self.children.push(Child::Text(text.to_string()));
        self
    }

    /// Appends an element.
    pub fn child(mut self, child: Element) -> Self {
        self.children.push(Child::Element(child));
        self
    }

    /// Appends elements.
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children
            .extend(children.into_iter().map(Child::Element));
        self
    }

    /// Appends a style sheet of this program.
    pub fn style_sheet(mut self, css: &'static str) -> Self {
        self.children.push(Child::Style(css));
        self
    }

    /// The element as text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"");
            escape(value, out);
            out.push('"');
        }
        out.push('>');
        if matches!(self.name, "meta" | "br" | "hr") {
            return;
        }
        for child in &self.children {
            match child {
                Child::Element(element) => element.write(out),
                Child::Text(text) => escape(text, out),
                Child::Style(css) => out.push_str(css),
            }
        }
        let _ = write!(out, "</{}>", self.name);
        if matches!(
            self.name,
            "section" | "figure" | "tr" | "article" | "p" | "h2" | "h3" | "li" | "svg" | "style"
        ) {
            out.push('\n');
        }
    }
}

/// Escapes what has a meaning in markup, and replaces control characters, which have none.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            _ if character.is_control() => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
}

/// A place in a picture to a tenth of a pixel, without useless zeros.
pub fn coordinate(place: f64) -> String {
    let text = format!("{place:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_text_or_attributes() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                element("i").with("title", text).text(text).render(),
                format!("<i title=\"{expected}\">{expected}</i>")
            );
        };
        check("plain", "plain");
        check(
            "<script>alert('x')</script>",
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;",
        );
        check("\"><img onerror=x>", "&quot;&gt;&lt;img onerror=x&gt;");
        check("&amp; <br />", "&amp;amp; &lt;br /&gt;");
        check("a\u{0}b\u{1b}[31m", "a\u{fffd}b\u{fffd}[31m");
    }

    #[test]
    fn elements_nest_and_void_ones_stay_open() {
        let tree = element("div")
            .class("a")
            .child(element("br"))
            .text("x")
            .children([element("b"), element("b")]);
        assert_eq!(tree.render(), "<div class=\"a\"><br>x<b></b><b></b></div>");
    }

    #[test]
    fn coordinates_are_short() {
        for (place, expected) in [
            (1.0, "1"),
            (1.25, "1.2"),
            (-0.01, "0"),
            (99.96, "100"),
            (-3.16, "-3.2"),
        ] {
            assert_eq!(coordinate(place), expected);
        }
    }
}
