//! What pages of ours are made of: parts, tables, frames and scales of pictures, numbers as CSV, and
//! one style for the light, the dark and paper. All of them are markup of `maud`, which escapes text:
//! that of reviews is untrusted.

mod document;
mod frame;
mod numbers;
mod parts;
mod picture;
mod scale;
mod table;

pub use document::{Page, STYLE, replace_control_characters};
pub use frame::{Axis, Frame};
pub use numbers::CsvDownload;
pub use parts::{
    figure, figure_with_csv, findings, grid, paragraph, prose, quote, remark, section, with_detail,
};
pub use picture::{Size, label, picture, px};
pub use scale::{Scale, round_range};
pub use table::Table;
