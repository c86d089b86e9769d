//! The value of a metric in files, with or without an interval.

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// With fewer test rows than this a warning is shown. With 100 rows, the 95% CI (Wilson) of an accuracy near 50% is
/// 19 points wide, and 12 points near 90%.
pub const FEW_ROWS: u64 = 100;

/// The value of a metric. In a file it is `{"value": ..., "low": ..., "high": ...}`, or `{"value": ...}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Figure {
    /// With an interval.
    Estimate(Estimate),
    /// Without an interval, because the rows are not informative enough for one.
    ValueOnly {
        /// The value on the rows.
        value: f64,
    },
}

impl Figure {
    /// The value on the rows.
    pub fn value(self) -> f64 {
        match self {
            Self::Estimate(Estimate { value, .. }) | Self::ValueOnly { value } => value,
        }
    }

    /// The value with its interval, if there is one.
    pub fn estimate(self) -> Option<Estimate> {
        match self {
            Self::Estimate(estimate) => Some(estimate),
            Self::ValueOnly { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_written_with_both_ends_of_its_interval_or_without() {
        let estimate = Estimate {
            value: 0.5,
            low: 0.25,
            high: 0.75,
        };
        for (figure, text) in [
            (
                Figure::Estimate(estimate),
                r#"{"value":0.5,"low":0.25,"high":0.75}"#,
            ),
            (Figure::ValueOnly { value: 0.5 }, r#"{"value":0.5}"#),
        ] {
            assert_eq!(serde_json::to_string(&figure).expect("plain data"), text);
            let read: Figure = serde_json::from_str(text).expect("valid JSON");
            assert_eq!((read, read.value()), (figure, 0.5));
        }
        for text in [
            "0.5",
            "{}",
            r#"{"value":0.5,"low":0.25}"#,
            r#"{"value":0.5,"lower":0.25}"#,
        ] {
            serde_json::from_str::<Figure>(text).expect_err(text);
        }
    }
}
