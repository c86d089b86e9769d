//! The building blocks of HTML pages: the page itself, its parts, tables, pictures with axes, CSV downloads, and one
//! style for light and dark screens and for paper. All of them are markup of `maud`, which escapes the text of
//! reviews.

mod csv;
mod document;
mod frame;
mod parts;
mod picture;
mod scale;
mod table;

pub use csv::{CsvDownload, csv_record};
pub use document::{Page, STYLE, replace_control_characters, section_id};
pub use frame::{Axis, Frame};
pub use parts::{
    code_spans, collapsed, collapsed_section, figure, figure_with_csv, findings, grid, paragraph,
    quote, remark, section, sentence, with_detail,
};
pub use picture::{Size, label, picture, px};
pub use scale::{Scale, round_range};
pub use table::Table;
