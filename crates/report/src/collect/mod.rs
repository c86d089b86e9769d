//! Reads the artifacts of a pipeline into the plain values of the report.
//!
//! The report depends on no other stage's crate. It reads most files through the types of `artifact::files`, and the
//! others through a struct with the fields that it needs.

mod challenge;
pub mod decisions;
mod errors;
mod excerpts;
mod input_lengths;
mod models;
mod profile;
mod repeats;
mod reviews;
mod slices;
mod steps;
mod sweeps;
mod tokens;
mod training_record;

pub use models::thin_roc_curve;

use artifact::files::read_json;
use artifact::{Artifact, Contract, StageName};
use metrics::MetricsFile;
use serde::de::DeserializeOwned;
use settings::ReportSettings;
use stage::Context;

use crate::Result;
use crate::data::ReportData;
use crate::predictions::TestPredictions;

/// Reads every input of the report. `predictions` and `metrics` are the merged ones.
///
/// # Errors
/// An artifact is damaged, or a file has not the form that its stage writes.
pub fn collect(
    context: &Context,
    settings: &ReportSettings,
    predictions: &TestPredictions,
    metrics: &MetricsFile,
) -> Result<ReportData> {
    let mut data = ReportData {
        title: settings.title.clone(),
        rows: metrics.rows,
        confidence: metrics.confidence,
        classes: metrics.classes.clone(),
        warnings: metrics.warnings.clone(),
        best: metrics.best.clone(),
        comparisons: metrics.comparisons.clone(),
        reviews: reviews::collect(context)?,
        challenge: challenge::collect(context, predictions)?,
        repeats: repeats::collect(context, &settings.repeats, metrics),
        sweeps: sweeps::collect(context, &settings.sweeps)?,
        range_tests: sweeps::range_tests(context)?,
        ..ReportData::default()
    };
    for (name, evaluation) in evaluations(context, predictions) {
        let trained = find(context, StageName::Train, name);
        let model = models::collect(name, trained, evaluation, predictions, metrics)?;
        data.models.push(model);
        if let Some(trained) = trained {
            let length = input_lengths::collect(context, name, trained)?;
            data.input_lengths.push(length);
        }
    }
    models::add_costs(&mut data.models, &data.input_lengths);
    errors::collect(context, predictions, &mut data)?;
    for (name, artifact) in context.inputs(StageName::Tokenize) {
        data.tokenizers.push(tokens::tokenizer(name, artifact)?);
    }
    for (name, artifact) in context.inputs(StageName::Embed) {
        // Features belong to reviews, not to the entries of a vocabulary.
        if !matches!(artifact.manifest().contract, Contract::Features { .. }) {
            data.embeddings.push(tokens::embedding(name, artifact)?);
        }
    }
    for (variant, artifact) in StageName::ALL.into_iter().flat_map(|it| context.inputs(it)) {
        data.steps.push(steps::step(variant, artifact.manifest()));
    }
    Ok(data)
}

/// The evaluations of the models in the report.
fn evaluations<'a>(
    context: &'a Context,
    predictions: &'a TestPredictions,
) -> impl Iterator<Item = (&'a str, &'a Artifact)> {
    let evaluations = context.inputs(StageName::Evaluate);
    evaluations.filter(|(name, _)| predictions.probabilities.contains_key(*name))
}

/// The artifact of a stage by its variant.
fn find<'a>(context: &'a Context, stage: StageName, variant: &str) -> Option<&'a Artifact> {
    let mut inputs = context.inputs(stage);
    Some(inputs.find(|(name, _)| *name == variant)?.1)
}

/// Reads a JSON file of an artifact.
fn read<T: DeserializeOwned>(artifact: &Artifact, name: &str) -> Result<T> {
    let hint = Some("Rebuild everything with `ressenti run --force`");
    let problem = "does not have the form that its stage writes";
    read_json(&artifact.file(name)?, problem, hint)
}
