//! The numbers behind the pictures as CSV (RFC 4180), kept in the page itself: a link that saves them
//! needs no file beside the page and no program in it.

use std::fmt::{Display, Write as _};

use maud::{Markup, html};

/// A table with a name, described column by column like [`crate::Table`].
pub struct CsvDownload<T> {
    name: String,
    columns: Vec<String>,
    rows: Vec<(T, Vec<String>)>,
}

impl<T: Copy> CsvDownload<T> {
    /// A table without columns; the name is that of the file it is saved as.
    pub fn new(name: impl Into<String>, rows: impl IntoIterator<Item = T>) -> Self {
        Self {
            name: name.into(),
            columns: Vec::new(),
            rows: rows.into_iter().map(|row| (row, Vec::new())).collect(),
        }
    }

    /// A column.
    pub fn column<D: Display>(self, name: &str, cell: impl Fn(T) -> D) -> Self {
        self.optional(name, |row| Some(cell(row)))
    }

    /// A column of values that a row can lack.
    pub fn optional<D: Display>(mut self, name: &str, cell: impl Fn(T) -> Option<D>) -> Self {
        self.columns.push(name.to_owned());
        for (row, cells) in &mut self.rows {
            cells.push(cell(*row).map_or_else(String::new, |value| value.to_string()));
        }
        self
    }

    /// A link that saves the table as a file.
    pub fn link(&self) -> Markup {
        let mut address = "data:text/csv;charset=utf-8,".to_owned();
        for byte in self.text().bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~,".contains(&byte) {
                address.push(char::from(byte));
            } else {
                let _ = write!(address, "%{byte:02X}");
            }
        }
        let file = self.name.replace(|sign: char| !sign.is_alphanumeric(), "-");
        html! {
            p.numbers { a href=(address) download=(format!("{file}.csv")) { "numbers as CSV" } }
        }
    }

    fn text(&self) -> String {
        let cells = self.rows.iter().map(|(_, cells)| cells);
        let lines = std::iter::once(&self.columns).chain(cells).map(|cells| {
            let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
            cells.join(",") + "\r\n"
        });
        lines.collect()
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_addresses_hold_nothing_but_text() {
        let numbers = CsvDownload::new("a name", [()])
            .column("w", |()| "plain")
            .column("x", |()| "a,b")
            .column("y", |()| "say \"no\"")
            .optional("none", |()| None::<u8>)
            .column("z", |()| "é<");
        assert_eq!(
            numbers.text(),
            "w,x,y,none,z\r\nplain,\"a,b\",\"say \"\"no\"\"\",,é<\r\n"
        );
        let link = numbers.link().into_string();
        assert!(link.contains("download=\"a-name.csv\""), "{link}");
        assert!(link.contains("%0D%0Aplain,%22a,b%22,"), "{link}");
        assert!(link.contains("%C3%A9%3C%0D%0A\""), "{link}");
    }
}
