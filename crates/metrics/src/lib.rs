//! Metrics of a two-class model, with intervals, and paired tests between models.
//!
//! [`ScoredRows::new`] checks and groups labelled predictions, [`ScoredRows::figure`] computes one metric, and
//! [`compute_figures`] all of them with intervals. [`compare`] compares two models on the same rows, and
//! [`regression::find_regressions`] finds models that became significantly worse. [`MetricsFile`] is `metrics.json`,
//! [`CalibrationFile`] is `calibration.json`.
//!
//! A metric that is not defined on the rows (such as ROC-AUC with one class) is `None`, and is omitted from the map of
//! [`compute_figures`]. No function returns a non-finite number.
//!
//! No interval has a width of zero, even with a few rows or with equal rows. Shares of rows (accuracy, precision,
//! recall), F1 and paired differences have score intervals (Wilson 1927, Newcombe 1998), which are valid for any number
//! of rows. Other metrics have bootstrap intervals if at least [`MIN_BOOTSTRAP_ROWS`] rows each are negative, positive,
//! correctly predicted and wrongly predicted, and none otherwise.

mod abstention;
mod bootstrap;
mod calibration;
mod calibration_file;
mod class_figures;
mod comparison;
mod confident_errors;
mod confusion;
pub mod counter_rng;
mod distribution;
mod error;
mod estimate;
mod figure;
mod file;
mod isotonic;
mod label_errors;
mod metric;
mod paired;
mod ranking;
pub mod regression;
mod scored_rows;
mod temperature;
mod thresholds;

pub use abstention::{AbstentionFigures, abstention_figures, accuracy_coverage_curve};
pub use bootstrap::{MIN_BOOTSTRAP_ROWS, compute_figures};
pub use calibration::{BrierParts, ReliabilityBin, brier_parts, reliability};
pub use calibration_file::{CalibrationFile, ProbabilityFigures};
pub use class_figures::{ClassFigures, class_figures};
pub use comparison::{Comparison, compare, compare_all, holm, mcnemar};
pub use confident_errors::most_confident_errors;
pub use confusion::{ConfusionMatrix, confusion_matrix};
pub use counter_rng::CounterRng;
pub use distribution::normal_quantile_above;
pub use error::MetricsError;
pub use estimate::{Estimate, wilson_interval};
pub use figure::{FEW_ROWS, Figure};
pub use file::{FEW_OF_A_CLASS, Figures, MetricsFile, ValidationResult, few_of_a_class};
pub use isotonic::{Knot, fit_isotonic, interpolate};
pub use label_errors::likely_label_errors;
pub use metric::Metric;
pub use ranking::{RocPoint, roc_curve};
pub use scored_rows::{ScoredRows, THRESHOLD, is_correct};
pub use temperature::fit_temperature;
pub use thresholds::{ThresholdFigures, threshold_figures};
