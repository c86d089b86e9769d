//! The parts of the page, one module each, in the order in which they stand.

pub(crate) mod calibration;
pub(crate) mod findings;
pub(crate) mod models;
pub(crate) mod reading;
mod repeats;
pub(crate) mod reviews;
pub(crate) mod run;
pub(crate) mod sweeps;
pub(crate) mod tokens;
pub(crate) mod training;
pub(crate) mod tricks;
