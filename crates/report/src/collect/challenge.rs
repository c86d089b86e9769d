//! What every model made of the challenge sets.

use artifact::StageName;
use challenge::{Answer, CHALLENGE, Challenge};
use stage::Context;

use super::read_json;
use crate::ReportError;
use crate::data::{ChallengeData, ChallengedModel, TrickExample};
use crate::merge::Judged;

pub(super) fn collect(context: &Context, judged: &Judged) -> Result<ChallengeData, ReportError> {
    let mut data = ChallengeData::default();
    let shown = context
        .inputs(StageName::Evaluate)
        .filter(|(name, _)| judged.probabilities.contains_key(*name));
    for (name, artifact) in shown {
        let view: Challenge = read_json(&artifact.file(CHALLENGE)?)?;
        if data.capabilities.is_empty() {
            let tallies = view.capabilities.iter();
            data.capabilities = tallies
                .map(|tally| (tally.capability.clone(), tally.cases))
                .collect();
        }
        data.models.push(model(name, &view));
    }
    Ok(data)
}

fn model(name: &str, view: &Challenge) -> ChallengedModel {
    ChallengedModel {
        name: name.to_owned(),
        failed: view.capabilities.iter().map(|tally| tally.failed).collect(),
        seen: view.cases.iter().filter(|case| case.seen).count() as u64,
        unseen: (view.unseen.cases, view.unseen.failed),
        examples: view
            .capabilities
            .iter()
            .filter_map(|tally| surest(view, &tally.capability))
            .collect(),
    }
}

/// The failure that the model was surest of.
fn surest(view: &Challenge, capability: &str) -> Option<TrickExample> {
    let failed = view
        .cases
        .iter()
        .filter(|answer| answer.failed && answer.case.capability == capability);
    let sureness = |answer: &Answer| (answer.probability - 0.5).abs();
    let answer = failed.max_by(|one, two| sureness(one).total_cmp(&sureness(two)))?;
    let case = &answer.case;
    Some(TrickExample {
        capability: case.capability.clone(),
        text: case.text.clone(),
        label: case.label.clone().unwrap_or_default(),
        probability: answer.probability,
    })
}
