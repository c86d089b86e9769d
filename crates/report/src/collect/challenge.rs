//! What every model made of the challenge sets.

use artifact::Failure;
use challenge::{CHALLENGE, CapabilityResult, CaseResult, Challenge};
use stage::Context;

use super::{read, shown};
use crate::data::{ChallengeData, ChallengedModel, TrickExample};
use crate::merge::Judged;

pub(super) fn collect(context: &Context, judged: &Judged) -> Result<ChallengeData, Failure> {
    let mut data = ChallengeData::default();
    for (name, artifact) in shown(context, judged) {
        let view: Challenge = read(artifact, CHALLENGE)?;
        let tallies = view.capabilities.iter();
        let tallies = tallies.map(|tally| (tally.capability.clone(), tally.cases));
        data.capabilities = tallies.collect();
        data.models.push(model(name, &view));
    }
    Ok(data)
}

fn model(name: &str, view: &Challenge) -> ChallengedModel {
    let tallies = view.capabilities.iter();
    let surest = |tally: &CapabilityResult| surest(view, &tally.capability);
    ChallengedModel {
        name: name.to_owned(),
        failed: tallies.clone().map(|tally| tally.failed).collect(),
        seen: view.cases.iter().filter(|case| case.seen).count() as u64,
        unseen: (view.unseen.cases, view.unseen.failed),
        examples: tallies.filter_map(surest).collect(),
    }
}

/// The failure that the model was surest of.
fn surest(view: &Challenge, capability: &str) -> Option<TrickExample> {
    let failed = view.cases.iter();
    let failed = failed.filter(|it| it.failed && it.case.capability == capability);
    let sureness = |answer: &CaseResult| (answer.probability - 0.5).abs();
    let answer = failed.max_by(|one, two| sureness(one).total_cmp(&sureness(two)))?;
    let case = &answer.case;
    Some(TrickExample {
        capability: case.capability.clone(),
        text: case.text.clone(),
        label: case.label.clone().unwrap_or_default(),
        probability: answer.probability,
    })
}
