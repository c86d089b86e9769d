//! Classes and splits of reviews.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The class of a review. The number of classes follows from this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sentiment {
    /// Class id 0.
    Negative = 0,
    /// Class id 1.
    Positive = 1,
}

impl Sentiment {
    /// All classes in the order of their ids.
    pub const ALL: [Self; 2] = [Self::Negative, Self::Positive];

    /// The class id, as in `label` columns and as index of the logits.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The name of the class.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Positive => "positive",
        }
    }

    /// The class with this id, if there is one.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.id() == id)
    }

    /// The class names in the order of their ids, as in contracts.
    pub fn class_names() -> Vec<String> {
        Self::ALL.map(|class| class.as_str().to_owned()).to_vec()
    }
}

impl fmt::Display for Sentiment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The use of a row. Only `clean` decides it; later stages copy it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Training.
    Train,
    /// Choice of the epoch, calibration, and weights of ensembles.
    Validation,
    /// Evaluation of trained models.
    Test,
    /// Rows without a label.
    Unlabelled,
}

impl Split {
    /// The splits with labels.
    pub const LABELLED: [Self; 3] = [Self::Train, Self::Validation, Self::Test];
    /// All splits.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Test, Self::Unlabelled];

    /// The value in `split` columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Unlabelled => "unlabelled",
        }
    }

    /// The split of a value in a `split` column; `None` for other texts.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.as_str() == text)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
