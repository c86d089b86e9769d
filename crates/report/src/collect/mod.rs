//! From the artifacts of a pipeline to the plain values of the page.
//!
//! The report depends on no other stage's crate. Most files are read through the type that their stage
//! writes them by (`artifact::files`), the others through a view that ignores what the page does not show.

mod challenge;
mod explained;
mod models;
mod profile;
mod reading;
mod record;
mod repeats;
mod reviews;
mod slices;
mod steps;
mod sweeps;
mod texts;
mod tokens;

pub use models::thinned;

use artifact::files::read_json;
use artifact::{Artifact, Contract, Failure, StageName};
use metrics::MetricsFile;
use serde::de::DeserializeOwned;
use settings::ReportSettings;
use stage::Context;

use crate::data::ReportData;
use crate::merge::Judged;

/// Reads every input of the report. `judged` and `metrics` are the merged ones.
///
/// # Errors
/// An artifact is damaged, or a file does not hold what its stage promises.
pub fn collect(
    context: &Context,
    settings: &ReportSettings,
    judged: &Judged,
    metrics: &MetricsFile,
) -> Result<ReportData, Failure> {
    let mut data = ReportData {
        title: settings.title.clone(),
        rows: metrics.rows,
        confidence: metrics.confidence,
        comparisons: metrics.comparisons.clone(),
        reviews: reviews::collect(
            context.input(StageName::Ingest),
            context.input(StageName::Clean),
        )?,
        challenge: challenge::collect(context, judged)?,
        repeats: repeats::collect(context, &settings.repeats, metrics),
        sweeps: sweeps::collect(context, &settings.sweeps)?,
        range_tests: sweeps::range_tests(context)?,
        ..ReportData::default()
    };
    for (name, evaluation) in shown(context, judged) {
        let trained = find(context, StageName::Train, name);
        let model = models::collect(name, trained, evaluation, judged, metrics)?;
        data.models.push(model);
        if let Some(trained) = trained {
            let reading = reading::collect(context, name, trained)?;
            data.readings.push(reading);
        }
    }
    models::add_costs(&mut data.models, &data.readings);
    texts::collect(context, judged, &mut data)?;
    for (name, artifact) in context.inputs(StageName::Tokenize) {
        data.tokenizers.push(tokens::tokenizer(name, artifact)?);
    }
    for (name, artifact) in context.inputs(StageName::Embed) {
        // Features are of reviews and not of words.
        if !matches!(artifact.manifest().contract, Contract::Features { .. }) {
            data.embeddings.push(tokens::embedding(name, artifact)?);
        }
    }
    for (variant, artifact) in StageName::ALL.into_iter().flat_map(|it| context.inputs(it)) {
        data.steps.push(steps::step(variant, artifact.manifest()));
    }
    Ok(data)
}

/// The evaluations of the models that the page shows.
fn shown<'a>(
    context: &'a Context,
    judged: &'a Judged,
) -> impl Iterator<Item = (&'a str, &'a Artifact)> {
    let evaluations = context.inputs(StageName::Evaluate);
    evaluations.filter(|(name, _)| judged.probabilities.contains_key(*name))
}

/// The artifact of a stage by its variant.
fn find<'a>(context: &'a Context, stage: StageName, variant: &str) -> Option<&'a Artifact> {
    let mut inputs = context.inputs(stage);
    Some(inputs.find(|(name, _)| *name == variant)?.1)
}

/// Reads a JSON file of an artifact.
fn read<T: DeserializeOwned>(artifact: &Artifact, name: &str) -> Result<T, Failure> {
    let hint = Some("Rebuild everything with `ressenti run --force`");
    let problem = "does not hold what its stage promises";
    read_json(&artifact.file(name)?, problem, hint)
}
