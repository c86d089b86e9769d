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
use std::path::PathBuf;

use artifact::{Failure, OutputFile, Split, StageName, format};
use bundle::ValidationResult;
use classifier::{
    ChosenDevice, ClassifierError, ComputePath, IdRows, LIBTORCH_VERSION, Logits, MemoryLimit,
    Network, Replica, Weights, choose_device, guard, logits_of,
};
use settings::{ModelKind, ModelSettings};
use stage::{Context, NoOptions, Outcome, Stage, Task, watch_signals};
use tch::{Kind, Tensor};
use training::{
    BestValidation, Checkpoint, CheckpointManager, Classification, Record, Snapshot, TrainContext,
    train,
};

use data::{Beginning, Data};
use fitted::{Fitted, describe, outcome, write_network};

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
            let course = Course {
                until: settings.training.epochs,
                before: None,
            };
            Ok(train_network(context, &settings, course)?.0)
        }
    }
}

/// From where to where a network is trained.
pub(crate) struct Course {
    /// Epochs after which it ends for now.
    pub(crate) until: u32,
    /// The state and the record of an earlier training of the same model.
    pub(crate) before: Option<Checkpoint>,
}

/// Trains a network and writes its bundle, and tells how it did on validation. Where it ends before
/// all epochs it leaves its state beside the bundle.
pub(crate) fn train_network(
    context: &Context,
    settings: &ModelSettings,
    course: Course,
) -> Result<(Outcome, ValidationResult), Failure> {
    let device = prepare(context)?;
    let data = Data::open(context, settings)?;
    check_rows(context, data.train.len(), data.validation.len())?;
    let mut start = data.begin(settings, &device)?;
    let (best, epochs, state) =
        run_training(context, settings, &data, &device, &mut start, course)?;
    let logits = logits_as_predicted(settings, &data, &device, &start, best.logits)?;
    let (loss, accuracy) = logits.loss_and_accuracy(&data.validation);
    let fitted = Fitted {
        sizes: start.sizes,
        parameters: numbers_of(&start.network, &start.weights),
        features: None,
        contract: &data.contract,
        labels: data.validation.labels(),
        differences: logits.differences(),
        penalty: None,
        epochs,
        best_epoch: best.epoch,
        loss,
        accuracy,
    };
    let model = describe(context, settings, &fitted)?;
    let encoder = data.encoder().map(PathBuf::as_path);
    let parts = (&start.network, &start.weights);
    write_network(context, &model, parts, encoder)?;
    let line = format!(
        "{} train reviews, best of {}: epoch {}, {} right on {} validation reviews",
        format::count(data.train.len() as u64),
        format::plural(u64::from(epochs), "epoch", "epochs"),
        best.epoch,
        format::percent(model.validation.accuracy),
        format::count(model.validation.rows),
    );
    let mut outcome = outcome(&fitted, &model, line);
    if let Some(state) = &state {
        state.write_to(&context.output().join(rung::STATE))?;
        outcome.files.push(OutputFile::data(rung::STATE));
    }
    outcome.device = Some(device.describe());
    outcome.versions = vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())];
    Ok((outcome, model.validation))
}

/// The logits of the validation rows in the number format of predictions, to which calibration is fitted:
/// those of the best epoch, unless training computed them in another format.
fn logits_as_predicted(
    settings: &ModelSettings,
    data: &Data,
    device: &ChosenDevice,
    start: &Beginning,
    trained: Logits,
) -> Result<Logits, ClassifierError> {
    let kind = device.prediction_kind(settings);
    if kind == device.compute_kind(settings).0 {
        return Ok(trained);
    }
    ClassifierError::catch("predict the validation reviews", || {
        let replica = |_| Replica::new(&start.network, &start.weights, kind);
        let mut replicas: Vec<Replica> = (0..device.replicas).map(replica).collect();
        let batch_size = 2 * settings.training.batch_size as usize;
        let shape = (batch_size, data.contract.pad_id, trained.classes);
        let (rows, place) = (&data.validation, device.device);
        let memory = MemoryLimit::default();
        let proceed = |_| ControlFlow::Continue(());
        logits_of(
            &start.network,
            &mut replicas,
            rows,
            shape,
            place,
            &memory,
            &proceed,
        )
    })
}

/// Chooses the device, and says which.
fn prepare(context: &Context) -> Result<ChosenDevice, Failure> {
    let device = choose_device(context.run())?;
    context
        .progress()
        .note(&format!("device: {}", device.describe()));
    Ok(device)
}

/// Refuses to train on nothing or to choose by nothing.
fn check_rows(context: &Context, train: usize, validation: usize) -> Result<(), Failure> {
    for (rows, split, hint) in [
        (train, Split::Train, "Bring more labelled reviews"),
        (
            validation,
            Split::Validation,
            "Raise `clean.split.validation`, the share set aside to choose by",
        ),
    ] {
        if rows == 0 {
            let file = context.pipeline_file().display();
            return Err(
                Failure::new(format!("There are no {split} rows to train with"))
                    .with_hint(format!("{hint}; see `ressenti status --pipeline {file}`")),
            );
        }
    }
    Ok(())
}

/// What the trainer needs to know of the task.
pub(crate) fn task_of<'a>(
    settings: &'a ModelSettings,
    data: &'a Data,
    device: &ChosenDevice,
    network: &'a Network,
) -> Classification<'a> {
    Classification {
        network,
        model: settings,
        train: &data.train,
        validation: &data.validation,
        pad_id: data.contract.pad_id,
        classes: data.contract.classes.len(),
        device: device.device,
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
    TrainContext {
        task,
        settings: &settings.training,
        layer_decay: settings.layer_decay,
        seed: settings.seed,
        device: device.device,
        path: ComputePath::of(device.device),
        replicas: device.replicas,
        kind: compute_kind(context, settings, device),
        may_move: context.run().device == settings::Device::Cpu,
        until: settings.training.epochs,
        note,
    }
}

/// The best epoch, the number of epochs, and the state where the training ended before its last epoch.
type Found = (BestValidation, u32, Option<Snapshot>);

fn run_training(
    context: &Context,
    settings: &ModelSettings,
    data: &Data,
    device: &ChosenDevice,
    start: &mut Beginning,
    course: Course,
) -> Result<Found, Failure> {
    let note = |text: &str| context.progress().note(text);
    let task = task_of(settings, data, device, &start.network);
    let training = TrainContext {
        until: course.until,
        ..context_of(context, settings, &task, device, &note)
    };
    watch_signals();
    let mut manager = CheckpointManager::new(context.kept()?, context.run().checkpoint, &note)
        .before_write(training::on_write);
    let mut record = Record::create(&context.output().join("metrics.jsonl"))?;
    let total = data.train.len() as u64 * u64::from(course.until);
    let bar = context.progress().task("training", Some(total), "reviews");
    let trained = train(
        &training,
        &mut start.weights,
        &mut record,
        &mut manager,
        course.before,
        &|rows, message| show(&bar, rows, message),
    )?;
    let best = trained.best.expect("a classifier is validated");
    Ok((best, trained.epochs, trained.state))
}

/// The number format of the activations; said where there was a choice.
fn compute_kind(context: &Context, settings: &ModelSettings, device: &ChosenDevice) -> Kind {
    let (kind, reason) = device.compute_kind(settings);
    if settings.kind == ModelKind::Transformer {
        let name = ChosenDevice::name_of(kind);
        context
            .progress()
            .note(&format!("activations: {name} ({reason}), weights: f32"));
    }
    kind
}

/// Numbers of a network, those that stay as they are included.
fn numbers_of(network: &Network, weights: &Weights) -> usize {
    network.layout().len() + weights.frozen.as_ref().map_or(0, Tensor::numel)
}

fn show(task: &Task, rows: u64, message: &str) {
    if !message.is_empty() {
        task.message(message);
    }
    task.advance(rows);
}
