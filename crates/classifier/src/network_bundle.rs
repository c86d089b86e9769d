//! The bundle of a network: a folder with everything that is needed to use it.

use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use bundle::{BundleError, ModelFile, Sizes};
use safetensors::tensor::{Dtype, SafeTensors};
use settings::ModelKind;
use tch::{Device, Kind, Tensor};

use crate::parameters::as_slice;
use crate::tensor_file::{floats, tensor_view, tensor_views, write_tensors};
use crate::{ClassifierError, EncoderConfig, Network, Parameters, Result, Weights};

/// Writes `model.safetensors`, `model.json` and `tokenizer.json` of a network into a folder.
///
/// # Errors
/// A file cannot be written.
pub fn save_bundle(
    folder: &Path,
    model: &ModelFile,
    network: &Network,
    weights: &Weights,
    tokenizer: &Path,
) -> Result<()> {
    let flat = weights.flat.to_device(Device::Cpu);
    let flat = as_slice(&flat);
    let mut tensors = tensor_views(network.layout().specs(), flat);
    let frozen = weights.frozen.as_ref();
    let frozen = frozen.map(|table| table.to_device(Device::Cpu).contiguous());
    if let Some(table) = &frozen {
        let shape = table.size().iter().map(|size| *size as usize).collect();
        let name = network.embedding_name.clone();
        tensors.push((name, tensor_view(shape, as_slice(table))));
    }
    write_tensors(&folder.join("model.safetensors"), tensors, None)?;
    Ok(model.save(folder, tokenizer)?)
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, ArtifactError> {
    let path = folder.join(name);
    fs::read(&path).map_err(ArtifactError::io("read", &path))
}

/// A network that was read from a bundle.
#[derive(Debug)]
pub struct Bundle {
    /// The description in `model.json`.
    pub model: ModelFile,
    /// The network.
    pub network: Network,
    /// The weights.
    pub weights: Weights,
}

impl Bundle {
    /// Reads a bundle and checks that its files belong together.
    ///
    /// # Errors
    /// A file is missing or damaged, the tokenizer was replaced, or a tensor is missing, unknown or of another shape.
    pub fn load(folder: &Path, device: Device) -> Result<Self> {
        let refused = |problem: String| BundleError::Unusable {
            folder: folder.to_owned(),
            problem,
        };
        let model = ModelFile::load(folder)?;
        let bytes = read(folder, "model.safetensors")?;
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| refused(format!("`model.safetensors` cannot be read: {error}")))?;
        let network = match model.architecture.kind {
            ModelKind::Transformer | ModelKind::Probe => {
                let unusable = |cause| refused(format!("`config.json` cannot be used: {cause}"));
                let json = read(folder, "config.json")?;
                let config = EncoderConfig::parse(&json).map_err(unusable)?;
                check_sizes(&config, model.sizes).map_err(refused)?;
                Network::empty(&model, config)
            }
            ModelKind::Linear | ModelKind::BestOfSweep => {
                return Err(refused("it is not a network".to_owned()).into());
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

    /// The scores of a probe for features `[R, F]`: the log-odds of the positive class, in nats.
    ///
    /// # Errors
    /// The features have another width.
    pub fn score_features(&self, states: &Tensor) -> Result<Vec<f64>> {
        let (found, expected) = (states.size()[1], self.network.state_width());
        if found != expected {
            let mismatch = ClassifierError::mismatch("model", "features");
            let reason =
                format!("the model reads {expected} features per review, but there are {found}");
            return Err(mismatch(reason));
        }
        let parameters = Parameters::view(self.network.layout(), &self.weights.flat);
        let [weight, bias] = parameters.get_all(self.network.output());
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
    let describe = |[words, width]: [i64; 2]| format!("{words} words of width {width}");
    let (config, model) = (describe(of_config), describe(of_model));
    Err(format!(
        "`config.json` states {config}, but `model.json` states {model}"
    ))
}

fn read_weights(
    network: &Network,
    model: &ModelFile,
    tensors: &SafeTensors<'_>,
    device: Device,
) -> Result<Weights, String> {
    // The tensors are in the order of the buffer.
    let mut flat = Vec::with_capacity(network.layout().len());
    let specs = network.layout().specs();
    for (name, shape, _) in specs.iter().flat_map(|spec| spec.tensors()) {
        flat.extend(floats_of(tensors, name, &shape)?);
    }
    let (name, sizes) = (&network.embedding_name, model.sizes);
    let shape = [sizes.vocabulary_size, sizes.width].map(|size| size as usize);
    let frozen = network.embedding().is_none().then(|| {
        let table = floats_of(tensors, name, &shape)?;
        let table = Tensor::from_slice(&table).view(shape.map(|size| size as i64));
        Ok::<_, String>(table.to_device(device))
    });
    let frozen = frozen.transpose()?;
    let is_known = |found: &&str| {
        let mut parts = specs.iter().flat_map(|spec| &spec.parts);
        parts.any(|part| part == found) || (frozen.is_some() && *found == name)
    };
    if let Some(extra) = tensors.names().into_iter().find(|name| !is_known(name)) {
        let problem = format!("it has the tensor `{extra}`, which its network does not have");
        return Err(problem);
    }
    let flat = Tensor::from_slice(&flat).to_device(device);
    Ok(Weights { flat, frozen })
}

fn floats_of(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    let missing = |_| format!("the tensor `{name}` is missing");
    let view = tensors.tensor(name).map_err(missing)?;
    let (kind, found) = (view.dtype(), view.shape());
    if kind != Dtype::F32 || found != shape {
        return Err(format!(
            "the tensor `{name}` should be F32 of shape {shape:?}, but is {kind:?} of shape {found:?}"
        ));
    }
    floats(&view).ok_or_else(|| format!("the tensor `{name}` cannot be read"))
}
