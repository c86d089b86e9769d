//! The content of the report as plain values: `collect` fills them, the sections print them.
//!
//! They are also `report.json`, whose keys stay the same: a field with another name here has a serde rename.

mod evaluation;
mod model;
mod reviews;
mod sweeps;
mod tokens;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use metrics::{Comparison, Estimate, FEW_OF_A_CLASS};
use serde::Serialize;

use crate::format;

pub use artifact::files::profile::{Bin as LengthBin, ClassWords, TellingWord};
pub use compare::Step;
pub use evaluation::{
    ChallengeData, ChallengeExample, ChallengeResult, Disagreement, SliceData, WordWeight,
};
pub use model::{ClassData, Epoch, InputLengthData, ModelData, RepeatsData, SubsetAccuracy};
pub use reviews::{DataCheck, Example, NearPair, ReviewsData, SkippedRows, SplitCount};
pub use sweeps::{RangeTestData, SweepData, SweepPoint, TrialData};
pub use tokens::{EmbeddingData, TokenizedSplit, TokenizerData};

/// The content of the report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReportData {
    /// Heading.
    pub title: String,
    /// Test reviews behind every figure of a model.
    pub rows: u64,
    /// Confidence of every interval, for example 0.95.
    pub confidence: f64,
    /// Test reviews by class.
    pub classes: IndexMap<String, u64>,
    /// Sentences on splits with few reviews of a class.
    pub warnings: Vec<String>,
    /// The best model on validation, see [`metrics::ValidationResult::best`].
    pub best: Option<String>,
    /// The models, in the order of the pipeline file.
    pub models: Vec<ModelData>,
    /// How much of a review each model reads.
    #[serde(rename = "readings")]
    pub input_lengths: Vec<InputLengthData>,
    /// Every pair of models.
    pub comparisons: Vec<Comparison>,
    /// Models that were trained several times with different seeds.
    pub repeats: Vec<RepeatsData>,
    /// Failures in the challenge set.
    pub challenge: ChallengeData,
    /// Accuracy on subsets of the test reviews.
    pub slices: Vec<SliceData>,
    /// The most confident errors of the best model.
    #[serde(rename = "mistakes")]
    pub confident_errors: Vec<Disagreement>,
    /// The model whose attributions are shown with them: the best one, or its member with the largest weight.
    pub explained_by: Option<String>,
    /// Test reviews whose label is probably wrong: how many, and those that the page shows.
    #[serde(rename = "doubtful")]
    pub likely_label_errors: (u64, Vec<Disagreement>),
    /// All of them with their whole texts, for the CSV file.
    #[serde(skip)]
    pub label_error_rows: Vec<Disagreement>,
    /// Hyperparameter sweeps.
    pub sweeps: Vec<SweepData>,
    /// Learning-rate range tests.
    pub range_tests: Vec<RangeTestData>,
    /// The results of ingest and clean.
    pub reviews: ReviewsData,
    /// Tokenizers with their statistics of the reviews.
    pub tokenizers: Vec<TokenizerData>,
    /// Embeddings and their coverage of the vocabulary.
    pub embeddings: Vec<EmbeddingData>,
    /// Every step behind the report, from ingest to evaluate.
    pub steps: Vec<Step>,
}

impl ReportData {
    /// The number of test reviews, with the classes that have few: `301 test reviews (only 1 negative)`.
    pub(crate) fn test_reviews(&self) -> String {
        let reviews = format::plural(self.rows, "test review", "test reviews");
        let classes = self.classes.iter();
        let few = classes.filter(|(_, rows)| **rows < FEW_OF_A_CLASS);
        let few = few.map(|(class, rows)| match rows {
            0 => format!("no {class} one"),
            _ => format!("only {rows} {class}"),
        });
        match format::join(few, ", ") {
            few if few.is_empty() => reviews,
            few => format!("{reviews} ({few})"),
        }
    }

    /// The numbers of models and test reviews: `3 models on 25,000 test reviews`.
    pub(crate) fn size(&self) -> String {
        let models = format::plural(self.models.len() as u64, "model", "models");
        format!("{models} on {}", self.test_reviews())
    }

    /// The name of every interval: `95% CI`.
    pub(crate) fn ci(&self) -> String {
        format::ci(self.confidence)
    }

    /// An accuracy with its interval: `89.4% accuracy (95% CI 89.0–89.8)`.
    pub(crate) fn accuracy(&self, accuracy: Estimate) -> String {
        let ((share, range), ci) = (format::share(accuracy), self.ci());
        format!("{share} accuracy ({ci} {range})")
    }

    /// The adjusted p-value below which a difference is significant.
    pub(crate) fn significance_level(&self) -> f64 {
        1.0 - self.confidence
    }

    /// A model by its name.
    pub(crate) fn model(&self, name: &str) -> Option<&ModelData> {
        Some(&self.models[self.model_index(name)?])
    }

    /// The index of a model by its name.
    pub(crate) fn model_index(&self, name: &str) -> Option<usize> {
        self.models.iter().position(|other| other.name == name)
    }

    /// Every other model with the lead of the best one and their comparison, the smallest lead first.
    pub(crate) fn comparisons_with<'a>(
        &'a self,
        best: &str,
    ) -> Vec<(&'a str, Estimate, &'a Comparison)> {
        let comparison = |pair: &'a Comparison| match (&*pair.first, &*pair.second) {
            (first, other) if first == best => Some((other, pair.difference, pair)),
            (other, second) if second == best => Some((other, -pair.difference, pair)),
            _ => None,
        };
        let mut comparisons: Vec<_> = self.comparisons.iter().filter_map(comparison).collect();
        comparisons.sort_by(|one, two| one.1.value.total_cmp(&two.1.value));
        comparisons
    }

    /// Slices by a model's accuracy on them, the lowest first, without those that contain all test reviews.
    pub(crate) fn worst_slices(&self, model: usize) -> Vec<&SliceData> {
        let share = |slice: &SliceData| slice.accuracy(model, self.confidence);
        let accuracy = |slice: &SliceData| share(slice).map_or(1.0, |share| share.value);
        let slices = self.slices.iter();
        let mut slices: Vec<&SliceData> = slices.filter(|it| it.rows != self.rows).collect();
        slices.sort_by(|one, two| accuracy(one).total_cmp(&accuracy(two)));
        slices
    }

    /// The best model on validation, with its accuracy on the test reviews.
    pub(crate) fn best(&self) -> Option<(&ModelData, Estimate)> {
        let model = self.model(self.best.as_ref()?)?;
        Some((model, model.accuracy()?))
    }

    /// The models with their indices: the best one, then by their accuracy on the test reviews; equal ones in the order of
    /// the pipeline file.
    pub(crate) fn by_accuracy(&self) -> Vec<(usize, &ModelData)> {
        let mut models: Vec<(usize, &ModelData)> = self.models.iter().enumerate().collect();
        let rank = |model: &ModelData| match self.best.as_ref() == Some(&model.name) {
            true => f64::INFINITY,
            false => model.accuracy().map_or(-1.0, |it| it.value),
        };
        models.sort_by(|one, two| rank(two.1).total_cmp(&rank(one.1)));
        models
    }

    /// The steps behind the evaluation of a model, in their order.
    pub(crate) fn steps_of(&self, model: &str) -> Vec<&Step> {
        let mut wanted = vec![("evaluate", model)];
        let mut found = BTreeSet::new();
        while let Some(id) = wanted.pop() {
            let is_wanted = |(_, step): &(usize, &Step)| (&*step.stage, &*step.variant) == id;
            if let Some((index, step)) = self.steps.iter().enumerate().find(is_wanted)
                && found.insert(index)
            {
                wanted.extend(step.inputs.iter().map(|it| (&*it.0, &*it.1)));
            }
        }
        found.into_iter().map(|index| &self.steps[index]).collect()
    }
}

/// The lowest and the highest of some values.
pub(crate) fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}
