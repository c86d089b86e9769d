//! Networks for prediction. On a CPU there is one replica for each core, and all replicas read the same weights.

use tch::{Device, Kind, Tensor, no_grad};

use crate::matrix_products::has_onednn;
use crate::parameters::Parameters;
use crate::{ActivationWeights, Batch, ForwardContext, Mode, Network, Weights};

/// A network for prediction, on one core or device.
#[derive(Debug)]
pub struct Replica {
    parameters: Parameters,
    table: Tensor,
    /// Number format of the activations.
    kind: Kind,
}

impl Replica {
    /// A replica of the current weights, for many predictions: on a CPU its matrices are stored in oneDNN's format.
    pub fn new(network: &Network, weights: &Weights, kind: Kind) -> Self {
        let activation = ActivationWeights::new(network.layout(), weights, kind);
        let mut replica = Self::from_activation_weights(network, &activation);
        if weights.flat.device() == Device::Cpu && has_onednn() {
            replica.parameters.pack(&network.matrices());
        }
        replica
    }

    /// A replica that shares weights which may change between predictions.
    pub fn from_activation_weights(network: &Network, weights: &ActivationWeights) -> Self {
        Self {
            parameters: weights.parameters(network.layout()),
            table: weights.table().shallow_clone(),
            kind: weights.kind(),
        }
    }

    /// Logits `[R, C]` of the reviews of a batch, in f32, without gradients.
    pub fn logits(&self, network: &Network, batch: &Batch) -> Tensor {
        self.pass(network, batch, Network::forward)
    }

    /// The inputs of the head `[R, W]`, in f32, without gradients.
    pub fn states(&self, network: &Network, batch: &Batch) -> Tensor {
        self.pass(network, batch, Network::state)
    }

    fn pass(
        &self,
        network: &Network,
        batch: &Batch,
        pass: fn(&Network, &Tensor, ForwardContext<'_>) -> Tensor,
    ) -> Tensor {
        no_grad(|| {
            let vectors = network.look_up(&self.table, batch).to_kind(self.kind);
            let context = ForwardContext::new(batch, &self.parameters, Mode::Evaluate);
            pass(network, &vectors, context).to_kind(Kind::Float)
        })
    }
}
