//! From tokens and vectors to a model bundle.

mod card;
mod data;
mod dense;
mod fitted;
mod ngrams;
mod probe;
mod range_test;
mod rung;
mod self_test;
mod winner;

use std::ops::ControlFlow;

use artifact::{Failure, OutputFile, StageName, format};
use bundle::ValidationResult;
use classifier::{
    ChosenDevice, ClassifierError, ComputePath, IdRows, LIBTORCH_VERSION, Logits, MemoryLimit,
    Replica, Weights, guard,
};
use settings::{ModelKind, ModelSettings};
use stage::{
    Context, NoOptions, Outcome, ProgressTask, Stage, install_signal_handlers, save_requested,
    stop_requested,
};
use tch::Tensor;
use training::{
    Checkpoint, CheckpointManager, Classification, Record, TrainContext, TrainError, Trained, train,
};

use data::Data;
use fitted::{Scored, describe, outcome, write_network};

pub use self_test::self_test;

/// The train stage.
pub struct Train;

impl Stage for Train {
    const NAME: StageName = StageName::Train;
    const ABOUT: &'static str = "Train a model: from tokens and vectors to a model bundle\n\n\
        Reads the train and validation rows of the model's tokens (never the test rows) and its embedding, trains the \
        network of `[model.NAME]`, keeps the weights of the epoch with the lowest validation loss, and fits what \
        turns logits into honest probabilities.\n\n\
        Writes artifacts/train/NAME/: model.safetensors, model.json, tokenizer.json, README.md, metrics.jsonl.\n\n\
        Examples:\n  ressenti-train --variant lstm\n  ressenti-train --variant lstm --set run.device=cpu --force";
    type Settings = ModelSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: ModelSettings) -> Result<Outcome, Failure> {
        guard(|| run(context, settings))
    }
}

/// The work of the stage.
fn run(context: &Context, settings: ModelSettings) -> Result<Outcome, Failure> {
    match settings.kind {
        ModelKind::Probe => return probe::run(context, &settings),
        ModelKind::Linear => return ngrams::run(context, &settings),
        ModelKind::Winner => return winner::run(context, &settings),
        _ => {}
    }
    if let Some(test) = settings.range_test {
        return range_test::run(context, &settings, test);
    }
    match &settings.rung {
        Some(rung) => rung::run(context, &settings, rung),
        None => {
            let until = settings.training.epochs;
            Ok(train_network(context, &settings, until, None)?.0)
        }
    }
}

/// Trains a network until so many epochs are done and writes its bundle, and tells how it did on validation.
/// Goes on from `before`, the state and the record of an earlier training of the same model. Where it ends
/// before all epochs it leaves its state beside the bundle.
pub(crate) fn train_network(
    context: &Context,
    settings: &ModelSettings,
    until: u32,
    before: Option<Checkpoint>,
) -> Result<(Outcome, ValidationResult), Failure> {
    let (data, mut weights) = Data::open(context, settings)?;
    let trained = run_training(context, settings, &data, &mut weights, until, before)?;
    let best = trained.best.expect("a classifier is validated");
    let logits = logits_as_predicted(settings, &data, &weights, best.validation.logits)?;
    let (loss, accuracy) = logits.loss_and_accuracy(&data.validation);
    let scored = Scored {
        labels: data.validation.labels(),
        differences: &logits.differences(),
        loss,
        accuracy,
    };
    let mut model = describe(context, settings, &data.contract, data.sizes, &scored)?;
    model.parameters = numbers_of(&weights);
    (model.epochs, model.best_epoch) = (trained.epochs, best.epoch);
    let parts = (&data.network, &weights);
    write_network(context, &model, parts, data.encoder.as_deref())?;
    let line = format!(
        "{} train reviews, best of {}: epoch {}, {} right on {} validation reviews",
        format::count(data.train.len() as u64),
        format::plural(u64::from(model.epochs), "epoch", "epochs"),
        best.epoch,
        format::percent(model.validation.accuracy),
        format::count(model.validation.rows),
    );
    let mut outcome = outcome(&data.contract, &model, line);
    if let Some(state) = &trained.state {
        state.write_to(&context.output().join(rung::STATE))?;
        outcome.files.push(OutputFile::data(rung::STATE));
    }
    outcome.device = Some(data.device.describe());
    outcome.versions = vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())];
    Ok((outcome, model.validation))
}

/// The logits of the validation rows in the number format of predictions, to which calibration is fitted:
/// those of the best epoch, unless training computed them in another format.
fn logits_as_predicted(
    settings: &ModelSettings,
    data: &Data,
    weights: &Weights,
    trained: Logits,
) -> Result<Logits, ClassifierError> {
    let (device, network) = (&data.device, &data.network);
    let kind = device.prediction_kind(settings);
    if kind == device.compute_kind(settings).0 {
        return Ok(trained);
    }
    ClassifierError::catch("predict the validation reviews", || {
        let replica = |_| Replica::new(network, weights, kind);
        let mut replicas: Vec<Replica> = (0..device.replicas).map(replica).collect();
        let (memory, go_on) = (MemoryLimit::default(), |_| ControlFlow::Continue(()));
        task_of(settings, data).validation_logits(&mut replicas, &memory, &go_on)
    })
}

/// What the trainer needs to know of the task.
pub(crate) fn task_of<'a>(settings: &'a ModelSettings, data: &'a Data) -> Classification<'a> {
    Classification {
        network: &data.network,
        model: settings,
        train: &data.train,
        validation: &data.validation,
        pad_id: data.contract.pad_id,
        device: data.device.device,
    }
}

/// What the trainer needs to know beside the task.
pub(crate) fn context_of<'a, T>(
    context: &Context,
    settings: &'a ModelSettings,
    task: &'a T,
    device: &ChosenDevice,
    note: &'a dyn Fn(&str),
) -> TrainContext<'a, T> {
    let (kind, reason) = device.compute_kind(settings);
    if settings.kind == ModelKind::Transformer {
        // Only here there was a choice.
        let name = ChosenDevice::name_of(kind);
        note(&format!("activations: {name} ({reason}), weights: f32"));
    }
    TrainContext {
        task,
        settings: &settings.training,
        layer_decay: settings.layer_decay,
        seed: settings.seed,
        device: device.device,
        path: ComputePath::of(device.device),
        replicas: device.replicas,
        kind,
        may_move: context.run().device == settings::Device::Cpu,
        until: settings.training.epochs,
        stop: stop_requested,
        save: save_requested,
        note,
    }
}

fn run_training(
    context: &Context,
    settings: &ModelSettings,
    data: &Data,
    weights: &mut Weights,
    until: u32,
    before: Option<Checkpoint>,
) -> Result<Trained, TrainError> {
    let note = |text: &str| context.progress().note(text);
    let task = task_of(settings, data);
    let training = TrainContext {
        until,
        ..context_of(context, settings, &task, &data.device, &note)
    };
    install_signal_handlers();
    let mut manager =
        CheckpointManager::new(context.resume_directory()?, context.run().checkpoint, &note);
    let mut record = Record::create(&context.output().join("metrics.jsonl"))?;
    let total = data.train.len() as u64 * u64::from(until);
    let bar = context.progress().task("training", Some(total), "reviews");
    let on_batch = |rows, message: &str| show(&bar, rows, message);
    train(
        &training,
        weights,
        &mut record,
        &mut manager,
        before,
        &on_batch,
    )
}

/// Numbers of a network, those that stay as they are included.
fn numbers_of(weights: &Weights) -> u64 {
    (weights.flat.numel() + weights.frozen.as_ref().map_or(0, Tensor::numel)) as u64
}

fn show(task: &ProgressTask, rows: u64, message: &str) {
    if !message.is_empty() {
        task.message(message);
    }
    task.advance(rows);
}
