//! Fully connected layers.

use tch::Tensor;

use crate::parameters::{ParameterId, ParameterLayout, Parameters};

/// Weight and bias of a fully connected layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dense {
    pub(crate) weight: ParameterId,
    pub(crate) bias: ParameterId,
}

impl Dense {
    /// Adds `NAME.weight` of this shape, whose first size is the number of outputs, and `NAME.bias`, which is 0 if it
    /// is not given. One-dimensional weights (scales of normalisations) have no weight decay.
    pub(crate) fn new(
        name: &str,
        shape: &[i64],
        weight: &[f32],
        bias: Option<&[f32]>,
        layout: &mut ParameterLayout,
    ) -> Self {
        let zeros = vec![0.0; shape[0] as usize];
        let bias = bias.unwrap_or(&zeros);
        Self {
            weight: layout.add(&format!("{name}.weight"), shape, shape.len() > 1, weight),
            bias: layout.add(&format!("{name}.bias"), &shape[..1], false, bias),
        }
    }

    /// Its weight and its bias.
    pub(crate) fn tensors<'a>(&self, parameters: &'a Parameters) -> [&'a Tensor; 2] {
        parameters.get_all([self.weight, self.bias])
    }

    /// `xs` `[.., I]` times the transposed weight `[O, I]`, plus the bias: `[.., O]`.
    pub(crate) fn apply(&self, xs: &Tensor, parameters: &Parameters) -> Tensor {
        let [weight, bias] = self.tensors(parameters);
        xs.linear(weight, Some(bias))
    }
}
