//! A model: its figures on the test split, its training, its cost.

use indexmap::IndexMap;
use metrics::{
    AbstentionFigures, CalibrationFile, ClassFigures, ConfusionMatrix, Estimate, Figure, Metric,
    ReliabilityBin, RocPoint, ThresholdFigures, ValidationResult,
};
use serde::{Deserialize, Serialize};

use super::bounds;

/// One model on the test split, and how it was trained.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModelData {
    /// Its name in the pipeline file.
    pub name: String,
    /// The kind of model in a few words.
    pub architecture: String,
    /// Figures by the names of [`metrics::Metric`].
    pub figures: IndexMap<String, Figure>,
    /// Predictions by class.
    pub confusion: ConfusionMatrix,
    /// Figures of every class, also at other thresholds.
    pub classes: Vec<ClassData>,
    /// By which the best model is chosen.
    pub validation: Option<ValidationResult>,
    /// Coverage and accuracy of `predict --abstain` at some thresholds.
    pub abstention: Vec<AbstentionFigures>,
    /// The threshold of `predict --abstain` that was chosen on validation.
    pub abstain: Option<f64>,
    /// Accuracy by coverage, from few answers to all.
    pub coverage_curve: Vec<AbstentionFigures>,
    /// Bins of the reliability diagram.
    pub reliability: Vec<ReliabilityBin>,
    /// Figures of the probabilities before and after calibration. `None` for an ensemble, whose members are calibrated.
    pub calibration: Option<CalibrationFile>,
    /// The ROC curve; empty where a class is missing.
    pub roc: Vec<RocPoint>,
    /// One entry per epoch.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights were used.
    pub best_epoch: Option<u32>,
    /// Number of weights.
    pub parameters: Option<u64>,
    /// Seconds of the training step alone.
    pub seconds: f64,
    /// Seconds of training with its prerequisites: features of an encoder, members of an ensemble.
    pub total_seconds: f64,
    /// Reviews per second in training, over all epochs.
    pub reviews_per_second: Option<f64>,
    /// Reviews per second in prediction, from tokens to probabilities.
    pub prediction_speed: Option<f64>,
    /// Size of its bundle in bytes; of an ensemble that of all its members.
    pub bytes: Option<u64>,
    /// Peak memory of training in bytes; of an ensemble the largest of its members.
    pub peak_memory: u64,
    /// Members of an ensemble, the one with the largest weight first.
    pub members: Vec<String>,
    /// Weights of the members' log-odds, in the same order, as shares of the sum of their absolute values.
    pub member_shares: Vec<f64>,
}

impl ModelData {
    /// The most frequent class of the test reviews, and its share.
    pub(crate) fn majority_class(&self) -> Option<(&str, f64)> {
        let rows: u64 = self.classes.iter().map(|class| class.figures.rows).sum();
        let largest = self.classes.iter().max_by_key(|it| it.figures.rows)?;
        (rows > 0).then(|| (&*largest.class, largest.figures.rows as f64 / rows as f64))
    }

    /// A figure, if it is defined.
    pub(crate) fn figure(&self, metric: Metric) -> Option<Figure> {
        self.figures.get(metric.name()).copied()
    }

    /// Its accuracy, if it has one: a share of rows, which always has an interval.
    pub(crate) fn accuracy(&self) -> Option<Estimate> {
        self.figure(Metric::Accuracy)?.estimate()
    }
}

/// One class, against all others.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ClassData {
    /// Its name.
    pub class: String,
    /// Precision, recall and F1 of the model's predictions.
    #[serde(flatten)]
    pub figures: ClassFigures,
    /// Precision and recall if the class is predicted from another probability on.
    pub thresholds: Vec<ThresholdFigures>,
}

/// A model that was trained several times with different seeds, each evaluated on the test split.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RepeatsData {
    /// The model, which is the first of them.
    pub model: String,
    /// Seconds of training, all together.
    pub seconds: f64,
    /// Accuracy of each.
    pub accuracies: Vec<f64>,
}

impl RepeatsData {
    /// The mean accuracy.
    pub fn mean(&self) -> f64 {
        self.accuracies.iter().sum::<f64>() / self.accuracies.len().max(1) as f64
    }

    /// The sample standard deviation of the accuracy; `None` of a single one.
    pub fn deviation(&self) -> Option<f64> {
        let (mean, degrees) = (self.mean(), self.accuracies.len() as f64 - 1.0);
        let squares = self.accuracies.iter().map(|value| (value - mean).powi(2));
        (degrees > 0.0).then(|| (squares.sum::<f64>() / degrees).sqrt())
    }

    /// The lowest and the highest accuracy.
    pub fn range(&self) -> (f64, f64) {
        bounds(self.accuracies.iter().copied())
    }
}

/// How much of a review a model reads, and the time that takes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InputLengthData {
    /// The model.
    pub model: String,
    /// The part that it reads, for example `the first 400 tokens`.
    #[serde(rename = "way")]
    pub part: String,
    /// The tokenizer whose tokens it reads.
    pub tokenizer: String,
    /// Most tokens that its encoder can read, if it has one and reads no windows.
    pub longest_input: Option<u64>,
    /// Share of the test reviews that are truncated.
    #[serde(rename = "cut")]
    pub truncated: Option<f64>,
    /// Its accuracy on the truncated test reviews.
    pub on_truncated: SubsetAccuracy,
    /// Its accuracy on the other test reviews.
    pub on_whole: SubsetAccuracy,
    /// Mean number of tokens read of a test review.
    pub tokens: Option<f64>,
    /// For a model that learns from features of an encoder: encoded reviews and the seconds for all of them.
    pub encoding: Option<(u64, f64)>,
    /// Seconds of training.
    pub training: f64,
}

/// A number of test reviews and the accuracy on them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SubsetAccuracy {
    /// Number of reviews.
    pub rows: u64,
    /// `None` without reviews.
    pub accuracy: Option<Estimate>,
}

/// One pass over the training split. A value that was not recorded or is not finite is `None`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Epoch {
    /// From 1.
    pub epoch: u32,
    /// Mean loss during training.
    pub train_loss: Option<f64>,
    /// Accuracy during training, with dropout.
    pub train_accuracy: Option<f64>,
    /// Mean loss on the validation split after the epoch.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation split after the epoch.
    pub validation_accuracy: Option<f64>,
    /// Reviews per second.
    #[serde(skip_serializing)]
    pub reviews_per_second: Option<f64>,
}
