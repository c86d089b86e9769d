//! Selects the best trial of a sweep by validation loss, and copies its bundle.

use artifact::files::write_json;
use artifact::{Artifact, Failure, OutputFile, StageName, format};
use bundle::ModelFile;
use serde::Serialize;
use serde_json::json;
use settings::ModelSettings;
use stage::{Context, Outcome};

use crate::Result;
use crate::bundle_output::copy_bundle;

/// The file with the results of all trials and the selected one.
const SELECTION_FILE: &str = "selection.json";

/// The validation result of one trial.
#[derive(Clone, Debug, Serialize)]
struct TrialResult {
    trial: String,
    seed: u64,
    /// Mean cross-entropy on validation, in nats.
    loss: f64,
    /// Share of validation rows predicted correctly.
    accuracy: f64,
}

/// Copies the bundle of the best trial. Settings are compared by their mean loss over all seeds, so that a lucky seed
/// does not decide; among the trials of the best settings, the best seed is selected.
pub(crate) fn run(context: &Context, settings: &ModelSettings) -> Result<Outcome> {
    let mut trials: Vec<(TrialResult, ModelSettings, &Artifact)> = Vec::new();
    for (name, artifact) in context.inputs(StageName::Train) {
        artifact.verify()?;
        let model = ModelFile::load(artifact.folder())?;
        let result = TrialResult {
            trial: name.to_owned(),
            seed: model.architecture.seed,
            loss: model.validation.loss,
            accuracy: model.validation.accuracy,
        };
        let mut without_seed = model.architecture;
        without_seed.seed = 0;
        trials.push((result, without_seed, artifact));
    }
    let mean = |settings: &ModelSettings| {
        let same = trials.iter().filter(|(_, other, _)| other == settings);
        let losses: Vec<f64> = same.map(|(result, ..)| result.loss).collect();
        losses.iter().sum::<f64>() / losses.len() as f64
    };
    let best = trials.iter().min_by(|one, two| {
        let by_mean = mean(&one.1).total_cmp(&mean(&two.1));
        by_mean.then(one.0.loss.total_cmp(&two.0.loss))
    });
    let Some((result, _, artifact)) = best else {
        return Err(Failure::new("The sweep has no trials"));
    };
    let mut files = copy_bundle(context, artifact, &[])?;
    let all: Vec<&TrialResult> = trials.iter().map(|(result, ..)| result).collect();
    let (sweep, chosen) = (&settings.sweep, &result.trial);
    let selection = json!({ "sweep": sweep, "chosen": chosen, "trials": all });
    write_json(&context.output().join(SELECTION_FILE), &selection)?;
    files.push(OutputFile::data(SELECTION_FILE));
    let (share, loss) = (format::percent(result.accuracy), result.loss);
    let all = format::plural(trials.len() as u64, "trial", "trials");
    let figures = format!("{share} of validation reviews correct, loss {loss:.4}");
    let summary = format!("{chosen}, best of {all}: {figures}");
    let contract = artifact.manifest().contract.clone();
    Ok(Outcome::new(contract, files, summary))
}
