//! The trials of every sweep, as validation judged them.

use artifact::files::{RangeTest, Rung};
use artifact::{Artifact, Contract, StageName};
use indexmap::IndexMap;
use serde::Deserialize;
use settings::Trial;
use stage::Context;

use super::models::read_record;
use super::read_json;
use crate::ReportError;
use crate::data::{RangeTestData, SweepData, SweepPoint, TrialData};

/// What the page shows of `model.json`.
#[derive(Deserialize)]
struct ModelView {
    validation: ValidationView,
}

#[derive(Deserialize)]
struct ValidationView {
    rows: u64,
    loss: f64,
    accuracy: f64,
}

pub(super) fn collect(
    context: &Context,
    sweeps: &IndexMap<String, Vec<Trial>>,
) -> Result<Vec<SweepData>, ReportError> {
    sweeps
        .iter()
        .map(|(name, trials)| sweep(context, name, trials))
        .collect()
}

fn sweep(context: &Context, name: &str, trials: &[Trial]) -> Result<SweepData, ReportError> {
    let mut sweep = SweepData {
        name: name.to_owned(),
        ..SweepData::default()
    };
    for trial in trials {
        let mut trained = context.inputs(StageName::Train);
        let Some((_, artifact)) = trained.find(|(variant, _)| *variant == trial.name) else {
            continue;
        };
        let view: ModelView = read_json(&artifact.file("model.json")?)?;
        let data = TrialData {
            name: trial.name.clone(),
            loss: view.validation.loss,
            accuracy: view.validation.accuracy,
            epochs: read_record(&artifact.file("metrics.jsonl")?)?.epochs(),
            seconds: artifact.manifest().run.seconds,
            stopped_after: stopped_after(artifact)?,
        };
        sweep.rows = view.validation.rows;
        if trial.seed == 0 || sweep.points.is_empty() {
            sweep.over = trial.values.keys().cloned().collect();
            let numbers = trial.values.values();
            sweep.points.push(SweepPoint {
                values: trial.values.values().map(in_words).collect(),
                numbers: numbers.map(number).collect(),
                trials: Vec::new(),
            });
        }
        if let Some(point) = sweep.points.last_mut() {
            point.trials.push(data);
        }
    }
    Ok(sweep)
}

fn stopped_after(artifact: &Artifact) -> Result<Option<u32>, ReportError> {
    if artifact.manifest().file("rung.json").is_none() {
        return Ok(None);
    }
    let rung: Rung = read_json(&artifact.file("rung.json")?)?;
    Ok(rung.stopped_after)
}

/// The learning-rate range tests.
pub(super) fn range_tests(context: &Context) -> Result<Vec<RangeTestData>, ReportError> {
    let tests = context
        .inputs(StageName::Train)
        .filter(|(_, artifact)| matches!(artifact.manifest().contract, Contract::RangeTest { .. }));
    tests
        .map(|(name, artifact)| {
            let view: RangeTest = read_json(&artifact.file("range.json")?)?;
            Ok(RangeTestData {
                name: name.to_owned(),
                suggested: view.suggested,
                diverged: view.diverged,
                points: view.points,
            })
        })
        .collect()
}

fn number(value: &toml::Value) -> Option<f64> {
    match value {
        toml::Value::Integer(value) => Some(*value as f64),
        toml::Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn in_words(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
