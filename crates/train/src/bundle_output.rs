//! Writes a trained model as a bundle.

use std::fs;
use std::path::Path;

use artifact::format::{count, percent};
use artifact::{Artifact, ArtifactError, Contract, Failure, FileRole, OutputFile, StageName};
use bundle::{Calibration, ModelFile, Provenance, Sizes, TokenizerReference, ValidationResult};
use classifier::{
    ClassifierError, Network, TRANSFORMERS_FILES, TokenContract, Weights, save_bundle,
    save_for_transformers,
};
use metrics::{fit_isotonic, fit_temperature};
use serde::de::DeserializeOwned;
use settings::{CalibrationKind, ModelKind, ModelSettings, TokenizerSettings};
use stage::{Context, Outcome};

use crate::{Result, model_card};

/// The predictions of a model for the validation rows, and how good they are.
pub(crate) struct ValidationScores<'a> {
    /// The labels, as class ids.
    pub(crate) labels: &'a [u8],
    /// The score of each row: the log-odds of the positive class, in nats.
    pub(crate) scores: &'a [f64],
    /// Mean cross-entropy, in nats.
    pub(crate) loss: f64,
    /// Share of rows predicted correctly.
    pub(crate) accuracy: f64,
}

impl ValidationScores<'_> {
    /// The result, for the last line of the stage.
    pub(crate) fn describe(&self) -> String {
        let (share, rows) = (percent(self.accuracy), count(self.labels.len()));
        format!("{share} of {rows} validation reviews correct")
    }
}

/// The `model.json` of a model, with the calibration fitted on the validation rows. Features, penalty, epochs and the
/// number of parameters are set by the caller.
pub(crate) fn model_description(
    context: &Context,
    settings: &ModelSettings,
    contract: &TokenContract,
    sizes: Sizes,
    validation: &ValidationScores<'_>,
) -> Result<ModelFile> {
    let tokens = context.input(StageName::Tokenize);
    let tokenizer: TokenizerSettings = recorded_settings(tokens, "tokens")?;
    let scores = validation.scores.iter().map(|value| *value as f32);
    let (scores, labels): (Vec<f32>, _) = (scores.collect(), validation.labels);
    use Calibration::{Isotonic, Temperature};
    let calibration = match settings.calibration {
        CalibrationKind::Temperature => fit_temperature(&scores, labels).map(Temperature),
        CalibrationKind::Isotonic => fit_isotonic(&scores, labels).map(Isotonic),
    };
    let has_embedding = settings.kind != ModelKind::Linear;
    Ok(ModelFile {
        format: ModelFile::FORMAT,
        // The steps of a sweep do not belong to the description of a model.
        architecture: ModelSettings {
            rung: None,
            range_test: None,
            ..settings.clone()
        },
        features: None,
        sizes,
        normalization: contract.normalization,
        languages: contract.languages.clone(),
        tokenizer: TokenizerReference {
            fingerprint: contract.tokenizer,
            pad_id: contract.pad_id,
            max_length: contract.max_length,
            // The bundle truncates new texts in the same way.
            truncation: tokenizer.truncation,
        },
        labels: contract.classes.clone(),
        calibration: calibration.map_err(Failure::from_error)?,
        parameters: 0,
        penalty: None,
        epochs: 0,
        best_epoch: 0,
        validation: ValidationResult {
            rows: labels.len() as u64,
            loss: validation.loss,
            accuracy: validation.accuracy,
        },
        provenance: Provenance {
            tokens: tokens.identity(),
            embedding: has_embedding.then(|| context.input(StageName::Embed).identity()),
        },
    })
}

/// The settings that an artifact was made with; `name` is its name in an error message.
pub(crate) fn recorded_settings<T: DeserializeOwned>(artifact: &Artifact, name: &str) -> Result<T> {
    let settings = serde_json::from_value(artifact.manifest().settings.clone());
    let problem = format!("Failed to read the settings recorded with the {name}");
    settings.map_err(|error| Failure::new(format!("{problem}: {error}")))
}

/// Writes the bundle of a network. `encoder` is the folder of its pretrained encoder, if it has one.
pub(crate) fn write_network(
    context: &Context,
    model: &ModelFile,
    (network, weights): (&Network, &Weights),
    encoder: Option<&Path>,
) -> Result<(), ClassifierError> {
    let folder: &Path = context.output();
    let tokenizer = context.input(StageName::Tokenize).file("tokenizer.json")?;
    save_bundle(folder, model, network, weights, &tokenizer)?;
    if let Some(encoder) = encoder {
        save_for_transformers(folder, encoder, model)?;
    }
    write_card(context, model)
}

/// Copies the files of another step's bundle into the output, except those in `without`.
pub(crate) fn copy_bundle(
    context: &Context,
    artifact: &Artifact,
    without: &[&str],
) -> Result<Vec<OutputFile>, ArtifactError> {
    let files = artifact.manifest().files.iter();
    let copied = files.filter(|file| !without.contains(&file.name.as_str()));
    let copied = copied.map(|file| {
        let (name, path) = (&file.name, context.output().join(&file.name));
        fs::copy(artifact.file(name)?, &path).map_err(ArtifactError::io("write", &path))?;
        Ok(match file.role {
            FileRole::Data => OutputFile::data(name),
            FileRole::Record => OutputFile::record(name),
        })
    });
    copied.collect()
}

/// Writes the model card.
pub(crate) fn write_card(context: &Context, model: &ModelFile) -> Result<(), ClassifierError> {
    let path = context.output().join("README.md");
    let text = model_card::render(&context.step().variant, model);
    fs::write(&path, text).map_err(ArtifactError::io("write", &path))?;
    Ok(())
}

/// The outcome of the stage.
pub(crate) fn outcome(tokens: &TokenContract, model: &ModelFile, summary: String) -> Outcome {
    let contract = Contract::Model {
        tokenizer: tokens.tokenizer,
        vocabulary_size: tokens.vocabulary_size,
        width: model.sizes.width,
        max_length: tokens.max_length,
        classes: tokens.classes.clone(),
    };
    let data = ["model.safetensors", "model.json", "tokenizer.json"].map(OutputFile::data);
    let mut files = Vec::from(data);
    files.extend(["README.md", "metrics.jsonl"].map(OutputFile::record));
    let kind = model.architecture.kind;
    if matches!(kind, ModelKind::Transformer | ModelKind::Probe) {
        files.extend(TRANSFORMERS_FILES.map(OutputFile::data));
    }
    Outcome::new(contract, files, summary)
}
