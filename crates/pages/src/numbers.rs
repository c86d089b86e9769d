//! The numbers behind the pictures as CSV (RFC 4180), kept in the page itself: a link that saves them
//! needs no file beside the page and no program in it.

use std::fmt::{Display, Write as _};

use crate::markup::{Element, element};

/// A table with a name.
pub struct Numbers {
    name: String,
    text: String,
}

impl Numbers {
    /// A table with its columns; the name is that of the file it is saved as.
    pub fn new(name: impl Display, columns: &[&str]) -> Self {
        let text = String::new();
        let name = name.to_string();
        Self { name, text }.row(columns.iter().map(|column| (*column).to_owned()))
    }

    /// Adds a row.
    pub fn row(mut self, cells: impl IntoIterator<Item = String>) -> Self {
        for (place, cell) in cells.into_iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            if cell.contains([',', '"', '\n', '\r']) {
                let _ = write!(self.text, "\"{}\"", cell.replace('"', "\"\""));
            } else {
                self.text.push_str(&cell);
            }
        }
        self.text.push_str("\r\n");
        self
    }

    /// Adds rows.
    pub fn rows(self, rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        rows.into_iter().fold(self, Self::row)
    }

    /// A link that saves the table as a file.
    pub fn link(&self) -> Element {
        let mut address = "data:text/csv;charset=utf-8,".to_owned();
        for byte in self.text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~,".contains(&byte) {
                address.push(char::from(byte));
            } else {
                let _ = write!(address, "%{byte:02X}");
            }
        }
        let file: String = self
            .name
            .chars()
            .map(|sign| if sign.is_alphanumeric() { sign } else { '-' })
            .collect();
        element("p").class("numbers").child(
            element("a")
                .with("href", address)
                .with("download", format!("{file}.csv"))
                .text("numbers as CSV"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_addresses_hold_nothing_but_text() {
        let cells = ["plain", "a,b", "say \"no\"", "é<"].map(str::to_owned);
        let numbers = Numbers::new("a name", &["w", "x", "y", "z"]).row(cells);
        assert_eq!(
            numbers.text,
            "w,x,y,z\r\nplain,\"a,b\",\"say \"\"no\"\"\",é<\r\n"
        );
        let link = numbers.link().render();
        assert!(link.contains("download=\"a-name.csv\""), "{link}");
        assert!(link.contains("%0D%0Aplain,%22a,b%22,"), "{link}");
        assert!(link.contains("%C3%A9%3C%0D%0A\""), "{link}");
    }
}
