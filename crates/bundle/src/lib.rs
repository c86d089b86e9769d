//! What a model is to those who ask it: its description, how a text becomes the tokens that it reads, and
//! something that scores them. It sees no libtorch, so that a program which asks a linear model starts in
//! milliseconds; what computes networks is given to it, see [`Networks`].
//!
//! - `model.json`: [`ModelFile`]
//! - from a text to tokens: [`TextReader`]
//! - from tokens to a score, and to what each token contributes: [`Scorer`]
//! - the three of them, read from a folder: [`TrainedModel`]
//! - several models as one: [`Ensemble`]
//! - from a name or a folder to a bundle: [`find`]; from raw texts to probabilities and attributions: [`Predictor`]
//! - continuing in the program that computes networks: [`exec_networks`]

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

pub use ensemble::{ENSEMBLE, Ensemble, log_odds};
pub use error::BundleError;
pub use exec_networks::exec_networks;
pub use explain::{Explanation, Word, WordSpan, WordWeight};
pub use model_file::{
    Calibration, ModelFile, Provenance, Sizes, TokenizerReference, ValidationResult,
};
pub use predictor::{Answer, Predictor, UNDECIDED};
pub use reader::{TextReader, word_contributions};
pub use scorer::{IdsAndSpecialMask, Networks, OpenNetwork, Scorer};
pub use trained_model::{TrainedModel, open_linear};
