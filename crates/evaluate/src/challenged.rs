//! What a model, or several as one, makes of the texts that are made to trick one.

use std::collections::HashSet;
use std::fs;

use artifact::files::read_json;
use artifact::{ArtifactError, Failure, Split, StageName};
use bundle::{Calibration, Ensemble, Scorer, TextReader};
use challenge::{CHALLENGE, Case, Challenge, ChallengeError, built_in, parse};
use classifier::{IdRows, TokenRows};
use stage::Context;

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
    (scorer, reader): (&dyn Scorer, &TextReader),
    calibration: &Calibration,
) -> Result<Challenge, Failure> {
    let cases = all_cases(context)?;
    let encode = |case: &Case| reader.ids(&reader.normalised(&case.text));
    let ids = cases.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    let scores = scorer.scores(&ids)?.into_iter();
    let probabilities = scores.map(|score| calibration.probability(score) as f32);
    let train = TokenRows::open(context.input(StageName::Tokenize), Split::Train)?;
    let known: HashSet<_> = (0..train.len()).map(|row| train.ids(row)).collect();
    let seen = ids.iter().map(|ids| known.contains(ids.as_slice()));
    let answers = cases.into_iter().zip(probabilities).zip(seen);
    let answers = answers.map(|((case, probability), seen)| (case, probability, seen));
    Ok(Challenge::score(answers.collect()))
}

/// What an ensemble makes of the cases that its members were put to.
pub(crate) fn unite(context: &Context, ensemble: &Ensemble) -> Result<Challenge, Failure> {
    let mut members: Vec<Challenge> = Vec::new();
    for (_, artifact) in context.inputs(StageName::Evaluate) {
        let path = artifact.file(CHALLENGE)?;
        members.push(read_json(&path, "is not what evaluate writes", None)?);
    }
    let cases = |challenge: &Challenge| -> Vec<Case> {
        let cases = challenge.cases.iter();
        cases.map(|answer| answer.case.clone()).collect()
    };
    let first = members.first().map(cases).unwrap_or_default();
    if members.iter().any(|member| cases(member) != first) {
        let failure =
            Failure::new("The members of the ensemble were put to different challenge sets");
        return Err(failure.with_hint(
            "Evaluate them again with `ressenti run --only evaluate --force`".to_owned(),
        ));
    }
    let answers = first.into_iter().enumerate().map(|(place, case)| {
        let of_members = members.iter().map(|member| &member.cases[place]);
        let said: Vec<f32> = of_members.clone().map(|it| it.probability).collect();
        let seen = of_members.clone().any(|it| it.seen);
        (case, ensemble.probability(&said), seen)
    });
    Ok(Challenge::score(answers.collect()))
}
