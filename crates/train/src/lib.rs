//! From tokens and vectors to a model bundle.

mod adam;
mod card;
mod data;
mod record;
mod schedule;
mod self_test;
mod trainer;

use std::path::Path;

use artifact::{Artifact, Contract, OutputFile, StageName};
use classifier::{
    Calibration, ChosenDevice, ClassifierError, LIBTORCH_VERSION, ModelFile, Provenance,
    TRANSFORMERS_FILES, TokenContract, TokenizerReference, ValidationResult, choose_device,
    save_bundle, save_for_transformers,
};
use metrics::fit_temperature;
use settings::{ModelKind, ModelSettings, TokenizerSettings};
use stage::{Context, Failure, FailureKind, NoOptions, Outcome, Stage, Task, format};
use tch::{Kind, Tensor};

use data::{Beginning, Data};

pub use adam::AdamW;
pub use record::{Line, Record};
pub use schedule::rate;
pub use self_test::self_test;
pub use trainer::{OnBatch, Setting, TrainError, Trained, train};

/// The train stage.
pub struct Train;

impl Stage for Train {
    const NAME: StageName = StageName::Train;
    const ABOUT: &'static str = "Train a model: from tokens and vectors to a model bundle\n\n\
        Reads the train and validation rows of the model's tokens (never the test rows) and its embedding, trains the \
        network of `[model.NAME]`, keeps the weights of the epoch with the lowest validation loss, and fits the \
        temperature that turns logits into probabilities.\n\n\
        Writes artifacts/train/NAME/: model.safetensors, model.json, tokenizer.json, README.md, metrics.jsonl.\n\n\
        Examples:\n  ressenti-train --variant lstm\n  ressenti-train --variant lstm --set run.device=cpu --force";
    type Settings = ModelSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: ModelSettings) -> Result<Outcome, Failure> {
        let device = choose_device(context.run().device, context.run().cores()).map_err(failure)?;
        context
            .progress()
            .note(&format!("device: {}", device.describe()));
        let data = Data::open(context).map_err(failure)?;
        data.check_rows(context)?;
        let mut start = data.begin(&settings, &device).map_err(failure)?;
        let trained = run_training(context, &settings, &data, &device, &mut start)?;
        let model = describe(context, &settings, &data, &start, &trained)?;
        write_bundle(context, &model, &data, &start).map_err(failure)?;
        Ok(outcome(&data, &model, &trained, &device))
    }
}

fn run_training(
    context: &Context,
    settings: &ModelSettings,
    data: &Data,
    device: &ChosenDevice,
    start: &mut Beginning,
) -> Result<Trained, Failure> {
    let setting = Setting {
        network: &start.network,
        model: settings,
        train: &data.train,
        validation: &data.validation,
        pad_id: data.contract.pad_id,
        classes: data.contract.classes.len(),
        device: device.device,
        replicas: device.replicas,
        kind: compute_kind(context, settings, device),
    };
    let mut record = Record::create(&context.output().join("metrics.jsonl"))?;
    let total = data.train.len() as u64 * u64::from(settings.training.epochs);
    let task = context.progress().task("training", Some(total), "reviews");
    train(
        &setting,
        &mut start.weights,
        &mut record,
        &|rows, message| show(&task, rows, message),
    )
    .map_err(train_failure)
}

/// The number format of the activations; said where there was a choice.
fn compute_kind(context: &Context, settings: &ModelSettings, device: &ChosenDevice) -> Kind {
    let (kind, reason) = device.compute_kind(settings);
    if settings.kind == ModelKind::Transformer {
        let name = if kind == Kind::BFloat16 {
            "bf16"
        } else {
            "f32"
        };
        context
            .progress()
            .note(&format!("activations: {name} ({reason}), weights: f32"));
    }
    kind
}

fn show(task: &Task, rows: u64, message: &str) {
    if !message.is_empty() {
        task.message(message);
    }
    task.advance(rows);
}

fn describe(
    context: &Context,
    settings: &ModelSettings,
    data: &Data,
    start: &Beginning,
    trained: &Trained,
) -> Result<ModelFile, Failure> {
    let tokens = context.input(StageName::Tokenize);
    let labels: Vec<u8> = (0..data.validation.len())
        .map(|row| data.validation.label(row))
        .collect();
    let differences: Vec<f32> = trained
        .logits
        .differences()
        .into_iter()
        .map(|value| value as f32)
        .collect();
    let temperature = fit_temperature(&differences, &labels).map_err(Failure::from_error)?;
    let frozen = start.weights.frozen.as_ref().map_or(0, Tensor::numel);
    Ok(ModelFile {
        format: ModelFile::FORMAT,
        architecture: settings.clone(),
        sizes: start.sizes,
        tokenizer: tokenizer_reference(tokens, &data.contract)?,
        labels: data.contract.classes.clone(),
        calibration: Calibration { temperature },
        parameters: (start.network.layout().len() + frozen) as u64,
        epochs: trained.epochs,
        best_epoch: trained.best_epoch,
        validation: ValidationResult {
            rows: data.validation.len() as u64,
            loss: trained.loss,
            accuracy: trained.accuracy,
        },
        provenance: Provenance {
            tokens: tokens.identity(),
            embedding: context.input(StageName::Embed).identity(),
        },
    })
}

/// How texts became these tokens, so that the bundle can do the same with a new text.
fn tokenizer_reference(
    tokens: &Artifact,
    contract: &TokenContract,
) -> Result<TokenizerReference, Failure> {
    let settings: TokenizerSettings = serde_json::from_value(tokens.manifest().settings.clone())
        .map_err(|error| {
            Failure::new(format!(
                "The settings recorded with the tokens cannot be read: {error}"
            ))
        })?;
    Ok(TokenizerReference {
        fingerprint: contract.tokenizer,
        pad_id: contract.pad_id,
        max_length: contract.max_length,
        truncation: settings.truncation,
    })
}

fn write_bundle(
    context: &Context,
    model: &ModelFile,
    data: &Data,
    start: &Beginning,
) -> Result<(), ClassifierError> {
    let folder: &Path = context.output();
    let tokenizer = context.input(StageName::Tokenize).file("tokenizer.json")?;
    save_bundle(folder, model, &start.network, &start.weights, &tokenizer)?;
    if let Some(encoder) = data.encoder() {
        save_for_transformers(folder, encoder, model)?;
    }
    let path = folder.join("README.md");
    let text = card::model_card(&context.step().variant, model);
    std::fs::write(&path, text).map_err(artifact::ArtifactError::io("write", &path))?;
    Ok(())
}

fn outcome(data: &Data, model: &ModelFile, trained: &Trained, device: &ChosenDevice) -> Outcome {
    let contract = Contract::Model {
        tokenizer: data.contract.tokenizer,
        vocabulary_size: data.contract.vocabulary_size,
        width: model.sizes.width,
        max_length: data.contract.max_length,
        classes: data.contract.classes.clone(),
    };
    let mut files = vec![
        OutputFile::data("model.safetensors"),
        OutputFile::data("model.json"),
        OutputFile::data("tokenizer.json"),
        OutputFile::record("README.md"),
        OutputFile::record("metrics.jsonl"),
    ];
    if data.encoder().is_some() {
        files.extend(TRANSFORMERS_FILES.map(OutputFile::data));
    }
    let summary = format!(
        "{} train reviews, best of {}: epoch {}, {} right on {} validation reviews",
        format::count(data.train.len() as u64),
        format::plural(u64::from(trained.epochs), "epoch", "epochs"),
        trained.best_epoch,
        format::percent(model.validation.accuracy),
        format::count(model.validation.rows),
    );
    Outcome {
        device: Some(device.describe()),
        versions: vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())],
        ..Outcome::new(contract, files, summary)
    }
}

fn failure(error: ClassifierError) -> Failure {
    let hint = error.hint();
    // A refused operation is, with ids and labels checked beforehand, the device's fault.
    let kind = if matches!(error, ClassifierError::Torch { .. }) {
        FailureKind::Transient
    } else {
        FailureKind::Mendable
    };
    Failure::from_error(error).with_hint(hint).with_kind(kind)
}

fn train_failure(error: TrainError) -> Failure {
    match error {
        TrainError::Classifier(error) => failure(error),
        TrainError::Artifact(error) => error.into(),
        TrainError::NotANumber { .. } => Failure::from_error(error).with_hint(
            "Lower the rate, for example with `--set training.learning_rate=0.0003`, or clip the gradient with `--set training.clip_norm=1`"
                .to_owned(),
        ),
    }
}
