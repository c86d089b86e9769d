//! From a text to token ids, exactly as the training texts of a model.

use std::ops::Range;
use std::path::Path;

use artifact::Normalization;
use rayon::prelude::*;
use settings::Truncation;
use text::TokenizerFile;

use crate::explain::sum_by_word;
use crate::{BundleError, IdsAndSpecialMask, ModelFile, Result, Scorer, Word};

/// Normalises, tokenizes and truncates texts as described in `model.json`.
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
    /// The bundle has no normalisation or that of another version, or its tokenizer cannot be read.
    pub fn of(folder: &Path, model: &ModelFile) -> Result<Self> {
        let Some(normalization) = model.normalization else {
            let problem = "`model.json` has no `normalization`, so new texts cannot be cleaned like the training texts";
            return Err(BundleError::unusable(folder, problem).into());
        };
        let (version, ours) = (normalization.version, Normalization::VERSION);
        if version != ours {
            let problem = format!(
                "its training texts were cleaned with version {version} of the rules, but this program has version {ours}"
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

    /// The text after cleaning; may be empty.
    pub fn normalised(&self, text: &str) -> String {
        text::normalize::normalize(text, &self.normalization)
    }

    /// The token ids of a normalised text.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn ids(&self, normalised: &str) -> Result<Vec<u32>> {
        let (length, truncation) = (self.max_length, self.truncation);
        let encoded = self.tokenizer.encode(normalised, length, truncation)?;
        Ok(encoded.ids)
    }

    /// Tokenizes normalised texts on all cores, optionally with the positions of tokens.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub(crate) fn encode_all<T: AsRef<str> + Sync>(
        &self,
        normalised: &[T],
        with_positions: bool,
    ) -> Result<EncodedTexts> {
        let encode = |text: &T| {
            if !with_positions {
                return Ok((self.ids(text.as_ref())?, Vec::new()));
            }
            let (tokenizer, text) = (&self.tokenizer, text.as_ref());
            let located = tokenizer.encode_with_offsets(text, self.max_length, self.truncation)?;
            Ok((located.ids, located.offsets))
        };
        let encoded = normalised.par_iter().map(encode);
        let encoded = encoded.collect::<Result<Vec<_>>>()?;
        let (ids, ranges) = encoded.into_iter().unzip();
        Ok(EncodedTexts { ids, ranges })
    }

    /// Whether another reader normalises texts in the same way.
    pub(crate) fn normalises_like(&self, other: &Self) -> bool {
        self.normalization == other.normalization
    }

    /// Whether another reader gives the same token ids for every text.
    pub(crate) fn encodes_like(&self, other: &Self) -> bool {
        let limits = |it: &Self| (it.max_length, it.truncation);
        self.normalises_like(other)
            && self.tokenizer.fingerprint() == other.tokenizer.fingerprint()
            && limits(self) == limits(other)
    }
}

/// Tokenized texts.
#[derive(Debug)]
pub(crate) struct EncodedTexts {
    /// Token ids of each text.
    pub(crate) ids: Vec<Vec<u32>>,
    /// Byte ranges of the tokens of each text, if requested; `None` for special tokens.
    ranges: Vec<Vec<Option<Range<usize>>>>,
}

impl EncodedTexts {
    /// The attributions of all words of these texts.
    ///
    /// # Errors
    /// As for [`Scorer::contributions`].
    pub(crate) fn words<T: AsRef<str>>(
        &self,
        scorer: &dyn Scorer,
        texts: &[T],
    ) -> Result<Vec<Vec<Word>>> {
        let masked = |(ids, ranges): (&Vec<u32>, &Vec<Option<Range<usize>>>)| {
            (ids.clone(), ranges.iter().map(Option::is_none).collect())
        };
        let rows: Vec<IdsAndSpecialMask> = self.ids.iter().zip(&self.ranges).map(masked).collect();
        let contributions = scorer.contributions(&rows)?;
        let ranges = self.ranges.iter().map(|ranges| ranges.iter().cloned());
        let rows = texts.iter().zip(ranges.zip(contributions));
        let words = rows.map(|(it, (ranges, tokens))| sum_by_word(it.as_ref(), ranges.zip(tokens)));
        Ok(words.collect())
    }
}

/// The attributions of all words of normalised texts.
///
/// # Errors
/// As for [`Scorer::contributions`], or the tokenizer fails.
pub fn word_contributions<T: AsRef<str> + Sync>(
    scorer: &dyn Scorer,
    reader: &TextReader,
    normalised: &[T],
) -> Result<Vec<Vec<Word>>> {
    let encoded = reader.encode_all(normalised, true)?;
    encoded.words(scorer, normalised)
}
