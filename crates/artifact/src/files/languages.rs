//! Numbers of reviews by language, and the languages that a model has learned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::format;

/// The entry of reviews whose language is uncertain.
pub const UNKNOWN_LANGUAGE: &str = "unknown";

/// Number of reviews whose language is identified, at most about: identifying one takes longer than predicting it.
const SAMPLE: u64 = 10_000;

/// Minimum share of a learned language among the training reviews, and of reviews in other languages for a warning.
const MIN_SHARE: f64 = 0.01;

/// Minimum number of such reviews, except among fewer reviews.
const MIN_REVIEWS: u64 = 3;

/// Minimum number of identified training reviews to know which languages a model has learned.
const MIN_IDENTIFIED: u64 = 20;

/// Maximum number of languages in a sentence.
const LISTED: usize = 5;

/// Whether the language of a review is identified, by its position among `reviews` reviews: all, or an even sample of
/// about 10,000.
pub fn is_sampled(position: u64, reviews: u64) -> bool {
    // Multiples of the golden ratio are spread evenly and follow no period in the data.
    let fraction = position.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    reviews <= SAMPLE || (fraction as f64) * (reviews as f64) < SAMPLE as f64 * 2_f64.powi(32)
}

/// Numbers of reviews by the English name of their language, or [`UNKNOWN_LANGUAGE`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LanguageCounts(BTreeMap<String, u64>);

impl LanguageCounts {
    /// Counts a review.
    pub fn count(&mut self, language: &str) {
        self.add(language, 1);
    }

    fn add(&mut self, language: &str, reviews: u64) {
        *self.0.entry(language.to_owned()).or_default() += reviews;
    }

    /// Adds other counts.
    pub fn extend(&mut self, other: &Self) {
        let other = other.0.iter();
        other.for_each(|(language, reviews)| self.add(language, *reviews));
    }

    /// Number of all reviews.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Languages with their numbers of reviews, the most frequent first, unknown ones last.
    pub fn sorted(&self) -> Vec<(&str, u64)> {
        let counts = self
            .0
            .iter()
            .map(|(name, reviews)| (name.as_str(), *reviews));
        let mut counts: Vec<(&str, u64)> = counts.collect();
        counts.sort_by_key(|(name, reviews)| (*name == UNKNOWN_LANGUAGE, u64::MAX - reviews));
        counts
    }

    /// The languages that a model learns from these training reviews: at least 1% of those whose language is known. None
    /// if too few are known.
    pub fn learned(&self) -> Vec<String> {
        let mut counts = self.sorted();
        counts.retain(|(name, _)| *name != UNKNOWN_LANGUAGE);
        let known: u64 = counts.iter().map(|(_, reviews)| reviews).sum();
        counts.retain(|(_, reviews)| known >= MIN_IDENTIFIED && is_relevant(*reviews, known));
        counts
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect()
    }
}

/// The languages of reviews that a model predicts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictedLanguages {
    /// The examined reviews.
    pub reviews: LanguageCounts,
    /// The languages that the model has learned; empty if unknown.
    pub learned: Vec<String>,
}

impl PredictedLanguages {
    /// Adds the reviews of another part of the same prediction.
    pub fn merged(mut self, other: &Self) -> Self {
        self.reviews.extend(&other.reviews);
        Self {
            learned: other.learned.clone(),
            ..self
        }
    }

    /// A warning if more than 1% of the reviews are in languages that the model has not learned.
    pub fn warning(&self) -> Option<String> {
        let all = self.reviews.total();
        let mut counts = self.reviews.sorted();
        counts.retain(|(name, _)| {
            *name != UNKNOWN_LANGUAGE && !self.learned.iter().any(|learned| learned == name)
        });
        let reviews = counts.iter().map(|(_, reviews)| reviews).sum();
        if self.learned.is_empty() || !is_relevant(reviews, all) {
            return None;
        }
        let languages = match counts[..] {
            [(name, _)] => format!("{name}, which the model has not learned"),
            _ => {
                let listed = counts.iter().take(LISTED);
                let listed = listed.map(|(name, rows)| format!("{name} {}", format::count(*rows)));
                let listed = listed.collect::<Vec<_>>().join(", ");
                let more = match counts.len().saturating_sub(LISTED) {
                    0 => String::new(),
                    more => format!(" and {}", format::plural(more as u64, "other", "others")),
                };
                format!("languages that the model has not learned ({listed}{more})")
            }
        };
        let share = 100.0 * reviews as f64 / all as f64;
        let verb = if reviews == 1 { "is" } else { "are" };
        let (reviews, all) = (
            format::count(reviews),
            format::plural(all, "review", "reviews"),
        );
        Some(format!(
            "{reviews} of {all} examined ({share:.1}%) {verb} in {languages}; predictions for them may be wrong"
        ))
    }
}

/// Whether a number of reviews among `all` is too large for wrong identification alone.
fn is_relevant(reviews: u64, all: u64) -> bool {
    reviews >= MIN_REVIEWS.min(all) && reviews as f64 >= MIN_SHARE * all as f64
}
