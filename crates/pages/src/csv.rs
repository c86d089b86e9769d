//! CSV (RFC 4180): one record at a time, and tables that a page carries in a link.

use std::fmt::{Display, Write as _};

use maud::{Markup, Render, html};

/// A link that saves a table as a CSV file. The table is part of the page, so it needs no second file and no script.
/// Columns are added one by one, as in [`crate::Table`].
pub struct CsvDownload<T> {
    name: String,
    columns: Vec<String>,
    rows: Vec<(T, Vec<String>)>,
}

impl<T: Copy> CsvDownload<T> {
    /// A table without columns; `name` becomes the file name.
    pub fn new(name: impl Into<String>, rows: impl IntoIterator<Item = T>) -> Self {
        Self {
            name: name.into(),
            columns: Vec::new(),
            rows: rows.into_iter().map(|row| (row, Vec::new())).collect(),
        }
    }

    /// Adds a column.
    pub fn column<D: Display>(self, name: &str, cell: impl Fn(T) -> D) -> Self {
        self.optional(name, |row| Some(cell(row)))
    }

    /// Adds a column that is empty where a row has no value.
    pub fn optional<D: Display>(mut self, name: &str, cell: impl Fn(T) -> Option<D>) -> Self {
        self.columns.push(name.to_owned());
        for (row, cells) in &mut self.rows {
            cells.push(cell(*row).map_or_else(String::new, |value| value.to_string()));
        }
        self
    }

    fn text(&self) -> String {
        let cells = self.rows.iter().map(|(_, cells)| cells);
        let records = std::iter::once(&self.columns).chain(cells).map(csv_record);
        records.collect()
    }
}

impl<T: Copy> Render for CsvDownload<T> {
    fn render(&self) -> Markup {
        let mut address = "data:text/csv;charset=utf-8,".to_owned();
        for byte in self.text().bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~,".contains(&byte) {
                address.push(char::from(byte));
            } else {
                let _ = write!(address, "%{byte:02X}");
            }
        }
        let is_other = |character: char| !character.is_alphanumeric();
        let file = format!("{}.csv", self.name.replace(is_other, "-"));
        html! { p.numbers { a href=(address) download=(file) { "Download as CSV" } } }
    }
}

/// One record with its line end. Cells are quoted where needed. A text that a spreadsheet would run as a formula gets
/// a leading apostrophe.
pub fn csv_record<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let cells = cells.into_iter().map(|cell| quoted(cell.as_ref()));
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

fn quoted(cell: &str) -> String {
    let is_formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    let apostrophe = if is_formula { "'" } else { "" };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{apostrophe}{}\"", cell.replace('"', "\"\""))
    } else {
        format!("{apostrophe}{cell}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_addresses_are_escaped() {
        let table = CsvDownload::new("a name", [()])
            .column("w", |()| "plain")
            .column("x", |()| "a,b")
            .column("y", |()| "say \"no\"")
            .optional("none", |()| None::<u8>)
            .column("z", |()| "é<");
        assert_eq!(
            table.text(),
            "w,x,y,none,z\r\nplain,\"a,b\",\"say \"\"no\"\"\",,é<\r\n"
        );
        let link = table.render().into_string();
        assert!(link.contains("download=\"a-name.csv\""), "{link}");
        assert!(link.contains("%0D%0Aplain,%22a,b%22,"), "{link}");
        assert!(link.contains("%C3%A9%3C%0D%0A\""), "{link}");
    }

    #[test]
    fn texts_are_not_run_as_formulas_and_numbers_stay_numbers() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1,B1)", "\"'@SUM(A1,B1)\""),
            ("+1 for the cast", "'+1 for the cast"),
            ("- slow\n- long", "\"'- slow\n- long\""),
            ("-0.25", "-0.25"),
            ("a = b", "a = b"),
        ] {
            assert_eq!(csv_record([cell]), format!("{expected}\r\n"));
        }
    }
}
