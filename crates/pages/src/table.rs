//! Tables, described column by column.

use maud::{Markup, PreEscaped, Render, html};

use crate::parts::prose;

/// A table whose rows are values of one kind. It scrolls sideways in its own frame where the screen is
/// narrow.
pub struct Table<T> {
    caption: String,
    head: Vec<Markup>,
    /// What the rows are made from, and the cells of each so far.
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

    /// The column that names the rows, which is the first.
    pub fn names<M: Render>(self, heading: &str, cell: impl Fn(T) -> M) -> Self {
        let cell = |row| html! { th scope="row" { (cell(row)) } };
        self.column(html! { th scope="col" { (heading) } }, cell)
    }

    /// A column of words.
    pub fn words<M: Render>(self, heading: &str, cell: impl Fn(T) -> M) -> Self {
        let cell = |row| html! { td { (cell(row)) } };
        self.column(html! { th scope="col" { (heading) } }, cell)
    }

    /// A column of long texts.
    pub fn texts<M: Render>(self, heading: &str, cell: impl Fn(T) -> M) -> Self {
        let cell = |row| html! { td.wide { (cell(row)) } };
        self.column(html! { th scope="col" { (heading) } }, cell)
    }

    /// A column of numbers, which stand on the right.
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
        html! {
            div.table {
                p { (prose(&self.caption)) }
                // The caption stays while the table scrolls; focusable, so that the keyboard can scroll.
                div.scroll tabindex="0" role="region" aria-label=(self.caption) {
                    table aria-label=(self.caption) {
                        thead { tr { @for heading in &self.head { (heading) } } }
                        tbody { @for (_, cells) in &self.rows { tr { (PreEscaped(cells)) } } }
                    }
                }
            }
        }
    }
}
