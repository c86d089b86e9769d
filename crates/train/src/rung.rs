//! One rung of one trial of a sweep that stops the worst early (successive halving, Jamieson and
//! Talwalkar 2016): the trial goes on where it stood, or, if it is not among the best of the rung
//! before, its bundle is taken over as it is. All of it follows from what the rung before has left.

use std::fs;

use artifact::files::{Rung, read_json, write_json};
use artifact::{Artifact, ArtifactError, Failure, OutputFile, StageName, format};
use settings::{ModelSettings, RungSettings};
use stage::{Context, Outcome};
use training::{Checkpoint, TrainError};

use crate::bundle_output::copy_bundle;
use crate::train_network;

/// All that training goes on from, for the rung that follows.
pub(crate) const STATE_FILE: &str = "state.safetensors";

/// How the trial stands.
const RUNG_FILE: &str = "rung.json";

/// Trains a trial through a rung, or leaves it as it stands.
pub(crate) fn run(
    context: &Context,
    settings: &ModelSettings,
    rung: &RungSettings,
) -> Result<Outcome, Failure> {
    let Some(name) = &rung.from else {
        return continue_training(context, settings, rung, None);
    };
    let mut race = Vec::new();
    for (rival, artifact) in context.inputs(StageName::Train) {
        race.push((rival, standing(artifact)?, artifact));
    }
    let own = race.iter().find(|(rival, ..)| rival == name);
    let Some((_, mut own, artifact)) = own.cloned() else {
        return Err(Failure::new(format!("`{name}` is not among its rivals")));
    };
    if own.stopped_after.is_none() {
        race.retain(|(_, standing, _)| standing.stopped_after.is_none());
        // Of equals the first in the file.
        race.sort_by(|one, two| one.1.loss.total_cmp(&two.1.loss));
        let place = 1 + race.iter().take_while(|(rival, ..)| rival != name).count();
        own.place = Some(place);
        own.compared = Some(race.len());
        if place <= rung.trials as usize {
            return continue_training(context, settings, rung, Some((own, artifact)));
        }
        own.stopped_after = Some(own.epochs);
    }
    // Its bundle is taken over as it is.
    let mut files = copy_bundle(context, artifact, &[STATE_FILE, RUNG_FILE])?;
    own.epochs = rung.epochs;
    files.push(write(context, &own, false)?);
    let after = u64::from(own.stopped_after.unwrap_or_default());
    let line = format!(
        "stopped after {}, {} of {} with a validation loss of {:.4}",
        format::plural(after, "epoch", "epochs"),
        own.place.unwrap_or_default(),
        own.compared.unwrap_or_default(),
        own.loss,
    );
    let contract = artifact.manifest().contract.clone();
    Ok(Outcome::new(contract, files, line))
}

fn continue_training(
    context: &Context,
    settings: &ModelSettings,
    rung: &RungSettings,
    before: Option<(Rung, &Artifact)>,
) -> Result<Outcome, Failure> {
    let mut state = None;
    if let Some((_, artifact)) = &before {
        let found = Checkpoint::read_from(&artifact.file(STATE_FILE)?);
        let found = state.insert(found.ok_or(TrainError::UnreadableState)?);
        let record = artifact.file("metrics.jsonl")?;
        found.record = fs::read(&record).map_err(ArtifactError::io("read", &record))?;
    }
    let (mut outcome, validation) = train_network(context, settings, rung.epochs, state)?;
    let before = before.map(|(standing, _)| standing);
    let standing = Rung {
        epochs: rung.epochs,
        stopped_after: None,
        place: before.as_ref().and_then(|before| before.place),
        compared: before.and_then(|before| before.compared),
        loss: validation.loss,
    };
    let is_last = rung.epochs >= settings.training.epochs;
    outcome.files.push(write(context, &standing, is_last)?);
    Ok(outcome)
}

fn standing(artifact: &Artifact) -> Result<Rung, Failure> {
    let path = artifact.file(RUNG_FILE)?;
    read_json(&path, "does not say how the trial stands", None)
}

/// Where a trial was trained to the end it is a record, so that the artifact is the one that the same
/// model is without a race.
fn write(context: &Context, standing: &Rung, is_over: bool) -> Result<OutputFile, Failure> {
    write_json(&context.output().join(RUNG_FILE), standing)?;
    let file = match is_over {
        true => OutputFile::record,
        false => OutputFile::data,
    };
    Ok(file(RUNG_FILE))
}
