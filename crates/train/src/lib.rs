//! The train stage: reads tokens and vectors, trains a model, and writes its bundle.

mod best_trial;
mod bundle_output;
mod data;
mod model_card;
mod ngrams;
mod probe;
mod range_test;
mod rung;
mod scaled_features;
mod self_test;

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
    Checkpoint, CheckpointManager, Classification, Record, TrainContext, TrainError,
    TrainingResult, train,
};

use bundle_output::{ValidationScores, model_description, outcome, write_network};
use data::TrainingInputs;

pub use self_test::self_test;

/// A result whose error is a [`Failure`].
type Result<T, E = Failure> = std::result::Result<T, E>;

/// The train stage.
pub struct Train;

impl Stage for Train {
    const NAME: StageName = StageName::Train;
    const ABOUT: &'static str = "Train a model and write it as a bundle\n\n\
            Reads the training and validation rows of the model's tokens (never the test rows) and its embedding, trains \
            the network of `[model.NAME]`, keeps the weights of the epoch with the lowest validation loss, and fits the \
            calibration of its probabilities on the validation rows.\n\n\
        Writes artifacts/train/NAME/: model.safetensors, model.json, tokenizer.json, README.md, metrics.jsonl.\n\n\
        Examples:\n  ressenti-train --model lstm\n  ressenti-train --model lstm --set run.device=cpu --force";
    type Settings = ModelSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: ModelSettings) -> Result<Outcome> {
        guard(|| run(context, settings))
    }
}

/// The work of the stage.
fn run(context: &Context, settings: ModelSettings) -> Result<Outcome> {
    match settings.kind {
        ModelKind::Probe => return probe::run(context, &settings),
        ModelKind::Linear => return ngrams::run(context, &settings),
        ModelKind::BestOfSweep => return best_trial::run(context, &settings),
        _ => {}
    }
    if let Some(test) = settings.range_test {
        return range_test::run(context, &settings, test);
    }
    if let Some(rung) = &settings.rung {
        return rung::run(context, &settings, rung);
    }
    let until = settings.training.epochs;
    Ok(train_network(context, &settings, until, None)?.0)
}

/// Trains a network up to epoch `until`, writes its bundle, and returns its validation result.
///
/// `before` is the state and the record of an earlier training of the same model to continue from. If epochs remain
/// after `until`, the state is written beside the bundle.
pub(crate) fn train_network(
    context: &Context,
    settings: &ModelSettings,
    until: u32,
    before: Option<Checkpoint>,
) -> Result<(Outcome, ValidationResult)> {
    let (data, mut weights) = TrainingInputs::open(context, settings)?;
    let trained = run_training(context, settings, &data, &mut weights, until, before)?;
    let best = trained.best.expect("a classifier is validated");
    let logits = logits_as_predicted(settings, &data, &weights, best.validation.logits)?;
    let (loss, accuracy) = logits.loss_and_accuracy(&data.validation);
    let scores = ValidationScores {
        labels: &data.validation.labels,
        scores: &logits.scores(),
        loss,
        accuracy,
    };
    let mut model = model_description(context, settings, &data.contract, data.sizes, &scores)?;
    model.parameters = count_parameters(&weights);
    (model.epochs, model.best_epoch) = (trained.epochs, best.epoch);
    let parts = (&data.network, &weights);
    write_network(context, &model, parts, data.encoder.as_deref())?;
    let reviews = format::count(data.train.len());
    let epochs = format::plural(model.epochs.into(), "epoch", "epochs");
    let (epoch, result) = (best.epoch, scores.describe());
    let summary = format!("{reviews} training reviews, best of {epochs}: epoch {epoch}, {result}");
    let mut outcome = outcome(&data.contract, &model, summary);
    if let Some(state) = &trained.state {
        state.write_to(&context.output().join(rung::STATE_FILE))?;
        outcome.files.push(OutputFile::data(rung::STATE_FILE));
    }
    outcome.device = Some(data.device.describe());
    outcome.versions = vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())];
    Ok((outcome, model.validation))
}

/// The logits of the validation rows in the number format of predictions, because calibration is fitted to them. They
/// are computed again only if training used another format.
fn logits_as_predicted(
    settings: &ModelSettings,
    data: &TrainingInputs,
    weights: &Weights,
    trained: Logits,
) -> Result<Logits, ClassifierError> {
    let (device, network) = (&data.device, &data.network);
    let kind = device.prediction_kind(settings);
    if kind == device.training_kind(settings).0 {
        return Ok(trained);
    }
    ClassifierError::catch("predict the validation reviews", || {
        let replica = |_| Replica::new(network, weights, kind);
        let mut replicas: Vec<Replica> = (0..device.replicas).map(replica).collect();
        let (memory, progress) = (MemoryLimit::default(), |_| ControlFlow::Continue(()));
        classification_task(settings, data).validation_logits(&mut replicas, &memory, &progress)
    })
}

/// The classification task that the trainer runs.
pub(crate) fn classification_task<'a>(
    settings: &'a ModelSettings,
    data: &'a TrainingInputs,
) -> Classification<'a> {
    Classification {
        network: &data.network,
        model: settings,
        train: &data.train,
        validation: &data.validation,
        pad_id: data.contract.pad_id,
        device: data.device.device,
    }
}

/// The context of a training: task, settings and device.
pub(crate) fn train_context<'a, T>(
    context: &Context,
    settings: &'a ModelSettings,
    task: &'a T,
    device: &ChosenDevice,
    note: &'a dyn Fn(&str),
) -> TrainContext<'a, T> {
    let (kind, reason) = device.training_kind(settings);
    if settings.kind == ModelKind::Transformer {
        // Only transformers can use another number format than f32.
        let name = ChosenDevice::kind_name(kind);
        note(&format!("activations: {name} ({reason}), weights: f32"));
    }
    TrainContext {
        task,
        settings: &settings.training,
        layer_decay: settings.layer_decay,
        seed: settings.seed,
        device: device.device,
        path: ComputePath::for_device(device.device),
        replicas: device.replicas,
        kind,
        may_resume_on_cpu: context.run().device == settings::Device::Cpu,
        until: settings.training.epochs,
        stop: stop_requested,
        save: save_requested,
        note,
    }
}

fn run_training(
    context: &Context,
    settings: &ModelSettings,
    data: &TrainingInputs,
    weights: &mut Weights,
    until: u32,
    before: Option<Checkpoint>,
) -> Result<TrainingResult, TrainError> {
    let note = |text: &str| context.progress().note(text);
    let task = classification_task(settings, data);
    let training = TrainContext {
        until,
        ..train_context(context, settings, &task, &data.device, &note)
    };
    install_signal_handlers();
    let mut manager =
        CheckpointManager::new(context.resume_directory()?, context.run().checkpoint, &note);
    let mut record = Record::create(&context.output().join("metrics.jsonl"))?;
    let total = data.train.len() as u64 * u64::from(until);
    let bar = context.progress().task("training", Some(total), "reviews");
    let show = |rows, message: &str| show(&bar, rows, message);
    train(&training, weights, &mut record, &mut manager, before, &show)
}

/// Number of parameters of a network, frozen ones included.
fn count_parameters(weights: &Weights) -> u64 {
    (weights.flat.numel() + weights.frozen.as_ref().map_or(0, Tensor::numel)) as u64
}

fn show(task: &ProgressTask, rows: u64, message: &str) {
    if !message.is_empty() {
        task.message(message);
    }
    task.advance(rows);
}
