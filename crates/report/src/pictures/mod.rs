//! The pictures, one module each. Most have the fixed width of a phone ([`pages::Frame`]), and a wide screen shows
//! several side by side. [`bars`] and [`intervals`] are as wide as the page; their positions are percentages, so that
//! the text is not scaled.

pub(crate) mod bars;
pub(crate) mod confusion;
pub(crate) mod cost;
pub(crate) mod coverage;
pub(crate) mod curves;
pub(crate) mod histogram;
pub(crate) mod intervals;

pub(crate) mod reliability;
pub(crate) mod roc;
pub(crate) mod sweep;
