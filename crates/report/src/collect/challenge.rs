//! The failures of every model in the challenge set.

use challenge::{CHALLENGE, CapabilityResult, CaseResult, Challenge, Relation};
use metrics::is_correct;
use stage::Context;

use super::{Result, evaluations, read};
use crate::data::{ChallengeData, ChallengeExample, ChallengeResult};
use crate::predictions::TestPredictions;

pub(super) fn collect(context: &Context, predictions: &TestPredictions) -> Result<ChallengeData> {
    let mut data = ChallengeData::default();
    for (name, artifact) in evaluations(context, predictions) {
        let file: Challenge = read(artifact, CHALLENGE)?;
        let results = file.capabilities.iter();
        let results = results.map(|result| (result.capability.clone(), result.cases));
        data.capabilities = results.collect();
        data.models.push(result(name, &file));
    }
    Ok(data)
}

fn result(name: &str, file: &Challenge) -> ChallengeResult {
    let results = file.capabilities.iter();
    let example = |result: &CapabilityResult| most_confident_failure(file, &result.capability);
    ChallengeResult {
        name: name.to_owned(),
        failed: results.clone().map(|result| result.failed).collect(),
        seen: file.cases.iter().filter(|case| case.seen).count() as u64,
        unseen: (file.unseen.cases, file.unseen.failed),
        examples: results.filter_map(example).collect(),
    }
}

fn most_confident_failure(file: &Challenge, capability: &str) -> Option<ChallengeExample> {
    let failed = file.cases.iter();
    let failed = failed.filter(|it| it.failed && it.case.capability == capability);
    let confidence = |answer: &CaseResult| (answer.probability - 0.5).abs();
    let answer = failed.max_by(|one, two| confidence(one).total_cmp(&confidence(two)))?;
    let case = &answer.case;
    let correct = |class| is_correct(class, answer.probability);
    let label = match (case.class(), case.relation) {
        (class, Some(relation)) if class.is_none_or(correct) => match relation {
            Relation::Same => "the same as for the first text of its pair",
            Relation::More => "more positive than the first text of its pair",
            Relation::Less => "less positive than the first text of its pair",
        },
        _ => case.label.as_deref().unwrap_or_default(),
    };
    Some(ChallengeExample {
        capability: case.capability.clone(),
        text: case.text.clone(),
        label: label.to_owned(),
        probability: answer.probability,
    })
}
