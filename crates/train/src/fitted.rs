//! A trained model becomes a bundle.

use std::fs;
use std::path::Path;

use artifact::{Artifact, ArtifactError, Contract, Failure, FileRole, OutputFile, StageName};
use bundle::{Calibration, ModelFile, Provenance, Sizes, TokenizerReference, ValidationResult};
use classifier::{
    ClassifierError, Network, TRANSFORMERS_FILES, TokenContract, Weights, save_bundle,
    save_for_transformers,
};
use metrics::{fit_isotonic, fit_temperature};
use settings::{CalibrationKind, FeatureSettings, ModelKind, ModelSettings, TokenizerSettings};
use stage::{Context, Outcome};

use crate::card;

/// A model as it came out of training, whichever way it was trained.
pub(crate) struct Fitted<'a> {
    pub(crate) sizes: Sizes,
    /// Numbers learned or taken over.
    pub(crate) parameters: usize,
    /// What a probe reads of its encoder.
    pub(crate) features: Option<FeatureSettings>,
    pub(crate) contract: &'a TokenContract,
    /// Class ids of the validation rows.
    pub(crate) labels: &'a [u8],
    /// How far the positive class is ahead on each of them.
    pub(crate) differences: Vec<f64>,
    /// How strongly weights were drawn to 0, where that was chosen.
    pub(crate) penalty: Option<f64>,
    pub(crate) epochs: u32,
    pub(crate) best_epoch: u32,
    /// Mean cross-entropy on validation, in nats.
    pub(crate) loss: f64,
    /// Share of validation rows classified rightly.
    pub(crate) accuracy: f64,
}

/// `model.json`, with the calibration fitted on validation.
pub(crate) fn describe(
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
    let calibration = match settings.calibration {
        CalibrationKind::Temperature => {
            fit_temperature(&differences, fitted.labels).map(Calibration::Temperature)
        }
        CalibrationKind::Isotonic => {
            fit_isotonic(&differences, fitted.labels).map(Calibration::Isotonic)
        }
    };
    Ok(ModelFile {
        format: ModelFile::FORMAT,
        // How a sweep went about it is nothing that the model is.
        architecture: ModelSettings {
            rung: None,
            range_test: None,
            ..settings.clone()
        },
        features: fitted.features.clone(),
        sizes: fitted.sizes,
        normalization: fitted.contract.normalization,
        tokenizer: tokenizer_reference(tokens, fitted.contract)?,
        labels: fitted.contract.classes.clone(),
        calibration: calibration.map_err(Failure::from_error)?,
        parameters: fitted.parameters as u64,
        penalty: fitted.penalty,
        epochs: fitted.epochs,
        best_epoch: fitted.best_epoch,
        validation: ValidationResult {
            rows: fitted.labels.len() as u64,
            loss: fitted.loss,
            accuracy: fitted.accuracy,
        },
        provenance: Provenance {
            tokens: tokens.identity(),
            embedding: (settings.kind != ModelKind::Linear)
                .then(|| context.input(StageName::Embed).identity()),
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

/// Writes the bundle of a network; `encoder` is the folder of the encoder in it, if there is one.
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

/// Copies the files of a bundle that was trained elsewhere, but for those named.
pub(crate) fn take_over(
    context: &Context,
    artifact: &Artifact,
    without: &[&str],
) -> Result<Vec<OutputFile>, ArtifactError> {
    let files = artifact.manifest().files.iter();
    files
        .filter(|file| !without.contains(&file.name.as_str()))
        .map(|file| {
            let path = context.output().join(&file.name);
            fs::copy(artifact.file(&file.name)?, &path)
                .map_err(ArtifactError::io("write", &path))?;
            Ok(match file.role {
                FileRole::Data => OutputFile::data(&file.name),
                FileRole::Record => OutputFile::record(&file.name),
            })
        })
        .collect()
}

/// Writes the model card.
pub(crate) fn write_card(context: &Context, model: &ModelFile) -> Result<(), ClassifierError> {
    let path = context.output().join("README.md");
    let text = card::model_card(&context.step().variant, model);
    fs::write(&path, text).map_err(ArtifactError::io("write", &path))?;
    Ok(())
}

/// The stage's outcome.
pub(crate) fn outcome(fitted: &Fitted<'_>, model: &ModelFile, summary: String) -> Outcome {
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
    if matches!(
        model.architecture.kind,
        ModelKind::Transformer | ModelKind::Probe
    ) {
        files.extend(TRANSFORMERS_FILES.map(OutputFile::data));
    }
    Outcome::new(contract, files, summary)
}
