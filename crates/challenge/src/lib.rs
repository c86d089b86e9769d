//! The challenge set: behavioural tests of models in the style of CheckList (Ribeiro et al. 2020), grouped by
//! capability. Failures by capability show weaknesses that an accuracy does not show.
//!
//! The built-in set was written for this project; a file in the same format can be added.

mod cases;
mod score;

use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use serde::{Deserialize, Serialize};

pub use cases::{Case, ChallengeError, Relation, built_in, parse};
pub use score::CapabilityResult;

/// File name of the results of a model on the challenge set.
pub const CHALLENGE: &str = "challenge.json";

/// `challenge.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// All results, in the order of the files.
    pub cases: Vec<CaseResult>,
    /// Failures of all cases, and then by capability in the order of their first case.
    pub capabilities: Vec<CapabilityResult>,
    /// Failures of the cases whose text is not a training review.
    pub unseen: CapabilityResult,
}

/// The result of a model on a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// The probability of the positive class.
    pub probability: f32,
    /// Whether its token ids equal those of a training review.
    pub seen: bool,
    /// Whether the model failed it.
    pub failed: bool,
}

impl Challenge {
    /// Scores cases with their probabilities of the positive class; the flag is true if the text is a training review.
    pub fn score(cases: Vec<(Case, f32, bool)>) -> Self {
        let failed = score::find_failures(&cases);
        let cases = cases.into_iter().zip(failed);
        let cases = cases.map(|((case, probability, seen), failed)| CaseResult {
            case,
            probability,
            seen,
            failed,
        });
        let cases: Vec<CaseResult> = cases.collect();
        Self {
            capabilities: score::count_by_capability(&cases),
            unseen: CapabilityResult::count("unseen", cases.iter().filter(|result| !result.seen)),
            cases,
        }
    }

    /// Writes `challenge.json` into a folder.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ArtifactError> {
        let path = folder.join(CHALLENGE);
        let text = serde_json::to_string(self).expect("plain data");
        fs::write(&path, text + "\n").map_err(ArtifactError::io("write", &path))
    }
}
