//! A model read from its folder, ready to be asked about texts.

use std::ops::Range;
use std::path::Path;

use artifact::Failure;
use linear::{LinearError, NgramModel};
use rayon::prelude::*;
use settings::{ModelKind, RunSettings};

use crate::words::words_of;
use crate::{BundleError, ModelFile, Networks, Scorer, TextReader, Word};

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
                return Err(Failure::new(format!(
                    "`{}` holds a network, and this program asks linear models only",
                    folder.display()
                ))
                .with_hint("Start the program again: `ressenti predict`, `trend` and `serve` continue in `ressenti-networks` where the model \
                     is a network".to_owned()));
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
        Ok(scores
            .map(|score| calibration.probability(score) as f32)
            .collect())
    }

    /// What each word of normalised texts contributes to the answer.
    ///
    /// # Errors
    /// As for [`Scorer::contributions`], or the tokenizer refuses a text.
    pub fn words<T: AsRef<str> + Sync>(&self, normalised: &[T]) -> Result<Vec<Vec<Word>>, Failure> {
        words_of_texts(self.scorer.as_ref(), &self.reader, normalised)
    }
}

/// The linear model in a folder.
///
/// # Errors
/// Its file is missing or not what it should be.
pub fn open_linear(folder: &Path) -> Result<NgramModel, BundleError> {
    NgramModel::load(&folder.join("model.safetensors")).map_err(|error| match error {
        LinearError::Artifact(error) => error.into(),
        error => BundleError::Unusable {
            folder: folder.to_owned(),
            problem: error.to_string(),
        },
    })
}

/// What each word of normalised texts contributes to what a scorer says of them.
///
/// # Errors
/// As for [`TrainedModel::words`].
pub fn words_of_texts<T: AsRef<str> + Sync>(
    scorer: &dyn Scorer,
    reader: &TextReader,
    normalised: &[T],
) -> Result<Vec<Vec<Word>>, Failure> {
    let located = normalised
        .par_iter()
        .map(|text| reader.located(text.as_ref()))
        .collect::<Result<Vec<_>, Failure>>()?;
    let is_added = |places: &[Option<Range<usize>>]| places.iter().map(Option::is_none).collect();
    let (rows, places): (Vec<_>, Vec<_>) = located
        .into_iter()
        .map(|located| ((located.ids, is_added(&located.places)), located.places))
        .unzip();
    let found = scorer.contributions(&rows)?;
    let words = normalised.iter().zip(places).zip(found);
    Ok(words
        .map(|((text, places), tokens)| words_of(text.as_ref(), places.into_iter().zip(tokens)))
        .collect())
}
