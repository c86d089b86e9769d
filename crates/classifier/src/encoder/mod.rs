//! Pretrained encoders: BERT and its relatives, from a Hugging Face folder.
//!
//! The function is that of the reference implementation (`transformers`), layer normalisation after
//! each residual sum. What differs is how it is computed: query, key and value in one product, and
//! attention by libtorch's fused kernel where that is fast.

mod attention;
mod config;
mod names;
mod relative;
mod weights;

use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use tch::{Kind, Tensor};

pub use config::{Activation, EncoderConfig, Family};

use crate::dropout::dropout;
use crate::linear::{linear, linear_gelu_linear, rows_of};
use crate::parameters::{Layout, ParameterId, Parameters};
use crate::{Batch, ClassifierError, Mode};
use attention::attention;
use names::{EncoderPlan, LayerPlan, Plan};
use relative::Buckets;
use weights::WeightsFile;

/// The shape's file name.
const CONFIG: &str = "config.json";

/// An encoder's shape and the places of its parameters in a [`Layout`]. The word table is not among
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
}

/// Where a parameter's first values come from.
type Source<'a> = dyn Fn(&Plan) -> Result<Vec<f32>, ClassifierError> + 'a;

/// An encoder just read: its places are in the layout it was given.
#[derive(Debug)]
pub struct Loaded {
    /// The encoder.
    pub encoder: Encoder,
    /// Weight and bias of BERT's pooler, where the folder has it.
    pub pooler: Option<[Vec<f32>; 2]>,
}

impl Encoder {
    /// Reads the `config.json` of a Hugging Face folder.
    ///
    /// # Errors
    /// The file is missing, damaged, or of an encoder that we do not have.
    pub fn config_of(folder: &Path) -> Result<EncoderConfig, ClassifierError> {
        let path = folder.join(CONFIG);
        let json = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
        EncoderConfig::parse(&json).map_err(|problem| ClassifierError::Encoder {
            folder: folder.to_owned(),
            problem: format!("its `{CONFIG}` cannot be used: {problem}"),
        })
    }

    /// Reads an encoder from a Hugging Face folder (`config.json`, `model.safetensors`) and adds its
    /// parameters to a layout.
    ///
    /// # Errors
    /// A file is missing or damaged; a tensor is missing, unknown, or of another shape or type.
    pub fn load(folder: &Path, layout: &mut Layout) -> Result<Loaded, ClassifierError> {
        let config = Self::config_of(folder)?;
        let file = WeightsFile::read(folder)?;
        let tensors = file.tensors(config.family)?;
        let plan = EncoderPlan::of(&config);
        tensors.values(&plan.words)?;
        let pooler = match config.family {
            Family::Bert if tensors.has(&plan.pooler[0].parts[0]) => {
                let [weight, bias] = &plan.pooler;
                Some([tensors.values(weight)?, tensors.values(bias)?])
            }
            _ => None,
        };
        let encoder = Self::place(config, &plan, layout, &|plan| tensors.values(plan))?;
        tensors.check_extras()?;
        Ok(Loaded { encoder, pooler })
    }

    /// The word table `[V, W]` of a Hugging Face folder, row after row.
    ///
    /// # Errors
    /// See [`Encoder::load`].
    pub fn words_of(folder: &Path, config: &EncoderConfig) -> Result<Vec<f32>, ClassifierError> {
        let file = WeightsFile::read(folder)?;
        file.tensors(config.family)?
            .values(&EncoderPlan::of(config).words)
    }

    /// What the word table is called in the `model.safetensors` of a classifier of this family.
    pub(crate) fn word_table_name(family: Family) -> String {
        format!("{}{}", family.prefix(), names::WORDS)
    }

    /// An encoder of this shape with all parameters zero, to be filled from a bundle.
    pub fn empty(config: EncoderConfig, layout: &mut Layout) -> Self {
        let plan = EncoderPlan::of(&config);
        let zeros = |plan: &Plan| Ok(vec![0.0; plan.shape.iter().product::<i64>() as usize]);
        Self::place(config, &plan, layout, &zeros).expect("zeros can always be had")
    }

    /// The matrices that states are multiplied with.
    pub(crate) fn matrices(&self) -> Vec<ParameterId> {
        let of_layer = |layer: &Layer| {
            [
                layer.attention,
                layer.attention_output,
                layer.up,
                layer.down,
            ]
            .map(|[weight, _]| weight)
        };
        self.layers.iter().flat_map(of_layer).collect()
    }

    /// Its shape.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    fn place(
        config: EncoderConfig,
        plan: &EncoderPlan,
        layout: &mut Layout,
        source: &Source<'_>,
    ) -> Result<Self, ClassifierError> {
        let prefix = config.family.prefix();
        let mut places = Places {
            layout,
            source,
            prefix,
        };
        let positions = places.one(&plan.positions)?;
        let token_types = plan
            .token_types
            .as_ref()
            .map(|plan| places.one(plan))
            .transpose()?;
        let norm = places.pair(&plan.norm)?;
        let relative = plan
            .relative
            .as_ref()
            .map(|plan| places.one(plan))
            .transpose()?;
        let layers = plan
            .layers
            .iter()
            .zip(1..)
            .map(|(plan, level)| {
                places.layout.begin_level(level);
                places.layer(plan)
            })
            .collect::<Result<_, _>>()?;
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
    pub fn states(
        &self,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
        mode: Mode,
        drop: f64,
    ) -> Vec<Tensor> {
        self.states_to(self.layers.len(), vectors, batch, parameters, mode, drop)
    }

    /// The same up to a layer.
    pub(crate) fn states_to(
        &self,
        top: usize,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
        mode: Mode,
        drop: f64,
    ) -> Vec<Tensor> {
        let mut states = vec![self.embed(vectors, parameters, mode, drop)];
        let mask = self.mask(batch, parameters, states[0].kind());
        for number in 0..top.min(self.layers.len()) {
            let xs = &states[number];
            let next = self.layer(number, xs, xs, mask.as_ref(), parameters, mode, drop);
            states.push(next);
        }
        states
    }

    /// The first token's state after the last layer, `[B, W]`: the same as in
    /// [`Encoder::states`], without computing those of the other tokens, which nobody reads.
    pub fn first_state(
        &self,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
        mode: Mode,
        drop: f64,
    ) -> Tensor {
        let mut xs = self.embed(vectors, parameters, mode, drop);
        let mask = self.mask(batch, parameters, xs.kind());
        let last = self.layers.len() - 1;
        for number in 0..last {
            xs = self.layer(number, &xs, &xs, mask.as_ref(), parameters, mode, drop);
        }
        let first = xs.narrow(1, 0, 1);
        // Only a relative bias has a row for every reading token.
        let mask = mask.map(|mask| mask.narrow(2, 0, 1));
        self.layer(last, &first, &xs, mask.as_ref(), parameters, mode, drop)
            .squeeze_dim(1)
    }

    /// One layer, for the tokens `reading` `[B, R, W]` that attend to `xs` `[B, T, W]`.
    #[allow(
        clippy::too_many_arguments,
        reason = "all of them are what one layer depends on"
    )]
    fn layer(
        &self,
        number: usize,
        reading: &Tensor,
        xs: &Tensor,
        mask: Option<&Tensor>,
        parameters: &Parameters,
        mode: Mode,
        drop: f64,
    ) -> Tensor {
        let layer = &self.layers[number];
        let place = 201 + 2 * number as u64;
        let attended = self.attend(layer, reading, xs, mask, parameters);
        let middle = self.normalise(
            &(dropout(&attended, drop, mode, place) + reading),
            layer.attention_norm,
            parameters,
        );
        let fed = self.feed_forward(layer, &middle, parameters);
        self.normalise(
            &(dropout(&fed, drop, mode, place + 1) + &middle),
            layer.norm,
            parameters,
        )
    }

    /// Word, position and token type vectors, normalised: `[B, T, W]`.
    fn embed(&self, vectors: &Tensor, parameters: &Parameters, mode: Mode, drop: f64) -> Tensor {
        let length = vectors.size()[0];
        let positions =
            parameters
                .get(self.positions)
                .narrow(0, self.config.first_position, length);
        let mut xs = vectors.transpose(0, 1) + positions;
        if let Some(token_types) = self.token_types {
            xs += parameters.get(token_types).get(0);
        }
        let xs = self.normalise(&xs.contiguous(), self.norm, parameters);
        dropout(&xs, drop, mode, 200)
    }

    /// What attention adds to its scores: `[B or 1, heads or 1, T or 1, T]`, minus infinity for
    /// padding. `None` where there is neither padding nor a relative position.
    fn mask(&self, batch: &Batch, parameters: &Parameters, kind: Kind) -> Option<Tensor> {
        let length = batch.mask.size()[0];
        let padding = (batch.tokens < (length * batch.rows) as u64).then(|| {
            let padded = batch
                .mask
                .view([length, batch.rows])
                .transpose(0, 1)
                .eq(0.0);
            Tensor::zeros([batch.rows, length], (kind, batch.mask.device()))
                .masked_fill(&padded, f64::NEG_INFINITY)
                .view([batch.rows, 1, 1, length])
        });
        let relative = self.relative.map(|table| {
            let count = self.config.relative_buckets;
            let buckets = self.buckets.of(length, count, batch.mask.device());
            // In f32, because each entry's gradient is a sum over thousands of pairs.
            parameters
                .get(table)
                .to_kind(Kind::Float)
                .index_select(0, &buckets)
                .view([length, length, self.config.heads])
                .permute([2, 0, 1])
                .unsqueeze(0)
                .to_kind(kind)
        });
        match (padding, relative) {
            (Some(padding), Some(relative)) => Some((padding + relative).contiguous()),
            (padding, relative) => padding.or(relative.map(|relative| relative.contiguous())),
        }
    }

    /// Multi-head attention (Vaswani et al. 2017) of `reading` `[B, R, W]` to `xs` `[B, T, W]`, and
    /// its output matrix: `[B, R, W]`.
    fn attend(
        &self,
        layer: &Layer,
        reading: &Tensor,
        xs: &Tensor,
        mask: Option<&Tensor>,
        parameters: &Parameters,
    ) -> Tensor {
        let [weight, bias] = layer.attention.map(|id| parameters.get(id));
        let (rows, length, read) = (xs.size()[0], xs.size()[1], reading.size()[1]);
        let (width, heads, head_width) = (
            self.config.width,
            self.config.heads,
            self.config.head_width(),
        );
        let attended = if read == length {
            let all = linear(xs, weight, bias)
                .view([rows, length, 3, heads, head_width])
                .permute([2, 0, 3, 1, 4]);
            attention(&all.get(0), &all.get(1), &all.get(2), mask)
        } else {
            let part = |start: i64, count: i64, input: &Tensor| {
                let part = |tensor: &Tensor| rows_of(tensor, start * width, count * width);
                linear(input, &part(weight), &part(bias))
                    .view([rows, input.size()[1], count, heads, head_width])
                    .permute([2, 0, 3, 1, 4])
            };
            let (query, rest) = (part(0, 1, reading), part(1, 2, xs));
            attention(&query.get(0), &rest.get(0), &rest.get(1), mask)
        };
        let attended = attended.transpose(1, 2).reshape([rows, read, width]);
        apply(&attended, layer.attention_output, parameters)
    }

    fn feed_forward(&self, layer: &Layer, xs: &Tensor, parameters: &Parameters) -> Tensor {
        let [up, down] = [layer.up, layer.down].map(|pair| pair.map(|id| parameters.get(id)));
        if self.config.activation == Activation::Gelu {
            return linear_gelu_linear(xs, up, down);
        }
        let middle = linear(xs, up[0], up[1]);
        let middle = match self.config.activation {
            Activation::Relu => middle.relu(),
            _ => middle.gelu("tanh"),
        };
        linear(&middle, down[0], down[1])
    }

    fn normalise(&self, xs: &Tensor, [scale, shift]: Pair, parameters: &Parameters) -> Tensor {
        xs.layer_norm(
            [self.config.width],
            Some(parameters.get(scale)),
            Some(parameters.get(shift)),
            self.config.epsilon,
            true,
        )
    }
}

fn apply(xs: &Tensor, [weight, bias]: Pair, parameters: &Parameters) -> Tensor {
    linear(xs, parameters.get(weight), parameters.get(bias))
}

/// Adds parameters to a layout.
struct Places<'a> {
    layout: &'a mut Layout,
    prefix: &'static str,
    source: &'a Source<'a>,
}

impl Places<'_> {
    fn one(&mut self, plan: &Plan) -> Result<ParameterId, ClassifierError> {
        let values = (self.source)(plan)?;
        let parts = plan.parts.iter();
        let parts = parts.map(|part| format!("{}{part}", self.prefix)).collect();
        Ok(self
            .layout
            .add_parts(parts, &plan.shape, plan.decays, &values))
    }

    fn pair(&mut self, [weight, bias]: &[Plan; 2]) -> Result<Pair, ClassifierError> {
        Ok([self.one(weight)?, self.one(bias)?])
    }

    fn layer(&mut self, plan: &LayerPlan) -> Result<Layer, ClassifierError> {
        Ok(Layer {
            attention: self.pair(&plan.attention)?,
            attention_output: self.pair(&plan.attention_output)?,
            attention_norm: self.pair(&plan.attention_norm)?,
            up: self.pair(&plan.up)?,
            down: self.pair(&plan.down)?,
            norm: self.pair(&plan.norm)?,
        })
    }
}
