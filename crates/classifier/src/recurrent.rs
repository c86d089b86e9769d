//! Recurrent nets: Elman (1990), LSTM (Hochreiter and Schmidhuber 1997), GRU (Cho et al. 2014).
//!
//! Each direction runs on its own over the whole batch. Padding stands at the end, so the forward
//! direction has left every real token behind when it meets it; the backward direction reads rows
//! that were turned around within their own length, so it too meets padding last. No state of a
//! real token ever saw a padded one, whatever the batch.

use settings::{ModelKind, ModelSettings};
use tch::Tensor;

use crate::parameters::{Layout, ParameterId, Parameters};
use crate::pooling::Pool;
use crate::{Batch, Mode, Stream, dropout::dropout, initial};

/// A stack of recurrent layers and a pooling.
#[derive(Debug)]
pub(crate) struct Recurrent {
    cell: Cell,
    hidden: i64,
    /// By layer, then by direction.
    layers: Vec<Vec<Direction>>,
    pool: Pool,
    between_layers: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Elman,
    Lstm,
    Gru,
}

impl Cell {
    fn of(kind: ModelKind) -> Self {
        match kind {
            ModelKind::Lstm => Self::Lstm,
            ModelKind::Gru => Self::Gru,
            _ => Self::Elman,
        }
    }

    fn gates(self) -> i64 {
        match self {
            Self::Elman => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }
}

/// The weights of one layer in one direction, in libtorch's order: input to gates `[G * H, I]`,
/// state to gates `[G * H, H]`, and the two biases `[G * H]`.
#[derive(Debug)]
struct Direction([ParameterId; 4]);

impl Recurrent {
    pub(crate) fn new(
        settings: &ModelSettings,
        width: i64,
        layout: &mut Layout,
        stream: Stream,
    ) -> Self {
        let cell = Cell::of(settings.kind);
        let hidden = i64::from(settings.hidden);
        let names: &[&str] = if settings.bidirectional {
            &["forward", "backward"]
        } else {
            &["forward"]
        };
        let output = hidden * names.len() as i64;
        let layers = (0..settings.layers)
            .map(|layer| {
                let inputs = if layer == 0 { width } else { output };
                let add = |(index, name): (usize, &&str)| {
                    let stream = stream.child(u64::from(layer)).child(index as u64);
                    direction(
                        cell,
                        inputs,
                        hidden,
                        &format!("layer{layer}.{name}"),
                        layout,
                        stream,
                    )
                };
                names.iter().enumerate().map(add).collect()
            })
            .collect();
        let pool = Pool::new(settings.pooling, output, layout, stream.child(1000));
        Self {
            cell,
            hidden,
            layers,
            pool,
            between_layers: settings.dropout,
        }
    }

    pub(crate) fn output_width(&self) -> i64 {
        self.hidden * self.layers[0].len() as i64
    }

    /// `vectors` is `[T, B, D]`; gives `[B, W]`.
    pub(crate) fn forward(
        &self,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
        mode: Mode,
    ) -> Tensor {
        let mut states = vectors.shallow_clone();
        for (index, directions) in self.layers.iter().enumerate() {
            if index > 0 {
                states = dropout(&states, self.between_layers, mode, 100 + index as u64);
            }
            let forward = self.run(&directions[0], &states, parameters);
            states = match directions.get(1) {
                None => forward,
                Some(backward) => {
                    let turned = self.run(backward, &turn_around(&states, batch), parameters);
                    Tensor::cat(&[forward, turn_around(&turned, batch)], 2)
                }
            };
        }
        let backward_width = if self.layers[0].len() == 2 {
            self.hidden
        } else {
            0
        };
        self.pool.apply(&states, backward_width, batch, parameters)
    }

    /// One direction of one layer: `[T, B, I]` to `[T, B, H]`.
    fn run(&self, direction: &Direction, xs: &Tensor, parameters: &Parameters) -> Tensor {
        let weights = direction.0.map(|id| parameters.get(id));
        let start = Tensor::zeros([1, xs.size()[1], self.hidden], (xs.kind(), xs.device()));
        match self.cell {
            Cell::Elman => {
                xs.rnn_tanh(&start, &weights, true, 1, 0.0, false, false, false)
                    .0
            }
            Cell::Gru => {
                xs.gru(&start, &weights, true, 1, 0.0, false, false, false)
                    .0
            }
            Cell::Lstm => {
                xs.lstm(
                    &[&start, &start],
                    &weights,
                    true,
                    1,
                    0.0,
                    false,
                    false,
                    false,
                )
                .0
            }
        }
    }
}

/// Turns every row around within its own length.
fn turn_around(xs: &Tensor, batch: &Batch) -> Tensor {
    let size = xs.size();
    xs.reshape([-1, size[2]])
        .index_select(0, &batch.reversed)
        .view(size.as_slice())
}

fn direction(
    cell: Cell,
    inputs: i64,
    hidden: i64,
    name: &str,
    layout: &mut Layout,
    stream: Stream,
) -> Direction {
    let gates = cell.gates();
    let from_input: Vec<f32> = (0..gates)
        .flat_map(|gate| {
            initial::glorot_uniform(stream.child(0).child(gate as u64), hidden, inputs)
        })
        .collect();
    let from_state = initial::orthogonal_blocks(stream.child(1), gates, hidden);
    let mut bias = vec![0_f32; (gates * hidden) as usize];
    if cell == Cell::Lstm {
        // A forget gate that starts open lets the gradient reach far tokens (Jozefowicz et al. 2015).
        bias[hidden as usize..2 * hidden as usize].fill(1.0);
    }
    let zeros = vec![0_f32; (gates * hidden) as usize];
    Direction([
        layout.add(
            format!("{name}.input"),
            &[gates * hidden, inputs],
            true,
            &from_input,
        ),
        layout.add(
            format!("{name}.state"),
            &[gates * hidden, hidden],
            true,
            &from_state,
        ),
        layout.add(
            format!("{name}.input_bias"),
            &[gates * hidden],
            false,
            &bias,
        ),
        layout.add(
            format!("{name}.state_bias"),
            &[gates * hidden],
            false,
            &zeros,
        ),
    ])
}
