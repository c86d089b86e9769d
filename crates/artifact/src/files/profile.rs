//! `profile.json`: the data at a glance, for people and for the report.
//!
//! What is learned from texts (the telling words, the edges of the histogram, the examples) is
//! learned from the training split alone. The other splits are only counted.

use serde::{Deserialize, Serialize};

use crate::{Sentiment, Split};

/// Version of this form.
pub const FORMAT: u32 = 2;

/// The whole of `profile.json`. Every number of rows is a number of reviews.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// [`FORMAT`].
    pub format: u32,
    /// Rows that came from ingest.
    pub read: u64,
    /// Rows of `clean.parquet`.
    pub kept: u64,
    /// Rows of `removed.parquet` by reason, every reason that clean knows.
    pub removed: Vec<Removed>,
    /// How rows were split.
    pub splitting: Splitting,
    /// Train, validation, test and unlabelled, in this order, also where empty.
    pub splits: Vec<SplitProfile>,
    /// Copies of texts, after normalisation.
    pub duplicates: Duplicates,
    /// Official test texts that stood in the training rows, too.
    pub leaks: Leaks,
    /// Reviews that share most of their wording; nothing where they were not looked for.
    pub near_duplicates: Option<NearDuplicates>,
    /// What was noticed in the texts.
    pub texts: Texts,
    /// Groups (films) by split.
    pub groups: Groups,
    /// The words that speak most for a class, learned from the training split.
    pub telling_words: Vec<ClassWords>,
    /// Some reviews of the training split.
    pub examples: Vec<ClassExamples>,
}

/// Rows removed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removed {
    /// As in the `reason` column of `removed.parquet`.
    pub reason: String,
    /// How many.
    pub rows: u64,
}

/// How rows were split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Splitting {
    /// `official`: train and test are the source's own; `hash`: both by hash.
    pub test_by: String,
    /// Whether all rows of a group stay together where a hash decides.
    pub grouped: bool,
    /// Share of test asked for; without effect on an official split.
    pub test: f64,
    /// Share of the remaining rows asked for as validation.
    pub validation: f64,
    /// Seed of the hash.
    pub seed: u64,
}

/// One split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitProfile {
    /// Its name.
    pub split: Split,
    /// All its rows.
    pub rows: u64,
    /// Rows by class; both zero for unlabelled rows.
    pub classes: Vec<ClassCount>,
    /// Lengths in words; nothing where there are no rows.
    pub words: Option<Lengths>,
    /// Rows by length. The edges are the same for every split.
    pub histogram: Vec<Bin>,
}

/// Rows of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCount {
    /// The class.
    pub class: Sentiment,
    /// How many.
    pub rows: u64,
}

/// Lengths of reviews in words, that is between white space.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// The shortest.
    pub min: u32,
    /// Half are at most as long.
    pub median: u32,
    /// The mean.
    pub mean: f64,
    /// 90 of 100 are at most as long.
    pub p90: u32,
    /// 99 of 100 are at most as long.
    pub p99: u32,
    /// The longest.
    pub max: u32,
}

/// Reviews from one length up to, not including, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// The shortest.
    pub from: u32,
    /// Where the next bin begins; nothing for the last.
    pub to: Option<u32>,
    /// How many.
    pub rows: u64,
}

/// Copies of texts, after normalisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// Labelled rows removed because an earlier row has the same text.
    pub removed_labelled: u64,
    /// Unlabelled rows removed because an earlier unlabelled row has the same text.
    pub removed_unlabelled: u64,
    /// Unlabelled rows removed because a labelled row has the same text.
    pub removed_unlabelled_in_labelled: u64,
    /// Rows of the official test split that repeat another of it: kept, so that it stays complete.
    pub kept_in_test: u64,
    /// Texts that have both labels.
    pub conflicting_texts: u64,
    /// Rows with such texts.
    pub conflicting_rows: u64,
}

/// Official test texts that stood in the training rows, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaks {
    /// Different texts.
    pub texts: u64,
    /// Test rows with such a text.
    pub test_rows: u64,
    /// Test rows whose text stands in training rows already before normalisation.
    pub test_rows_verbatim: u64,
    /// Training rows removed.
    pub train_rows_removed: u64,
}

/// What was noticed in the texts, of all rows read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Reviews with characters that had been decoded wrongly, repaired where `unicode` is on.
    pub repaired: u64,
    /// Labelled reviews that state their own score, as `7/10` or `8 out of 10`.
    pub state_a_score: u64,
    /// Whether those scores were masked.
    pub scores_masked: bool,
    /// Reviews in other languages than the wanted ones, by language, the most frequent first.
    pub other_languages: Vec<LanguageCount>,
}

/// Reviews in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageCount {
    /// Its English name.
    pub language: String,
    /// How many.
    pub rows: u64,
}

/// Reviews that share most of their wording, after copies were removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearDuplicates {
    /// Jaccard similarity of runs of five words from which on two reviews are near.
    pub threshold: f64,
    /// Sets of reviews that are near each other, directly or through others.
    pub clusters: u64,
    /// Reviews in them.
    pub rows: u64,
    /// Reviews in the largest of them.
    pub largest_cluster: u64,
    /// Pairs that were compared and hold the clusters together.
    pub links: u64,
    /// Training rows removed because they are near an official test row.
    pub train_rows_removed: u64,
    /// Unlabelled rows removed for the same reason.
    pub unlabelled_rows_removed: u64,
    /// Some of the pairs, the least similar ones first, because those are the ones to doubt.
    pub examples: Vec<NearPair>,
}

/// Two reviews that are near each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearPair {
    /// Jaccard similarity of their runs of five words.
    pub similarity: f64,
    /// The earlier row.
    pub one: ExampleReview,
    /// The later row.
    pub two: ExampleReview,
}

/// Groups (films) by split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Groups {
    /// Different groups in train.
    pub train: u64,
    /// Different groups in validation.
    pub validation: u64,
    /// Different groups in test.
    pub test: u64,
    /// Groups with rows in train (or validation) and in test.
    pub in_train_and_test: u64,
    /// Groups with rows in train and in validation.
    pub in_train_and_validation: u64,
    /// The first groups of `in_train_and_test`, in the order of their names.
    pub examples: Vec<SharedGroup>,
}

/// A group on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedGroup {
    /// Its name.
    pub group: String,
    /// Its rows in train and validation.
    pub train_rows: u64,
    /// Its rows in test.
    pub test_rows: u64,
}

/// The words that speak for a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassWords {
    /// The class.
    pub class: Sentiment,
    /// The most telling first.
    pub words: Vec<TellingWord>,
}

/// A word, in lower case, and what it tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TellingWord {
    /// The word.
    pub word: String,
    /// z-score of the log-odds ratio with an informative Dirichlet prior, in favour of the class.
    pub score: f64,
    /// How often it occurs in training reviews of each class, by class id.
    pub occurrences: [u64; 2],
    /// Training reviews of each class that have it, by class id.
    pub reviews: [u64; 2],
}

/// Reviews of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassExamples {
    /// The class.
    pub class: Sentiment,
    /// A few of its training reviews.
    pub reviews: Vec<ExampleReview>,
}

/// The beginning of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleReview {
    /// Its row.
    pub row_id: u64,
    /// Its beginning, at most 300 characters.
    pub text: String,
    /// Whether there is more.
    pub cut: bool,
}
