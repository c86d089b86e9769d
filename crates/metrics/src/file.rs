//! `metrics.json`: written by evaluate for one model and by report for all models, and read as a baseline.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{Comparison, Figure, Metric};

/// Figures of a model by the name of [`crate::Metric`].
pub type Figures = IndexMap<String, Figure>;

/// The content of `metrics.json`:
/// `{"rows": N, "confidence": 0.95, "models": {"lstm": {"accuracy": {"value": ..., "low": ..., "high": ...}}}}`.
/// A figure without an interval is `{"value": ...}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Results on validation by model.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub validation: IndexMap<String, ValidationResult>,
    /// The best of several models on validation, see [`ValidationResult::best`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<String>,
    /// Number of test rows by class.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub classes: IndexMap<String, u64>,
    /// A sentence for each evaluated split with few rows of a class, see [`few_of_a_class`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Metrics of a model on the validation split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationResult {
    /// Number of rows.
    pub rows: u64,
    /// Mean cross-entropy, in nats; of a single model before calibration.
    pub loss: f64,
    /// Share of correct predictions.
    pub accuracy: f64,
}

impl ValidationResult {
    /// The best model: the one with the highest accuracy on validation; of equal ones the one with the lowest loss, then the
    /// first. The test split must not choose a model.
    pub fn best<'a>(models: impl IntoIterator<Item = (&'a str, Self)>) -> Option<(&'a str, Self)> {
        models.into_iter().min_by(|(_, one), (_, two)| {
            let by_accuracy = two.accuracy.total_cmp(&one.accuracy);
            by_accuracy.then(one.loss.total_cmp(&two.loss))
        })
    }
}

/// With fewer rows of a class in a split than this a warning is shown: with 20 rows, the 95% CI (Wilson) of a recall near
/// 80% is 34 points wide.
pub const FEW_OF_A_CLASS: u64 = 20;

/// A warning for a split with fewer than [`FEW_OF_A_CLASS`] rows of a class. `None` for a split without rows.
pub fn few_of_a_class(split: &str, classes: &[(&str, u64)]) -> Option<String> {
    let few = classes.iter().filter(|(_, rows)| *rows < FEW_OF_A_CLASS);
    let few = few.map(|(class, rows)| match rows {
        0 => format!("no {class} reviews"),
        1 => format!("only 1 {class} review"),
        _ => format!("only {rows} {class} reviews"),
    });
    let few: Vec<String> = few.collect();
    let has_rows = classes.iter().any(|(_, rows)| *rows > 0);
    (has_rows && !few.is_empty()).then(|| {
        let few = few.join(" and ");
        format!(
            "The {split} split has {few}: its figures are unreliable with fewer than {FEW_OF_A_CLASS} reviews of a class"
        )
    })
}

impl MetricsFile {
    /// A figure of a model, if the model has it.
    pub fn figure(&self, model: &str, metric: Metric) -> Option<Figure> {
        self.models.get(model)?.get(metric.name()).copied()
    }

    /// The file for one model.
    pub fn of_model(model: &str, rows: u64, confidence: f64, figures: Figures) -> Self {
        Self {
            rows,
            confidence,
            models: IndexMap::from([(model.to_owned(), figures)]),
            ..Self::default()
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
    fn the_best_model_has_the_highest_accuracy_then_the_lowest_loss() {
        let result = |accuracy, loss| ValidationResult {
            rows: 10,
            loss,
            accuracy,
        };
        let models = [
            ("a", result(0.8, 0.1)),
            ("b", result(0.9, 0.5)),
            ("c", result(0.9, 0.4)),
            ("d", result(0.9, 0.4)),
        ];
        assert_eq!(ValidationResult::best(models).map(|it| it.0), Some("c"));
        assert_eq!(ValidationResult::best([]), None);
    }

    #[test]
    fn few_rows_of_a_class_are_named() {
        let warning = |negative, positive| {
            few_of_a_class("test", &[("negative", negative), ("positive", positive)])
        };
        for (negative, positive, expected) in [
            (0, 60, "has no negative reviews: "),
            (60, 1, "has only 1 positive review: "),
            (
                0,
                19,
                "has no negative reviews and only 19 positive reviews: ",
            ),
        ] {
            let text = warning(negative, positive).expect("a warning");
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(warning(20, 20), None);
        assert_eq!(warning(0, 0), None);
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
