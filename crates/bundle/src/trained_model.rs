//! A trained model, loaded from the folder of its bundle.

use std::path::Path;

use artifact::Failure;
use linear::{LinearError, NgramModel};
use settings::{ModelKind, RunSettings};

use crate::{BundleError, ModelFile, Networks, Result, Scorer, TextReader};

/// A trained model with its text reader.
#[derive(Debug)]
pub struct TrainedModel {
    /// The content of `model.json`.
    pub description: ModelFile,
    /// Converts texts to token ids.
    pub reader: TextReader,
    /// Computes scores from token ids.
    pub scorer: Box<dyn Scorer>,
}

impl TrainedModel {
    /// Loads the bundle in a folder.
    ///
    /// # Errors
    /// A file is missing or damaged, the bundle has no normalisation, or the model is a network and `networks` is
    /// `None`.
    pub fn open(folder: &Path, run: &RunSettings, networks: Option<Networks>) -> Result<Self> {
        let description = ModelFile::load(folder)?;
        let reader = TextReader::of(folder, &description)?;
        let scorer: Box<dyn Scorer> = match (description.architecture.kind, networks) {
            (ModelKind::Linear, _) => Box::new(open_linear(folder)?),
            (_, Some(networks)) => (networks.open)(folder, &description, run)?,
            (_, None) => {
                let hint = "Start the command again: `ressenti predict`, `trend` and `serve` use `ressenti-networks` for networks";
                let folder = folder.display();
                let problem = format!(
                    "The model in `{folder}` is a network, but this program supports only linear models"
                );
                return Err(Failure::new(problem).with_hint(hint.to_owned()));
            }
        };
        Ok(Self {
            description,
            reader,
            scorer,
        })
    }

    /// The calibrated probability of the positive class for each row of token ids.
    ///
    /// # Errors
    /// As for [`Scorer::scores`].
    pub fn probabilities(&self, rows: &[Vec<u32>]) -> Result<Vec<f32>> {
        let scores = self.scorer.scores(rows)?.into_iter();
        let calibration = &self.description.calibration;
        let probabilities = scores.map(|score| calibration.probability(score) as f32);
        Ok(probabilities.collect())
    }
}

/// Loads the linear model in a folder.
///
/// # Errors
/// Its file is missing or damaged.
pub fn open_linear(folder: &Path) -> Result<NgramModel, BundleError> {
    NgramModel::load(&folder.join("model.safetensors")).map_err(|error| match error {
        LinearError::Artifact(error) => error.into(),
        error => BundleError::unusable(folder, error.to_string()),
    })
}
