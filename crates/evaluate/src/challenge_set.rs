//! The results of a model or an ensemble on the challenge set.

use std::collections::HashSet;
use std::fs;

use artifact::files::read_json;
use artifact::{ArtifactError, Failure, Split, StageName};
use bundle::{Calibration, Ensemble, Scorer, TextReader};
use challenge::{CHALLENGE, Case, Challenge, ChallengeError, built_in, parse};
use classifier::{IdRows, TokenRows};
use stage::Context;

use crate::Result;

/// The cases of the built-in set and of the files in the settings.
fn all_cases(context: &Context) -> Result<Vec<Case>> {
    let mut cases = built_in();
    for source in context.sources() {
        if let artifact::Source::Path(path) = source {
            let text = fs::read_to_string(path).map_err(ArtifactError::io("read", path))?;
            let hint = "Write one object per line, like {\"capability\": \"negation\", \"label\": \"negative\", \"text\": \"Not good.\"}";
            let error = |it: ChallengeError| Failure::from_error(it).with_hint(hint.to_owned());
            cases.extend(parse(&text, path).map_err(error)?);
        }
    }
    Ok(cases)
}

/// Predicts every case with a model. Their texts are cleaned like the training reviews.
pub(crate) fn of_model(
    context: &Context,
    (scorer, reader): (&dyn Scorer, &TextReader),
    calibration: &Calibration,
) -> Result<Challenge> {
    let cases = all_cases(context)?;
    let encode = |case: &Case| reader.ids(&reader.normalised(&case.text));
    let ids = cases.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    let scores = scorer.scores(&ids)?.into_iter();
    let probabilities = scores.map(|score| calibration.probability(score) as f32);
    let train = TokenRows::open(context.input(StageName::Tokenize), Split::Train)?;
    let trained: HashSet<_> = (0..train.len()).map(|row| train.ids(row)).collect();
    let seen = ids.iter().map(|ids| trained.contains(ids.as_slice()));
    let answers = cases.into_iter().zip(probabilities).zip(seen);
    let answers = answers.map(|((case, probability), seen)| (case, probability, seen));
    Ok(Challenge::score(answers.collect()))
}

/// Combines the predictions of the members of an ensemble.
pub(crate) fn of_ensemble(context: &Context, ensemble: &Ensemble) -> Result<Challenge> {
    let mut members: Vec<Challenge> = Vec::new();
    for (_, artifact) in context.inputs(StageName::Evaluate) {
        let path = artifact.file(CHALLENGE)?;
        let problem = "is not a valid file of challenge results";
        members.push(read_json(&path, problem, None)?);
    }
    let cases = |challenge: &Challenge| -> Vec<Case> {
        let cases = challenge.cases.iter();
        cases.map(|answer| answer.case.clone()).collect()
    };
    let first = members.first().map(cases).unwrap_or_default();
    if members.iter().any(|member| cases(member) != first) {
        let problem = "The members of the ensemble were evaluated on different challenge sets";
        let hint = "Evaluate them again with `ressenti run --only evaluate --force`";
        return Err(Failure::new(problem).with_hint(hint.to_owned()));
    }
    let answers = first.into_iter().enumerate().map(|(index, case)| {
        let of_members = members.iter().map(|member| &member.cases[index]);
        let probabilities: Vec<f32> = of_members.clone().map(|it| it.probability).collect();
        let seen = of_members.clone().any(|it| it.seen);
        (case, ensemble.probability(&probabilities), seen)
    });
    Ok(Challenge::score(answers.collect()))
}
