//! How weights move: AdamW over a flat buffer, and the learning rate of every step.

mod adam;
mod schedule;

pub use adam::AdamW;
pub use schedule::rate;
