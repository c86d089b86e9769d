//! From the artifacts of a pipeline to the plain values of the page.
//!
//! The report depends on no other stage's crate. Most files are read through the type that their stage
//! writes them by (`artifact::files`), the others through a view that ignores what the page does not show.

mod challenge;
mod explained;
mod models;
mod profile;
mod reading;
mod repeats;
mod reviews;
mod slices;
mod steps;
mod sweeps;
mod texts;
mod tokens;

pub use models::thinned;

use std::fs;
use std::path::Path;

use artifact::{ArtifactError, Contract, StageName};
use metrics::MetricsFile;
use serde::de::DeserializeOwned;
use settings::ReportSettings;
use stage::Context;

use crate::ReportError;
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
) -> Result<ReportData, ReportError> {
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
    let shown = context
        .inputs(StageName::Evaluate)
        .filter(|(name, _)| judged.probabilities.contains_key(*name));
    for (name, evaluation) in shown {
        let mut trained = context.inputs(StageName::Train);
        match trained.find(|(trained, _)| *trained == name) {
            Some((_, artifact)) => {
                let artifacts = (artifact, evaluation);
                data.models
                    .push(models::collect(name, artifacts, judged, metrics)?);
                data.readings
                    .push(reading::collect(context, name, artifact)?);
            }
            None => data
                .models
                .push(models::ensemble(name, evaluation, judged, metrics)?),
        }
    }
    models::add_costs(&mut data.models, &data.readings);
    let best = data.best().map(|(model, _)| model);
    // A model explains its own mistakes; those of an ensemble are mostly those of its first member.
    let explainer = best.map(|best| best.members.first().unwrap_or(&best.name).clone());
    let words = explained::collect(context, explainer.as_deref())?;
    let texts = texts::collect(context, judged, best.map(|best| best.name.as_str()), &words)?;
    data.explained_by = explainer;
    data.slices = texts.slices;
    data.mistakes = texts.mistakes;
    data.doubtful = texts.doubtful;
    for (name, artifact) in context.inputs(StageName::Tokenize) {
        data.tokenizers.push(tokens::tokenizer(name, artifact)?);
    }
    for (name, artifact) in context.inputs(StageName::Embed) {
        // Features are of reviews and not of words.
        if !matches!(artifact.manifest().contract, Contract::Features { .. }) {
            data.embeddings.push(tokens::embedding(name, artifact)?);
        }
    }
    for stage in StageName::ALL {
        data.steps.extend(
            context
                .inputs(stage)
                .map(|(variant, artifact)| steps::step(variant, artifact.manifest())),
        );
    }
    Ok(data)
}

/// Reads a JSON file through a view of it.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ReportError> {
    let text = fs::read_to_string(path).map_err(ArtifactError::io("read", path))?;
    serde_json::from_str(&text).map_err(|source| ReportError::Json {
        path: path.to_owned(),
        source,
    })
}
