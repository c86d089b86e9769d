//! `profile.json`: a summary of the cleaned data for people and for the report.
//!
//! Distinctive words, histogram edges and examples come from the training split only. The other splits are only
//! counted.

use serde::{Deserialize, Serialize};

use super::LanguageCounts;
use crate::{Sentiment, Split};

/// Version of the file format.
pub const FORMAT: u32 = 3;

/// `profile.json`. One row is one review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// [`FORMAT`].
    pub format: u32,
    /// Rows from ingest.
    pub read: u64,
    /// Rows of `clean.parquet`.
    pub kept: u64,
    /// Rows of `removed.parquet` for every possible reason.
    pub removed: Vec<Removed>,
    /// How rows were split.
    pub splitting: Splitting,
    /// Train, validation, test and unlabelled, in this order, also if empty.
    pub splits: Vec<SplitProfile>,
    /// Duplicate texts after normalisation.
    pub duplicates: Duplicates,
    /// Leaks: official test texts that also occur in training rows.
    pub leaks: Leaks,
    /// Near-duplicates; `None` if the search was disabled.
    pub near_duplicates: Option<NearDuplicates>,
    /// Counts of unusual texts.
    pub texts: Texts,
    /// Groups (films) by split.
    pub groups: Groups,
    /// The most distinctive words of each class, from the training split.
    pub telling_words: Vec<ClassWords>,
    /// Example reviews from the training split.
    pub examples: Vec<ClassExamples>,
}

/// Rows removed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removed {
    /// Value of the column `reason` of `removed.parquet`.
    pub reason: String,
    /// Number of rows.
    pub rows: u64,
}

/// How rows were split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Splitting {
    /// `official`: train and test are from the source; `hash`: both are chosen by hash.
    pub test_by: String,
    /// Whether a hash split keeps all rows of a group together.
    pub grouped: bool,
    /// Requested share of test rows; not used for an official split.
    pub test: f64,
    /// Requested share of validation rows among the other rows.
    pub validation: f64,
    /// Seed of the hash.
    pub seed: u64,
}

/// One split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitProfile {
    /// The split.
    pub split: Split,
    /// Number of rows.
    pub rows: u64,
    /// Rows by class; zero for unlabelled rows.
    pub classes: Vec<ClassCount>,
    /// Lengths in words; `None` without rows.
    pub words: Option<Lengths>,
    /// Rows by length in words, with the same edges for every split.
    pub histogram: Vec<Bin>,
    /// Rows by language, from a sample of all splits with about 10,000 rows if there are more.
    pub languages: LanguageCounts,
}

/// Rows of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCount {
    /// The class.
    pub class: Sentiment,
    /// Number of rows.
    pub rows: u64,
}

/// Lengths of reviews in words separated by white space.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// The shortest.
    pub min: u32,
    /// The median.
    pub median: u32,
    /// The mean.
    pub mean: f64,
    /// The 90th percentile.
    pub p90: u32,
    /// The 99th percentile.
    pub p99: u32,
    /// The longest.
    pub max: u32,
}

/// A histogram bin: lengths from `from` up to, not including, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// Smallest length.
    pub from: u32,
    /// Start of the next bin; `None` for the last bin.
    pub to: Option<u32>,
    /// Number of rows.
    pub rows: u64,
}

/// Duplicate texts after normalisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// Labelled rows removed because an earlier row has the same text.
    pub removed_labelled: u64,
    /// Unlabelled rows removed because an earlier unlabelled row has the same text.
    pub removed_unlabelled: u64,
    /// Unlabelled rows removed because a labelled row has the same text.
    pub removed_unlabelled_in_labelled: u64,
    /// Duplicate rows in the official test split, which are kept so that the split stays complete.
    pub kept_in_test: u64,
    /// Texts with both labels.
    pub conflicting_texts: u64,
    /// Rows with such texts.
    pub conflicting_rows: u64,
}

/// Leaks: official test texts that also occur in training rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaks {
    /// Number of different texts.
    pub texts: u64,
    /// Test rows with such a text.
    pub test_rows: u64,
    /// Test rows with such a text already before normalisation.
    pub test_rows_verbatim: u64,
    /// Training rows removed.
    pub train_rows_removed: u64,
}

/// Counts of unusual texts among all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Reviews with wrongly decoded characters, which are repaired if `unicode` is on.
    pub repaired: u64,
    /// Labelled reviews whose text contains the rating, for example `7/10` or `8 out of 10`.
    pub state_a_score: u64,
    /// Whether the ratings written in the texts were masked.
    pub scores_masked: bool,
    /// Reviews in languages that are not selected, by language.
    pub other_languages: LanguageCounts,
}

/// Near-duplicates, after duplicates were removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearDuplicates {
    /// Smallest Jaccard similarity of five-word shingles of near-duplicates.
    pub threshold: f64,
    /// Clusters: sets of reviews connected by near-duplicate pairs.
    pub clusters: u64,
    /// Reviews in clusters.
    pub rows: u64,
    /// Reviews in the largest cluster.
    pub largest_cluster: u64,
    /// Verified pairs that connect the clusters.
    pub links: u64,
    /// Training rows removed as near-duplicates of official test rows.
    pub train_rows_removed: u64,
    /// Unlabelled rows removed for the same reason.
    pub unlabelled_rows_removed: u64,
    /// Example pairs; the least similar ones first, because they are the most likely to be wrong.
    pub examples: Vec<NearPair>,
}

/// A pair of near-duplicates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearPair {
    /// Jaccard similarity of their five-word shingles.
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
    /// Number of groups in train.
    pub train: u64,
    /// Number of groups in validation.
    pub validation: u64,
    /// Number of groups in test.
    pub test: u64,
    /// Groups with rows in train (or validation) and in test.
    pub in_train_and_test: u64,
    /// Groups with rows in train and in validation.
    pub in_train_and_validation: u64,
    /// The first groups of `in_train_and_test`, in the order of their names.
    pub examples: Vec<SharedGroup>,
}

/// A group in train (or validation) and in test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedGroup {
    /// Name of the group.
    pub group: String,
    /// Its rows in train and validation.
    pub train_rows: u64,
    /// Its rows in test.
    pub test_rows: u64,
}

/// The distinctive words of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassWords {
    /// The class.
    pub class: Sentiment,
    /// The most distinctive words first.
    pub words: Vec<TellingWord>,
}

/// A distinctive word in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TellingWord {
    /// The word.
    pub word: String,
    /// z-score of the log-odds ratio with an informative Dirichlet prior; positive for this class.
    pub score: f64,
    /// Occurrences in training reviews, by class id.
    pub occurrences: [u64; 2],
    /// Training reviews with the word, by class id.
    pub reviews: [u64; 2],
}

/// Example reviews of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassExamples {
    /// The class.
    pub class: Sentiment,
    /// Some training reviews of the class.
    pub reviews: Vec<ExampleReview>,
}

/// The beginning of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleReview {
    /// The row id.
    pub row_id: u64,
    /// At most the first 300 characters.
    pub text: String,
    /// Whether the review is longer.
    pub cut: bool,
}
