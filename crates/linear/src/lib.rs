//! A linear model over word n-grams: logistic regression on naive-Bayes log-count ratios (Wang and
//! Manning 2012), sparse and on all cores. The bar that a neural net has to beat, and often its best
//! partner.
//!
//! The way through: [`Vocabulary::of`] counts the n-grams of the training rows and weighs each by how
//! much more often it stands in one class than in the other, [`Matrix::of`] says which of them each
//! row has, [`newton::fit`] finds the weights, and [`NgramModel`] is what remains: an n-gram, a
//! number. It sees no libtorch, so that whoever only predicts starts in milliseconds.

mod cross_fit;
mod error;
mod matrix;
mod model;
pub mod newton;
mod ngram;
mod ngram_table;
mod vocabulary;

pub use cross_fit::{CrossFitSettings, cross_fit_scores};
pub use error::LinearError;
pub use matrix::{Matrix, MatrixRows};
pub use model::NgramModel;
pub use ngram::{Ngram, NgramEncoding};
pub use vocabulary::Vocabulary;
