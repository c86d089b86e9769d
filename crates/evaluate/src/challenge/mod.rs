//! Challenge sets: texts made to trick a model, by what they ask of it (Ribeiro et al. 2020).
//!
//! The built-in set was written for this project; a file of the same form may be added to it. What a
//! model fails in says where it is not to be trusted, which an accuracy does not.

mod cases;
mod score;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use artifact::{ArtifactError, Split, StageName};
use classifier::{ChosenDevice, TokenRows};
use serde::{Deserialize, Serialize};
use stage::{Context, Failure};

use crate::ensemble::Ensemble;
use crate::failure;
use crate::{Model, TextReader};
pub use cases::{Case, ChallengeError, Relation, built_in, parse};
pub use score::{Tally, by_capability};

/// What a model made of the challenge sets.
pub(crate) const CHALLENGE: &str = "challenge.json";

/// `challenge.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// Every case, in the order of the files.
    pub cases: Vec<Answer>,
    /// Failures by capability, in the order in which capabilities first appear; the whole comes first.
    pub capabilities: Vec<Tally>,
    /// The whole without the cases whose text is a training review.
    pub unseen: Tally,
}

/// A case and what the model said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
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
    pub fn of(cases: Vec<(Case, f32, bool)>) -> Self {
        let failed = score::failures(&cases);
        let cases: Vec<Answer> = cases
            .into_iter()
            .zip(failed)
            .map(|((case, probability, seen), failed)| Answer {
                case,
                probability,
                seen,
                failed,
            })
            .collect();
        Self {
            capabilities: by_capability(&cases),
            unseen: Tally::of("unseen", cases.iter().filter(|answer| !answer.seen)),
            cases,
        }
    }

    /// Writes `challenge.json`.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), ArtifactError> {
        let path = folder.join(CHALLENGE);
        let text = serde_json::to_string(self).expect("plain data");
        fs::write(&path, text + "\n").map_err(ArtifactError::io("write", &path))
    }
}

/// The cases of the built-in set and of the file that the settings name.
fn all_cases(context: &Context) -> Result<Vec<Case>, Failure> {
    let mut cases = built_in();
    for source in context.sources() {
        if let artifact::Source::Path(path) = source {
            let text = fs::read_to_string(path).map_err(ArtifactError::io("read", path))?;
            let error = |error: ChallengeError| {
                Failure::from_error(error).with_hint(
                    "A line is an object like {\"capability\": \"negation\", \"label\": \"negative\", \"text\": \"Not good.\"}"
                        .to_owned(),
                )
            };
            cases.extend(parse(&text, path).map_err(error)?);
        }
    }
    Ok(cases)
}

/// Puts every case to a model, cleaned as the training reviews were.
pub(crate) fn ask(
    context: &Context,
    (model, reader): (&Model, &TextReader),
    device: &ChosenDevice,
    batch_size: u32,
) -> Result<Challenge, Failure> {
    let cases = all_cases(context)?;
    let encode = |case: &Case| reader.ids(&reader.normalised(&case.text));
    let ids = cases.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    let probabilities = model.ask(&ids, device, batch_size)?;
    let train =
        TokenRows::open(context.input(StageName::Tokenize), Split::Train).map_err(failure)?;
    let known: HashSet<Vec<u32>> = (0..train.len()).map(|row| train.ids(row)).collect();
    let seen = ids.iter().map(|ids| known.contains(ids));
    let answers = cases.into_iter().zip(probabilities).zip(seen);
    Ok(Challenge::of(
        answers
            .map(|((case, probability), seen)| (case, probability, seen))
            .collect(),
    ))
}

/// What an ensemble makes of the cases that its members were put to.
pub(crate) fn unite(context: &Context, ensemble: &Ensemble) -> Result<Challenge, Failure> {
    let mut members: Vec<Challenge> = Vec::new();
    for (_, artifact) in context.inputs(StageName::Evaluate) {
        let path = artifact.file(CHALLENGE)?;
        let text = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
        members.push(serde_json::from_slice(&text).map_err(|error| {
            Failure::new(format!(
                "`{}` is not what evaluate writes: {error}",
                path.display()
            ))
        })?);
    }
    let same = members.windows(2).all(|pair| {
        let cases = |challenge: &Challenge| -> Vec<Case> {
            challenge
                .cases
                .iter()
                .map(|answer| answer.case.clone())
                .collect()
        };
        cases(&pair[0]) == cases(&pair[1])
    });
    let Some(first) = members.first().filter(|_| same) else {
        return Err(Failure::new(
            "The members of the ensemble were put to different challenge sets",
        )
        .with_hint("Evaluate them again with `ressenti run --only evaluate --force`".to_owned()));
    };
    let answers = first.cases.iter().enumerate().map(|(place, answer)| {
        let said: Vec<f32> = members
            .iter()
            .map(|member| member.cases[place].probability)
            .collect();
        let seen = members.iter().any(|member| member.cases[place].seen);
        (answer.case.clone(), ensemble.probability(&said), seen)
    });
    Ok(Challenge::of(answers.collect()))
}
