//! From token ids to scores and attributions, for all kinds of models.

use std::fmt;
use std::path::Path;

use linear::NgramModel;
use rayon::prelude::*;
use settings::RunSettings;

use crate::{ModelFile, Result};

/// Token ids of a text, and a mask that is true for special tokens, which the tokenizer adds.
pub type IdsAndSpecialMask = (Vec<u32>, Vec<bool>);

/// Computes scores of token rows. A row must have at least one id, and at most the maximal length of the model.
pub trait Scorer: fmt::Debug + Send {
    /// The log-odds of the positive class for each row before calibration, in nats.
    ///
    /// # Errors
    /// An id is not in the vocabulary, or libtorch fails, for example because memory is full.
    fn scores(&self, rows: &[Vec<u32>]) -> Result<Vec<f64>>;

    /// The attribution of each token of each row to its score.
    ///
    /// # Errors
    /// As for [`Scorer::scores`].
    fn contributions(&self, rows: &[IdsAndSpecialMask]) -> Result<Vec<Vec<f64>>>;

    /// Notes for the user since the last call, for example that batches were made smaller because the memory of the
    /// device was full.
    fn take_notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The attributions of a linear model are the weights of its n-grams.
impl Scorer for NgramModel {
    fn scores(&self, rows: &[Vec<u32>]) -> Result<Vec<f64>> {
        Ok(rows.par_iter().map(|ids| self.score(ids)).collect())
    }

    fn contributions(&self, rows: &[IdsAndSpecialMask]) -> Result<Vec<Vec<f64>>> {
        let contributions = |(ids, _): &IdsAndSpecialMask| NgramModel::contributions(self, ids);
        Ok(rows.par_iter().map(contributions).collect())
    }
}

/// Opens the network in a folder with this description.
pub type OpenNetwork = fn(&Path, &ModelFile, &RunSettings) -> Result<Box<dyn Scorer>>;

/// Support for neural networks, provided by programs that link libtorch. Programs without it start faster, because
/// loading libtorch takes up to half a second.
#[derive(Clone, Copy, Debug)]
pub struct Networks {
    /// Opens a network.
    pub open: OpenNetwork,
}
