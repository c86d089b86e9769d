//! The sections of the page, one module each; `page` has their order.

use maud::Markup;

pub(crate) mod abstention;
pub(crate) mod calibration;
pub(crate) mod challenge;
pub(crate) mod classes;
pub(crate) mod confident_errors;
pub(crate) mod confusion;
pub(crate) mod data_checks;
pub(crate) mod input_lengths;
pub(crate) mod label_errors;
pub(crate) mod learning_curves;
pub(crate) mod models;
mod next_steps;
pub(crate) mod pairs;
mod repeats;
pub(crate) mod reviews;
pub(crate) mod run;
pub(crate) mod slices;
pub(crate) mod summary;
pub(crate) mod sweeps;

pub(crate) mod tokens;

/// A collapsed section: the sentence that states what it answers, and its content.
pub(crate) type Collapsed = (String, Markup);
