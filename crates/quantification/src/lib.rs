//! What share of many texts is positive, by a classifier that errs.
//!
//! Counting what a classifier says is biased wherever the mix differs from what it learned on: with a
//! tenth of errors on either side, 0 % positive reviews are counted as 10 %. What stays the same under
//! another mix is how the classifier treats a positive and how it treats a negative review (label shift).
//! A [`Quantifier`] learns that from labelled rows, of validation or of the domain itself, and
//! [`Quantifier::quantify`] turns it round, with an interval that counts both: that the texts are a
//! sample, and that the errors are known from a sample only.

mod evidence;
mod labelled;
mod levels;
mod rates;
mod share;

use metrics::{CounterRng, Estimate, wilson_interval};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use evidence::{Evidence, Response};
use labelled::{Known, Labelled};
pub use levels::share_of_odds;

/// How the share is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The share of texts called positive: biased, and here to be compared with.
    #[serde(alias = "cc")]
    ClassifyAndCount,
    /// The same, corrected by the two error rates (Gart and Buck 1966; Forman 2008).
    #[serde(alias = "acc")]
    AdjustedCount,
    /// The mean probability, corrected by the mean probabilities of either class (Bella et al. 2010).
    #[serde(alias = "pacc")]
    ProbabilisticAdjustedCount,
    /// The share that makes the texts most likely (Saerens, Latinne and Decaestecker 2002), from
    /// probabilities that were made honest on the labelled rows first (Alexandari, Kundaje and Shrikumar
    /// 2020).
    #[serde(alias = "emq")]
    MaximumLikelihood,
    /// The mean probability again, corrected as in [`Self::ProbabilisticAdjustedCount`], but of the
    /// probabilities as they are at the share that [`Self::MaximumLikelihood`] finds. Any function of the
    /// texts may be averaged so (the ratio estimator of Vaz, Izbicki and Stern 2019), and a posterior
    /// probability at the texts' own share errs least where the line through the log-odds is true. Where it is
    /// not, the maximum leans to one side however many texts there are, and this does not.
    #[default]
    #[serde(alias = "aemq")]
    AdjustedMaximumLikelihood,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ClassifyAndCount,
        Self::AdjustedCount,
        Self::ProbabilisticAdjustedCount,
        Self::MaximumLikelihood,
        Self::AdjustedMaximumLikelihood,
    ];

    /// The name in files: that of the field.
    pub fn name(self) -> &'static str {
        ["cc", "acc", "pacc", "emq", "aemq"][self as usize]
    }
}

/// Why nothing can be said about shares.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantificationError {
    /// There are not as many labels as probabilities or groups.
    #[error("there are {labels} labels and {others} {what}")]
    Lengths {
        /// Labels.
        labels: usize,
        /// Of the others.
        others: usize,
        /// What these are.
        what: &'static str,
    },
    /// A label is none, or a probability is none.
    #[error("row {0} has a label that is neither 0 nor 1, or a probability outside of 0 to 1")]
    Row(usize),
    /// Nothing is known of how one class is treated.
    #[error(
        "of {rows} labelled rows {positives} are positive, and a few of both classes are needed"
    )]
    OneClass {
        /// Labelled rows.
        rows: usize,
        /// Positive ones.
        positives: usize,
    },
    /// The classifier calls positives positive no more often than negatives.
    #[error(
        "on the labelled rows the model cannot tell positive from negative, so that it can count neither"
    )]
    Useless,
}

/// Labelled rows of a class at least: with fewer, resamples of them say little.
const FEWEST: usize = 5;

/// How a classifier treats either class, and how surely that is known.
#[derive(Clone, Debug)]
pub struct Quantifier {
    groups: Option<usize>,
    known: Known,
    /// The same of resamples of the labelled rows.
    draws: Vec<Known>,
    /// Probabilities of the labelled rows by class, negative ones first, in rising order.
    sorted: [Vec<f64>; 2],
}

/// A share of positive texts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The share with its interval.
    pub estimate: Estimate,
    /// Texts behind it.
    pub rows: usize,
    /// Standard error of its log-odds, the texts being a sample and the errors being known from one.
    pub total_error: f64,
    /// The part of it that comes from the texts being a sample: what is new in each period.
    pub sampling_error: f64,
}

impl Quantifier {
    /// Learns from labelled rows: class ids and the classifier's probabilities, `[N]` each. `draws` resamples
    /// of them (within the classes, Efron 1979) say how surely the errors are known; they depend on the
    /// seed and not on the number of threads.
    ///
    /// # Errors
    /// The rows make no sense, a class is missing, or the classifier tells nothing.
    pub fn new(
        labels: &[u8],
        probabilities: &[f32],
        draws: u32,
        seed: u64,
    ) -> Result<Self, QuantificationError> {
        Self::of_groups(labels, probabilities, None, draws, seed)
    }

    /// The same from rows in groups, `[N]`, that are drawn as a whole: films whose reviews are alike. It wants
    /// some dozens of groups: how much they differ is learned from them.
    ///
    /// # Errors
    /// As for [`Quantifier::new`], or there are not as many groups as rows.
    pub fn of_groups(
        labels: &[u8],
        probabilities: &[f32],
        groups: Option<&[u64]>,
        draws: u32,
        seed: u64,
    ) -> Result<Self, QuantificationError> {
        let count = labels.len();
        let in_groups = groups.map_or(count, <[u64]>::len);
        for (others, what) in [
            (probabilities.len(), "probabilities"),
            (in_groups, "groups"),
        ] {
            if others != count {
                let labels = count;
                return Err(QuantificationError::Lengths {
                    labels,
                    others,
                    what,
                });
            }
        }
        let rows = labels.iter().zip(probabilities);
        let is_row = |(label, said): (&u8, &f32)| *label < 2 && (0.0..=1.0).contains(said);
        if let Some(row) = rows.clone().position(|row| !is_row(row)) {
            return Err(QuantificationError::Row(row));
        }
        let mut sorted = [Vec::new(), Vec::new()];
        for (label, probability) in rows {
            sorted[usize::from(*label)].push(f64::from(*probability));
        }
        for class in &mut sorted {
            class.sort_unstable_by(f64::total_cmp);
        }
        if sorted.iter().any(|rows| rows.len() < FEWEST) {
            let (rows, positives) = (count, sorted[1].len());
            return Err(QuantificationError::OneClass { rows, positives });
        }
        let labelled = Labelled::new(labels, probabilities, groups);
        let known = labelled.known();
        if !known.rates.is_useful() {
            return Err(QuantificationError::Useless);
        }
        let draws = (0..draws)
            .into_par_iter()
            .map(|number| labelled.drawn(CounterRng::for_sample(seed, number.into())))
            .filter(|known| known.rates.is_useful());
        Ok(Self {
            draws: draws.collect(),
            groups: labelled.groups(),
            known,
            sorted,
        })
    }

    /// Labelled rows that it learned from.
    pub fn rows(&self) -> usize {
        self.sorted.iter().map(Vec::len).sum()
    }

    /// How what a method averages over texts follows from their share.
    pub fn response(&self, method: Method) -> Response {
        Response::new(&self.known, method)
    }

    /// What texts with these probabilities, `[N]`, say; `None` without texts.
    pub fn evidence(&self, response: &Response, probabilities: &[f32]) -> Option<Evidence> {
        let texts = probabilities.iter().map(|value| f64::from(*value));
        let ratio = |probability: f64| self.known.rates.ratio(levels::logit(probability));
        response.of(texts.map(|probability| (probability, ratio(probability))))
    }

    /// Groups that its rows are in; `None` where each stands for itself.
    pub fn groups(&self) -> Option<usize> {
        self.groups
    }

    /// The share of positives among texts with these probabilities, `[N]`, without an interval; `None`
    /// without texts.
    pub fn share(&self, probabilities: &[f32], method: Method) -> Option<f64> {
        let rows = share::Rows::new(probabilities);
        (!probabilities.is_empty()).then(|| rows.share(method, &self.known, None))
    }

    /// The same with an interval: percentiles over resamples of the texts, each with the error rates of
    /// another resample of the labelled rows. `None` without texts.
    pub fn quantify(
        &self,
        probabilities: &[f32],
        method: Method,
        confidence: f64,
        seed: u64,
    ) -> Option<Share> {
        if probabilities.is_empty() {
            return None;
        }
        let rows = share::Rows::new(probabilities);
        let value = rows.share(method, &self.known, None);
        // By what is known, or by what another resample of the labelled rows shows each time.
        let replicates = |known: Option<&Known>| -> Vec<f64> {
            (self.draws.par_iter().enumerate())
                .map(|(number, drawn)| {
                    // Other numbers than those of the labelled rows.
                    let draws = CounterRng::for_sample(seed ^ 0x7E47, number as u64);
                    let known = known.unwrap_or(drawn);
                    rows.share(method, known, Some(&rows.resample(draws)))
                })
                .collect()
        };
        let total = replicates(None);
        let sampling = replicates(Some(&self.known));
        let count = probabilities.len();
        let error = |replicates: &[f64]| share::logit_deviation(replicates, value, count);
        let (total_error, sampling_error) = (error(&total), error(&sampling));
        let found = Estimate::from_replicates(value, total, confidence);
        // Never narrower than that of a classifier that does not err (Wilson 1927).
        let positives = (value * count as f64).round() as u64;
        let perfect = wilson_interval(positives, count as u64, confidence);
        let ends = [found, perfect].into_iter().flatten();
        let (low, high) = ends.fold((value, value), |(low, high), it| {
            (it.low.min(low), it.high.max(high))
        });
        Some(Share {
            estimate: Estimate { value, low, high },
            rows: count,
            total_error,
            sampling_error: sampling_error.min(total_error),
        })
    }

    /// How unlike the labelled texts these are: the largest distance between how their probabilities are
    /// spread and how those of the labelled texts would be with the same share of positives
    /// (Kolmogorov and Smirnov), and whether chance makes so much less than once in a thousand times.
    /// Where it does not, the errors of the labelled texts are not those of these.
    pub fn misfit(&self, probabilities: &[f32]) -> Option<(f64, bool)> {
        let share = self.share(probabilities, Method::default())?;
        let mut sorted: Vec<f64> = probabilities.iter().copied().map(f64::from).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let below = |rows: &[f64], value: f64| {
            rows.partition_point(|row| *row <= value) as f64 / rows.len() as f64
        };
        let [negative, positive] = &self.sorted;
        let all = negative.iter().chain(positive).chain(&sorted);
        let distances = all.map(|value| {
            let expected =
                share * below(positive, *value) + (1.0 - share) * below(negative, *value);
            (below(&sorted, *value) - expected).abs()
        });
        let distance = distances.fold(0.0, f64::max);
        let rows = 1.0 / sorted.len() as f64
            + share.powi(2) / positive.len() as f64
            + (1.0 - share).powi(2) / negative.len() as f64;
        // The distance that chance exceeds once in a thousand times (Smirnov 1948).
        Some((distance, distance > 1.949 * rows.sqrt()))
    }
}
