//! A linear model over word n-grams: logistic regression on naive-Bayes log-count ratios (Wang and
//! Manning 2012), with sparse rows and on all cores. It is the baseline for networks and a good
//! member of ensembles.
//!
//! 1. [`Vocabulary::count`] counts the n-grams of the training rows and computes the log-count ratio of each.
//! 2. [`Matrix::new`] looks up the n-grams of each row.
//! 3. [`newton::fit`] finds the weights.
//! 4. [`NgramModel`] stores one number per n-gram.
//!
//! The crate does not use libtorch, so a program that only predicts with it starts in milliseconds.
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
