//! The meanings that several stages share, each said once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a review feels about its subject. The number of classes everywhere follows from this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sentiment {
    /// Stored as 0.
    Negative = 0,
    /// Stored as 1.
    Positive = 1,
}

impl Sentiment {
    /// Every class, in the order of its id.
    pub const ALL: [Self; 2] = [Self::Negative, Self::Positive];

    /// The class id, as stored in `label` columns and used as the index of a logit.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The name as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Positive => "positive",
        }
    }

    /// The class of an id, `None` where there is no such class.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.id() == id)
    }

    /// The class names in the order of their ids: what a contract states.
    pub fn class_names() -> Vec<String> {
        Self::ALL.map(|class| class.as_str().to_owned()).to_vec()
    }
}

impl fmt::Display for Sentiment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What a row is used for. Decided once, in `clean`, and only carried afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Everything that is learned is learned from here.
    Train,
    /// Chooses the epoch to keep and calibrates probabilities; nothing else.
    Validation,
    /// Read once per trained model, by `evaluate`.
    Test,
    /// Rows without a label.
    Unlabelled,
}

impl Split {
    /// The splits whose rows carry a label.
    pub const LABELLED: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The value as stored in `split` columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Unlabelled => "unlabelled",
        }
    }

    /// The split of a stored value, `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Train, Self::Validation, Self::Test, Self::Unlabelled]
            .into_iter()
            .find(|split| split.as_str() == text)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
