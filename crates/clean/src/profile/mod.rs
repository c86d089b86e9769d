//! Content of `profile.json`.
//!
//! Distinctive words, histogram edges and examples come from the training split only. For the other splits rows
//! are only counted.

mod groups;
mod lengths;
mod words;

pub use artifact::files::profile::*;

pub(crate) use groups::shared_groups;
pub(crate) use lengths::{bins, count_into, lengths};
pub(crate) use words::WordCounts;
