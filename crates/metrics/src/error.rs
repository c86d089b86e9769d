//! What can be wrong with rows to be judged.

/// Why figures could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// Two columns that belong together have different lengths.
    #[error("There are {labels} labels and {values} {what}")]
    Lengths {
        /// Number of labels.
        labels: usize,
        /// What the other column holds, in plural.
        what: &'static str,
        /// Its length.
        values: usize,
    },
    /// A label, probability or logit is not what it must be; of a logit, the model has diverged.
    #[error("The {what} of row {row} is {value} and must be {expected}")]
    Row {
        /// What it is: "label", "probability", "logit".
        what: &'static str,
        /// Index of the row.
        row: usize,
        /// What it has.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An interval needs samples.
    #[error("An interval needs at least one bootstrap sample")]
    NoSamples,
    /// A coverage must be a share.
    #[error("The confidence is {0} and must be above 0 and below 1")]
    Confidence(f64),
}
