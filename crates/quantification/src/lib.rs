//! Quantification: estimates the prevalence (share of positive texts) with an imperfect classifier.
//!
//! Counting predicted labels is biased wherever the prevalence differs from that of the training data: a
//! classifier that errs in 10% of either class counts 10% positive texts where there are none. The error
//! rates of each class do not depend on the prevalence (label shift). A [`Quantifier`] learns them from
//! labelled rows, and [`Quantifier::quantify`] corrects for them. Its interval includes two sources of
//! uncertainty: the texts are a sample, and the error rates are estimated from a sample.

mod bins;
mod error_rates;
mod labelled_rows;
mod prevalence;
mod quasi_likelihood;

use metrics::{CounterRng, Estimate, wilson_interval};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use bins::sigmoid;
use labelled_rows::{ClassDistributions, LabelledRows};
pub use quasi_likelihood::{QuasiLikelihood, ScoreMeans};

/// A method that estimates the prevalence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The share of texts predicted positive. Biased; useful as a baseline.
    #[serde(alias = "cc")]
    ClassifyAndCount,
    /// [`Self::ClassifyAndCount`], corrected by the two error rates (Gart and Buck 1966; Forman 2008).
    #[serde(alias = "acc")]
    AdjustedCount,
    /// The mean probability, corrected by the mean probability of each class (Bella et al. 2010).
    #[serde(alias = "pacc")]
    ProbabilisticAdjustedCount,
    /// The prevalence of maximum likelihood (Saerens, Latinne and Decaestecker 2002), from probabilities
    /// that are first calibrated on the labelled rows (Alexandari, Kundaje and Shrikumar 2020).
    #[serde(alias = "emq")]
    MaximumLikelihood,
    /// The mean posterior probability at the prevalence that [`Self::MaximumLikelihood`] finds, corrected as
    /// in [`Self::ProbabilisticAdjustedCount`] (a ratio estimator of Vaz, Izbicki and Stern 2019). It is
    /// nearly as efficient as maximum likelihood if the calibration is correct, and stays unbiased if it
    /// is not.
    #[default]
    #[serde(alias = "aemq")]
    AdjustedMaximumLikelihood,
}

impl Method {
    /// All methods, in the order of the variants.
    pub const ALL: [Self; 5] = [
        Self::ClassifyAndCount,
        Self::AdjustedCount,
        Self::ProbabilisticAdjustedCount,
        Self::MaximumLikelihood,
        Self::AdjustedMaximumLikelihood,
    ];

    /// The name in files and on the command line, as in the literature.
    pub fn name(self) -> &'static str {
        ["cc", "acc", "pacc", "emq", "aemq"][self as usize]
    }
}

/// Why a prevalence cannot be estimated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantificationError {
    /// The number of labels differs from the number of probabilities or groups.
    #[error("there are {labels} labels and {others} {what}")]
    LengthMismatch {
        /// Number of labels.
        labels: usize,
        /// Number of the other values.
        others: usize,
        /// `probabilities` or `groups`.
        what: &'static str,
    },
    /// A label or a probability is out of range.
    #[error("row {0} has a label that is not 0 or 1, or a probability that is not between 0 and 1")]
    InvalidRow(usize),
    /// The rows of one class are too few to estimate its error rate.
    #[error("{positives} positive and {} negative labelled reviews; at least {MIN_ROWS_PER_CLASS} of each class are needed", *rows - *positives)]
    TooFewPerClass {
        /// Number of labelled rows.
        rows: usize,
        /// Number of positive rows among them.
        positives: usize,
    },
    /// The classifier predicts positive for positive rows no more often than for negative rows.
    #[error("on the labelled reviews the model's predictions are no better than chance")]
    Uninformative,
}

/// Minimum number of labelled rows per class; resamples of fewer are not informative.
const MIN_ROWS_PER_CLASS: usize = 5;

/// Estimates the prevalence of texts from a classifier's probabilities and its error rates.
#[derive(Clone, Debug)]
pub struct Quantifier {
    groups: Option<usize>,
    classes: ClassDistributions,
    /// The distributions in each resample of the labelled rows.
    resamples: Vec<ClassDistributions>,
    /// Number of labelled rows.
    rows: usize,
}

/// An estimated prevalence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PrevalenceEstimate {
    /// The prevalence with its interval.
    pub estimate: Estimate,
    /// Number of texts.
    pub rows: usize,
    /// Standard error of the log-odds, from the sampling of the texts and of the labelled rows.
    pub total_error: f64,
    /// The part of `total_error` from the sampling of the texts, which is independent in each period.
    pub sampling_error: f64,
}

impl Quantifier {
    /// Learns from labelled rows: class ids and the classifier's probabilities, `[N]` each. `resamples`
    /// within the classes (Efron 1979) measure the uncertainty of the error rates. The result depends on the
    /// seed, not on the number of threads.
    ///
    /// With a group id for each row, `[N]`, groups are resampled as a whole, because the reviews of one film are
    /// correlated. A few dozen groups are needed to measure how much they differ.
    ///
    /// # Errors
    /// A row is invalid, a class has too few rows, the classifier is no better than chance, or the number of groups
    /// differs from the number of rows.
    pub fn new(
        labels: &[u8],
        probabilities: &[f32],
        groups: Option<&[u64]>,
        resamples: u32,
        seed: u64,
    ) -> Result<Self, QuantificationError> {
        let count = labels.len();
        let group_count = groups.map_or(count, <[u64]>::len);
        for (others, what) in [
            (probabilities.len(), "probabilities"),
            (group_count, "groups"),
        ] {
            if others != count {
                return Err(QuantificationError::LengthMismatch {
                    labels: count,
                    others,
                    what,
                });
            }
        }
        let mut rows = labels.iter().zip(probabilities);
        let is_row = |(label, value): (&u8, &f32)| *label < 2 && (0.0..=1.0).contains(value);
        if let Some(row) = rows.position(|row| !is_row(row)) {
            return Err(QuantificationError::InvalidRow(row));
        }
        let positives = labels.iter().filter(|label| **label == 1).count();
        if positives.min(count - positives) < MIN_ROWS_PER_CLASS {
            let rows = count;
            return Err(QuantificationError::TooFewPerClass { rows, positives });
        }
        let labelled = LabelledRows::new(labels, probabilities, groups);
        let classes = labelled.distributions();
        if !classes.rates.is_useful() {
            return Err(QuantificationError::Uninformative);
        }
        let resamples = (0..resamples)
            .into_par_iter()
            .map(|number| labelled.resample(CounterRng::for_sample(seed, number.into())))
            .filter(|classes| classes.rates.is_useful());
        Ok(Self {
            resamples: resamples.collect(),
            groups: labelled.groups(),
            classes,
            rows: count,
        })
    }

    /// Number of labelled rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The quasi-likelihood of the prevalence under a method.
    pub fn quasi_likelihood(&self, method: Method) -> QuasiLikelihood {
        QuasiLikelihood::new(&self.classes, method)
    }

    /// The mean scores of texts with these probabilities, `[N]`; `None` without texts.
    pub fn score_means(
        &self,
        likelihood: &QuasiLikelihood,
        probabilities: &[f32],
    ) -> Option<ScoreMeans> {
        let texts = probabilities.iter().map(|value| f64::from(*value));
        let rates = &self.classes.rates;
        let ratio = |probability: f64| rates.likelihood_ratio(bins::logit(probability));
        likelihood.score_means(texts.map(|probability| (probability, ratio(probability))))
    }

    /// Number of groups of the labelled rows; `None` if the rows have no groups.
    pub fn groups(&self) -> Option<usize> {
        self.groups
    }

    /// The estimated prevalence of texts with these probabilities, `[N]`, without an interval; `None` without
    /// texts.
    pub fn prevalence(&self, probabilities: &[f32], method: Method) -> Option<f64> {
        let texts = prevalence::Texts::new(probabilities);
        (!probabilities.is_empty()).then(|| texts.prevalence(method, &self.classes, None))
    }

    /// The estimated prevalence with a percentile interval over resamples of the texts, each with the error
    /// rates of another resample of the labelled rows. `None` without texts.
    pub fn quantify(
        &self,
        probabilities: &[f32],
        method: Method,
        confidence: f64,
        seed: u64,
    ) -> Option<PrevalenceEstimate> {
        if probabilities.is_empty() {
            return None;
        }
        let texts = prevalence::Texts::new(probabilities);
        let value = texts.prevalence(method, &self.classes, None);
        // With fixed distributions, or with those of another resample of the labelled rows each time.
        let replicates = |classes: Option<&ClassDistributions>| -> Vec<f64> {
            (self.resamples.par_iter().enumerate())
                .map(|(number, resampled)| {
                    // Independent of the numbers that resampled the labelled rows.
                    let rng = CounterRng::for_sample(seed ^ 0x7E47, number as u64);
                    let classes = classes.unwrap_or(resampled);
                    texts.prevalence(method, classes, Some(&texts.resample(rng)))
                })
                .collect()
        };
        let total = replicates(None);
        let sampling = replicates(Some(&self.classes));
        let count = probabilities.len();
        let error = |replicates: &[f64]| prevalence::log_odds_error(replicates, value, count);
        let (total_error, sampling_error) = (error(&total), error(&sampling));
        let bootstrap = Estimate::from_replicates(value, total, confidence);
        // At least as wide as the interval of a classifier without errors (Wilson 1927).
        let positives = (value * count as f64).round() as u64;
        let perfect = wilson_interval(positives, count as u64, confidence);
        let ends = [bootstrap, perfect].into_iter().flatten();
        let (low, high) = ends.fold((value, value), |(low, high), it| {
            (it.low.min(low), it.high.max(high))
        });
        Some(PrevalenceEstimate {
            estimate: Estimate { value, low, high },
            rows: count,
            total_error,
            sampling_error: sampling_error.min(total_error),
        })
    }
}
