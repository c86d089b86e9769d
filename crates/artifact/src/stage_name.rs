//! The list of stages, and the versions of their computations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A stage of the pipeline, in the order in which data flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// Raw reviews in any format to one canonical table.
    Ingest,
    /// Normalised texts without duplicates, with a split.
    Clean,
    /// Texts to token ids.
    Tokenize,
    /// A vector for every entry of a vocabulary.
    Embed,
    /// A model bundle from tokens and vectors.
    Train,
    /// Predictions and metrics of one model.
    Evaluate,
    /// The report on all models.
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

    /// Its name, its program, and the version of its computation. Raise the version if equal inputs and settings give a
    /// different output; then every artifact of the stage is built again. The table is here and not in the stages, so
    /// the orchestrator can plan without starting the stage programs.
    const fn properties(self) -> (&'static str, &'static str, u32) {
        match self {
            Self::Ingest => ("ingest", "ressenti-ingest", 4),
            Self::Clean => ("clean", "ressenti-clean", 5),
            Self::Tokenize => ("tokenize", "ressenti-tokenize", 3),
            Self::Embed => ("embed", "ressenti-embed", 3),
            Self::Train => ("train", "ressenti-train", 4),
            Self::Evaluate => ("evaluate", "ressenti-evaluate", 6),
            Self::Report => ("report", "ressenti-report", 4),
        }
    }

    /// The name in commands, folders and messages.
    pub const fn as_str(self) -> &'static str {
        self.properties().0
    }

    /// The file name of the program.
    pub const fn binary(self) -> &'static str {
        self.properties().1
    }

    /// The version of the computation, which is part of the keys.
    pub const fn version(self) -> u32 {
        self.properties().2
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
