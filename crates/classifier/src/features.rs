//! Features of a text: pooled states of a frozen pretrained encoder.

use settings::{FeaturePooling, FeatureSettings};
use tch::{Kind, Tensor};

use crate::ForwardContext;
use crate::encoder::Encoder;

/// A frozen encoder, and which of its states are used.
#[derive(Debug)]
pub(crate) struct Features {
    pub(crate) encoder: Encoder,
    /// Layers by number; 0 is the embedding.
    layers: Vec<usize>,
    pooling: Vec<FeaturePooling>,
}

impl Features {
    /// Layer numbers outside the encoder are clamped; planning has checked the settings.
    pub(crate) fn new(encoder: Encoder, settings: &FeatureSettings) -> Self {
        let count = encoder.config().layers as i64;
        let number = |layer: &i32| {
            let layer = i64::from(*layer);
            let from_start = if layer < 0 { count + 1 + layer } else { layer };
            from_start.clamp(0, count) as usize
        };
        Self {
            layers: settings.layers.iter().map(number).collect(),
            pooling: settings.pooling.clone(),
            encoder,
        }
    }

    /// Number of components of a row's features.
    pub(crate) fn width(&self) -> i64 {
        self.encoder.config().width * (self.layers.len() * self.pooling.len()) as i64
    }

    /// The features of every row `[R, F]` from the word vectors `[T, B, W]`: for each layer, one block per pooling.
    pub(crate) fn forward(&self, vectors: &Tensor, context: ForwardContext<'_>) -> Tensor {
        let batch = context.batch;
        let last = self.encoder.config().layers;
        let only_first = self.layers == [last] && self.pooling == [FeaturePooling::Cls];
        if only_first {
            let state = self.encoder.first_state(vectors, context, 0.0);
            return batch.pool_windows(&state, FeaturePooling::Cls);
        }
        let top = self.layers.iter().max().copied().unwrap_or(last);
        let states = self.encoder.states_to(top, vectors, context, 0.0);
        let mask = batch.mask.transpose(0, 1);
        let mut parts = Vec::new();
        for layer in &self.layers {
            for pooling in &self.pooling {
                let pooled = pool(&states[*layer], &mask, *pooling);
                parts.push(batch.pool_windows(&pooled, *pooling));
            }
        }
        Tensor::cat(&parts, 1)
    }
}

/// Pools the states `[B, T, W]` into one vector per row; `mask` is `[B, T, 1]`.
fn pool(states: &Tensor, mask: &Tensor, pooling: FeaturePooling) -> Tensor {
    match pooling {
        FeaturePooling::Cls => states.select(1, 0),
        FeaturePooling::Mean => {
            let states = states.to_kind(Kind::Float) * mask;
            let sum = |tensor: &Tensor| tensor.sum_dim_intlist(1, false, Kind::Float);
            sum(&states) / sum(mask)
        }
        FeaturePooling::Max => states
            .masked_fill(&mask.eq(0.0), f64::NEG_INFINITY)
            .amax(1, false),
    }
    .to_kind(Kind::Float)
}
