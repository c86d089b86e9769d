//! From a text to the ids that a model reads, exactly as the texts came that it was trained on.

use std::ops::Range;
use std::path::Path;

use artifact::{Failure, Normalization};
use rayon::prelude::*;
use settings::Truncation;
use text::TokenizerFile;

use crate::explain::words_of;
use crate::{BundleError, IdsAndSpecialMask, ModelFile, Scorer, Word};

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
        let Some(normalization) = model.normalization else {
            let problem = "it does not say how its training texts were cleaned, so that a new text cannot be treated alike";
            return Err(BundleError::unusable(folder, problem).into());
        };
        let (version, ours) = (normalization.version, Normalization::VERSION);
        if version != ours {
            let problem = format!(
                "its training texts were cleaned by version {version} of the rules, and this is version {ours}"
            );
            return Err(BundleError::unusable(folder, problem).into());
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

    /// Encodes normalised texts on all cores, and finds where each token stands if that is wanted.
    ///
    /// # Errors
    /// The tokenizer refuses a text.
    pub(crate) fn encode_all<T: AsRef<str> + Sync>(
        &self,
        normalised: &[T],
        with_places: bool,
    ) -> Result<EncodedTexts, Failure> {
        let encode = |text: &T| {
            if !with_places {
                return Ok((self.ids(text.as_ref())?, Vec::new()));
            }
            let (length, truncation) = (self.max_length, self.truncation);
            let located = self.tokenizer.locate(text.as_ref(), length, truncation)?;
            Ok((located.ids, located.places))
        };
        let encoded = normalised.par_iter().map(encode);
        let encoded = encoded.collect::<Result<Vec<_>, Failure>>()?;
        let (ids, places) = encoded.into_iter().unzip();
        Ok(EncodedTexts { ids, places })
    }

    /// Whether another reader leaves the same of every text.
    pub(crate) fn cleans_like(&self, other: &Self) -> bool {
        self.normalization == other.normalization
    }

    /// Whether another reader gives the same ids to every text.
    pub(crate) fn encodes_like(&self, other: &Self) -> bool {
        let limits = |it: &Self| (it.max_length, it.truncation);
        self.cleans_like(other)
            && self.tokenizer.fingerprint() == other.tokenizer.fingerprint()
            && limits(self) == limits(other)
    }
}

/// Texts as a model reads them.
#[derive(Debug)]
pub(crate) struct EncodedTexts {
    /// Token ids of each text.
    pub(crate) ids: Vec<Vec<u32>>,
    /// Where each token stands in its text, if that was wanted; `None` for what the tokenizer added.
    places: Vec<Vec<Option<Range<usize>>>>,
}

impl EncodedTexts {
    /// What each word of these texts contributes to what a scorer says of them.
    ///
    /// # Errors
    /// As for [`Scorer::contributions`].
    pub(crate) fn words<T: AsRef<str>>(
        &self,
        scorer: &dyn Scorer,
        texts: &[T],
    ) -> Result<Vec<Vec<Word>>, Failure> {
        let marked = |(ids, places): (&Vec<u32>, &Vec<Option<Range<usize>>>)| {
            (ids.clone(), places.iter().map(Option::is_none).collect())
        };
        let rows: Vec<IdsAndSpecialMask> = self.ids.iter().zip(&self.places).map(marked).collect();
        let found = scorer.contributions(&rows)?;
        let places = self.places.iter().map(|places| places.iter().cloned());
        let rows = texts.iter().zip(places.zip(found));
        let words =
            rows.map(|(text, (places, tokens))| words_of(text.as_ref(), places.zip(tokens)));
        Ok(words.collect())
    }
}

/// What each word of normalised texts contributes to what a scorer says of them.
///
/// # Errors
/// As for [`Scorer::contributions`], or the tokenizer refuses a text.
pub fn word_contributions<T: AsRef<str> + Sync>(
    scorer: &dyn Scorer,
    reader: &TextReader,
    normalised: &[T],
) -> Result<Vec<Vec<Word>>, Failure> {
    let encoded = reader.encode_all(normalised, true)?;
    encoded.words(scorer, normalised)
}
