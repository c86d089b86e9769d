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

pub use document::{Page, STYLE, without_controls};
pub use frame::{Axis, Frame};
pub use numbers::Numbers;
pub use parts::{
    figure, findings, grid, noted, numbered, paragraph, prose, quote, remark, section,
};
pub use picture::{Size, label, picture, px};
pub use scale::{Scale, round_range};
pub use table::Table;
