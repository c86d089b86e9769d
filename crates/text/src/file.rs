//! A `tokenizer.json`, loaded and checked.

use std::fs;
use std::ops::Range;
use std::path::Path;

use artifact::{Digest, Failure, guarded};
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
        Failure::new(format!("Could not read the tokenizer `{}`", path.display())).with_cause(error)
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
    guarded(|panic| panic, encode).map_err(|error| {
        let characters = text.chars().count();
        Failure::new(format!(
            "Could not encode a text of {characters} characters"
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
    guarded(
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
mod tests {
    use super::*;

    const BERT_LIKE: &str = r###"{
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": null,
                    "pad_id": 3, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "decoder": null,
        "model": {"type": "WordLevel", "unk_token": "[UNK]",
                  "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[PAD]": 3, "good": 4, "film": 5}}
    }"###;

    fn read(text: &str) -> Result<TokenizerFile, Failure> {
        TokenizerFile::from_bytes(text.as_bytes(), Path::new("tokenizer.json"))
    }

    fn check(text: &str, max_length: u32, truncation: Truncation, ids: &[u32], length: u32) {
        let encoded = read(BERT_LIKE)
            .expect("usable")
            .encode(text, max_length, truncation)
            .expect("encodes");
        assert_eq!(
            encoded,
            Encoded {
                ids: ids.to_vec(),
                length
            },
            "`{text}`"
        );
    }

    #[test]
    fn special_tokens_survive_truncation_and_the_files_own_limits_do_not_count() {
        use Truncation::{Head, HeadTail, Tail};
        check("good film", 8, Head, &[1, 4, 5, 2], 4);
        check("good good film film", 4, Head, &[1, 4, 4, 2], 6);
        check("good good film film", 4, Tail, &[1, 5, 5, 2], 6);
        check(
            "good good good film film film",
            6,
            HeadTail,
            &[1, 4, 5, 5, 5, 2],
            8,
        );
        check("other", 8, Head, &[1, 0, 2], 3);
        check("", 8, Head, &[1, 2], 2);
    }

    #[test]
    fn located_tokens_are_the_encoded_ones_and_know_their_place() {
        let file = read(BERT_LIKE).expect("usable");
        for truncation in [Truncation::Head, Truncation::Tail, Truncation::HeadTail] {
            for text in [
                "good film",
                "good good film film good film",
                "  other film",
                "",
            ] {
                let located = file.locate(text, 5, truncation).expect("encodes");
                let encoded = file.encode(text, 5, truncation).expect("encodes");
                assert_eq!(located.ids, encoded.ids, "`{text}`");
            }
        }
        let located = file
            .locate("good  bad film", 4, Truncation::Tail)
            .expect("encodes");
        assert_eq!(located.ids, [1, 0, 5, 2]);
        assert_eq!(located.places, [None, Some(6..9), Some(10..14), None]);
    }

    #[test]
    fn says_what_the_contract_needs() {
        let file = read(BERT_LIKE).expect("usable");
        assert_eq!(
            (file.vocabulary_size(), file.pad_id(), file.unknown_id()),
            (6, 3, Some(0))
        );
        assert_eq!(file.tokens()[5].as_deref(), Some("film"));
        assert_eq!(file.fingerprint(), Digest::of_bytes(BERT_LIKE.as_bytes()));
    }

    #[test]
    fn an_empty_row_becomes_one_unknown() {
        let plain = BERT_LIKE.replace(
            r#"{"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}"#,
            "null",
        );
        let encoded = read(&plain)
            .expect("usable")
            .encode("  ", 8, Truncation::Head)
            .expect("encodes");
        assert_eq!(
            encoded,
            Encoded {
                ids: vec![0],
                length: 1
            }
        );
        assert!(!encoded.is_truncated());
    }

    #[test]
    fn refuses_with_the_reason() {
        let no_padding_section = {
            let start = BERT_LIKE.find(r#""padding""#).expect("there");
            let end = BERT_LIKE.find(r#""added_tokens""#).expect("there");
            format!("{}{}", &BERT_LIKE[..start], &BERT_LIKE[end..])
        };
        read(&no_padding_section).expect("`[PAD]` is a well-known name");
        let cases = [
            ("{", "cannot be understood"),
            (
                &BERT_LIKE.replace(r#""pad_id": 3"#, r#""pad_id": 5"#),
                "pads with `[PAD]` as id 5",
            ),
            (
                &BERT_LIKE.replace(r#""pad_token": "[PAD]""#, r#""pad_token": "[FILL]""#),
                "pads with `[FILL]`, which",
            ),
            (
                &no_padding_section.replace("[PAD]", "[FILL]"),
                "has no padding token",
            ),
            (
                &BERT_LIKE.replace(r#""film": 5"#, r#""film": 4000000000"#),
                "has ids up to 4000000000 for 6 tokens",
            ),
        ];
        for (text, expected) in cases {
            let error = read(text).expect_err("refused").to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = read(BERT_LIKE)
            .expect("usable")
            .encode("good", 2, Truncation::Head)
            .expect_err("no room");
        assert!(
            error
                .to_string()
                .contains("no room for text beside the 2 tokens"),
            "{error}"
        );
    }

    #[test]
    fn a_file_cut_off_anywhere_is_an_error_and_never_a_panic() {
        let whole = BERT_LIKE.trim_end();
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "cut off at byte {end}");
        }
    }

    /// Found by fuzzing: merges of a BPE model with a prefix that its words do not have.
    #[test]
    fn merges_that_do_not_fit_their_prefix_are_an_error() {
        let model = r###"{"type": "BPE", "continuing_subword_prefix": "##", "unk_token": "[UNK]",
            "vocab": {"[PAD]": 0, "[UNK]": 1, "l": 2, "o": 3, "lo": 4}, "merges": [["l", "o"]]}"###;
        let file = format!(r#"{{"version": "1.0", "added_tokens": [], "model": {model}}}"#);
        let error = read(&file).expect_err("refused");
        assert!(
            error.to_string().contains("cannot be understood"),
            "{error}"
        );
    }

    #[test]
    fn a_section_that_the_library_panics_on_is_an_error() {
        let normalizer = r#""normalizer": {"type": "Precompiled", "precompiled_charsmap": 1}"#;
        let damaged = BERT_LIKE.replace(r#""normalizer": null"#, normalizer);
        let error = read(&damaged).expect_err("refused");
        assert!(
            error.to_string().contains("cannot be understood"),
            "{error}"
        );
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("tokenizer.save"))
        );
    }
}
