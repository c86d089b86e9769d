//! What a model is to those who ask it: its description, how a text becomes the tokens that it reads, and
//! something that scores them. It sees no libtorch, so that a program which asks a linear model starts in
//! milliseconds; what computes networks is given to it, see [`Networks`].
//!
//! - `model.json`: [`ModelFile`]
//! - from a text to tokens: [`TextReader`]
//! - from tokens to a score, and to what each token contributes: [`Scorer`]
//! - the three of them, read from a folder: [`TrainedModel`]
//! - several models as one: [`Ensemble`]

mod ensemble;
mod error;
mod model_file;
mod reader;
mod scorer;
mod trained_model;
mod words;

pub use ensemble::{ENSEMBLE, Ensemble, log_odds};
pub use error::BundleError;
pub use model_file::{
    Calibration, ModelFile, Provenance, Sizes, TokenizerReference, ValidationResult,
};
pub use reader::TextReader;
pub use scorer::{MarkedRow, Networks, OpenNetwork, Scorer};
pub use trained_model::{TrainedModel, open_linear, words_of_texts};
pub use words::Word;
