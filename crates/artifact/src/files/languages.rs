//! Numbers of reviews by language, and the languages that a model has learned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::format;

/// The entry of reviews whose language is uncertain.
pub const UNKNOWN_LANGUAGE: &str = "unknown";

/// Number of reviews whose language is identified, at most about: identifying one takes longer than predicting it.
const SAMPLE: u64 = 10_000;

/// Percentage of the training reviews from which a language is learned, and of reviews in other languages up to which
/// there is no warning.
const MIN_PERCENT: u64 = 1;

/// Minimum number of reviews in a language, except among fewer reviews: one or two are often identified wrongly.
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
        let counts = self.0.iter();
        let counts = counts.map(|(name, reviews)| (name.as_str(), *reviews));
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
        counts.retain(|(_, reviews)| {
            known >= MIN_IDENTIFIED
                && *reviews >= MIN_REVIEWS
                && 100 * reviews >= MIN_PERCENT * known
        });
        let learned = counts.into_iter().map(|(name, _)| name.to_owned());
        learned.collect()
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
        counts.retain(|(name, reviews)| {
            let is_learned = self.learned.iter().any(|learned| learned == name);
            *name != UNKNOWN_LANGUAGE && !is_learned && *reviews >= MIN_REVIEWS.min(all)
        });
        let reviews: u64 = counts.iter().map(|(_, reviews)| reviews).sum();
        if self.learned.is_empty() || 100 * reviews <= MIN_PERCENT * all {
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
        let reviews = format::count(reviews);
        let all = format::plural(all, "review", "reviews");
        Some(format!(
            "{reviews} of {all} examined ({share:.1}%) {verb} in {languages}; predictions for them may be wrong"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(entries: &[(&str, u64)]) -> LanguageCounts {
        let mut counts = LanguageCounts::default();
        entries
            .iter()
            .for_each(|(name, reviews)| counts.add(name, *reviews));
        counts
    }

    #[test]
    fn a_language_is_learned_from_one_percent_of_the_known_training_reviews() {
        let learned = |entries: &[(&str, u64)]| counts(entries).learned();
        assert_eq!(
            learned(&[
                ("English", 980),
                ("German", 10),
                ("French", 9),
                ("unknown", 5000)
            ]),
            ["English", "German"]
        );
        // Too few known languages say nothing, and one or two reviews may be identified wrongly.
        assert!(learned(&[("English", 19), ("unknown", 100)]).is_empty());
        assert_eq!(learned(&[("English", 30), ("German", 2)]), ["English"]);
    }

    #[test]
    fn more_than_one_percent_of_reviews_in_other_languages_are_a_warning() {
        let warning = |entries: &[(&str, u64)], learned: &[&str]| {
            let learned = learned.iter().map(|name| (*name).to_owned()).collect();
            let reviews = counts(entries);
            PredictedLanguages { reviews, learned }.warning()
        };
        assert_eq!(
            warning(
                &[("English", 9952), ("German", 300), ("French", 12)],
                &["English"]
            )
            .as_deref(),
            Some(
                "312 of 10,264 reviews examined (3.0%) are in languages that the model has not learned (German 300, French 12); \
                  predictions for them may be wrong"
            )
        );
        assert_eq!(
            warning(&[("German", 1)], &["English"]).as_deref(),
            Some(
                "1 of 1 review examined (100.0%) is in German, which the model has not learned; predictions for them may be wrong"
            )
        );
        assert_eq!(
            warning(&[("English", 10), ("German", 2)], &["English"]),
            None
        );
        assert_eq!(
            warning(&[("English", 990), ("German", 10)], &["English"]),
            None
        );
        assert_eq!(
            warning(&[("German", 50), ("unknown", 50)], &["English", "German"]),
            None
        );
        assert_eq!(warning(&[("unknown", 50)], &["English"]), None);
        // The languages of an older bundle are not known.
        assert_eq!(warning(&[("German", 50)], &[]), None);
        let many = ["A", "B", "C", "D", "E", "F"].map(|name| (name, 10));
        let many = warning(&many, &["English"]).expect("a warning");
        assert!(
            many.contains("(A 10, B 10, C 10, D 10, E 10 and 1 other)"),
            "{many}"
        );
    }

    #[test]
    fn a_sample_is_even_in_all_parts_and_periods_of_the_data() {
        let sampled = |reviews: u64| (0..reviews).filter(move |at| is_sampled(*at, reviews));
        assert_eq!(sampled(10_000).count(), 10_000);
        for reviews in [10_001_u64, 50_000, 1_000_000] {
            let all = sampled(reviews).count();
            assert!((9_990..=10_010).contains(&all), "{reviews}: {all}");
            let first_half = sampled(reviews).filter(|at| at * 2 < reviews).count();
            assert!(
                (4_990..=5_010).contains(&first_half),
                "{reviews}: {first_half}"
            );
            for period in [2, 3, 5, 7, 16] {
                let part = sampled(reviews)
                    .filter(|at| at.is_multiple_of(period))
                    .count() as f64;
                let expected = all as f64 / period as f64;
                assert!(
                    (part / expected - 1.0).abs() < 0.05,
                    "{reviews} {period}: {part}"
                );
            }
        }
    }
}
