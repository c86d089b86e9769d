//! Model bundles: finding, loading and querying trained models. This crate does not link libtorch, so programs with
//! linear models start in milliseconds; programs with libtorch provide [`Networks`].
//!
//! - [`ModelFile`]: `model.json`, the description of a bundle
//! - [`TextReader`]: from a text to token ids
//! - [`Scorer`]: from token ids to scores and attributions
//! - [`TrainedModel`]: these three, loaded from a folder
//! - [`Ensemble`]: several models combined
//! - [`find`]: from a name or a folder to bundles
//! - [`Predictor`]: from raw texts to probabilities and attributions
//! - [`exec_networks`]: continues in the program that links libtorch

mod ensemble;
mod error;
mod exec_networks;
mod explain;
pub mod find;
mod model_file;
mod predictor;
mod reader;
mod scorer;
mod trained_model;

use artifact::Failure;

pub use ensemble::{ENSEMBLE, Ensemble, log_odds};
pub use error::BundleError;
pub use exec_networks::exec_networks;
pub use explain::{Explanation, Word, WordSpan, WordWeight};
pub use metrics::ValidationResult;
pub use model_file::{Calibration, ModelFile, Provenance, Sizes, TokenizerReference};
pub use predictor::{Answer, Predictor, Probabilities, UNDECIDED};
pub use reader::{TextReader, word_contributions};
pub use scorer::{IdsAndSpecialMask, Networks, OpenNetwork, Scorer};
pub use trained_model::{TrainedModel, open_linear};

/// A result whose error is a [`Failure`].
type Result<T, E = Failure> = std::result::Result<T, E>;
