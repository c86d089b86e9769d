//! The closed list of stages, with the version of what each one computes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A stage of the pipeline, in the order in which data flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// Raw reviews, whatever their form, to one canonical table.
    Ingest,
    /// Normalised text, duplicates removed, the split decided.
    Clean,
    /// Text to token ids.
    Tokenize,
    /// A vector for every entry of a vocabulary.
    Embed,
    /// A model bundle from tokens and vectors.
    Train,
    /// Predictions and figures of one model.
    Evaluate,
    /// All figures on one page.
    Report,
}

/// The name is none of the stages'.
#[derive(Debug, thiserror::Error)]
#[error(
    "There is no stage `{0}`; the stages are ingest, clean, tokenize, embed, train, evaluate, report"
)]
pub struct UnknownStage(String);

impl StageName {
    /// Every stage, in the order in which data flows.
    pub const ALL: [Self; 7] = [
        Self::Ingest,
        Self::Clean,
        Self::Tokenize,
        Self::Embed,
        Self::Train,
        Self::Evaluate,
        Self::Report,
    ];

    /// The name as it stands in commands, folders and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Clean => "clean",
            Self::Tokenize => "tokenize",
            Self::Embed => "embed",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Report => "report",
        }
    }

    /// The file name of the stage's program.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Ingest => "ressenti-ingest",
            Self::Clean => "ressenti-clean",
            Self::Tokenize => "ressenti-tokenize",
            Self::Embed => "ressenti-embed",
            Self::Train => "ressenti-train",
            Self::Evaluate => "ressenti-evaluate",
            Self::Report => "ressenti-report",
        }
    }

    /// The version of what the stage computes. Raise it when equal inputs and settings would give
    /// a different output: every artifact of the stage is then rebuilt. The table stands here and
    /// not in the stages so that the orchestrator can plan without starting seven processes.
    pub fn version(self) -> u32 {
        match self {
            Self::Ingest => 3,
            Self::Clean => 4,
            Self::Tokenize => 3,
            Self::Embed => 3,
            Self::Train => 4,
            Self::Evaluate => 5,
            Self::Report => 2,
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for StageName {
    type Err = UnknownStage;

    fn from_str(text: &str) -> Result<Self, UnknownStage> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or_else(|| UnknownStage(text.to_owned()))
    }
}
