//! The best trial of a sweep: which one it is, by validation alone, and its bundle.

use artifact::files::write_json;
use artifact::{Artifact, Failure, OutputFile, StageName, format};
use bundle::ModelFile;
use serde::Serialize;
use settings::ModelSettings;
use stage::{Context, Outcome};

use crate::fitted::take_over;

/// Who was chosen among whom.
const SELECTION: &str = "selection.json";

/// One trial and how it did.
#[derive(Clone, Debug, Serialize)]
struct Judged {
    trial: String,
    seed: u64,
    /// Mean cross-entropy on validation, in nats.
    loss: f64,
    /// Share of validation rows classified rightly.
    accuracy: f64,
}

/// Takes over the bundle of the best trial. Settings are judged by their mean loss over seeds, so that
/// luck does not choose; of the best settings the best seed is taken.
pub(crate) fn run(context: &Context, settings: &ModelSettings) -> Result<Outcome, Failure> {
    let mut trials: Vec<(Judged, ModelSettings, &Artifact)> = Vec::new();
    for (name, artifact) in context.inputs(StageName::Train) {
        artifact.verify()?;
        let model = ModelFile::load(artifact.folder())?;
        let judged = Judged {
            trial: name.to_owned(),
            seed: model.architecture.seed,
            loss: model.validation.loss,
            accuracy: model.validation.accuracy,
        };
        let without_seed = ModelSettings {
            seed: 0,
            ..model.architecture
        };
        trials.push((judged, without_seed, artifact));
    }
    let mean = |settings: &ModelSettings| {
        let same = trials.iter().filter(|(_, other, _)| other == settings);
        let losses: Vec<f64> = same.map(|(judged, ..)| judged.loss).collect();
        losses.iter().sum::<f64>() / losses.len() as f64
    };
    let best = trials.iter().min_by(|one, two| {
        mean(&one.1)
            .total_cmp(&mean(&two.1))
            .then(one.0.loss.total_cmp(&two.0.loss))
    });
    let Some((judged, _, artifact)) = best else {
        return Err(Failure::new("The sweep has no trials"));
    };
    let mut files = take_over(context, artifact, &[])?;
    let all: Vec<&Judged> = trials.iter().map(|(judged, ..)| judged).collect();
    let selection =
        serde_json::json!({ "sweep": settings.sweep, "chosen": judged.trial, "trials": all });
    write_json(&context.output().join(SELECTION), &selection)?;
    files.push(OutputFile::data(SELECTION));
    let line = format!(
        "{} of {}: {} right on validation, loss {:.4}",
        judged.trial,
        format::plural(trials.len() as u64, "trial", "trials"),
        format::percent(judged.accuracy),
        judged.loss,
    );
    let contract = artifact.manifest().contract.clone();
    Ok(Outcome::new(contract, files, line))
}
