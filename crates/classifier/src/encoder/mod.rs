//! Pretrained encoders from Hugging Face folders: BERT, RoBERTa, DistilBERT and MPNet.
//!
//! They compute the same function as the reference implementation (`transformers`), with layer normalisation after
//! each residual sum. For speed, query, key and value are computed in one product, and attention uses libtorch's
//! fused kernel where it is fast.

mod attention;
mod config;
mod family;
mod forward;
mod relative_positions;
mod weights;

use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use tch::Tensor;

pub use config::{Activation, EncoderConfig};
pub use family::Family;

use crate::parameters::{ParameterId, ParameterLayout};
use crate::{ClassifierError, ForwardContext, Result};
use forward::Forward;
use relative_positions::Buckets;
use weights::Tensors;

/// The file with the encoder's configuration.
const CONFIG: &str = "config.json";

/// An encoder: its configuration and the ids of its parameters in a [`ParameterLayout`]. The word table is not among
/// them, because it is the embedding of the network.
#[derive(Debug)]
pub struct Encoder {
    config: EncoderConfig,
    positions: ParameterId,
    token_types: Option<ParameterId>,
    norm: WeightAndBias,
    relative: Option<ParameterId>,
    buckets: Buckets,
    layers: Vec<Layer>,
}

/// Weight and bias.
type WeightAndBias = [ParameterId; 2];

#[derive(Debug)]
struct Layer {
    attention: WeightAndBias,
    attention_output: WeightAndBias,
    attention_norm: WeightAndBias,
    up: WeightAndBias,
    down: WeightAndBias,
    norm: WeightAndBias,
    /// The number of the layer's first dropout among those of the network; its second dropout has the next number.
    dropout: u64,
}

/// Returns the initial values of a parameter, from the names of its tensors without the family's prefix and its shape.
type InitialValues<'a> = dyn Fn(&[String], &[i64]) -> Result<Vec<f32>> + 'a;

/// A loaded encoder, whose parameters were added to a layout.
#[derive(Debug)]
pub struct LoadedEncoder {
    /// The encoder.
    pub encoder: Encoder,
    /// The word table `[V, W]`, row after row.
    pub table: Vec<f32>,
    /// Weight and bias of BERT's pooler, if the folder has it.
    pub pooler: Option<[Vec<f32>; 2]>,
}

impl Encoder {
    /// Reads the `config.json` of a Hugging Face folder.
    ///
    /// # Errors
    /// The file is missing, damaged, or of an unsupported encoder.
    pub fn read_config(folder: &Path) -> Result<EncoderConfig> {
        let path = folder.join(CONFIG);
        let json = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
        EncoderConfig::parse(&json).map_err(|problem| {
            ClassifierError::encoder(folder)(format!("its `{CONFIG}` cannot be used: {problem}"))
        })
    }

    /// Reads an encoder from a Hugging Face folder (`config.json`, `model.safetensors`) and adds its
    /// parameters to a layout.
    ///
    /// # Errors
    /// A file is missing or damaged, or a tensor is missing, unknown, or of another shape or type.
    pub fn load(folder: &Path, layout: &mut ParameterLayout) -> Result<LoadedEncoder> {
        let config = Self::read_config(folder)?;
        let bytes = weights::read(folder)?;
        let tensors = Tensors::parse(folder, &bytes, config.family)?;
        let width = config.width;
        let table = tensors.word_table(&config)?;
        let [weight, bias] = ["pooler.dense.weight", "pooler.dense.bias"];
        let has_pooler = *config.family == family::BERT && tensors.has(weight);
        let pooler = has_pooler.then(|| {
            let weight = tensors.values(&[weight], &[width, width])?;
            Ok::<_, ClassifierError>([weight, tensors.values(&[bias], &[width])?])
        });
        let pooler = pooler.transpose()?;
        let encoder = Self::build(config, layout, &|parts, shape| tensors.values(parts, shape))?;
        tensors.check_extras()?;
        Ok(LoadedEncoder {
            encoder,
            table,
            pooler,
        })
    }

    /// The word table `[V, W]` of a Hugging Face folder, row after row.
    ///
    /// # Errors
    /// See [`Encoder::load`].
    pub fn read_word_table(folder: &Path, config: &EncoderConfig) -> Result<Vec<f32>> {
        Tensors::parse(folder, &weights::read(folder)?, config.family)?.word_table(config)
    }

    /// The name of the word table in the `model.safetensors` of a classifier of this family.
    pub(crate) fn word_table_name(family: &Family) -> String {
        format!("{}{}", family.prefix, family::WORDS)
    }

    /// An encoder with all parameters zero, to be filled from a bundle.
    pub(crate) fn empty(config: EncoderConfig, layout: &mut ParameterLayout) -> LoadedEncoder {
        let zeros = |shape: &[i64]| vec![0.0; shape.iter().product::<i64>() as usize];
        let table = zeros(&[config.vocabulary_size, config.width]);
        let encoder = Self::build(config, layout, &|_, shape| Ok(zeros(shape)));
        LoadedEncoder {
            encoder: encoder.expect("zeros have no error"),
            table,
            pooler: None,
        }
    }

    /// The weight matrices of the layers.
    pub(crate) fn matrices(&self) -> Vec<ParameterId> {
        let pairs = |it: &Layer| [it.attention, it.attention_output, it.up, it.down];
        let pairs = self.layers.iter().flat_map(pairs);
        pairs.map(|[weight, _]| weight).collect()
    }

    /// The configuration.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    fn build(
        config: EncoderConfig,
        layout: &mut ParameterLayout,
        initial: &InitialValues<'_>,
    ) -> Result<Self> {
        let family = config.family;
        let mut loader = ParameterLoader {
            layout,
            initial,
            prefix: family.prefix,
        };
        let (width, intermediate) = (config.width, config.intermediate);
        let positions = [config.positions, width];
        let positions = loader.table("embeddings.position_embeddings", positions)?;
        let token_types = match config.token_types {
            0 => None,
            rows => Some(loader.table("embeddings.token_type_embeddings", [rows, width])?),
        };
        let norm = loader.pair(&["embeddings.LayerNorm".to_owned()], &[width])?;
        let relative = match config.relative_buckets {
            0 => None,
            rows => Some(loader.table("encoder.relative_attention_bias", [rows, config.heads])?),
        };
        let mut layers = Vec::new();
        for number in 0..config.layers {
            loader.layout.begin_level(number as u32 + 1);
            let name = |part: &str| format!("{}.{number}.{part}", family.layer);
            // Query, key and value are one matrix: one large product is faster than three.
            let parts = family.query_key_value.map(name);
            layers.push(Layer {
                attention: loader.pair(&parts, &[3 * width, width])?,
                attention_output: loader.pair(&[name(family.attention_output)], &[width, width])?,
                attention_norm: loader.pair(&[name(family.attention_norm)], &[width])?,
                up: loader.pair(&[name(family.up)], &[intermediate, width])?,
                down: loader.pair(&[name(family.down)], &[width, intermediate])?,
                norm: loader.pair(&[name(family.norm)], &[width])?,
                dropout: 201 + 2 * number as u64,
            });
        }
        Ok(Self {
            config,
            positions,
            token_types,
            norm,
            relative,
            buckets: Buckets::default(),
            layers,
        })
    }

    /// The states after the embedding and after each layer, `layers + 1` tensors `[B, T, W]`, from the word vectors
    /// `[T, B, W]`. `drop` is the dropout in training. Attention weights have no dropout, because libtorch's fused
    /// kernel cannot use the masks of the counter-based RNG.
    pub fn states(&self, vectors: &Tensor, context: ForwardContext<'_>, drop: f64) -> Vec<Tensor> {
        self.states_to(self.layers.len(), vectors, context, drop)
    }

    /// [`Encoder::states`] up to layer `top`.
    pub(crate) fn states_to(
        &self,
        top: usize,
        vectors: &Tensor,
        context: ForwardContext<'_>,
        drop: f64,
    ) -> Vec<Tensor> {
        let (forward, embedded) = Forward::begin(self, vectors, context, drop);
        let mut states = vec![embedded];
        for layer in self.layers.iter().take(top) {
            let xs = states.last().expect("the states before the layer");
            states.push(forward.layer(layer, xs, xs));
        }
        states
    }

    /// The state of the first token after the last layer, `[B, W]`: as in [`Encoder::states`], but without the unused
    /// states of other tokens.
    pub fn first_state(&self, vectors: &Tensor, context: ForwardContext<'_>, drop: f64) -> Tensor {
        let (mut forward, mut xs) = Forward::begin(self, vectors, context, drop);
        let (last, others) = self.layers.split_last().expect("an encoder has layers");
        for layer in others {
            xs = forward.layer(layer, &xs, &xs);
        }
        forward.narrow_to_first();
        let state = forward.layer(last, &xs.narrow(1, 0, 1), &xs);
        state.squeeze_dim(1)
    }
}

/// Adds the parameters of an encoder to a layout.
struct ParameterLoader<'a> {
    layout: &'a mut ParameterLayout,
    prefix: &'static str,
    initial: &'a InitialValues<'a>,
}

impl ParameterLoader<'_> {
    fn add(&mut self, parts: Vec<String>, shape: &[i64], decays: bool) -> Result<ParameterId> {
        let values = (self.initial)(&parts, shape)?;
        let names = parts.iter().map(|part| format!("{}{part}", self.prefix));
        let layout = &mut self.layout;
        Ok(layout.add_parts(names.collect(), shape, decays, &values))
    }

    fn table(&mut self, name: &str, shape: [i64; 2]) -> Result<ParameterId> {
        self.add(vec![format!("{name}.weight")], &shape, false)
    }

    /// Adds weight and bias of a layer, or of several layers whose outputs are concatenated. For a normalisation
    /// these are scale and shift, without weight decay. The first size of `shape` is the number of outputs.
    fn pair(&mut self, names: &[String], shape: &[i64]) -> Result<WeightAndBias> {
        let parts = |kind: &str| names.iter().map(|name| format!("{name}.{kind}")).collect();
        let weight = self.add(parts("weight"), shape, shape.len() > 1)?;
        Ok([weight, self.add(parts("bias"), &shape[..1], false)?])
    }
}
