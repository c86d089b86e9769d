//! The counter-based RNG under the name that the training code uses.

pub use metrics::CounterRng as Stream;
