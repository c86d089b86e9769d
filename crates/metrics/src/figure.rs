//! A figure as files hold it: with an interval, or without where the rows say too little for one.

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// Fewer test rows than these are few: of 100, Wilson's 95 % interval of an accuracy near one half is 19 points
/// wide, and 12 of one near 90 %.
pub const FEW_ROWS: u64 = 100;

/// A figure of judged rows. In a file it is `{"value": ..., "low": ..., "high": ...}`, or `{"value": ...}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Figure {
    /// With its interval.
    Estimate(Estimate),
    /// Alone: an interval from these rows would claim to know what they do not say.
    ValueOnly {
        /// The figure on the rows themselves.
        value: f64,
    },
}

impl Figure {
    /// The figure on the rows themselves.
    pub fn value(self) -> f64 {
        match self {
            Self::Estimate(Estimate { value, .. }) | Self::ValueOnly { value } => value,
        }
    }

    /// The figure with its interval, if there is one.
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
    fn a_figure_is_written_with_both_ends_of_its_interval_or_none() {
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
            let read: Figure = serde_json::from_str(text).expect("it is a figure");
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
