//! From a text to the ids that a model reads, exactly as the texts came that it was trained on.

use std::path::Path;

use artifact::{Failure, Normalization};
use settings::Truncation;
use text::{Located, TokenizerFile};

use crate::{BundleError, ModelFile};

/// Cleans, encodes and cuts off a text as `model.json` says.
#[derive(Debug)]
pub struct TextReader {
    normalization: Normalization,
    tokenizer: TokenizerFile,
    max_length: u32,
    truncation: Truncation,
}

impl TextReader {
    /// The reader of a bundle.
    ///
    /// # Errors
    /// The bundle does not say how its texts were normalised, or says that another version of
    /// Ressenti did it; or its tokenizer cannot be read.
    pub fn of(folder: &Path, model: &ModelFile) -> Result<Self, Failure> {
        let refused = |problem: &str| BundleError::Unusable {
            folder: folder.to_owned(),
            problem: problem.to_owned(),
        };
        let normalization = model.normalization.ok_or_else(|| {
            refused("it does not say how its training texts were cleaned, so that a new text cannot be treated alike")
        })?;
        if normalization.version != Normalization::VERSION {
            return Err(refused(&format!(
                "its training texts were cleaned by version {} of the rules, and this is version {}",
                normalization.version,
                Normalization::VERSION
            ))
            .into());
        }
        let tokenizer = TokenizerFile::read(&folder.join("tokenizer.json"))?;
        Ok(Self {
            normalization,
            tokenizer,
            max_length: model.tokenizer.max_length,
            truncation: model.tokenizer.truncation,
        })
    }

    /// A text as `clean` would have left it. Where nothing is left, it is no review.
    pub fn normalised(&self, text: &str) -> String {
        text::normalize::normalize(text, &self.normalization)
    }

    /// The ids of a normalised text.
    ///
    /// # Errors
    /// The tokenizer refuses the text.
    pub fn ids(&self, normalised: &str) -> Result<Vec<u32>, Failure> {
        self.tokenizer
            .encode(normalised, self.max_length, self.truncation)
            .map(|encoded| encoded.ids)
    }

    /// The ids of a normalised text and where in it each stands.
    ///
    /// # Errors
    /// The tokenizer refuses the text.
    pub fn located(&self, normalised: &str) -> Result<Located, Failure> {
        self.tokenizer
            .locate(normalised, self.max_length, self.truncation)
    }
}
