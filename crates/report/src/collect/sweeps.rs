//! The trials of every sweep with their validation figures, and learning-rate range tests.

use artifact::files::Rung;
use artifact::{Artifact, Contract, StageName};
use indexmap::IndexMap;
use metrics::ValidationResult;
use serde::Deserialize;
use settings::Trial;
use stage::Context;

use super::{Result, find, read, training_record};
use crate::data::{RangeTestData, SweepData, SweepPoint, TrialData};

/// The part of `model.json` that the report shows.
#[derive(Deserialize)]
struct ModelView {
    validation: ValidationResult,
}

pub(super) fn collect(
    context: &Context,
    sweeps: &IndexMap<String, Vec<Trial>>,
) -> Result<Vec<SweepData>> {
    let sweep = |(name, trials): (&String, &Vec<Trial>)| sweep(context, name, trials);
    sweeps.iter().map(sweep).collect()
}

fn sweep(context: &Context, name: &str, trials: &[Trial]) -> Result<SweepData> {
    let mut sweep = SweepData {
        name: name.to_owned(),
        ..SweepData::default()
    };
    for trial in trials {
        let Some(artifact) = find(context, StageName::Train, &trial.name) else {
            continue;
        };
        let validation = read::<ModelView>(artifact, "model.json")?.validation;
        sweep.rows = validation.rows;
        if trial.seed == 0 || sweep.points.is_empty() {
            sweep.over = trial.values.keys().cloned().collect();
            sweep.points.push(SweepPoint {
                values: trial.values.values().map(format_value).collect(),
                numbers: trial.values.values().map(number).collect(),
                trials: Vec::new(),
            });
        }
        let point = sweep.points.last_mut().expect("the first trial adds one");
        point.trials.push(TrialData {
            name: trial.name.clone(),
            loss: validation.loss,
            accuracy: validation.accuracy,
            epochs: training_record::read(artifact)?,
            seconds: artifact.manifest().run.seconds,
            stopped_after: match artifact.manifest().file("rung.json") {
                Some(_) => read::<Rung>(artifact, "rung.json")?.stopped_after,
                None => None,
            },
        });
    }
    Ok(sweep)
}

/// The learning-rate range tests.
pub(super) fn range_tests(context: &Context) -> Result<Vec<RangeTestData>> {
    let tests = context.inputs(StageName::Train);
    let tests = tests.filter(|it| matches!(it.1.manifest().contract, Contract::RangeTest { .. }));
    let read = |(name, artifact): (&str, &Artifact)| {
        let name = name.to_owned();
        let test: RangeTestData = read(artifact, "range.json")?;
        Ok(RangeTestData { name, ..test })
    };
    tests.map(read).collect()
}

fn number(value: &toml::Value) -> Option<f64> {
    let whole = || value.as_integer().map(|whole| whole as f64);
    value.as_float().or_else(whole)
}

fn format_value(value: &toml::Value) -> String {
    let text = value.as_str();
    text.map_or_else(|| value.to_string(), str::to_owned)
}
