//! The forward pass of an encoder, layer by layer.

use tch::{Kind, Tensor};

use super::attention::attention;
use super::{Activation, Encoder, Layer, Pair};
use crate::ForwardContext;
use crate::dropout::dropout;
use crate::matrix_products::{linear, linear_gelu_linear, rows_of};

/// What all layers have in common while a batch passes through them.
pub(super) struct Forward<'a> {
    encoder: &'a Encoder,
    context: ForwardContext<'a>,
    /// Share of components dropped while training.
    drop: f64,
    /// What attention adds to its scores: `[B or 1, heads or 1, R or 1, T]`.
    mask: Option<Tensor>,
}

impl<'a> Forward<'a> {
    /// Begins a pass with the looked-up word vectors `[T, B, W]`: gives the states `[B, T, W]` before the
    /// first layer, too.
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
        forward.mask = forward.mask_of(states.kind());
        (forward, states)
    }

    /// From here on only the first token of each row is computed.
    pub(super) fn narrow_to_first(&mut self) {
        // Only a relative bias has a row for every reading token.
        self.mask = self.mask.as_ref().map(|mask| mask.narrow(2, 0, 1));
    }

    fn dropout(&self, xs: &Tensor, place: u64) -> Tensor {
        dropout(xs, self.drop, self.context.mode, place)
    }

    fn normalise(&self, xs: &Tensor, pair: Pair) -> Tensor {
        let [scale, shift] = self.context.parameters.all(pair);
        let (width, epsilon) = (self.encoder.config.width, self.encoder.config.epsilon);
        xs.layer_norm([width], Some(scale), Some(shift), epsilon, true)
    }

    /// Word, position and token type vectors, normalised: `[B, T, W]`.
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

    /// What attention adds to its scores: `[B or 1, heads or 1, T or 1, T]`, minus infinity for
    /// padding. `None` where there is neither padding nor a relative position.
    fn mask_of(&self, kind: Kind) -> Option<Tensor> {
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
            let buckets = self.encoder.buckets.of(length, count, device);
            // In f32, because each entry's gradient is a sum over thousands of pairs.
            let table = self.context.parameters.get(table).to_kind(Kind::Float);
            table
                .index_select(0, &buckets)
                .view([length, length, config.heads])
                .permute([2, 0, 1])
                .unsqueeze(0)
                .to_kind(kind)
        });
        match (padding, relative) {
            (Some(padding), Some(relative)) => Some((padding + relative).contiguous()),
            (padding, relative) => padding.or(relative.map(|relative| relative.contiguous())),
        }
    }

    /// One layer, for the tokens `reading` `[B, R, W]` that attend to `xs` `[B, T, W]`.
    pub(super) fn layer(&self, layer: &Layer, reading: &Tensor, xs: &Tensor) -> Tensor {
        let attended = self.dropout(&self.attend(layer, reading, xs), layer.dropout);
        let middle = self.normalise(&(attended + reading), layer.attention_norm);
        let fed = self.dropout(&self.feed_forward(layer, &middle), layer.dropout + 1);
        self.normalise(&(fed + &middle), layer.norm)
    }

    /// Multi-head attention (Vaswani et al. 2017) of `reading` `[B, R, W]` to `xs` `[B, T, W]`, and
    /// its output matrix: `[B, R, W]`.
    fn attend(&self, layer: &Layer, reading: &Tensor, xs: &Tensor) -> Tensor {
        let mask = self.mask.as_ref();
        let [weight, bias] = self.context.parameters.all(layer.attention);
        let (rows, length, read) = (xs.size()[0], xs.size()[1], reading.size()[1]);
        let config = &self.encoder.config;
        let (width, heads, head_width) = (config.width, config.heads, config.head_width());
        // `count` projections `[B, heads, T, head width]`, one after the other.
        let apart = |product: Tensor, count: i64| {
            let places = product.size()[1];
            let apart = product.view([rows, places, count, heads, head_width]);
            apart.permute([2, 0, 3, 1, 4])
        };
        let attended = if read == length {
            let all = apart(linear(xs, weight, bias), 3);
            attention([&all.get(0), &all.get(1), &all.get(2)], mask)
        } else {
            let part = |start: i64, count: i64, input: &Tensor| {
                let part = |tensor: &Tensor| rows_of(tensor, start * width, count * width);
                apart(linear(input, &part(weight), &part(bias)), count)
            };
            let (query, rest) = (part(0, 1, reading), part(1, 2, xs));
            attention([&query.get(0), &rest.get(0), &rest.get(1)], mask)
        };
        let attended = attended.transpose(1, 2).reshape([rows, read, width]);
        let [weight, bias] = self.context.parameters.all(layer.attention_output);
        linear(&attended, weight, bias)
    }

    fn feed_forward(&self, layer: &Layer, xs: &Tensor) -> Tensor {
        let [up, down] = [layer.up, layer.down].map(|pair| self.context.parameters.all(pair));
        let middle = || linear(xs, up[0], up[1]);
        let middle = match self.encoder.config.activation {
            Activation::Gelu => return linear_gelu_linear(xs, up, down),
            Activation::GeluTanh => middle().gelu("tanh"),
            Activation::Relu => middle().relu(),
        };
        linear(&middle, down[0], down[1])
    }
}
