//! The networks, their data and their bundles: with `train` and `evaluate` the only code that
//! sees a tensor.

mod activation;
mod attributions;
mod batch;
mod compute_capability;
mod convolution;
mod dense;
mod deterministic;
mod device;
mod dropout;
mod embedding;
mod encoder;
mod error;
mod features;
mod gradient;
mod head;
mod initial;
mod linear;
mod masked;
mod memory;
mod network;
mod network_bundle;
mod packing;
mod parameters;
mod pooling;
mod pools;
mod predict;
mod recurrent;
mod replica;
mod scorer;
mod shards;
mod tensor_file;
mod tokens;
mod transformers;
mod windows;

pub use metrics::CounterRng;

pub use activation::{ActivationWeights, Weights};
pub use attributions::{Attributions, attributions_of_rows};
pub use batch::{Batch, Direction, Order, PreparedBatch, Reading, Transfer, WordDropout};
pub use deterministic::{
    allow_tf32_products, are_tf32_products_allowed, be_deterministic, is_deterministic,
};
pub use device::{ChosenDevice, choose_device, end_with_75_on_abort, load_cuda};
pub use dropout::{ForwardContext, Mode};
pub use embedding::EmbeddingMatrix;
pub use encoder::{Activation, Encoder, EncoderConfig, Family, Loaded};
pub use error::{ClassifierError, Fault, Result, guard};
pub use gradient::{ComputePath, Gradient, LookedUp, Loss, Pass};
pub use masked::{MaskedLanguageModel, MaskedPart, MaskedRow, mask_tokens};
pub use memory::MemoryLimit;
pub use network::{Network, Untrained};
pub use network_bundle::{Bundle, save_bundle};
pub use packing::Packing;
pub use parameters::{
    ParameterId, ParameterLayout, ParameterSpec, Parameters, as_slice, as_slice_mut,
    without_host_access,
};
pub use pools::{batches_of_tokens, epoch_batches, sorted_batches};
pub use predict::{BatchProgress, Inference, Logits};
pub use replica::Replica;
pub use scorer::{BatchSize, NETWORKS, NetworkScorer};
pub use shards::{FeatureRows, SHARD_ROWS, shard_name, write_shard};
pub use tensor_file::{tensor_view, write_tensors};
pub use tokens::{IdRows, TokenContract, TokenRows};
pub use transformers::{TRANSFORMERS_FILES, save_for_transformers};
pub use windows::Owners;

/// The version of libtorch that the `tch` crate was made for, recorded with every model.
pub const LIBTORCH_VERSION: &str = "2.11.0";
