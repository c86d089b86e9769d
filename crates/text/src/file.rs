//! Loads and checks a `tokenizer.json`.

use std::fs;
use std::ops::Range;
use std::path::Path;

use artifact::{Digest, Failure, catch_panics, format};
use serde::de::IgnoredAny;
use settings::Truncation;
use tokenizers::models::ModelWrapper;
use tokenizers::{Encoding, PostProcessor, Token, Tokenizer};

use crate::special::{find_pad, find_unknown};
use crate::truncate;
use crate::word_cache::WordCache;

/// A tokenizer, with the properties that the contract records.
#[derive(Debug)]
pub struct TokenizerFile {
    tokenizer: Tokenizer,
    fingerprint: Digest,
    vocabulary_size: u32,
    pad_id: u32,
    pad_token: String,
    unknown_id: Option<u32>,
    special: u32,
    /// Cached ids of words, for a tokenizer that encodes word by word.
    words: Option<WordCache>,
}

/// The ids of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// At least one id, and at most the requested number.
    pub ids: Vec<u32>,
    /// Number of ids before truncation.
    pub length: u32,
}

/// The ids of a text with their positions in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedWithOffsets {
    /// The same ids as [`TokenizerFile::encode`] gives.
    pub ids: Vec<u32>,
    /// For each id the range of bytes in the text; `None` for a token that the tokenizer added.
    pub offsets: Vec<Option<Range<usize>>>,
}

type Result<T, E = Failure> = std::result::Result<T, E>;

impl Encoded {
    /// Whether ids were dropped.
    pub fn is_truncated(&self) -> bool {
        self.length as usize > self.ids.len()
    }
}

impl TokenizerFile {
    /// Loads and checks a tokenizer.
    ///
    /// # Errors
    /// The file cannot be read, is not a tokenizer, or cannot be used: it has no padding token, has ids far
    /// beyond the number of tokens, or splits words at random (BPE dropout).
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_bytes(&read_bytes(path)?, path)
    }

    /// Like [`TokenizerFile::read`], from the content of the file. The path is used in messages.
    ///
    /// # Errors
    /// See [`TokenizerFile::read`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let unusable =
            |problem| Failure::new(format!("The tokenizer `{}` {problem}", path.display()));
        let mut tokenizer = parse(bytes).map_err(unreadable(path))?;
        let vocabulary_size = vocabulary_size(&tokenizer).map_err(unusable)?;
        if is_random(tokenizer.get_model()) {
            let hint = "Set `dropout` in the `model` section of the file to null".to_owned();
            return Err(unusable("splits words at random (BPE dropout)".to_owned()).with_hint(hint));
        }
        let (pad_id, pad_token) = find_pad(&tokenizer)
            .map_err(|problem| unusable(problem).with_hint(PAD_HINT.to_owned()))?;
        // The caller decides about truncation and padding, not the file.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(unreadable(path))?;
        let processor = tokenizer.get_post_processor();
        let special = processor.map_or(0, |processor| processor.added_tokens(false));
        Ok(Self {
            fingerprint: Digest::of_bytes(bytes),
            vocabulary_size,
            pad_id,
            pad_token,
            unknown_id: find_unknown(&tokenizer),
            special: u32::try_from(special).unwrap_or(u32::MAX),
            words: WordCache::of(&tokenizer),
            tokenizer,
        })
    }

    /// Encodes a text as at most `max_length` ids, including the tokenizer's special tokens, which are never
    /// truncated.
    ///
    /// A text without any token becomes one unknown id, or one padding id if the tokenizer has no unknown id, so
    /// that no row is empty.
    ///
    /// # Errors
    /// `max_length` leaves no room for text, or the tokenizer fails.
    pub fn encode(&self, text: &str, max_length: u32, truncation: Truncation) -> Result<Encoded> {
        let max_text_tokens = self.max_text_tokens(max_length)? as usize;
        catch_panic(text, || {
            let whole = match &self.words {
                Some(words) => words.ids(&self.tokenizer, text)?,
                None => self.tokenizer.encode_fast(text, false)?.get_ids().to_vec(),
            };
            let length = u32::try_from(whole.len()).unwrap_or(u32::MAX);
            let mut ids = truncate(&whole, max_text_tokens, truncation);
            if self.special > 0 {
                let tokens = ids.iter().map(|id| token(*id, (0, 0))).collect();
                ids = self.with_special_tokens(tokens)?.get_ids().to_vec();
            }
            if ids.is_empty() {
                ids.push(self.empty_row_id());
            }
            let length = length.saturating_add(self.special).max(1);
            Ok(Encoded { ids, length })
        })
    }

    /// Like [`TokenizerFile::encode`], with the position of every token in the text. Slower.
    ///
    /// # Errors
    /// See [`TokenizerFile::encode`].
    pub fn encode_with_offsets(
        &self,
        text: &str,
        max_length: u32,
        truncation: Truncation,
    ) -> Result<EncodedWithOffsets> {
        let max_text_tokens = self.max_text_tokens(max_length)? as usize;
        catch_panic(text, || {
            let whole = self.tokenizer.encode(text, false)?;
            let offsets = whole.get_ids().iter().zip(whole.get_offsets());
            let tokens: Vec<Token> = offsets.map(|(id, range)| token(*id, *range)).collect();
            let tokens = truncate(&tokens, max_text_tokens, truncation);
            let encoding = self.with_special_tokens(tokens)?;
            let added = encoding.get_special_tokens_mask().iter();
            let offsets = encoding.get_offsets().iter().zip(added);
            let offsets = offsets.map(|(range, added)| (*added == 0).then_some(range.0..range.1));
            let mut encoded = EncodedWithOffsets {
                ids: encoding.get_ids().to_vec(),
                offsets: offsets.collect(),
            };
            if encoded.ids.is_empty() {
                encoded.ids.push(self.empty_row_id());
                encoded.offsets.push(None);
            }
            Ok(encoded)
        })
    }

    /// Maximum number of text tokens in a row.
    ///
    /// # Errors
    /// The tokenizer's special tokens leave no room for text.
    pub fn max_text_tokens(&self, max_length: u32) -> Result<u32> {
        match max_length.saturating_sub(self.special) {
            0 => Err(Failure::new(format!(
                "`max_length` = {max_length} leaves no room for text besides the tokenizer's {}",
                format::plural(self.special.into(), "special token", "special tokens")
            ))
            .with_hint("Raise the tokenizer's `max_length`".to_owned())),
            max_text_tokens => Ok(max_text_tokens),
        }
    }

    fn with_special_tokens(&self, tokens: Vec<Token>) -> tokenizers::Result<Encoding> {
        let encoding = Encoding::from_tokens(tokens, 0);
        self.tokenizer.post_process(encoding, None, true)
    }

    /// The only id of a row that would otherwise be empty.
    fn empty_row_id(&self) -> u32 {
        self.unknown_id.unwrap_or(self.pad_id)
    }

    /// The tokenizer itself, without truncation and padding.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Digest of the file's bytes, which contracts compare.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// The largest id plus one.
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

    /// The id of unknown tokens; `None` if the tokenizer encodes unknown text as bytes.
    pub fn unknown_id(&self) -> Option<u32> {
        self.unknown_id
    }

    /// The token of every id; `None` for an unused id.
    pub fn tokens(&self) -> Vec<Option<String>> {
        let mut tokens = vec![None; self.vocabulary_size as usize];
        for (token, id) in self.tokenizer.get_vocab(true) {
            tokens[id as usize] = Some(token);
        }
        tokens
    }
}

/// Reads the bytes of a tokenizer file.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        Failure::new(format!("Failed to read the tokenizer `{}`", path.display())).with_cause(error)
    })
}

/// Converts an error of parsing the file: `map_err(unreadable(path))`.
pub(crate) fn unreadable<E>(path: &Path) -> impl Fn(E) -> Failure
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let message = format!("Failed to parse the tokenizer `{}`", path.display());
    move |error| {
        let failure = Failure::new(message.as_str()).with_cause(error);
        failure.with_hint(PARSE_HINT.to_owned())
    }
}

/// Encodes a text. The regular expression library panics on a word of millions of letters.
fn catch_panic<T>(text: &str, encode: impl FnOnce() -> tokenizers::Result<T>) -> Result<T> {
    catch_panics(|panic| panic, encode).map_err(|error| {
        let characters = format::count(text.chars().count() as u64);
        let message = format!("Failed to encode a text of {characters} characters");
        let failure = Failure::new(message).with_cause(error);
        failure.with_hint(ENCODE_HINT.to_owned())
    })
}

fn token(id: u32, range: (usize, usize)) -> Token {
    Token::new(id, String::new(), range)
}

/// Parses a tokenizer. The library panics on some damaged files (a truncated decoder section, a damaged
/// `Precompiled` normalizer), so the JSON is checked first and panics are caught.
fn parse(bytes: &[u8]) -> tokenizers::Result<Tokenizer> {
    serde_json::from_slice::<IgnoredAny>(bytes)?;
    let damaged = |_| "one of its sections is damaged".into();
    catch_panics(damaged, || Tokenizer::from_bytes(bytes))
}

/// The largest id plus one. Ids far beyond the number of tokens would make every embedding too large, so such
/// a file is refused.
fn vocabulary_size(tokenizer: &Tokenizer) -> Result<u32, String> {
    let vocabulary = tokenizer.get_vocab(true);
    let largest = vocabulary.values().max().ok_or("has an empty vocabulary")?;
    let count = vocabulary.len();
    if *largest as usize > 2 * count + 1024 {
        return Err(format!("has ids up to {largest} for {count} tokens"));
    }
    Ok(largest + 1)
}

fn is_random(model: &ModelWrapper) -> bool {
    matches!(model, ModelWrapper::BPE(model) if model.dropout.is_some_and(|share| share > 0.0))
}

const PAD_HINT: &str = "Add a padding token to the file with the Python library: \
    `tokenizer.enable_padding(pad_id=..., pad_token=...)` and `tokenizer.save(...)`";

const PARSE_HINT: &str = "The file must be a `tokenizer.json` written by `tokenizer.save(...)` of the `tokenizers` library";

const ENCODE_HINT: &str =
    "Remove the text or divide its longest word: words of millions of letters are not supported";

#[cfg(test)]
mod tests;
