//! What pages of ours are made of: markup that escapes, parts, frames and scales of pictures, numbers as
//! CSV, and one style for the light, the dark and paper.

mod document;
mod frame;
mod markup;
mod numbers;
mod parts;
mod picture;
mod scale;

pub use document::{STYLE, document, footer};
pub use frame::{Axis, Frame};
pub use markup::{Element, coordinate, element};
pub use numbers::Numbers;
pub use parts::{
    cell, figure, findings, grid, heading, number, number_heading, numbered, paragraph, prose,
    row_heading, section, table,
};
pub use picture::{label, picture};
pub use scale::{Scale, round_range};
