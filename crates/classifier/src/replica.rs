//! One network at work on its part of a batch. On a processor there is one replica for each core,
//! all reading the same parameters: a batch is split over them, and their gradients are added.

use tch::{Device, Kind, Reduction, Tensor, no_grad};

use crate::linear::has_one_dnn;
use crate::parameters::{Layout, Parameters, as_slice, as_slice_mut};
use crate::{Batch, ClassifierError, Mode, Network};

/// What a network's parameters and embedding are at present, on one device.
#[derive(Debug)]
pub struct Weights {
    /// All learned parameters.
    pub flat: Tensor,
    /// The embedding where it is not learned: `[V, D]`.
    pub frozen: Option<Tensor>,
}

impl Weights {
    /// A second name for the same memory.
    pub fn share(&self) -> Self {
        Self {
            flat: self.flat.shallow_clone(),
            frozen: self.frozen.as_ref().map(Tensor::shallow_clone),
        }
    }
}

/// A network's parameters as leaves that collect gradients of their own.
#[derive(Debug)]
pub struct Replica {
    parameters: Parameters,
    embedding: Tensor,
    learns_embedding: bool,
    /// Number format of the activations.
    kind: Kind,
}

/// What one backward pass found.
#[derive(Debug)]
pub struct Pass {
    /// Sum of the rows' losses.
    pub loss: f64,
    /// Rows classified rightly.
    pub correct: u64,
    /// Rows.
    pub rows: u64,
    /// Tokens.
    pub tokens: u64,
    /// The gradient of the looked-up vectors `[T * B, D]` with their ids `[T * B]`, where the
    /// embedding is learned: only the rows that occur, instead of a gradient of the whole matrix.
    looked_up: Option<(Tensor, Tensor)>,
}

impl Replica {
    /// A replica over shared weights that computes in `kind`. One that trains in f32 reads the weights
    /// themselves; one that trains in another format a copy, which [`Replica::refresh`] brings up to
    /// date; one that does not train takes them as they are now.
    pub fn new(network: &Network, weights: &Weights, trainable: bool, kind: Kind) -> Self {
        let (layout, flat) = (network.layout(), &weights.flat);
        let mut parameters = if kind == Kind::Float {
            Parameters::view(layout, flat, trainable)
        } else {
            Parameters::copy(layout, flat, trainable, kind, network.embedding())
        };
        if !trainable && flat.device() == Device::Cpu && has_one_dnn() {
            parameters.pack(&network.matrices());
        }
        let embedding = match (network.embedding(), &weights.frozen) {
            (Some(id), _) => parameters.get(id).detach(),
            (None, Some(frozen)) => frozen.shallow_clone(),
            (None, None) => unreachable!("weights hold the embedding that the network does not"),
        };
        Self {
            parameters,
            embedding,
            learns_embedding: network.embedding().is_some(),
            kind,
        }
    }

    /// Takes note of weights that have changed.
    pub fn refresh(&mut self, network: &Network, weights: &Weights) {
        if self.kind != Kind::Float {
            self.parameters.refresh(network.layout(), &weights.flat);
        }
    }

    /// Logits `[B, C]`, without gradients.
    pub fn logits(&self, network: &Network, batch: &Batch) -> Tensor {
        no_grad(|| {
            let vectors = network.look_up(&self.embedding, batch).to_kind(self.kind);
            let logits = network.forward(&vectors, batch, &self.parameters, Mode::Evaluate);
            logits.to_kind(Kind::Float)
        })
    }

    /// What the head reads `[R, W]`, without gradients.
    pub fn states(&self, network: &Network, batch: &Batch) -> Tensor {
        no_grad(|| {
            let vectors = network.look_up(&self.embedding, batch).to_kind(self.kind);
            let states = network.state(&vectors, batch, &self.parameters, Mode::Evaluate);
            states.to_kind(Kind::Float)
        })
    }

    /// Runs forward and backward. Gradients of `sum of losses * scale` stay in the leaves and in
    /// the result until [`Replica::collect`].
    ///
    /// # Errors
    /// libtorch refuses, for example for want of memory.
    pub fn backward(
        &self,
        network: &Network,
        batch: &Batch,
        mode: Mode,
        smoothing: f64,
        scale: f64,
    ) -> Result<Pass, ClassifierError> {
        let vectors = no_grad(|| network.look_up(&self.embedding, batch))
            .set_requires_grad(self.learns_embedding);
        let logits = network
            .forward(&vectors.to_kind(self.kind), batch, &self.parameters, mode)
            .to_kind(Kind::Float);
        let loss = logits.cross_entropy_loss(
            &batch.labels,
            None::<&Tensor>,
            Reduction::Sum,
            -100,
            smoothing,
        );
        (&loss * scale)
            .f_backward()
            .map_err(ClassifierError::torch("compute the gradient"))?;
        let correct = no_grad(|| {
            logits
                .argmax(1, false)
                .eq_tensor(&batch.labels)
                .sum(Kind::Int64)
        });
        let looked_up = self.learns_embedding.then(|| {
            let width = *vectors
                .size()
                .last()
                .expect("vectors have three dimensions");
            (batch.ids.view([-1]), vectors.grad().view([-1, width]))
        });
        Ok(Pass {
            loss: loss.double_value(&[]),
            correct: u64::try_from(correct.int64_value(&[])).unwrap_or(0),
            rows: batch.reviews() as u64,
            tokens: batch.tokens,
            looked_up,
        })
    }

    /// Clears what a pass that did not end has left of its gradients.
    pub fn forget(&mut self) {
        for leaf in self.parameters.iter() {
            let mut own = leaf.grad();
            if own.defined() {
                let _ = own.zero_();
            }
        }
    }

    /// Adds the pass's gradients to a flat gradient and clears them here.
    pub fn collect(&mut self, network: &Network, pass: &Pass, gradient: &mut Tensor) {
        let layout = network.layout();
        for (spec, leaf) in layout.specs().iter().zip(self.parameters.iter()) {
            let own = leaf.grad();
            if own.defined() {
                let mut place =
                    gradient.narrow(0, spec.range.start as i64, spec.range.len() as i64);
                let _ = place.g_add_(&own.view([-1]));
                let mut own = own;
                let _ = own.zero_();
            }
        }
        if let (Some(id), Some((ids, vectors))) = (network.embedding(), &pass.looked_up) {
            add_rows(gradient, layout, id, ids, vectors);
        }
    }
}

/// Adds the vectors `[N, D]` to the rows `ids` of a matrix within a flat gradient.
fn add_rows(
    gradient: &mut Tensor,
    layout: &Layout,
    id: crate::ParameterId,
    ids: &Tensor,
    vectors: &Tensor,
) {
    let spec = layout.spec(id);
    let width = vectors.size()[1];
    if gradient.device() != Device::Cpu {
        let place = gradient.narrow(0, spec.range.start as i64, spec.range.len() as i64);
        let _ = place.view([-1, width]).index_add_(0, ids, vectors);
        return;
    }
    // libtorch adds row after row by a full operation each; a plain loop is ten times faster.
    let vectors = vectors.contiguous().view([-1]);
    let source = as_slice(&vectors);
    let ids: Vec<i64> = Vec::try_from(ids).expect("ids are a vector of integers");
    let width = width as usize;
    let table = &mut as_slice_mut(gradient)[spec.range.clone()];
    for (id, vector) in ids.into_iter().zip(source.chunks_exact(width)) {
        let row = &mut table[id as usize * width..][..width];
        row.iter_mut()
            .zip(vector)
            .for_each(|(sum, value)| *sum += value);
    }
}
