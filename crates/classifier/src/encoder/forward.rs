//! The forward pass of an encoder, layer by layer.

use tch::{Kind, Tensor};

use super::attention::attention;
use super::{Activation, Encoder, Layer, WeightAndBias};
use crate::ForwardContext;
use crate::dropout::dropout;
use crate::matrix_products::{linear, linear_gelu_linear, narrow_rows};

/// The state of a forward pass that all layers share.
pub(super) struct Forward<'a> {
    encoder: &'a Encoder,
    context: ForwardContext<'a>,
    /// The dropout in training.
    drop: f64,
    /// The tensor that attention adds to its scores: `[B or 1, heads or 1, R or 1, T]`.
    mask: Option<Tensor>,
}

impl<'a> Forward<'a> {
    /// Starts a pass with the word vectors `[T, B, W]`. Also returns the states `[B, T, W]` before the first layer.
    pub(super) fn begin(
        encoder: &'a Encoder,
        vectors: &Tensor,
        context: ForwardContext<'a>,
        drop: f64,
    ) -> (Self, Tensor) {
        let mut forward = Self {
            encoder,
            context,
            drop,
            mask: None,
        };
        let states = forward.embed(vectors);
        forward.mask = forward.attention_mask(states.kind());
        (forward, states)
    }

    /// From here on, only the first token of each row is computed.
    pub(super) fn narrow_to_first(&mut self) {
        // Only a relative position bias has one row per query.
        self.mask = self.mask.as_ref().map(|mask| mask.narrow(2, 0, 1));
    }

    fn dropout(&self, xs: &Tensor, layer: u64) -> Tensor {
        dropout(xs, self.drop, self.context.mode, layer)
    }

    fn normalise(&self, xs: &Tensor, norm: WeightAndBias) -> Tensor {
        let [scale, shift] = self.context.parameters.get_all(norm);
        let (width, epsilon) = (self.encoder.config.width, self.encoder.config.epsilon);
        xs.layer_norm([width], Some(scale), Some(shift), epsilon, true)
    }

    /// The normalised sum of word, position and token type vectors: `[B, T, W]`.
    fn embed(&self, vectors: &Tensor) -> Tensor {
        let (encoder, length) = (self.encoder, vectors.size()[0]);
        let positions = self.context.parameters.get(encoder.positions);
        let positions = positions.narrow(0, encoder.config.first_position, length);
        let mut xs = vectors.transpose(0, 1) + positions;
        if let Some(token_types) = encoder.token_types {
            xs += self.context.parameters.get(token_types).get(0);
        }
        self.dropout(&self.normalise(&xs.contiguous(), encoder.norm), 200)
    }

    /// The tensor that attention adds to its scores: `[B or 1, heads or 1, T or 1, T]`, minus infinity for padding.
    /// `None` without padding and relative positions.
    fn attention_mask(&self, kind: Kind) -> Option<Tensor> {
        let batch = self.context.batch;
        let (length, device) = (batch.mask.size()[0], batch.mask.device());
        let padding = (batch.tokens < (length * batch.rows) as u64).then(|| {
            let mask = batch.mask.view([length, batch.rows]);
            Tensor::zeros([batch.rows, length], (kind, device))
                .masked_fill(&mask.transpose(0, 1).eq(0.0), f64::NEG_INFINITY)
                .view([batch.rows, 1, 1, length])
        });
        let config = &self.encoder.config;
        let relative = self.encoder.relative.map(|table| {
            let count = config.relative_buckets;
            let buckets = self.encoder.buckets.for_length(length, count, device);
            // In f32, because the gradient of each entry is a sum over thousands of pairs.
            let table = self.context.parameters.get(table).to_kind(Kind::Float);
            let shape = [length, length, config.heads];
            let biases = table.index_select(0, &buckets).view(shape);
            biases.permute([2, 0, 1]).unsqueeze(0).to_kind(kind)
        });
        match (padding, relative) {
            (Some(padding), Some(relative)) => Some((padding + relative).contiguous()),
            (padding, relative) => padding.or(relative.map(|relative| relative.contiguous())),
        }
    }

    /// One layer, for the queries `[B, R, W]`, which attend to `xs` `[B, T, W]`.
    pub(super) fn layer(&self, layer: &Layer, queries: &Tensor, xs: &Tensor) -> Tensor {
        let attended = self.dropout(&self.attend(layer, queries, xs), layer.dropout);
        let middle = self.normalise(&(attended + queries), layer.attention_norm);
        let fed = self.dropout(&self.feed_forward(layer, &middle), layer.dropout + 1);
        self.normalise(&(fed + &middle), layer.norm)
    }

    /// Multi-head attention (Vaswani et al. 2017) of `queries` `[B, R, W]` to `xs` `[B, T, W]`, and its output matrix:
    /// `[B, R, W]`.
    fn attend(&self, layer: &Layer, queries: &Tensor, xs: &Tensor) -> Tensor {
        let mask = self.mask.as_ref();
        let [weight, bias] = self.context.parameters.get_all(layer.attention);
        let (rows, length, query_count) = (xs.size()[0], xs.size()[1], queries.size()[1]);
        let config = &self.encoder.config;
        let (width, heads, head_width) = (config.width, config.heads, config.head_width());
        // `count` projections `[B, heads, T, head width]`, one after the other.
        let split = |product: Tensor, count: i64| {
            let length = product.size()[1];
            let projections = product.view([rows, length, count, heads, head_width]);
            projections.permute([2, 0, 3, 1, 4])
        };
        let attended = if query_count == length {
            let all = split(linear(xs, weight, bias), 3);
            attention([&all.get(0), &all.get(1), &all.get(2)], mask)
        } else {
            let part = |start: i64, count: i64, input: &Tensor| {
                let part = |tensor: &Tensor| narrow_rows(tensor, start * width, count * width);
                split(linear(input, &part(weight), &part(bias)), count)
            };
            let (query, rest) = (part(0, 1, queries), part(1, 2, xs));
            attention([&query.get(0), &rest.get(0), &rest.get(1)], mask)
        };
        let attended = attended.transpose(1, 2).reshape([rows, query_count, width]);
        let [weight, bias] = self.context.parameters.get_all(layer.attention_output);
        linear(&attended, weight, bias)
    }

    fn feed_forward(&self, layer: &Layer, xs: &Tensor) -> Tensor {
        let [up, down] = [layer.up, layer.down].map(|pair| self.context.parameters.get_all(pair));
        let middle = || linear(xs, up[0], up[1]);
        let middle = match self.encoder.config.activation {
            Activation::Gelu => return linear_gelu_linear(xs, up, down),
            Activation::GeluTanh => middle().gelu("tanh"),
            Activation::Relu => middle().relu(),
        };
        linear(&middle, down[0], down[1])
    }
}
