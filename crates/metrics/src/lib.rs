//! Figures of a two-class model, with the uncertainty of each and paired tests between models.
//!
//! The way through: [`ScoredRows::new`] checks and groups the judged rows once, [`ScoredRows::figure`]
//! is one figure, [`compute_figures`] gives all of them with intervals,
//! [`compare`] sets two models against each other on the same rows, and [`regression::find_regressions`] tells
//! a real loss from noise. [`MetricsFile`] is `metrics.json`,
//! [`CalibrationFile`] is `calibration.json`.
//!
//! A figure that the rows do not define (the area under a curve where one class is missing) is
//! `None`, and left out of maps; no function returns a number that is not finite.
//!
//! An interval never has a width of nothing because the rows are few or all alike. Shares of rows (accuracy,
//! precision, recall), F1, which follows from one, and paired differences have score intervals (Wilson 1927,
//! Newcombe 1998), which hold for one row as for a million. The other figures have bootstrap intervals where
//! the rows say enough for resamples to mean something, and none where they do not.

mod abstention;
mod believed;
mod bootstrap;
mod calibration;
mod class_figures;
mod comparison;
mod confusion;
pub mod counter_rng;
mod distribution;
mod error;
mod estimate;
mod figure;
mod file;
mod isotonic;
mod label_noise;
mod metric;
mod paired;
mod ranking;
pub mod regression;
mod tally;
mod temperature;
mod thresholds;

pub use abstention::{AbstentionFigures, abstention_figures, accuracy_coverage_curve};
pub use believed::{CalibrationFile, ProbabilityFigures};
pub use bootstrap::{MIN_BOOTSTRAP_ROWS, compute_figures};
pub use calibration::{BrierParts, ReliabilityBin, brier_parts, reliability};
pub use class_figures::{ClassFigures, class_figures};
pub use comparison::{Comparison, compare, compare_all, holm, mcnemar};
pub use confusion::{ConfusionMatrix, confusion_matrix};
pub use counter_rng::CounterRng;
pub use distribution::normal_quantile_above;
pub use error::MetricsError;
pub use estimate::{Estimate, wilson_interval};
pub use figure::{FEW_ROWS, Figure};
pub use file::MetricsFile;
pub use isotonic::{Knot, fit_isotonic, interpolate};
pub use label_noise::likely_label_errors;
pub use metric::Metric;
pub use ranking::{RocPoint, roc_curve};
pub use tally::{ScoredRows, THRESHOLD, is_correct};
pub use temperature::{calibrated, fit_temperature};
pub use thresholds::{ThresholdFigures, threshold_figures};
