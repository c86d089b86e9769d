//! From rows of tokens to scores, whatever computes them.

use std::fmt;
use std::path::Path;

use artifact::Failure;
use linear::NgramModel;
use rayon::prelude::*;
use settings::RunSettings;

use crate::ModelFile;

/// A row of token ids, and which of them the tokenizer added to the text.
pub type IdsAndSpecialMask = (Vec<u32>, Vec<bool>);

/// What scores rows of tokens. A row must have an id, and no more than the model reads.
pub trait Scorer: fmt::Debug + Send {
    /// How far the positive class is ahead on each row, in nats of log-odds before calibration.
    ///
    /// # Errors
    /// A row has an id that the vocabulary has not; or libtorch refuses, for example for want of memory.
    fn scores(&self, rows: &[Vec<u32>]) -> Result<Vec<f64>, Failure>;

    /// What each token of each row contributes to its score.
    ///
    /// # Errors
    /// As for [`Scorer::scores`].
    fn contributions(&self, rows: &[IdsAndSpecialMask]) -> Result<Vec<Vec<f64>>, Failure>;

    /// Messages for the user since the last call, for example that the device's memory was full and
    /// less is computed at once from now on.
    fn take_notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The weights of the n-grams themselves.
impl Scorer for NgramModel {
    fn scores(&self, rows: &[Vec<u32>]) -> Result<Vec<f64>, Failure> {
        Ok(rows.par_iter().map(|ids| self.difference(ids)).collect())
    }

    fn contributions(&self, rows: &[IdsAndSpecialMask]) -> Result<Vec<Vec<f64>>, Failure> {
        let contributions = |(ids, _): &IdsAndSpecialMask| NgramModel::contributions(self, ids);
        Ok(rows.par_iter().map(contributions).collect())
    }
}

/// Makes a scorer of the network in a folder, which has this description.
pub type OpenNetwork = fn(&Path, &ModelFile, &RunSettings) -> Result<Box<dyn Scorer>, Failure>;

/// What a program that can compute networks gives to the code that asks models: libtorch takes up to half
/// a second to load, and who asks a linear model does without it.
#[derive(Clone, Copy, Debug)]
pub struct Networks {
    /// Makes a scorer of a network.
    pub open: OpenNetwork,
}
