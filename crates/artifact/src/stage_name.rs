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

    /// Its name, its program, and the version of what it computes. Raise the version when equal inputs and
    /// settings would give a different output: every artifact of the stage is then rebuilt. The table stands here
    /// and not in the stages so that the orchestrator can plan without starting seven processes.
    const fn facts(self) -> (&'static str, &'static str, u32) {
        match self {
            Self::Ingest => ("ingest", "ressenti-ingest", 3),
            Self::Clean => ("clean", "ressenti-clean", 4),
            Self::Tokenize => ("tokenize", "ressenti-tokenize", 3),
            Self::Embed => ("embed", "ressenti-embed", 3),
            Self::Train => ("train", "ressenti-train", 4),
            Self::Evaluate => ("evaluate", "ressenti-evaluate", 5),
            Self::Report => ("report", "ressenti-report", 2),
        }
    }

    /// The name as it stands in commands, folders and messages.
    pub const fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// The file name of the stage's program.
    pub const fn binary(self) -> &'static str {
        self.facts().1
    }

    /// The version of what the stage computes, which is part of its keys.
    pub const fn version(self) -> u32 {
        self.facts().2
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for StageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|stage| stage.as_str() == text);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("There is no stage `{text}`; the stages are {all}")
        })
    }
}
