//! What can be wrong with rows to be judged.

/// Why figures could not be computed, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MetricsError(pub(crate) String);
