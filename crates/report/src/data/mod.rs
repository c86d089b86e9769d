//! Everything the page shows, as plain values: collected in one place, drawn in another.

mod sweeps;

use std::ops::Range;

use artifact::Split;
use indexmap::IndexMap;
use metrics::{
    CalibrationFile, Comparison, ConfusionMatrix, Estimate, Figure, Metric, ReliabilityBin,
    RocPoint, wilson_interval,
};
use serde::{Deserialize, Serialize};

pub use artifact::files::profile::{Bin as LengthBin, ClassWords, TellingWord};
pub use compare::Step;
pub use sweeps::{RangeTestData, SweepData, SweepPoint, TrialData};

/// The content of the page.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReportData {
    /// Heading.
    pub title: String,
    /// Test reviews behind every figure of a model.
    pub rows: u64,
    /// Coverage of every interval.
    pub confidence: f64,
    /// The models, in the order of the pipeline file.
    pub models: Vec<ModelData>,
    /// How much of a review each of them reads.
    pub readings: Vec<ReadingData>,
    /// Every pair of models.
    pub comparisons: Vec<Comparison>,
    /// Models that were trained several times.
    pub repeats: Vec<RepeatsData>,
    /// What the models make of texts that were written to trick them.
    pub challenge: ChallengeData,
    /// Kinds of test reviews, and how the models do on each.
    pub slices: Vec<SliceData>,
    /// Test reviews that the best model is most sure of and wrong about.
    pub mistakes: Vec<Mistake>,
    /// The model whose words are marked in them: the best one, or the member that counts most in it.
    pub explained_by: Option<String>,
    /// Test reviews whose label is probably wrong, by the best model: how many, and the clearest.
    pub doubtful: (u64, Vec<Mistake>),
    /// Comparisons of settings.
    pub sweeps: Vec<SweepData>,
    /// Learning-rate range tests.
    pub range_tests: Vec<RangeTestData>,
    /// What the models were given.
    pub reviews: ReviewsData,
    /// What the tokenizers made of the reviews.
    pub tokenizers: Vec<TokenizerData>,
    /// How much of the vocabularies has vectors.
    pub embeddings: Vec<EmbeddingData>,
    /// Every step that led here, in the order of the data.
    pub steps: Vec<Step>,
}

impl ReportData {
    /// A model by its name.
    pub(crate) fn model(&self, name: &str) -> Option<&ModelData> {
        Some(&self.models[self.place(name)?])
    }

    /// The place of a model by its name.
    pub(crate) fn place(&self, model: &str) -> Option<usize> {
        self.models.iter().position(|other| other.name == model)
    }

    /// Kinds of reviews in the order of a model's accuracy on them, the worst first.
    pub(crate) fn worst_slices(&self, model: usize) -> Vec<&SliceData> {
        let share = |slice: &SliceData| slice.share(model, self.confidence);
        let accuracy = |slice: &SliceData| share(slice).map_or(1.0, |share| share.value);
        let mut slices: Vec<&SliceData> = self.slices.iter().collect();
        slices.sort_by(|one, two| accuracy(one).total_cmp(&accuracy(two)));
        slices
    }

    /// The model with the highest accuracy, the earlier one where two are equal.
    pub(crate) fn best(&self) -> Option<(&ModelData, Estimate)> {
        let models = self.models.iter().rev();
        let judged = models.filter_map(|model| Some((model, model.accuracy()?)));
        judged.max_by(|one, two| one.1.value.total_cmp(&two.1.value))
    }
}

/// One model on the test split, and how it was trained.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModelData {
    /// Its name in the pipeline file.
    pub name: String,
    /// Which network, in a few words.
    pub architecture: String,
    /// Figures by the names of [`metrics::Metric`].
    pub figures: IndexMap<String, Figure>,
    /// Decisions by class.
    pub confusion: ConfusionMatrix,
    /// Bins of the reliability diagram.
    pub reliability: Vec<ReliabilityBin>,
    /// What calibration did to its probabilities; an ensemble is made of calibrated ones.
    pub calibration: Option<CalibrationFile>,
    /// The ROC curve; nothing where a class is missing.
    pub roc: Vec<RocPoint>,
    /// One entry per epoch.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights were kept.
    pub best_epoch: Option<u32>,
    /// Number of weights.
    pub parameters: Option<u64>,
    /// Duration of training.
    pub seconds: f64,
    /// The same with what had to be computed first: features of an encoder, members of an ensemble.
    pub total_seconds: f64,
    /// Training speed, over all epochs.
    pub reviews_per_second: Option<f64>,
    /// Reviews judged in a second: from tokens to probabilities, with all that is computed between.
    pub prediction_speed: Option<f64>,
    /// Size of its bundle on the disk.
    pub bytes: Option<u64>,
    /// Peak memory of training in bytes.
    pub peak_memory: u64,
    /// Models that it is made of, the one that counts most first.
    pub members: Vec<String>,
}

impl ModelData {
    /// A figure, if it is defined.
    pub(crate) fn figure(&self, metric: Metric) -> Option<Figure> {
        self.figures.get(metric.name()).copied()
    }

    /// Its accuracy, if it has one: a share of rows, which always has an interval.
    pub(crate) fn accuracy(&self) -> Option<Estimate> {
        self.figure(Metric::Accuracy)?.estimate()
    }
}

/// A model that was trained several times with different seeds, all judged on the test split.
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

/// Failures in the challenge sets.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChallengeData {
    /// Capabilities and their cases; the first is the whole.
    pub capabilities: Vec<(String, u64)>,
    /// By model, in the order of the page.
    pub models: Vec<ChallengedModel>,
}

impl ChallengeData {
    /// The share of a capability's cases that a model fails.
    pub(crate) fn share(&self, model: &ChallengedModel, capability: usize) -> f64 {
        let cases = self.capabilities.get(capability).map_or(0, |it| it.1);
        let failed = model.failed.get(capability).copied().unwrap_or(0);
        failed as f64 / cases.max(1) as f64
    }
}

/// One model's failures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChallengedModel {
    /// The model.
    pub name: String,
    /// By capability.
    pub failed: Vec<u64>,
    /// Cases whose text is a training review.
    pub seen: u64,
    /// Cases and failures without them.
    pub unseen: (u64, u64),
    /// The surest failure in each capability.
    pub examples: Vec<TrickExample>,
}

/// A case that a model failed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrickExample {
    /// What it asks of a model.
    pub capability: String,
    /// The text.
    pub text: String,
    /// What it is.
    pub label: String,
    /// The probability that it is positive, by the model.
    pub probability: f32,
}

/// Test reviews of one kind.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SliceData {
    /// Which kind, in a few words.
    pub name: String,
    /// How many.
    pub rows: u64,
    /// Those that each model is right about, in the order of the models.
    pub right: Vec<u64>,
}

impl SliceData {
    /// The share of them that a model is right about, by its place among the models.
    pub(crate) fn share(&self, model: usize, confidence: f64) -> Option<Estimate> {
        wilson_interval(*self.right.get(model)?, self.rows, confidence)
    }
}

/// A review that a model is wrong about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Mistake {
    /// A part of it. Untrusted text.
    pub text: String,
    /// The words in that part that drove the answer, in their order; none where they are not known.
    pub words: Vec<MarkedWord>,
    /// Its label.
    pub label: String,
    /// The probability that it is positive, by the model.
    pub probability: f64,
    /// Other models that are right about it.
    pub others_right: usize,
}

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarkedWord {
    /// Its bytes in the text.
    pub place: Range<usize>,
    /// What it adds to the log-odds of the positive class, in nats.
    pub weight: f64,
    /// The same as a share of the strongest word of the whole review, -1 to 1.
    pub strength: f64,
}

/// How much of a review a model reads, and what that took.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReadingData {
    /// The model.
    pub model: String,
    /// The part that it reads, in words.
    pub way: String,
    /// Share of the test reviews of which a part is not read.
    pub cut: Option<f64>,
    /// Mean tokens read of a test review.
    pub tokens: Option<f64>,
    /// Reviews whose features were computed, and the seconds that took, where it learns from such.
    pub encoding: Option<(u64, f64)>,
    /// Seconds of training.
    pub training: f64,
}

/// One pass over the training split. What was not recorded, or is no number, is `None`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Epoch {
    /// From 1.
    pub epoch: u32,
    /// Mean loss while training.
    pub train_loss: Option<f64>,
    /// Accuracy while training, dropout and all.
    pub train_accuracy: Option<f64>,
    /// Mean loss on the validation split after the epoch.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation split after the epoch.
    pub validation_accuracy: Option<f64>,
    /// Training speed.
    #[serde(skip_serializing)]
    pub reviews_per_second: Option<f64>,
}

/// What ingest and clean found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReviewsData {
    /// Reviews that ingest accepted.
    pub accepted: u64,
    /// Rows that ingest rejected or set aside, by reason.
    pub rejected: Vec<LeftOut>,
    /// Reviews that clean removed, by reason.
    pub removed: Vec<LeftOut>,
    /// Reviews by split and class, as the models got them.
    pub splits: Vec<SplitCount>,
    /// How reviews were split, in words.
    pub splitting: String,
    /// Duplicates and leaks, in words with a count.
    pub audit: Vec<AuditLine>,
    /// Some pairs of reviews that share most of their wording.
    pub near_pairs: Vec<NearPair>,
    /// Lengths of the reviews that were kept, in words.
    pub lengths: Vec<LengthBin>,
    /// The words that tell most about a class, learned from the training split.
    pub words: Vec<ClassWords>,
}

impl ReviewsData {
    /// The reviews of a split.
    pub(crate) fn split(&self, split: Split) -> Option<&SplitCount> {
        self.splits.iter().find(|count| count.split == split)
    }
}

/// Rows that were left out for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// `rejected`, `set_aside` or `removed`.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub rows: u64,
    /// The first few of them.
    pub examples: Vec<Example>,
}

/// A row as it stood in its source. Untrusted text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Example {
    /// File or archive member, with the line where there are lines.
    pub place: String,
    /// The beginning of the row.
    pub excerpt: String,
}

/// Reviews of one split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SplitCount {
    /// Which.
    pub split: Split,
    /// Negative ones.
    pub negative: u64,
    /// Positive ones.
    pub positive: u64,
    /// Ones without a label.
    pub unlabelled: u64,
}

impl SplitCount {
    /// All reviews of the split.
    pub fn rows(&self) -> u64 {
        self.negative + self.positive + self.unlabelled
    }
}

/// Two reviews that share most of their wording.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NearPair {
    /// Jaccard similarity of their runs of five words.
    pub similarity: f64,
    /// Their beginnings.
    pub texts: [String; 2],
}

/// One finding of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// What was looked for.
    pub what: String,
    /// How often it was found.
    pub count: u64,
    /// What was done about it, or what it means.
    pub remark: String,
}

impl AuditLine {
    pub(crate) fn new(what: &str, count: u64, remark: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            count,
            remark: remark.into(),
        }
    }
}

/// What a tokenizer made of the reviews.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TokenizerData {
    /// Its name in the pipeline file.
    pub name: String,
    /// Which algorithm.
    pub kind: String,
    /// Entries of its vocabulary.
    pub vocabulary_size: u64,
    /// Tokens kept of a row at most.
    pub max_length: u64,
    /// By split.
    pub splits: Vec<TokenizedSplit>,
}

/// One split as tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TokenizedSplit {
    /// Which.
    #[serde(skip_deserializing)]
    pub split: String,
    /// Reviews.
    pub rows: u64,
    /// Reviews that were cut.
    #[serde(rename(deserialize = "rows_truncated"))]
    pub truncated: u64,
    /// Tokens kept.
    #[serde(rename(deserialize = "tokens_kept"))]
    pub tokens: u64,
    /// Tokens among them that the vocabulary lacks.
    #[serde(rename(deserialize = "tokens_unknown"))]
    pub unknown: u64,
    /// Median length before truncation, in tokens.
    #[serde(skip_deserializing)]
    pub median: Option<u64>,
}

/// How much of a vocabulary has vectors.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EmbeddingData {
    /// Its name in the pipeline file.
    pub name: String,
    /// `random`, `static`, `learned` or `pretrained encoder`.
    pub kind: String,
    /// Entries of the vocabulary.
    pub vocabulary_size: u64,
    /// Components of a vector.
    pub width: u64,
    /// Share of vocabulary entries that were found in the vector file.
    pub types: Option<f64>,
    /// Share of the running tokens of the training split that were.
    pub tokens: Option<f64>,
    /// The most frequent entries that were not found.
    pub missing: Vec<String>,
}

/// The lowest and the highest of some values.
pub(crate) fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}
