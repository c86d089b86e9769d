//! `[clean]`: how texts are normalised and reviews are split.

use artifact::Normalization;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How texts are normalised and reviews are split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CleanSettings {
    /// Replaces HTML tags (`<br />`) by a space and character references (`&amp;`, `&#345;`) by the character.
    pub html: bool,
    /// Normalises Unicode: form NFC, plain quotes and dashes, no control characters.
    pub unicode: bool,
    /// Replaces every run of white space by one space, and removes it at both ends.
    pub white_space: bool,
    /// Replaces scores in the text (`7/10`) by `[score]`.
    pub mask_scores: bool,
    /// Languages to keep, by English name, ISO 639-1 or ISO 639-3 code: `English`, `en` or `eng`. Reviews that are
    /// clearly in another language are removed; short reviews of unknown language stay. An empty list keeps all.
    pub languages: Vec<String>,
    /// Detection of near-duplicates: reviews with almost the same wording.
    pub near_duplicates: NearDuplicateSettings,
    /// How reviews are split into training, validation and test.
    pub split: SplitSettings,
    /// Seed of the split. Default: `pipeline.seed`.
    pub seed: Option<u64>,
}

impl Default for CleanSettings {
    fn default() -> Self {
        Self {
            html: true,
            unicode: true,
            white_space: true,
            mask_scores: false,
            languages: Vec::new(),
            near_duplicates: NearDuplicateSettings::default(),
            split: SplitSettings::default(),
            seed: None,
        }
    }
}

impl CleanSettings {
    /// The settings of the normalisation.
    pub fn normalization(&self) -> Normalization {
        Normalization {
            version: Normalization::VERSION,
            html: self.html,
            unicode: self.unicode,
            white_space: self.white_space,
            mask_scores: self.mask_scores,
        }
    }
}

/// Two reviews are near-duplicates if the Jaccard similarity of their five-word shingles reaches the
/// threshold. Near-duplicates are put into the same split. If the source has its own split, training reviews
/// that are near-duplicates of a test review are removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NearDuplicateSettings {
    /// Detects near-duplicates.
    pub enabled: bool,
    /// Minimum Jaccard similarity, 0.5 to 1.
    pub threshold: f64,
}

impl Default for NearDuplicateSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 0.8,
        }
    }
}

/// The split follows from a hash of the review's text (or group) and the seed, so a review stays in its split
/// when other reviews are added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SplitSettings {
    /// Uses the source's own training and test split if it has one.
    pub official: bool,
    /// Fraction of the labelled reviews for test, 0 to 0.9, if the source has no split.
    pub test: f64,
    /// Fraction of the remaining training reviews for validation, 0 to 0.9.
    pub validation: f64,
    /// Puts all reviews of a group (for example of one film) into the same split.
    pub grouped: bool,
}

impl Default for SplitSettings {
    fn default() -> Self {
        Self {
            official: true,
            test: 0.2,
            validation: 0.1,
            grouped: true,
        }
    }
}
