//! What goes into `profile.json`.
//!
//! What is learned from texts (the telling words, the edges of the histogram, the examples) is
//! learned from the training split alone. The other splits are only counted.

mod groups;
mod lengths;
mod words;

pub use artifact::files::profile::*;

pub(crate) use groups::shared_groups;
pub(crate) use lengths::{bins, count_into, lengths};
pub(crate) use words::WordCounts;
