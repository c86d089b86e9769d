//! Challenge sets: texts made to trick a model, by what they ask of it (Ribeiro et al. 2020).
//!
//! The built-in set was written for this project; a file of the same form may be added to it. What a
//! model fails in says where it is not to be trusted, which an accuracy does not.

mod cases;
mod score;

use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use serde::{Deserialize, Serialize};

pub use cases::{Case, ChallengeError, Relation, built_in, parse};
pub use score::CapabilityResult;

/// The file with what a model made of the challenge sets.
pub const CHALLENGE: &str = "challenge.json";

/// `challenge.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// Every case, in the order of the files.
    pub cases: Vec<CaseResult>,
    /// Failures by capability, in the order in which capabilities first appear; the whole comes first.
    pub capabilities: Vec<CapabilityResult>,
    /// The whole without the cases whose text is a training review.
    pub unseen: CapabilityResult,
}

/// A case and what the model said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// The probability that it is positive.
    pub probability: f32,
    /// Whether its text is one of the training reviews, as the model's tokenizer reads them.
    pub seen: bool,
    /// Whether the model failed it.
    pub failed: bool,
}

impl Challenge {
    /// Judges cases by the probabilities that a model gives them; the flag says whether a case's text
    /// is one of the training reviews.
    pub fn score(cases: Vec<(Case, f32, bool)>) -> Self {
        let failed = score::failures(&cases);
        let cases: Vec<CaseResult> = cases
            .into_iter()
            .zip(failed)
            .map(|((case, probability, seen), failed)| CaseResult {
                case,
                probability,
                seen,
                failed,
            })
            .collect();
        Self {
            capabilities: score::by_capability(&cases),
            unseen: CapabilityResult::of("unseen", cases.iter().filter(|answer| !answer.seen)),
            cases,
        }
    }

    /// Writes `challenge.json` into a folder.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, folder: &Path) -> Result<(), ArtifactError> {
        let path = folder.join(CHALLENGE);
        let text = serde_json::to_string(self).expect("plain data");
        fs::write(&path, text + "\n").map_err(ArtifactError::io("write", &path))
    }
}
