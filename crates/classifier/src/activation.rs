//! The weights in the number format of the activations, as a forward pass reads them.

use tch::{Kind, Tensor, no_grad};

use crate::parameters::{ParameterLayout, Parameters};

/// All weights of a network in f32, on one device.
#[derive(Debug)]
pub struct Weights {
    /// `[N]`: all parameters, in the order of the [`ParameterLayout`].
    pub flat: Tensor,
    /// `[V, D]`: the word table, if it is not learned.
    pub frozen: Option<Tensor>,
}

impl Weights {
    /// A second handle to the same memory. Another thread needs its own handle, because two threads must not use one.
    pub fn share(&self) -> Self {
        let frozen = self.frozen.as_ref().map(Tensor::shallow_clone);
        let flat = self.flat.shallow_clone();
        Self { flat, frozen }
    }
}

/// The weights in the number format of the activations. In f32 this is the memory of [`Weights`] itself; in another
/// format it is a copy, which [`ActivationWeights::refresh`] updates after a step.
#[derive(Debug)]
pub struct ActivationWeights {
    /// Frozen and dense parameters.
    buffer: Tensor,
    /// The dense parameters, a view of `buffer`.
    dense: Tensor,
    /// The dense parameters in f32, if `buffer` is a copy.
    original: Option<Tensor>,
    /// `[V, D]` f32: the word table, unless it is one of the dense parameters.
    table: Option<Tensor>,
    /// True if the word table is trained, apart from the dense parameters.
    pub(crate) learns_table: bool,
}

impl ActivationWeights {
    /// Converts `weights` to the number format `kind`.
    pub fn new(layout: &ParameterLayout, weights: &Weights, kind: Kind) -> Self {
        let dense = layout.dense();
        let plain = weights.flat.detach().narrow(0, 0, dense.end as i64);
        let part = |tensor: &Tensor| tensor.narrow(0, dense.start as i64, dense.len() as i64);
        let buffer = no_grad(|| plain.to_kind(kind));
        let table = match layout.word_table() {
            Some(id) => Some(layout.spec(id).view(&weights.flat.detach(), 0)),
            None => weights.frozen.as_ref().map(Tensor::shallow_clone),
        };
        Self {
            dense: part(&buffer),
            original: (kind != Kind::Float).then(|| part(&plain)),
            buffer,
            table,
            learns_table: layout.word_table().is_some(),
        }
    }

    /// A second handle to the same memory, for another thread.
    pub fn share(&self) -> Self {
        Self {
            buffer: self.buffer.shallow_clone(),
            dense: self.dense.shallow_clone(),
            original: self.original.as_ref().map(Tensor::shallow_clone),
            table: self.table.as_ref().map(Tensor::shallow_clone),
            ..*self
        }
    }

    /// Copies the weights that a step has changed, in one operation; does nothing in f32.
    pub fn refresh(&mut self) {
        if let Some(original) = &self.original {
            no_grad(|| self.dense.copy_(original));
        }
    }

    /// Number format of the activations.
    pub fn kind(&self) -> Kind {
        self.buffer.kind()
    }

    /// The word table `[V, D]` in f32.
    ///
    /// # Panics
    /// The word table is one of the dense parameters, as in a masked language model.
    pub fn table(&self) -> &Tensor {
        let table = self.table.as_ref();
        table.expect("a network that looks up words has its own word table")
    }

    /// The parameters for passes without gradients.
    pub fn parameters(&self, layout: &ParameterLayout) -> Parameters {
        Parameters::from_leaf(layout, &self.buffer, &self.dense)
    }

    /// A leaf tensor that collects the gradient of the dense parameters, and the parameters as views of it.
    pub(crate) fn leaf(&self, layout: &ParameterLayout) -> (Tensor, Parameters) {
        let leaf = self.dense.detach().set_requires_grad(true);
        let parameters = Parameters::from_leaf(layout, &self.buffer, &leaf);
        (leaf, parameters)
    }
}
