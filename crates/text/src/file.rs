//! A `tokenizer.json`, loaded and checked.

use std::fs;
use std::ops::Range;
use std::path::Path;

use artifact::{Digest, Failure, catch_panics};
use serde::de::IgnoredAny;
use settings::Truncation;
use tokenizers::models::ModelWrapper;
use tokenizers::{Encoding, PostProcessor, Token, Tokenizer};

use crate::special::{find_pad, find_unknown};
use crate::truncate;
use crate::words::Words;

/// A tokenizer with what the contract says about it.
#[derive(Debug)]
pub struct TokenizerFile {
    tokenizer: Tokenizer,
    fingerprint: Digest,
    vocabulary_size: u32,
    pad_id: u32,
    pad_token: String,
    unknown_id: Option<u32>,
    special: u32,
    /// Words met before, for a tokenizer that encodes word by word.
    words: Option<Words>,
}

/// A text as ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// At least one id, at most as many as were asked for.
    pub ids: Vec<u32>,
    /// Number of ids before truncation.
    pub length: u32,
}

/// A text as ids that know where they stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The same ids as [`TokenizerFile::encode`] gives.
    pub ids: Vec<u32>,
    /// For each the bytes of the text that it was made of; `None` for a token that the tokenizer
    /// added.
    pub places: Vec<Option<Range<usize>>>,
}

impl Encoded {
    /// Whether ids were left out.
    pub fn is_truncated(&self) -> bool {
        self.length as usize > self.ids.len()
    }
}

impl TokenizerFile {
    /// Loads and checks a tokenizer.
    ///
    /// # Errors
    /// The file cannot be read, is no tokenizer, or is one that cannot be used: without a padding
    /// token, with ids far beyond the number of tokens, or with random segmentation (BPE dropout).
    pub fn read(path: &Path) -> Result<Self, Failure> {
        Self::from_bytes(&read_bytes(path)?, path)
    }

    /// As [`TokenizerFile::read`], from the file's content. The path serves messages only.
    ///
    /// # Errors
    /// See [`TokenizerFile::read`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, Failure> {
        let unusable =
            |problem| Failure::new(format!("The tokenizer `{}` {problem}", path.display()));
        let mut tokenizer = parse(bytes).map_err(unreadable(path))?;
        let vocabulary_size = vocabulary_size(&tokenizer).map_err(unusable)?;
        if is_random(tokenizer.get_model()) {
            let hint = "Set `dropout` in its `model` section to null".to_owned();
            return Err(unusable("splits words at random (BPE dropout)".to_owned()).with_hint(hint));
        }
        let (pad_id, pad_token) = find_pad(&tokenizer)
            .map_err(|problem| unusable(problem).with_hint(PAD_HINT.to_owned()))?;
        // What is cut off and what is filled up is decided by whoever encodes, never by the file.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(unreadable(path))?;
        let special = tokenizer
            .get_post_processor()
            .map_or(0, |processor| processor.added_tokens(false));
        Ok(Self {
            fingerprint: Digest::of_bytes(bytes),
            vocabulary_size,
            pad_id,
            pad_token,
            unknown_id: find_unknown(&tokenizer),
            special: u32::try_from(special).unwrap_or(u32::MAX),
            words: Words::of(&tokenizer),
            tokenizer,
        })
    }

    /// The ids of a text, special tokens of the tokenizer included, at most `max_length` of them.
    /// Special tokens are never what is left out.
    ///
    /// A text without any sign that the tokenizer takes note of becomes one unknown id, or one
    /// padding id where the tokenizer knows no unknown, so that no row is ever empty.
    ///
    /// # Errors
    /// `max_length` has no room for text, or the tokenizer refuses the text.
    pub fn encode(
        &self,
        text: &str,
        max_length: u32,
        truncation: Truncation,
    ) -> Result<Encoded, Failure> {
        let room = self.room(max_length)? as usize;
        guard_encoding(text, || {
            let whole = match &self.words {
                Some(words) => words.ids(&self.tokenizer, text)?,
                None => {
                    let encoding = self.tokenizer.encode_fast(text, false)?;
                    encoding.get_ids().to_vec()
                }
            };
            let length = u32::try_from(whole.len()).unwrap_or(u32::MAX);
            let mut ids = truncate(&whole, room, truncation);
            if self.special > 0 {
                let tokens = ids.iter().map(|id| token(*id, (0, 0))).collect();
                ids = self.with_special_tokens(tokens)?.get_ids().to_vec();
            }
            if ids.is_empty() {
                ids.push(self.filler());
            }
            Ok(Encoded {
                ids,
                length: length.saturating_add(self.special).max(1),
            })
        })
    }

    /// As [`TokenizerFile::encode`], with the place of every token in the text. Slower.
    ///
    /// # Errors
    /// See [`TokenizerFile::encode`].
    pub fn locate(
        &self,
        text: &str,
        max_length: u32,
        truncation: Truncation,
    ) -> Result<Located, Failure> {
        let room = self.room(max_length)? as usize;
        guard_encoding(text, || {
            let whole = self.tokenizer.encode(text, false)?;
            let places = whole.get_ids().iter().zip(whole.get_offsets());
            let tokens: Vec<Token> = places.map(|(id, place)| token(*id, *place)).collect();
            let encoding = self.with_special_tokens(truncate(&tokens, room, truncation))?;
            let added = encoding.get_special_tokens_mask().iter();
            let places = encoding.get_offsets().iter().zip(added);
            let mut located = Located {
                ids: encoding.get_ids().to_vec(),
                places: places
                    .map(|(place, added)| (*added == 0).then_some(place.0..place.1))
                    .collect(),
            };
            if located.ids.is_empty() {
                located.ids.push(self.filler());
                located.places.push(None);
            }
            Ok(located)
        })
    }

    /// Tokens of text that fit into a row.
    ///
    /// # Errors
    /// None do, because the tokenizer's special tokens fill the row.
    pub fn room(&self, max_length: u32) -> Result<u32, Failure> {
        match max_length.saturating_sub(self.special) {
            0 => Err(Failure::new(format!(
                "A row of {max_length} tokens has no room for text beside the {} tokens that the tokenizer adds",
                self.special
            ))
            .with_hint("Raise the tokenizer's `max_length`".to_owned())),
            room => Ok(room),
        }
    }

    fn with_special_tokens(&self, tokens: Vec<Token>) -> tokenizers::Result<Encoding> {
        let encoding = Encoding::from_tokens(tokens, 0);
        self.tokenizer.post_process(encoding, None, true)
    }

    /// The only id of a row that would be empty.
    fn filler(&self) -> u32 {
        self.unknown_id.unwrap_or(self.pad_id)
    }

    /// The tokenizer itself, without truncation and padding.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Digest of the file's bytes: what contracts compare.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// One more than the largest id.
    pub fn vocabulary_size(&self) -> u32 {
        self.vocabulary_size
    }

    /// The id that fills short rows of a batch.
    pub fn pad_id(&self) -> u32 {
        self.pad_id
    }

    /// The token of [`TokenizerFile::pad_id`].
    pub fn pad_token(&self) -> &str {
        &self.pad_token
    }

    /// The id of what the vocabulary lacks; `None` where everything can be written, as bytes.
    pub fn unknown_id(&self) -> Option<u32> {
        self.unknown_id
    }

    /// The token of every id; `None` for an id that no token has.
    pub fn tokens(&self) -> Vec<Option<String>> {
        let mut tokens = vec![None; self.vocabulary_size as usize];
        for (token, id) in self.tokenizer.get_vocab(true) {
            tokens[id as usize] = Some(token);
        }
        tokens
    }
}

/// The bytes of a tokenizer's file.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        Failure::new(format!("Failed to read the tokenizer `{}`", path.display())).with_cause(error)
    })
}

/// The file is not what the `tokenizers` library writes: `map_err(unreadable(path))`.
pub(crate) fn unreadable<E>(path: &Path) -> impl Fn(E) -> Failure
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = path.to_owned();
    move |error| {
        Failure::new(format!(
            "The tokenizer `{}` cannot be understood",
            path.display()
        ))
        .with_cause(error)
        .with_hint(PARSE_HINT.to_owned())
    }
}

/// Encodes a text. The regular expressions give up on a word of millions of letters, with a panic.
fn guard_encoding<T>(
    text: &str,
    encode: impl FnOnce() -> tokenizers::Result<T>,
) -> Result<T, Failure> {
    catch_panics(|panic| panic, encode).map_err(|error| {
        let characters = text.chars().count();
        Failure::new(format!(
            "Failed to encode a text of {characters} characters"
        ))
        .with_cause(error)
        .with_hint(ENCODE_HINT.to_owned())
    })
}

fn token(id: u32, place: (usize, usize)) -> Token {
    Token::new(id, String::new(), place)
}

/// The library panics on some files that it cannot read (a decoder section that is cut off, a
/// damaged `Precompiled` normalizer). So it is given well-formed JSON only, and is watched.
fn parse(bytes: &[u8]) -> tokenizers::Result<Tokenizer> {
    serde_json::from_slice::<IgnoredAny>(bytes)?;
    catch_panics(
        |_| "one of its sections is damaged".into(),
        || Tokenizer::from_bytes(bytes),
    )
}

/// One more than the largest id. Ids far beyond the number of tokens would make every embedding
/// that large, so a file that claims them is not believed.
fn vocabulary_size(tokenizer: &Tokenizer) -> Result<u32, String> {
    let vocabulary = tokenizer.get_vocab(true);
    let largest = vocabulary.values().max().ok_or("has an empty vocabulary")?;
    if *largest as usize > 2 * vocabulary.len() + 1024 {
        return Err(format!(
            "has ids up to {largest} for {} tokens",
            vocabulary.len()
        ));
    }
    Ok(largest + 1)
}

fn is_random(model: &ModelWrapper) -> bool {
    matches!(model, ModelWrapper::BPE(model) if model.dropout.is_some_and(|share| share > 0.0))
}

const PAD_HINT: &str = "Name its padding token in the file: with the Python library, \
    `tokenizer.enable_padding(pad_id=..., pad_token=...)` and `tokenizer.save(...)`";

const PARSE_HINT: &str =
    "A `tokenizer.json` is what `tokenizer.save(...)` of the `tokenizers` library writes";

const ENCODE_HINT: &str = "Leave the text out, or part its longest word: what parts texts into \
    words gives up on one of millions of letters";

#[cfg(test)]
mod tests;
