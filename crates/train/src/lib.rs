//! From tokens and vectors to a model bundle.

mod card;
mod data;
mod error;
mod faults;
mod logistic;
mod probe;
mod record;
mod self_test;
mod trainer;

use std::path::{Path, PathBuf};

use artifact::{Artifact, Contract, OutputFile, Split, StageName};
use checkpoint::Keeper;
use classifier::{
    Calibration, ChosenDevice, ClassifierError, LIBTORCH_VERSION, ModelFile, Network, Provenance,
    Sizes, TRANSFORMERS_FILES, TokenContract, TokenizerReference, ValidationResult, Weights,
    be_deterministic, choose_device, save_bundle, save_for_transformers,
};
use metrics::fit_temperature;
use settings::{FeatureSettings, ModelKind, ModelSettings, TokenizerSettings};
use stage::{Context, Failure, NoOptions, Outcome, Stage, Task, format, watch_signals};
use tch::{Kind, Tensor};

use data::{Beginning, Data};
use error::failure;

pub use error::TrainError;
pub use record::{Line, Record};
pub use self_test::self_test;
pub use trainer::{OnBatch, Setting, Trained, train};

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
        if settings.kind == ModelKind::Probe {
            return probe::run(context, &settings);
        }
        if context.run().deterministic {
            be_deterministic();
        }
        let device = choose_device(context.run().device, context.run().cores()).map_err(failure)?;
        context
            .progress()
            .note(&format!("device: {}", device.describe()));
        let data = Data::open(context, &settings).map_err(failure)?;
        check_rows(context, data.train.len(), data.validation.len())?;
        let mut start = data.begin(&settings, &device).map_err(failure)?;
        let trained = run_training(context, &settings, &data, &device, &mut start)?;
        let labels: Vec<u8> = (0..data.validation.len())
            .map(|row| data.validation.label(row))
            .collect();
        let fitted = Fitted {
            network: &start.network,
            weights: &start.weights,
            sizes: start.sizes,
            features: None,
            contract: &data.contract,
            labels: &labels,
            differences: trained.logits.differences(),
            epochs: trained.epochs,
            best_epoch: trained.best_epoch,
            loss: trained.loss,
            accuracy: trained.accuracy,
        };
        let model = describe(context, &settings, &fitted)?;
        let encoder = data.encoder().map(PathBuf::as_path);
        write_bundle(context, &model, &fitted, encoder).map_err(failure)?;
        let line = format!(
            "{} train reviews, best of {}: epoch {}, {} right on {} validation reviews",
            format::count(data.train.len() as u64),
            format::plural(u64::from(trained.epochs), "epoch", "epochs"),
            trained.best_epoch,
            format::percent(model.validation.accuracy),
            format::count(model.validation.rows),
        );
        Ok(Outcome {
            device: Some(device.describe()),
            versions: vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())],
            ..outcome(&fitted, &model, line)
        })
    }
}

/// A model as it came out of training, whichever way it was trained.
pub(crate) struct Fitted<'a> {
    network: &'a Network,
    weights: &'a Weights,
    sizes: Sizes,
    /// What a probe reads of its encoder.
    features: Option<FeatureSettings>,
    contract: &'a TokenContract,
    /// Class ids of the validation rows.
    labels: &'a [u8],
    /// How far the positive class is ahead on each of them.
    differences: Vec<f64>,
    epochs: u32,
    best_epoch: u32,
    /// Mean cross-entropy on validation, in nats.
    loss: f64,
    /// Share of validation rows classified rightly.
    accuracy: f64,
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
        may_move: context.run().device == settings::Device::Cpu,
    };
    watch_signals();
    let note = |text: &str| context.progress().note(text);
    let mut keeper = Keeper::new(context.kept()?, context.run().checkpoint, &note)
        .before_write(faults::on_write);
    let mut record = Record::create(&context.output().join("metrics.jsonl"))?;
    let total = data.train.len() as u64 * u64::from(settings.training.epochs);
    let task = context.progress().task("training", Some(total), "reviews");
    train(
        &setting,
        &mut start.weights,
        &mut record,
        &mut keeper,
        &|rows, message| show(&task, rows, message),
    )
    .map_err(Failure::from)
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

fn show(task: &Task, rows: u64, message: &str) {
    if !message.is_empty() {
        task.message(message);
    }
    task.advance(rows);
}

fn describe(
    context: &Context,
    settings: &ModelSettings,
    fitted: &Fitted<'_>,
) -> Result<ModelFile, Failure> {
    let tokens = context.input(StageName::Tokenize);
    let differences: Vec<f32> = fitted
        .differences
        .iter()
        .map(|value| *value as f32)
        .collect();
    let temperature = fit_temperature(&differences, fitted.labels).map_err(Failure::from_error)?;
    let frozen = fitted.weights.frozen.as_ref().map_or(0, Tensor::numel);
    Ok(ModelFile {
        format: ModelFile::FORMAT,
        architecture: settings.clone(),
        features: fitted.features.clone(),
        sizes: fitted.sizes,
        tokenizer: tokenizer_reference(tokens, fitted.contract)?,
        labels: fitted.contract.classes.clone(),
        calibration: Calibration { temperature },
        parameters: (fitted.network.layout().len() + frozen) as u64,
        epochs: fitted.epochs,
        best_epoch: fitted.best_epoch,
        validation: ValidationResult {
            rows: fitted.labels.len() as u64,
            loss: fitted.loss,
            accuracy: fitted.accuracy,
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

/// Writes the bundle; `encoder` is the folder of the encoder in it, if there is one.
fn write_bundle(
    context: &Context,
    model: &ModelFile,
    fitted: &Fitted<'_>,
    encoder: Option<&Path>,
) -> Result<(), ClassifierError> {
    let folder: &Path = context.output();
    let tokenizer = context.input(StageName::Tokenize).file("tokenizer.json")?;
    save_bundle(folder, model, fitted.network, fitted.weights, &tokenizer)?;
    if let Some(encoder) = encoder {
        save_for_transformers(folder, encoder, model)?;
    }
    let path = folder.join("README.md");
    let text = card::model_card(&context.step().variant, model);
    std::fs::write(&path, text).map_err(artifact::ArtifactError::io("write", &path))?;
    Ok(())
}

fn outcome(fitted: &Fitted<'_>, model: &ModelFile, summary: String) -> Outcome {
    let contract = Contract::Model {
        tokenizer: fitted.contract.tokenizer,
        vocabulary_size: fitted.contract.vocabulary_size,
        width: model.sizes.width,
        max_length: fitted.contract.max_length,
        classes: fitted.contract.classes.clone(),
    };
    let mut files = vec![
        OutputFile::data("model.safetensors"),
        OutputFile::data("model.json"),
        OutputFile::data("tokenizer.json"),
        OutputFile::record("README.md"),
        OutputFile::record("metrics.jsonl"),
    ];
    if fitted.network.encoder().is_some() {
        files.extend(TRANSFORMERS_FILES.map(OutputFile::data));
    }
    Outcome::new(contract, files, summary)
}
