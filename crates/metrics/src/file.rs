//! `metrics.json`: written by evaluate for one model and by report for all models, and read as a baseline.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{Comparison, Figure};

/// Figures of a model by the name of [`crate::Metric`].
pub type Figures = IndexMap<String, Figure>;

/// The content of `metrics.json`:
/// `{"rows": N, "confidence": 0.95, "models": {"lstm": {"accuracy": {"value": ..., "low": ..., "high": ...}}}}`.
/// A figure without an interval is `{"value": ...}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsFile {
    /// Number of test rows.
    pub rows: u64,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// Figures by model and by the name of [`crate::Metric`]. Undefined metrics are omitted.
    pub models: IndexMap<String, Figures>,
    /// Comparisons of all pairs of models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<Comparison>,
}

impl MetricsFile {
    /// The file for one model.
    pub fn of_model(model: &str, rows: u64, confidence: f64, figures: Figures) -> Self {
        Self {
            rows,
            confidence,
            models: IndexMap::from([(model.to_owned(), figures)]),
            comparisons: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Estimate;

    #[test]
    fn the_file_reads_back_and_has_the_documented_format() {
        let figures = IndexMap::from([(
            "accuracy".to_owned(),
            Figure::Estimate(Estimate {
                value: 0.9,
                low: 0.8,
                high: 0.95,
            }),
        )]);
        let file = MetricsFile::of_model("lstm", 100, 0.95, figures);
        let text = serde_json::to_string(&file).expect("plain data");
        let read: MetricsFile = serde_json::from_str(&text).expect("it was just written");
        assert_eq!(read, file);
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let expected = serde_json::json!({
            "rows": 100, "confidence": 0.95, "models": {"lstm": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}}
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn invalid_files_are_rejected() {
        for text in [
            "",
            "{}",
            "{\"rows\": -1}",
            "{\"rows\": 1, \"confidence\": 0.95, \"models\": {\"a\": {\"accuracy\": 0.5}}}",
        ] {
            assert!(serde_json::from_str::<MetricsFile>(text).is_err(), "{text}");
        }
    }
}
