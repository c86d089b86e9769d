//! The model bundle: a folder that needs nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use artifact::{ArtifactError, Digest, Normalization};
use metrics::{Knot, interpolated};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use settings::{FeatureSettings, ModelKind, ModelSettings, Truncation};
use tch::{Device, Kind, Tensor};

use crate::parameters::as_slice;
use crate::{
    ClassifierError, EncoderConfig, FeatureRows, Network, Parameters, Sizes, TokenContract, Weights,
};

/// The format of `model.json` that this version writes and reads.
const FORMAT: u32 = 1;

/// `model.json`: all that a reader needs beside the weights and the tokenizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Layout of this file.
    pub format: u32,
    /// The network and how it was trained.
    pub architecture: ModelSettings,
    /// What a probe reads of its encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSettings>,
    /// Sizes taken over from the artifacts.
    pub sizes: Sizes,
    /// How the texts it learned from were normalised, before they came to the tokenizer; a bundle that
    /// does not say can be evaluated and not asked about new texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalization: Option<Normalization>,
    /// The tokenizer it reads.
    pub tokenizer: TokenizerReference,
    /// Class names in the order of the logits.
    pub labels: Vec<String>,
    /// How logits become probabilities.
    pub calibration: Calibration,
    /// Number of weights, the embedding included.
    pub parameters: u64,
    /// Epochs trained.
    pub epochs: u32,
    /// The epoch, from 1, whose weights these are.
    pub best_epoch: u32,
    /// How it did on the validation split then.
    pub validation: ValidationResult,
    /// What it was made from.
    pub provenance: Provenance,
}

/// The tokenizer that belongs to a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerReference {
    /// Digest of `tokenizer.json`.
    pub fingerprint: Digest,
    /// The id that fills short rows.
    pub pad_id: u32,
    /// Tokens kept of a row at most.
    pub max_length: u32,
    /// Which ones.
    pub truncation: Truncation,
}

/// How logits become probabilities; fitted on validation. `{"temperature": 1.2}` or `{"isotonic": [...]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Calibration {
    /// Logits are divided by it before the softmax (Guo et al. 2017), which changes no decision.
    Temperature(f64),
    /// A rising line over the difference of the logits (Zadrozny and Elkan 2002), which can move the
    /// difference at which decisions change.
    Isotonic(Vec<Knot>),
}

impl Calibration {
    /// The probability of the positive class, from how far its logit is ahead.
    pub fn probability(&self, difference: f64) -> f64 {
        match self {
            Self::Temperature(temperature) => 1.0 / (1.0 + (-difference / temperature).exp()),
            Self::Isotonic(knots) => interpolated(knots, difference),
        }
    }

    /// In half a line: `logits divided by 1.084`.
    pub fn in_words(&self) -> String {
        match self {
            Self::Temperature(temperature) => format!("logits divided by {temperature:.3}"),
            Self::Isotonic(knots) => format!("isotonic, a rising line of {} points", knots.len()),
        }
    }
}

/// The best epoch's figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationResult {
    /// Rows of the validation split.
    pub rows: u64,
    /// Mean cross-entropy, in nats, before calibration.
    pub loss: f64,
    /// Share of rows classified rightly.
    pub accuracy: f64,
}

/// The artifacts a model was made from, by identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The tokens.
    pub tokens: Digest,
    /// The embedding; a linear model has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Digest>,
}

impl ModelFile {
    /// The format this version writes.
    pub const FORMAT: u32 = FORMAT;

    /// Reads the description of a bundle, and checks that its tokenizer is the one it says.
    ///
    /// # Errors
    /// A file is missing or not what it should be, or the tokenizer was swapped.
    pub fn load(folder: &Path) -> Result<Self, ClassifierError> {
        let refused = |problem: String| ClassifierError::Bundle {
            folder: folder.to_owned(),
            problem,
        };
        let read = |name: &str| read(folder, name);
        let model: Self = serde_json::from_slice(&read("model.json")?).map_err(|error| {
            refused(format!("`model.json` is not a model description: {error}"))
        })?;
        if model.format != FORMAT {
            return Err(refused(format!(
                "it has format {}, and this version reads format {FORMAT}",
                model.format
            )));
        }
        let found = Digest::of_bytes(&read("tokenizer.json")?);
        if found != model.tokenizer.fingerprint {
            return Err(refused(format!(
                "its tokenizer should be {} and is {found}: `tokenizer.json` was swapped",
                model.tokenizer.fingerprint
            )));
        }
        Ok(model)
    }

    /// What the tokens it reads promise.
    pub fn token_contract(&self) -> TokenContract {
        TokenContract {
            tokenizer: self.tokenizer.fingerprint,
            vocabulary_size: self.sizes.vocabulary_size,
            pad_id: self.tokenizer.pad_id,
            max_length: self.tokenizer.max_length,
            classes: self.labels.clone(),
            normalization: self.normalization,
        }
    }

    /// Writes `model.json` and `tokenizer.json` into a folder: all of a bundle but its weights.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save(&self, folder: &Path, tokenizer: &Path) -> Result<(), ClassifierError> {
        let path = folder.join("model.json");
        let text = serde_json::to_string_pretty(self).expect("a model description is plain data");
        fs::write(&path, text + "\n").map_err(ArtifactError::io("write", &path))?;
        let path = folder.join("tokenizer.json");
        fs::copy(tokenizer, &path).map_err(ArtifactError::io("write", &path))?;
        Ok(())
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, ArtifactError> {
    let path = folder.join(name);
    fs::read(&path).map_err(ArtifactError::io("read", &path))
}

/// Writes `model.safetensors`, `model.json` and `tokenizer.json` of a network into a folder.
///
/// # Errors
/// The disk refuses.
pub fn save_bundle(
    folder: &Path,
    model: &ModelFile,
    network: &Network,
    weights: &Weights,
    tokenizer: &Path,
) -> Result<(), ClassifierError> {
    let flat = weights.flat.to_device(Device::Cpu);
    let flat = as_slice(&flat);
    let mut named: BTreeMap<String, (Vec<usize>, Vec<u8>)> = network
        .layout()
        .specs()
        .iter()
        .flat_map(|spec| spec.tensors())
        .map(|(name, shape, range)| (name.to_owned(), (shape, bytes_of(&flat[range]))))
        .collect();
    if let Some(frozen) = &weights.frozen {
        let frozen = frozen.to_device(Device::Cpu).contiguous();
        named.insert(
            network.embedding_name().to_owned(),
            (
                usize_shape(&frozen.size()),
                bytes_of(as_slice(&frozen.view([-1]))),
            ),
        );
    }
    let path = folder.join("model.safetensors");
    let views = named
        .iter()
        .map(|(name, (shape, bytes))| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name, view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(ArtifactError::table("write", &path))?;
    safetensors::serialize_to_file(views, None, &path)
        .map_err(ArtifactError::table("write", &path))?;

    model.save(folder, tokenizer)
}

/// A network read back.
#[derive(Debug)]
pub struct Bundle {
    /// Its description.
    pub model: ModelFile,
    /// Its network.
    pub network: Network,
    /// Its weights.
    pub weights: Weights,
}

impl Bundle {
    /// Reads a bundle and checks that its parts belong together.
    ///
    /// # Errors
    /// A file is missing or not what it should be, the tokenizer was swapped, or a tensor is
    /// missing, unknown or of another shape.
    pub fn load(folder: &Path, device: Device) -> Result<Self, ClassifierError> {
        let refused = |problem: String| ClassifierError::Bundle {
            folder: folder.to_owned(),
            problem,
        };
        let model = ModelFile::load(folder)?;
        let bytes = read(folder, "model.safetensors")?;
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| refused(format!("`model.safetensors` cannot be read: {error}")))?;
        let network = match model.architecture.kind {
            ModelKind::Transformer | ModelKind::Probe => {
                let config =
                    EncoderConfig::parse(&read(folder, "config.json")?).map_err(|problem| {
                        refused(format!("`config.json` cannot be used: {problem}"))
                    })?;
                check_sizes(&config, model.sizes).map_err(refused)?;
                let classes = model.sizes.classes;
                match &model.features {
                    Some(features) => Network::empty_frozen(features, config, classes),
                    None => Network::empty_transformer(&model.architecture, config, classes),
                }
            }
            ModelKind::Linear | ModelKind::Winner => {
                return Err(refused("it is no network".to_owned()));
            }
            _ => {
                let values = model.sizes.vocabulary_size as usize * model.sizes.width as usize;
                Network::new(&model.architecture, model.sizes, &vec![0.0; values])
            }
        };
        let weights = read_weights(&network, &model, &tensors, device).map_err(refused)?;
        Ok(Self {
            model,
            network,
            weights,
        })
    }
}

impl Bundle {
    /// How far a probe's positive class is ahead of its negative one, from features computed
    /// already.
    ///
    /// # Errors
    /// They are of another width.
    pub fn differences_of(&self, rows: &FeatureRows) -> Result<Vec<f64>, ClassifierError> {
        self.differences_of_states(&rows.values)
    }

    /// The same from the features `[R, F]` themselves.
    ///
    /// # Errors
    /// They are of another width.
    pub fn differences_of_states(&self, states: &Tensor) -> Result<Vec<f64>, ClassifierError> {
        let (found, expected) = (states.size()[1], self.network.state_width());
        if found != expected {
            return Err(ClassifierError::Misfit {
                left: "model",
                right: "features",
                reason: format!("the model reads {expected} components and there are {found}"),
            });
        }
        let parameters = Parameters::view(self.network.layout(), &self.weights.flat, false);
        let [weight, bias] = self.network.output().map(|id| parameters.get(id));
        let values = states.to_device(weight.device());
        let logits = values.linear(weight, Some(bias)).to_device(Device::Cpu);
        let difference = logits.select(1, 1) - logits.select(1, 0);
        Vec::try_from(difference.to_kind(Kind::Double))
            .map_err(ClassifierError::torch("read the logits"))
    }
}

fn check_sizes(config: &EncoderConfig, sizes: Sizes) -> Result<(), String> {
    let of_config = [config.vocabulary_size, config.width];
    let of_model = [sizes.vocabulary_size, sizes.width].map(i64::from);
    if of_config == of_model {
        return Ok(());
    }
    Err(format!(
        "`config.json` says {} words of {} components, and `model.json` {} of {}",
        of_config[0], of_config[1], of_model[0], of_model[1]
    ))
}

fn read_weights(
    network: &Network,
    model: &ModelFile,
    tensors: &SafeTensors<'_>,
    device: Device,
) -> Result<Weights, String> {
    let mut flat = vec![0_f32; network.layout().len()];
    let specs = network.layout().specs();
    for (name, shape, range) in specs.iter().flat_map(|spec| spec.tensors()) {
        floats_of(tensors, name, &shape, &mut flat[range])?;
    }
    let frozen = if network.embedding().is_none() {
        let shape = [
            model.sizes.vocabulary_size as usize,
            model.sizes.width as usize,
        ];
        let mut values = vec![0_f32; shape[0] * shape[1]];
        floats_of(tensors, network.embedding_name(), &shape, &mut values)?;
        let table = Tensor::from_slice(&values).view([shape[0] as i64, shape[1] as i64]);
        Some(table.to_device(device))
    } else {
        None
    };
    let known = |name: &&str| {
        specs
            .iter()
            .any(|spec| spec.parts.iter().any(|part| part == name))
            || (frozen.is_some() && *name == network.embedding_name())
    };
    if let Some(extra) = tensors.names().into_iter().find(|name| !known(name)) {
        return Err(format!(
            "it holds the tensor `{extra}`, which its network does not have"
        ));
    }
    Ok(Weights {
        flat: Tensor::from_slice(&flat).to_device(device),
        frozen,
    })
}

fn floats_of(
    tensors: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
    into: &mut [f32],
) -> Result<(), String> {
    let view = tensors
        .tensor(name)
        .map_err(|_| format!("the tensor `{name}` is missing"))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        return Err(format!(
            "the tensor `{name}` should be F32 of shape {shape:?} and is {:?} of shape {:?}",
            view.dtype(),
            view.shape()
        ));
    }
    for (value, bytes) in into.iter_mut().zip(view.data().chunks_exact(4)) {
        *value = f32::from_le_bytes(bytes.try_into().expect("a chunk of four bytes"));
    }
    Ok(())
}

fn usize_shape(shape: &[i64]) -> Vec<usize> {
    shape
        .iter()
        .map(|&size| usize::try_from(size).unwrap_or(0))
        .collect()
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
