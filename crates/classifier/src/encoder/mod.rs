//! Pretrained encoders: BERT and its relatives, from a Hugging Face folder.
//!
//! The function is that of the reference implementation (`transformers`), layer normalisation after
//! each residual sum. What differs is how it is computed: query, key and value in one product, and
//! attention by libtorch's fused kernel where that is fast.

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

/// The shape's file name.
const CONFIG: &str = "config.json";

/// An encoder's shape and the places of its parameters in a [`ParameterLayout`]. The word table is not among
/// them: it is the network's embedding.
#[derive(Debug)]
pub struct Encoder {
    config: EncoderConfig,
    positions: ParameterId,
    token_types: Option<ParameterId>,
    norm: Pair,
    relative: Option<ParameterId>,
    buckets: Buckets,
    layers: Vec<Layer>,
}

/// Weight and bias.
type Pair = [ParameterId; 2];

#[derive(Debug)]
struct Layer {
    attention: Pair,
    attention_output: Pair,
    attention_norm: Pair,
    up: Pair,
    down: Pair,
    norm: Pair,
    /// The number of its first dropout among those of the network; its second one follows.
    dropout: u64,
}

/// Where the first values of a parameter come from: by the tensors of the file that it is made of, without
/// the family's prefix, and by its shape.
type Source<'a> = dyn Fn(&[String], &[i64]) -> Result<Vec<f32>> + 'a;

/// An encoder just read: its places are in the layout it was given.
#[derive(Debug)]
pub struct LoadedEncoder {
    /// The encoder.
    pub encoder: Encoder,
    /// The word table `[V, W]`, row after row.
    pub words: Vec<f32>,
    /// Weight and bias of BERT's pooler, where the folder has it.
    pub pooler: Option<[Vec<f32>; 2]>,
}

impl Encoder {
    /// Reads the `config.json` of a Hugging Face folder.
    ///
    /// # Errors
    /// The file is missing, damaged, or of an encoder that we do not have.
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
    /// A file is missing or damaged; a tensor is missing, unknown, or of another shape or type.
    pub fn load(folder: &Path, layout: &mut ParameterLayout) -> Result<LoadedEncoder> {
        let config = Self::read_config(folder)?;
        let bytes = weights::read(folder)?;
        let tensors = Tensors::of(folder, &bytes, config.family)?;
        let width = config.width;
        let words = tensors.words(&config)?;
        let [weight, bias] = ["pooler.dense.weight", "pooler.dense.bias"];
        let has_pooler = *config.family == family::BERT && tensors.has(weight);
        let pooler = has_pooler.then(|| {
            let weight = tensors.values(&[weight], &[width, width])?;
            Ok::<_, ClassifierError>([weight, tensors.values(&[bias], &[width])?])
        });
        let pooler = pooler.transpose()?;
        let encoder = Self::place(config, layout, &|parts, shape| tensors.values(parts, shape))?;
        tensors.check_extras()?;
        Ok(LoadedEncoder {
            encoder,
            words,
            pooler,
        })
    }

    /// The word table `[V, W]` of a Hugging Face folder, row after row.
    ///
    /// # Errors
    /// See [`Encoder::load`].
    pub fn words_of(folder: &Path, config: &EncoderConfig) -> Result<Vec<f32>> {
        Tensors::of(folder, &weights::read(folder)?, config.family)?.words(config)
    }

    /// What the word table is called in the `model.safetensors` of a classifier of this family.
    pub(crate) fn word_table_name(family: &Family) -> String {
        format!("{}{}", family.prefix, family::WORDS)
    }

    /// An encoder of this shape with all parameters zero, to be filled from a bundle.
    pub(crate) fn empty(config: EncoderConfig, layout: &mut ParameterLayout) -> LoadedEncoder {
        let zeros = |shape: &[i64]| vec![0.0; shape.iter().product::<i64>() as usize];
        let words = zeros(&[config.vocabulary_size, config.width]);
        let encoder = Self::place(config, layout, &|_, shape| Ok(zeros(shape)));
        LoadedEncoder {
            encoder: encoder.expect("zeros can always be had"),
            words,
            pooler: None,
        }
    }

    /// The matrices that states are multiplied with.
    pub(crate) fn matrices(&self) -> Vec<ParameterId> {
        let of_layer = |layer: &Layer| {
            let pairs = [
                layer.attention,
                layer.attention_output,
                layer.up,
                layer.down,
            ];
            pairs.map(|[weight, _]| weight)
        };
        self.layers.iter().flat_map(of_layer).collect()
    }

    /// Its shape.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    fn place(
        config: EncoderConfig,
        layout: &mut ParameterLayout,
        source: &Source<'_>,
    ) -> Result<Self> {
        let names = config.family;
        let mut places = Places {
            layout,
            source,
            prefix: names.prefix,
        };
        let (width, intermediate) = (config.width, config.intermediate);
        let positions = [config.positions, width];
        let positions = places.table("embeddings.position_embeddings", positions)?;
        let token_types = match config.token_types {
            0 => None,
            rows => Some(places.table("embeddings.token_type_embeddings", [rows, width])?),
        };
        let norm = places.pair(&["embeddings.LayerNorm".to_owned()], &[width])?;
        let relative = match config.relative_buckets {
            0 => None,
            rows => Some(places.table("encoder.relative_attention_bias", [rows, config.heads])?),
        };
        let mut layers = Vec::new();
        for number in 0..config.layers {
            places.layout.begin_level(number as u32 + 1);
            let name = |part: &str| format!("{}.{number}.{part}", names.layer);
            // Query, key and value are one matrix: one large product is faster than three.
            let parts = names.query_key_value.map(name);
            layers.push(Layer {
                attention: places.pair(&parts, &[3 * width, width])?,
                attention_output: places.pair(&[name(names.attention_output)], &[width, width])?,
                attention_norm: places.pair(&[name(names.attention_norm)], &[width])?,
                up: places.pair(&[name(names.up)], &[intermediate, width])?,
                down: places.pair(&[name(names.down)], &[width, intermediate])?,
                norm: places.pair(&[name(names.norm)], &[width])?,
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

    /// The states after the embedding and after each layer, `layers + 1` tensors `[B, T, W]`, from
    /// the looked-up word vectors `[T, B, W]`. `drop` is the share of components dropped while
    /// training; attention weights are not dropped, because the counter-based generator cannot give
    /// libtorch's fused kernel its masks.
    pub fn states(&self, vectors: &Tensor, context: ForwardContext<'_>, drop: f64) -> Vec<Tensor> {
        self.states_to(self.layers.len(), vectors, context, drop)
    }

    /// The same up to a layer.
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

    /// The first token's state after the last layer, `[B, W]`: the same as in
    /// [`Encoder::states`], without computing those of the other tokens, which nobody reads.
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

/// Adds parameters to a layout.
struct Places<'a> {
    layout: &'a mut ParameterLayout,
    prefix: &'static str,
    source: &'a Source<'a>,
}

impl Places<'_> {
    fn add(&mut self, parts: Vec<String>, shape: &[i64], decays: bool) -> Result<ParameterId> {
        let values = (self.source)(&parts, shape)?;
        let parts = parts.iter().map(|part| format!("{}{part}", self.prefix));
        Ok(self
            .layout
            .add_parts(parts.collect(), shape, decays, &values))
    }

    fn table(&mut self, name: &str, shape: [i64; 2]) -> Result<ParameterId> {
        self.add(vec![format!("{name}.weight")], &shape, false)
    }

    /// Weight and bias of a layer, or of several whose outputs are laid one after the other; scale and shift of
    /// a normalisation, which do not decay. The first size of `shape` is that of the outputs.
    fn pair(&mut self, names: &[String], shape: &[i64]) -> Result<Pair> {
        let parts = |what: &str| names.iter().map(|name| format!("{name}.{what}")).collect();
        let weight = self.add(parts("weight"), shape, shape.len() > 1)?;
        Ok([weight, self.add(parts("bias"), &shape[..1], false)?])
    }
}
