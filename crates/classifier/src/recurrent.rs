//! Recurrent networks: Elman (1990), LSTM (Hochreiter and Schmidhuber 1997), GRU (Cho et al. 2014).
//!
//! On a CPU each direction is computed separately for the whole batch. Padding is at the end of a row, so both
//! directions read it last: the rows of the backward direction are reversed within their own length. On a GPU one
//! call computes both directions for rows without padding. In both cases padding changes no state of a token.

use settings::{ModelKind, ModelSettings};
use tch::Tensor;

use crate::batch::RnnInput;
use crate::packing::Packing;
use crate::parameters::{ParameterId, ParameterLayout};
use crate::pooling::Pool;
use crate::{ForwardContext, Mode, dropout::dropout, init};

/// A stack of recurrent layers and a pooling.
#[derive(Debug)]
pub(crate) struct Recurrent {
    /// `Lstm` or `Gru`; any other kind means Elman's network.
    cell: ModelKind,
    hidden: i64,
    /// The weights by layer, then by direction.
    directions: Vec<DirectionWeights>,
    direction_count: usize,
    pool: Pool,
    layer_dropout: f64,
}

/// The weights of one layer in one direction, in libtorch's order: input to gates `[G * H, I]`, state to gates
/// `[G * H, H]`, and two biases `[G * H]`.
type DirectionWeights = [ParameterId; 4];

impl Recurrent {
    /// Adds first all matrices to the layout, then all biases. cuDNN stores them in this order; with another order it
    /// would copy them in every call.
    pub(crate) fn new(settings: &ModelSettings, width: i64, layout: &mut ParameterLayout) -> Self {
        let rng = init::rng(settings).child(1);
        let (cell, hidden) = (settings.kind, i64::from(settings.hidden));
        let gates = match cell {
            ModelKind::Lstm => 4,
            ModelKind::Gru => 3,
            _ => 1,
        };
        let direction_count = if settings.bidirectional { 2 } else { 1 };
        let names = &["forward", "backward"][..direction_count];
        let output = hidden * names.len() as i64;
        let mut matrices = Vec::new();
        for layer in 0..settings.layers {
            let inputs = if layer == 0 { width } else { output };
            for (name, index) in names.iter().zip(0..) {
                let rng = rng.child(layer.into()).child(index);
                let of_gate = |gate: i64| {
                    let rng = rng.child(0).child(gate as u64);
                    init::glorot_uniform(rng, hidden, inputs)
                };
                let from_input: Vec<f32> = (0..gates).flat_map(of_gate).collect();
                let from_state = init::orthogonal_blocks(rng.child(1), gates, hidden);
                let name = format!("layer{layer}.{name}");
                let mut add = |part: &str, inputs: i64, values: &[f32]| {
                    let name = format!("{name}.{part}");
                    layout.add(&name, &[gates * hidden, inputs], true, values)
                };
                let input = add("input", inputs, &from_input);
                let state = add("state", hidden, &from_state);
                matrices.push((name, input, state));
            }
        }
        let zeros = vec![0_f32; (gates * hidden) as usize];
        let mut bias = zeros.clone();
        if cell == ModelKind::Lstm {
            // An initially open forget gate lets gradients reach distant tokens (Jozefowicz et al. 2015).
            bias[hidden as usize..2 * hidden as usize].fill(1.0);
        }
        let with_biases = |(name, input, state): (String, ParameterId, ParameterId)| {
            let mut add = |part: &str, values: &[f32]| {
                let name = format!("{name}.{part}");
                layout.add(&name, &[gates * hidden], false, values)
            };
            let (input_bias, state_bias) = (add("input_bias", &bias), add("state_bias", &zeros));
            [input, state, input_bias, state_bias]
        };
        let directions = matrices.into_iter().map(with_biases).collect();
        let pool = Pool::new(settings.pooling, output, layout, rng.child(1000));
        Self {
            cell,
            hidden,
            directions,
            direction_count,
            pool,
            layer_dropout: settings.dropout,
        }
    }

    pub(crate) fn output_width(&self) -> i64 {
        self.hidden * self.direction_count as i64
    }

    /// From `[T, B, D]` to `[B, W]`.
    pub(crate) fn forward(&self, vectors: &Tensor, context: ForwardContext<'_>) -> Tensor {
        let batch = context.batch;
        let states = match &batch.rnn_input {
            RnnInput::Packed(packing) => {
                let packed = self.run_packed(packing.pack(vectors), packing, context);
                packing.unpack(&packed, vectors.size()[0], batch.rows)
            }
            RnnInput::Reversed(reversed) => self.run_padded(vectors, reversed, context),
            RnnInput::None => unreachable!("`Network::input_format` sets the input"),
        };
        self.pool
            .apply(&states, self.output_width() - self.hidden, context)
    }

    /// All layers over padded rows: `[T, B, D]` to `[T, B, W]`. `reversed` is that of [`RnnInput::Reversed`].
    fn run_padded(&self, xs: &Tensor, reversed: &Tensor, context: ForwardContext<'_>) -> Tensor {
        let reverse = |xs: &Tensor| {
            let size = xs.size();
            let rows = xs.reshape([-1, size[2]]).index_select(0, reversed);
            rows.view(size.as_slice())
        };
        let mut states = xs.shallow_clone();
        for (layer, number) in self.directions.chunks(self.direction_count).zip(0..) {
            if number > 0 {
                states = dropout(&states, self.layer_dropout, context.mode, 100 + number);
            }
            let run = |direction: &DirectionWeights, xs: &Tensor| {
                let weights = context.parameters.get_all(*direction);
                self.run(xs, None, &weights, (1, false))
            };
            let forward = run(&layer[0], &states);
            states = match layer.get(1) {
                None => forward,
                Some(backward) => {
                    let backward = run(backward, &reverse(&states));
                    Tensor::cat(&[forward, reverse(&backward)], 2)
                }
            };
        }
        states
    }

    /// All layers over packed rows: `[N, D]` to `[N, W]`. One call computes all layers, unless there is dropout
    /// between them: cuDNN would use random numbers with hidden state.
    fn run_packed(&self, xs: Tensor, packing: &Packing, context: ForwardContext<'_>) -> Tensor {
        let has_dropout = self.layer_dropout > 0.0 && !matches!(context.mode, Mode::Evaluate);
        let layers = self.directions.len() / self.direction_count;
        let layers_per_call = if has_dropout { 1 } else { layers };
        let group_size = layers_per_call * self.direction_count;
        let mut states = xs;
        for (group, number) in self.directions.chunks(group_size).zip(0..) {
            if number > 0 {
                states = dropout(&states, self.layer_dropout, context.mode, 100 + number);
            }
            let weights = |ids: &DirectionWeights| context.parameters.get_all(*ids);
            let weights: Vec<&Tensor> = group.iter().flat_map(weights).collect();
            let layers = (layers_per_call as i64, self.direction_count == 2);
            states = self.run(&states, Some(packing), &weights, layers);
        }
        states
    }

    /// Runs recurrent layers of libtorch in one or both directions, over rows `[T, B, I]` or packed rows `[N, I]`.
    /// Returns the states of all tokens.
    fn run(
        &self,
        xs: &Tensor,
        packing: Option<&Packing>,
        weights: &[&Tensor],
        layers: (i64, bool),
    ) -> Tensor {
        // Under `no_grad`, `train` only needs a little more memory.
        let train = xs.requires_grad() || weights.iter().any(|weight| weight.requires_grad());
        self.call(xs, packing, weights, layers, train)
    }

    /// Calls libtorch's recurrent layers. cuDNN can only differentiate a pass with `train` (PyTorch issues 5878 and
    /// 15788). A CPU does not need it, so without the check below the mistake would be visible on a GPU only.
    ///
    /// # Panics
    /// A gradient is required, and `train` is false.
    fn call(
        &self,
        xs: &Tensor,
        packing: Option<&Packing>,
        weights: &[&Tensor],
        (layers, two_way): (i64, bool),
        train: bool,
    ) -> Tensor {
        let rows = packing.map_or_else(|| xs.size()[1], |packing| packing.rows);
        let count = layers * if two_way { 2 } else { 1 };
        let zero = &Tensor::zeros([count, rows, self.hidden], (xs.kind(), xs.device()));
        let both = [zero, zero];
        let states = match (self.cell, packing.map(|packing| &packing.steps)) {
            (ModelKind::Lstm, None) => {
                Tensor::lstm(xs, &both, weights, true, layers, 0.0, train, two_way, false).0
            }
            (ModelKind::Gru, None) => {
                Tensor::gru(xs, zero, weights, true, layers, 0.0, train, two_way, false).0
            }
            (_, None) => {
                Tensor::rnn_tanh(xs, zero, weights, true, layers, 0.0, train, two_way, false).0
            }
            (ModelKind::Lstm, Some(steps)) => {
                Tensor::lstm_data(xs, steps, &both, weights, true, layers, 0.0, train, two_way).0
            }
            (ModelKind::Gru, Some(steps)) => {
                Tensor::gru_data(xs, steps, zero, weights, true, layers, 0.0, train, two_way).0
            }
            (_, Some(steps)) => {
                Tensor::rnn_tanh_data(xs, steps, zero, weights, true, layers, 0.0, train, two_way).0
            }
        };
        assert!(
            train || !states.requires_grad(),
            "a recurrent pass that is differentiated needs `train`"
        );
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameters;
    use tch::{Device, Kind, no_grad};

    fn network(cell: ModelKind) -> (Recurrent, ParameterLayout) {
        let settings = ModelSettings {
            hidden: 3,
            layers: 1,
            bidirectional: false,
            ..ModelSettings::new(cell)
        };
        let mut layout = ParameterLayout::default();
        let recurrent = Recurrent::new(&settings, 2, &mut layout);
        (recurrent, layout)
    }

    #[test]
    fn a_differentiable_pass_without_train_is_refused() {
        for cell in [ModelKind::Rnn, ModelKind::Gru, ModelKind::Lstm] {
            let (recurrent, layout) = network(cell);
            let parameters = Parameters::view(&layout, &layout.initial(Device::Cpu));
            let xs = Tensor::ones([4, 2, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let weights = parameters.get_all(recurrent.directions[0]);
            let call = |train| recurrent.call(&xs, None, &weights, (1, false), train);
            assert!(call(true).requires_grad());
            assert!(!no_grad(|| call(false)).requires_grad());
            let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call(false)));
            assert!(refused.is_err(), "{cell:?}");
        }
    }

    #[test]
    fn matrices_come_before_biases() {
        let settings = ModelSettings {
            hidden: 3,
            layers: 2,
            bidirectional: true,
            ..ModelSettings::new(ModelKind::Lstm)
        };
        let mut layout = ParameterLayout::default();
        Recurrent::new(&settings, 2, &mut layout);
        let is_matrix: Vec<bool> = layout
            .specs()
            .iter()
            .map(|spec| spec.shape.len() == 2)
            .collect();
        assert_eq!(is_matrix, [[true; 8], [false; 8]].concat());
    }
}
