//! One rung of one trial of a sweep with successive halving (Jamieson and Talwalkar 2016). A trial that is among the
//! best of the previous rung continues training; the bundle of any other trial is copied unchanged. The decision
//! depends on the outputs of the previous rung alone.

use std::fs;

use artifact::files::{Rung, read_json, write_json};
use artifact::{Artifact, ArtifactError, Failure, OutputFile, StageName, format};
use settings::{ModelSettings, RungSettings};
use stage::{Context, Outcome};
use training::{Checkpoint, TrainError};

use crate::bundle_output::copy_bundle;
use crate::{Result, train_network};

/// The training state that the next rung continues from.
pub(crate) const STATE_FILE: &str = "state.safetensors";

/// The file with the state of the trial in the sweep.
const RUNG_FILE: &str = "rung.json";

/// Trains a trial up to the epochs of a rung, or copies its bundle if it was stopped.
pub(crate) fn run(
    context: &Context,
    settings: &ModelSettings,
    rung: &RungSettings,
) -> Result<Outcome> {
    let Some(name) = &rung.from else {
        return continue_training(context, settings, rung, None);
    };
    let mut trials = Vec::new();
    for (trial, artifact) in context.inputs(StageName::Train) {
        trials.push((trial, read_rung(artifact)?, artifact));
    }
    let own = trials.iter().find(|(trial, ..)| trial == name);
    let Some((_, mut own, artifact)) = own.cloned() else {
        return Err(Failure::new(format!("The sweep has no trial `{name}`")));
    };
    if own.stopped_after.is_none() {
        trials.retain(|(_, state, _)| state.stopped_after.is_none());
        // Trials with equal losses stay in the order of the pipeline file.
        trials.sort_by(|one, two| one.1.loss.total_cmp(&two.1.loss));
        let rank = 1 + trials.iter().take_while(|(one, ..)| one != name).count();
        own.place = Some(rank);
        own.compared = Some(trials.len());
        if rank <= rung.trials as usize {
            return continue_training(context, settings, rung, Some((own, artifact)));
        }
        own.stopped_after = Some(own.epochs);
    }
    // The trial was stopped: its bundle is copied unchanged.
    let mut files = copy_bundle(context, artifact, &[STATE_FILE, RUNG_FILE])?;
    own.epochs = rung.epochs;
    files.push(write(context, &own, false)?);
    let epochs = u64::from(own.stopped_after.unwrap_or_default());
    let epochs = format::plural(epochs, "epoch", "epochs");
    let [rank, all] = [own.place, own.compared].map(Option::unwrap_or_default);
    let loss = format!("validation loss {:.4}", own.loss);
    let summary = format!("stopped after {epochs}, rank {rank} of {all}, {loss}");
    let contract = artifact.manifest().contract.clone();
    Ok(Outcome::new(contract, files, summary))
}

fn continue_training(
    context: &Context,
    settings: &ModelSettings,
    rung: &RungSettings,
    before: Option<(Rung, &Artifact)>,
) -> Result<Outcome> {
    let mut state = None;
    if let Some((_, artifact)) = &before {
        let found = Checkpoint::read_from(&artifact.file(STATE_FILE)?);
        let found = state.insert(found.ok_or(TrainError::UnreadableState)?);
        let record = artifact.file("metrics.jsonl")?;
        found.record = fs::read(&record).map_err(ArtifactError::io("read", &record))?;
    }
    let (mut outcome, validation) = train_network(context, settings, rung.epochs, state)?;
    let before = before.map(|(state, _)| state);
    let now = Rung {
        epochs: rung.epochs,
        stopped_after: None,
        place: before.as_ref().and_then(|before| before.place),
        compared: before.and_then(|before| before.compared),
        loss: validation.loss,
    };
    let is_last = rung.epochs >= settings.training.epochs;
    outcome.files.push(write(context, &now, is_last)?);
    Ok(outcome)
}

fn read_rung(artifact: &Artifact) -> Result<Rung> {
    let path = artifact.file(RUNG_FILE)?;
    read_json(&path, "does not describe the state of a trial", None)
}

/// Writes the state of the trial. After the last epoch it is only a record, so that the artifact is identical to that
/// of the same model without successive halving.
fn write(context: &Context, state: &Rung, is_last: bool) -> Result<OutputFile> {
    write_json(&context.output().join(RUNG_FILE), state)?;
    let file = match is_last {
        true => OutputFile::record,
        false => OutputFile::data,
    };
    Ok(file(RUNG_FILE))
}
