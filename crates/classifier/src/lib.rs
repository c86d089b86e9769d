//! Networks: architectures, pretrained encoders, batches, device choice, attributions and bundles. Only this crate,
//! `training`, `embed`, `train`, `evaluate` and `networks` use tensors.

mod activation;
mod attributions;
mod batch;
mod batching;
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
mod init;
mod masked;
mod matrix_products;
mod memory;
mod network;
mod network_bundle;
mod packing;
mod parameters;
mod pooling;
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
pub use batch::{Batch, InputFormat, PreparedBatch, RnnInput, RnnLayout, Transfer, WordDropout};
pub use batching::{batches_of_tokens, epoch_batches, sorted_batches};
pub use deterministic::{
    allow_tf32_products, are_tf32_products_allowed, enable_deterministic_algorithms,
    is_deterministic,
};
pub use device::{ChosenDevice, choose_device, cpu_threads, exit_with_75_on_abort, load_cuda};
pub use dropout::{ForwardContext, Mode};
pub use embedding::EmbeddingMatrix;
pub use encoder::{Activation, Encoder, EncoderConfig, Family, LoadedEncoder};
pub use error::{ClassifierError, Result, TorchFault, guard};
pub use gradient::{BackwardPass, ComputePath, Gradient, LookedUpWords, Loss};
pub use masked::{MaskedLanguageModel, MaskedPart, MaskedRow, mask_tokens};
pub use memory::MemoryLimit;
pub use network::{Network, NewNetwork};
pub use network_bundle::{Bundle, save_bundle};
pub use packing::Packing;
pub use parameters::{
    ParameterId, ParameterLayout, ParameterSpec, Parameters, as_slice, as_slice_mut,
    without_host_access,
};
pub use predict::{BatchProgress, Inference, Logits};
pub use replica::Replica;
pub use scorer::{BatchSize, NETWORKS, NetworkScorer};
pub use shards::{FeatureRows, SHARD_ROWS, shard_name, write_shard};
pub use tensor_file::{tensor_view, write_tensors};
pub use tokens::{IdRows, TokenContract, TokenRows};
pub use transformers::{TRANSFORMERS_FILES, save_for_transformers};
pub use windows::WindowOwners;

/// The version of libtorch that the `tch` crate needs; it is recorded with every model.
pub const LIBTORCH_VERSION: &str = "2.11.0";
