//! The pictures, one module each. They come in two makes: fixed drawings of the width of a phone
//! ([`pages::Frame`]), of which a wide screen shows several side by side, and elastic ones ([`bars`],
//! [`intervals`]), whose places are percentages, so that their text has its size on every screen.

pub(crate) mod bars;
pub(crate) mod confusion;
pub(crate) mod curves;
pub(crate) mod histogram;
pub(crate) mod intervals;
pub(crate) mod pareto;
pub(crate) mod range;
pub(crate) mod reliability;
pub(crate) mod roc;
pub(crate) mod sweep;
