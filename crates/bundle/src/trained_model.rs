//! A model read from its folder, ready to be asked about texts.

use std::path::Path;

use artifact::Failure;
use linear::{LinearError, NgramModel};
use settings::{ModelKind, RunSettings};

use crate::{BundleError, ModelFile, Networks, Scorer, TextReader};

/// A model, and all that is needed to ask it.
#[derive(Debug)]
pub struct TrainedModel {
    /// Its description.
    pub description: ModelFile,
    /// How a text becomes the tokens that it reads.
    pub reader: TextReader,
    /// What scores them.
    pub scorer: Box<dyn Scorer>,
}

impl TrainedModel {
    /// Reads what is in a folder.
    ///
    /// # Errors
    /// A file is missing or not what it should be; the bundle does not say how texts are cleaned; it holds a
    /// network, and this program computes none.
    pub fn open(
        folder: &Path,
        run: &RunSettings,
        networks: Option<Networks>,
    ) -> Result<Self, Failure> {
        let description = ModelFile::load(folder)?;
        let reader = TextReader::of(folder, &description)?;
        let scorer: Box<dyn Scorer> = match (description.architecture.kind, networks) {
            (ModelKind::Linear, _) => Box::new(open_linear(folder)?),
            (_, Some(networks)) => (networks.open)(folder, &description, run)?,
            (_, None) => {
                let hint = "Start the program again: `ressenti predict`, `trend` and `serve` continue in `ressenti-networks` where the model \
                     is a network";
                let folder = folder.display();
                let problem =
                    format!("`{folder}` holds a network, and this program asks linear models only");
                return Err(Failure::new(problem).with_hint(hint.to_owned()));
            }
        };
        Ok(Self {
            description,
            reader,
            scorer,
        })
    }

    /// The calibrated probability that each row of tokens is positive.
    ///
    /// # Errors
    /// As for [`Scorer::scores`].
    pub fn probabilities(&self, rows: &[Vec<u32>]) -> Result<Vec<f32>, Failure> {
        let scores = self.scorer.scores(rows)?.into_iter();
        let calibration = &self.description.calibration;
        let probabilities = scores.map(|score| calibration.probability(score) as f32);
        Ok(probabilities.collect())
    }
}

/// The linear model in a folder.
///
/// # Errors
/// Its file is missing or not what it should be.
pub fn open_linear(folder: &Path) -> Result<NgramModel, BundleError> {
    NgramModel::load(&folder.join("model.safetensors")).map_err(|error| match error {
        LinearError::Artifact(error) => error.into(),
        error => BundleError::unusable(folder, error.to_string()),
    })
}
