//! Pooling: from the states of a row to one vector. Padding is ignored.

use settings::Pooling;
use tch::{Kind, Tensor};

use crate::parameters::{ParameterId, ParameterLayout};
use crate::{Batch, CounterRng, ForwardContext, init};

/// A pooling with its parameters.
#[derive(Debug)]
pub(crate) enum Pool {
    Last,
    Mean,
    Max,
    /// Additive attention with one learned query (Yang et al. 2016, equations 5 to 7): a projection, its bias and the
    /// query.
    Attention([ParameterId; 3]),
}

impl Pool {
    pub(crate) fn new(
        kind: Pooling,
        width: i64,
        layout: &mut ParameterLayout,
        rng: CounterRng,
    ) -> Self {
        match kind {
            Pooling::Last => Self::Last,
            Pooling::Mean => Self::Mean,
            Pooling::Max => Self::Max,
            Pooling::Attention => {
                let projection = init::glorot_uniform(rng.child(0), width, width);
                let bias = vec![0.0; width as usize];
                let query = init::glorot_uniform(rng.child(1), 1, width);
                Self::Attention([
                    layout.add("attention.projection", &[width, width], true, &projection),
                    layout.add("attention.bias", &[width], false, &bias),
                    layout.add("attention.query", &[1, width], true, &query),
                ])
            }
        }
    }

    /// Pools states `[T, B, W]` into `[B, W]`. The last `backward` components are states of the backward direction.
    pub(crate) fn apply(&self, xs: &Tensor, backward: i64, context: ForwardContext<'_>) -> Tensor {
        let batch = context.batch;
        match self {
            Self::Last => last_state(xs, backward, batch),
            Self::Mean => masked_mean(xs, batch),
            Self::Max => masked_max(xs, &batch.mask),
            Self::Attention(ids) => {
                let [projection, bias, query] = context.parameters.get_all(*ids);
                let hidden = xs.linear(projection, Some(bias)).tanh();
                let scores = hidden.linear(query, None::<&Tensor>);
                let scores = scores.masked_fill(&batch.mask.eq(0.0), f64::NEG_INFINITY);
                (xs * scores.softmax(0, Kind::Float)).sum_dim_intlist(0, false, Kind::Float)
            }
        }
    }
}

/// The mean over the tokens of each row: `[T, B, W]` to `[B, W]`.
pub(crate) fn masked_mean(xs: &Tensor, batch: &Batch) -> Tensor {
    (xs * &batch.mask).sum_dim_intlist(0, false, Kind::Float) / batch.lengths.unsqueeze(1)
}

/// The maximum over the tokens whose mask is not 0: `[T, B, W]` and `[T, B, 1]` to `[B, W]`.
pub(crate) fn masked_max(xs: &Tensor, mask: &Tensor) -> Tensor {
    xs.masked_fill(&mask.eq(0.0), f64::NEG_INFINITY)
        .amax([0], false)
}

/// The state after the last token that each direction reads: the last token of the row for the forward direction, the
/// first token for the backward direction.
fn last_state(states: &Tensor, backward_width: i64, batch: &Batch) -> Tensor {
    let width = states.size()[2];
    let forward_width = width - backward_width;
    let forward = states.narrow(2, 0, forward_width);
    let rows = forward.reshape([-1, forward_width]);
    let forward = rows.index_select(0, &batch.last);
    if backward_width == 0 {
        return forward;
    }
    let backward = states.get(0).narrow(1, forward_width, backward_width);
    Tensor::cat(&[forward, backward], 1)
}
