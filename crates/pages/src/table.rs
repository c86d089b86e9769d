//! Tables, described column by column.

use maud::{Markup, PreEscaped, Render, html};

use crate::parts::sentence;

/// A table with one row per value. On a narrow screen it scrolls sideways below its caption.
pub struct Table<T> {
    caption: String,
    head: Vec<Markup>,
    /// The value of each row with the markup of its cells.
    rows: Vec<(T, String)>,
}

impl<T: Copy> Table<T> {
    /// A table without columns.
    pub fn new(caption: impl Into<String>, rows: impl IntoIterator<Item = T>) -> Self {
        Self {
            caption: caption.into(),
            head: Vec::new(),
            rows: rows.into_iter().map(|row| (row, String::new())).collect(),
        }
    }

    /// Adds the first column, which names the rows and stays visible while the table scrolls.
    pub fn names<M: Render>(self, heading: &str, cell: impl Fn(T) -> M) -> Self {
        let cell = |row| html! { th scope="row" { (cell(row)) } };
        self.column(html! { th scope="col" { (heading) } }, cell)
    }

    /// Adds a column of words.
    pub fn words<M: Render>(self, heading: &str, cell: impl Fn(T) -> M) -> Self {
        let cell = |row| html! { td { (cell(row)) } };
        self.column(html! { th scope="col" { (heading) } }, cell)
    }

    /// Adds a column of long texts.
    pub fn texts<M: Render>(self, heading: &str, cell: impl Fn(T) -> M) -> Self {
        let cell = |row| html! { td.wide { (cell(row)) } };
        self.column(html! { th scope="col" { (heading) } }, cell)
    }

    /// Adds a column of numbers, which are aligned to the right.
    pub fn numbers<M: Render>(self, heading: &str, cell: impl Fn(T) -> M) -> Self {
        let cell = |row| html! { td.number { (cell(row)) } };
        self.column(html! { th.number scope="col" { (heading) } }, cell)
    }

    fn column(mut self, heading: Markup, cell: impl Fn(T) -> Markup) -> Self {
        self.head.push(heading);
        for (row, cells) in &mut self.rows {
            cells.push_str(&cell(*row).into_string());
        }
        self
    }
}

impl<T> Render for Table<T> {
    fn render(&self) -> Markup {
        let label = self.caption.replace('`', "");
        html! {
            div.table {
                p { (sentence(&self.caption)) }
                // Focusable, so that the keyboard can scroll it.
                div.scroll tabindex="0" role="region" aria-label=(label) {
                    table aria-label=(label) {
                        thead { tr { @for heading in &self.head { (heading) } } }
                        tbody { @for (_, cells) in &self.rows { tr { (PreEscaped(cells)) } } }
                    }
                }
            }
        }
    }
}
