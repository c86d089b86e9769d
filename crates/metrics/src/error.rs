//! The error of invalid rows and options.

/// Why metrics cannot be computed, as a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MetricsError(pub(crate) String);
