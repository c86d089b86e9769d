//! `[clean]`: how text is normalised and rows are split.

use artifact::Normalization;
use serde::{Deserialize, Serialize};

/// `[clean]`. Every step of the normalisation can be switched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CleanSettings {
    /// Tags become a space (`<br />`) and character references (`&amp;`, `&#345;`) become
    /// their character.
    pub html: bool,
    /// Unicode form NFC, curly quotes and dashes to their plain form, control characters removed.
    pub unicode: bool,
    /// Every run of white space becomes one space; none at the ends.
    pub white_space: bool,
    /// Whether a score that a review states itself (`7/10`) is replaced by `[score]`.
    pub mask_scores: bool,
    /// Languages that are wanted, by English name or ISO 639-3 code. Rows that are surely in another
    /// are removed; with an empty list none is.
    pub languages: Vec<String>,
    /// Reviews that share most of their wording.
    pub near_duplicates: NearDuplicateSettings,
    /// How rows are split.
    pub split: SplitSettings,
    /// Seed of the split; the pipeline's where none is given.
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
    /// The steps that change a text.
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

/// `[clean.near_duplicates]`. Two reviews are near-duplicates when the Jaccard similarity of their
/// runs of five words reaches the threshold. They stay on one side of the split; where the split is
/// the source's own, what is near a test row is removed from the other side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NearDuplicateSettings {
    /// Whether they are looked for.
    pub enabled: bool,
    /// Jaccard similarity, 0.5 to 1.
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

/// `[clean.split]`. A row's side follows from a hash of its own text (or group) and the seed, so
/// that it stays where it is when rows are added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitSettings {
    /// Keep the source's own train and test split where it has one.
    pub official: bool,
    /// Share of the labelled rows for test, 0 to 1, where the source has no split of its own.
    pub test: f64,
    /// Share of the remaining training rows for validation, 0 to 1.
    pub validation: f64,
    /// Keep all rows of a group (a film) on one side.
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
