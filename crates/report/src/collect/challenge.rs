//! What every model made of the challenge sets.

use artifact::{Artifact, StageName};
use serde::Deserialize;
use stage::Context;

use super::read_json;
use crate::ReportError;
use crate::data::{ChallengeData, ChallengedModel, TrickExample};
use crate::merge::Judged;

/// What the page shows of `challenge.json`.
#[derive(Deserialize)]
struct View {
    cases: Vec<CaseView>,
    capabilities: Vec<TallyView>,
    unseen: TallyView,
}

#[derive(Deserialize)]
struct CaseView {
    capability: String,
    #[serde(default)]
    label: Option<String>,
    text: String,
    probability: f64,
    seen: bool,
    failed: bool,
}

#[derive(Deserialize)]
struct TallyView {
    capability: String,
    cases: u64,
    failed: u64,
}

pub(super) fn collect(context: &Context, judged: &Judged) -> Result<ChallengeData, ReportError> {
    let mut data = ChallengeData::default();
    let shown = context
        .inputs(StageName::Evaluate)
        .filter(|(name, _)| judged.probabilities.contains_key(*name));
    for (name, artifact) in shown {
        let view = read(artifact)?;
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

fn read(artifact: &Artifact) -> Result<View, ReportError> {
    read_json(&artifact.file("challenge.json")?)
}

fn model(name: &str, view: &View) -> ChallengedModel {
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
fn surest(view: &View, capability: &str) -> Option<TrickExample> {
    let failed = view
        .cases
        .iter()
        .filter(|case| case.failed && case.capability == capability);
    let sureness = |case: &CaseView| (case.probability - 0.5).abs();
    let case = failed.max_by(|one, two| sureness(one).total_cmp(&sureness(two)))?;
    Some(TrickExample {
        capability: case.capability.clone(),
        text: case.text.clone(),
        label: case.label.clone().unwrap_or_default(),
        probability: case.probability,
    })
}
