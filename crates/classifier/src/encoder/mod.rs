//! Pretrained encoders: BERT and its relatives, from a Hugging Face folder.
//!
//! The function is that of the reference implementation (`transformers`), layer normalisation after
//! each residual sum. What differs is how it is computed: query, key and value in one product, and
//! attention by libtorch's fused kernel.

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
use crate::parameters::{Layout, ParameterId, Parameters};
use crate::{Batch, ClassifierError, Mode};
use names::{EncoderPlan, LayerPlan, Plan};
use relative::buckets;
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
    /// Its word table `[V, W]`, row after row.
    pub words: Vec<f32>,
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
        let words = tensors.values(&plan.words)?;
        let encoder = Self::place(config, &plan, layout, &|plan| tensors.values(plan))?;
        tensors.check_extras()?;
        Ok(Loaded { encoder, words })
    }

    /// An encoder of this shape with all parameters zero, to be filled from a bundle.
    pub fn empty(config: EncoderConfig, layout: &mut Layout) -> Self {
        let plan = EncoderPlan::of(&config);
        let zeros = |plan: &Plan| Ok(vec![0.0; plan.shape.iter().product::<i64>() as usize]);
        Self::place(config, &plan, layout, &zeros).expect("zeros can always be had")
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
        let mut places = Places { layout, source };
        let positions = places.one(&plan.positions)?;
        let token_types = plan.token_types.as_ref().map(|plan| places.one(plan)).transpose()?;
        let norm = places.pair(&plan.norm)?;
        let relative = plan.relative.as_ref().map(|plan| places.one(plan)).transpose()?;
        let layers = plan.layers.iter().map(|plan| places.layer(plan)).collect::<Result<_, _>>()?;
        Ok(Self { config, positions, token_types, norm, relative, layers })
    }

    /// The states after the embedding and after each layer, `layers + 1` tensors `[B, T, W]`, from
    /// the looked-up word vectors `[T, B, W]`. `drop` is the share of components dropped while
    /// training; attention weights are not dropped, because libtorch's fused kernel takes its
    /// random numbers from a generator that cannot be resumed.
    pub fn states(
        &self,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
        mode: Mode,
        drop: f64,
    ) -> Vec<Tensor> {
        let mut xs = self.embed(vectors, parameters);
        xs = dropout(&xs, drop, mode, 200);
        let mask = self.mask(batch, parameters, xs.kind());
        let mut states = Vec::with_capacity(self.layers.len() + 1);
        for (number, layer) in self.layers.iter().enumerate() {
            let number = 201 + 2 * number as u64;
            let attended = self.attend(layer, &xs, mask.as_ref(), parameters);
            let middle = self.normalise(&(dropout(&attended, drop, mode, number) + &xs), layer.attention_norm, parameters);
            let fed = self.feed_forward(layer, &middle, parameters);
            let next = self.normalise(&(dropout(&fed, drop, mode, number + 1) + &middle), layer.norm, parameters);
            states.push(std::mem::replace(&mut xs, next));
        }
        states.push(xs);
        states
    }

    /// Word, position and token type vectors, normalised: `[B, T, W]`.
    fn embed(&self, vectors: &Tensor, parameters: &Parameters) -> Tensor {
        let length = vectors.size()[0];
        let positions = parameters.get(self.positions).narrow(0, self.config.first_position, length);
        let mut xs = vectors.transpose(0, 1) + positions;
        if let Some(token_types) = self.token_types {
            xs += parameters.get(token_types).get(0);
        }
        self.normalise(&xs.contiguous(), self.norm, parameters)
    }

    /// What attention adds to its scores: `[B or 1, heads or 1, T or 1, T]`, minus infinity for
    /// padding. `None` where there is neither padding nor a relative position.
    fn mask(&self, batch: &Batch, parameters: &Parameters, kind: Kind) -> Option<Tensor> {
        let length = batch.mask.size()[0];
        let padding = (batch.tokens < (length * batch.rows) as u64).then(|| {
            let padded = batch.mask.view([length, batch.rows]).transpose(0, 1).eq(0.0);
            Tensor::zeros([batch.rows, length], (kind, batch.mask.device()))
                .masked_fill(&padded, f64::NEG_INFINITY)
                .view([batch.rows, 1, 1, length])
        });
        let relative = self.relative.map(|table| {
            let buckets = buckets(length, self.config.relative_buckets, batch.mask.device());
            parameters
                .get(table)
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

    /// Multi-head attention (Vaswani et al. 2017) and its output matrix: `[B, T, W]`.
    fn attend(&self, layer: &Layer, xs: &Tensor, mask: Option<&Tensor>, parameters: &Parameters) -> Tensor {
        let size = xs.size();
        let (rows, length) = (size[0], size[1]);
        let heads = apply(xs, layer.attention, parameters)
            .view([rows, length, 3, self.config.heads, self.config.head_width()])
            .permute([2, 0, 3, 1, 4]);
        let attended = Tensor::scaled_dot_product_attention(
            &heads.get(0),
            &heads.get(1),
            &heads.get(2),
            mask,
            0.0,
            false,
            None,
            false,
        );
        let attended = attended.transpose(1, 2).reshape([rows, length, self.config.width]);
        apply(&attended, layer.attention_output, parameters)
    }

    fn feed_forward(&self, layer: &Layer, xs: &Tensor, parameters: &Parameters) -> Tensor {
        let middle = apply(xs, layer.up, parameters);
        let middle = match self.config.activation {
            Activation::Gelu => middle.gelu("none"),
            Activation::GeluTanh => middle.gelu("tanh"),
            Activation::Relu => middle.relu(),
        };
        apply(&middle, layer.down, parameters)
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
    xs.linear(parameters.get(weight), Some(parameters.get(bias)))
}

/// Adds parameters to a layout.
struct Places<'a> {
    layout: &'a mut Layout,
    source: &'a Source<'a>,
}

impl Places<'_> {
    fn one(&mut self, plan: &Plan) -> Result<ParameterId, ClassifierError> {
        let values = (self.source)(plan)?;
        Ok(self.layout.add_parts(plan.parts.clone(), &plan.shape, plan.decays, &values))
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
