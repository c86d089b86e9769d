//! Encodes texts word by word with a cache. Most words of a text have occurred before, and for some tokenizers the
//! ids of a word between spaces or punctuation do not depend on other words. The full path through normalizer,
//! regular expression and model costs ten times as much.

use std::collections::HashMap;
use std::sync::RwLock;

use ahash::RandomState;
use compact_str::CompactString;
use smallvec::SmallVec;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{ModelWrapper, NormalizerWrapper as Normalizer, Tokenizer};

/// Words as in the Penn Treebank and in GloVe's vocabulary. The clitics `n't`, `'s`, `'re`, `'ve`, `'m`, `'ll`
/// and `'d` are separate tokens, so that all negations share one token. Any other character that is not a letter,
/// digit or white space is a token too.
pub const WORD_PATTERN: &str = r"\w+(?=(?i:n't)\b)|(?i:n't)\b|'(?i:s|re|ve|m|ll|d)\b|\w+|[^\w\s]";

/// Maximum number of cached words, and the maximum length of a cached word in bytes.
const LIMIT: (usize, usize) = (1 << 18, 64);

/// A cache from words to their ids. Short words and ids are stored inline, because every word is looked up. The hash
/// is randomly seeded, because words come from untrusted texts.
#[derive(Debug, Default)]
pub(crate) struct WordCache(RwLock<HashMap<CompactString, SmallVec<[u32; 2]>, RandomState>>);

impl WordCache {
    /// Creates a cache if the tokenizer encodes words independently: kind `word`, as made by `tokenize`, without
    /// added tokens.
    pub(crate) fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let of_words = match tokenizer.get_pre_tokenizer() {
            // The fields are not all public, so the serialised form is compared.
            Some(PreTokenizerWrapper::Split(split)) => {
                serde_json::to_value(split).is_ok_and(|split| {
                    split["pattern"]["Regex"] == WORD_PATTERN
                        && split["behavior"] == "Removed"
                        && split["invert"] == true
                })
            }
            _ => false,
        };
        let by_letter = |normalizer: &Normalizer| {
            matches!(normalizer, Normalizer::NFC(_) | Normalizer::Lowercase(_))
                || serde_json::to_value(normalizer)
                    .is_ok_and(|replace| replace["pattern"]["String"] == "\u{2019}")
        };
        let normalizes_by_letter = match tokenizer.get_normalizer() {
            None => true,
            Some(Normalizer::Sequence(steps)) => steps.as_ref().iter().all(by_letter),
            Some(one) => by_letter(one),
        };
        let is_plain = matches!(tokenizer.get_model(), ModelWrapper::WordLevel(_))
            && tokenizer.get_added_vocabulary().get_vocab().is_empty();
        (of_words && normalizes_by_letter && is_plain).then(Self::default)
    }

    /// Encodes a text, without the special tokens of the tokenizer.
    pub(crate) fn ids(&self, tokenizer: &Tokenizer, text: &str) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::with_capacity(text.len() / 4);
        let mut new = Vec::new();
        // After a panic in another thread the entries are still complete.
        let known = self.0.read().unwrap_or_else(|error| error.into_inner());
        for word in pieces(text) {
            if let Some(found) = known.get(word) {
                ids.extend_from_slice(found);
                continue;
            }
            let found = tokenizer.encode_fast(word, false)?;
            ids.extend_from_slice(found.get_ids());
            if word.len() <= LIMIT.1 {
                new.push((word.into(), found.get_ids().into()));
            }
        }
        let has_room = known.len() < LIMIT.0;
        drop(known);
        // If another thread is writing, the words are not cached this time.
        if has_room
            && !new.is_empty()
            && let Ok(mut known) = self.0.try_write()
        {
            known.extend(new);
        }
        Ok(ids)
    }
}

/// ASCII characters that are always a separate token ([`WORD_PATTERN`]): punctuation except `_`, which may be in a
/// word, and `'`, which may start a clitic.
const IS_PUNCTUATION: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let sign = byte as u8;
        table[byte] = sign.is_ascii_punctuation() && sign != b'_' && sign != b'\'';
        byte += 1;
    }
    table
};

/// Splits a text into pieces that can be encoded separately: punctuation characters, and the text between them and
/// spaces.
///
/// Punctuation before a non-ASCII character is not separated from it, because the two may combine: in form NFC, `=` and
/// U+0338 are one character.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(' ');
        let bytes = rest.as_bytes();
        let is_punctuation = |at: usize| {
            IS_PUNCTUATION[usize::from(bytes[at])] && bytes.get(at + 1).is_none_or(u8::is_ascii)
        };
        let is_end = |at: &usize| bytes[*at] == b' ' || is_punctuation(*at);
        let end = match bytes.is_empty() {
            true => return None,
            false if is_punctuation(0) => 1,
            false => (1..bytes.len()).find(is_end).unwrap_or(bytes.len()),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use settings::Truncation;

    use crate::TokenizerFile;

    use super::*;

    /// Pieces that a tokenizer could join or split incorrectly.
    const PIECES: &[&str] = &[
        " ",
        "  ",
        "\t",
        "\n",
        "\u{a0}",
        "\u{85}",
        "\u{200b}",
        "\u{301}",
        "\u{338}",
        "=",
        "(",
        "\"",
        ",",
        "\u{1}",
        "e",
        "\u{e9}",
        "don",
        "n't",
        "N'T",
        "'",
        "\u{2019}",
        "'s",
        "'LL",
        "can",
        "good",
        "GOOD",
        "film",
        ".",
        "...",
        "<pad>",
        "<unk>",
        "8/10",
        "\u{3a3}",
        "\u{130}",
        "_",
        "-",
        "\u{1100}",
        "\u{1161}",
        "\u{1f600}",
        "\u{4f60}",
    ];

    fn file(added: &str) -> TokenizerFile {
        let words = [
            "<pad>", "<unk>", "good", "film", "do", "n't", "ca", "'s", "'ll", "e", "\u{e9}", ".",
            "<", ">", "pad", "8",
        ];
        let vocabulary: serde_json::Map<String, serde_json::Value> = words
            .iter()
            .enumerate()
            .map(|(id, word)| ((*word).to_owned(), id.into()))
            .collect();
        let added: Vec<serde_json::Value> = (!added.is_empty())
            .then(|| {
                json!({"id": 0, "content": added, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true})
            })
            .into_iter()
            .collect();
        let text = json!({
            "version": "1.0", "truncation": null, "added_tokens": added, "post_processor": null, "decoder": null,
            "padding": {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null,
                "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"},
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"},
                {"type": "Replace", "pattern": {"String": "\u{2019}"}, "content": "'"}, {"type": "Lowercase"}]},
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": WORD_PATTERN}, "behavior": "Removed", "invert": true},
            "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": vocabulary},
        });
        TokenizerFile::from_bytes(text.to_string().as_bytes(), Path::new("tokenizer.json"))
            .expect("usable")
    }

    #[test]
    fn encoding_by_word_equals_encoding_the_text() {
        let file = file("");
        assert!(WordCache::of(file.tokenizer()).is_some());
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                text.push_str(PIECES[(state >> 33) as usize % PIECES.len()]);
            }
            let whole = file
                .tokenizer()
                .encode_fast(text.as_str(), false)
                .expect("encodes");
            let words = file.encode(&text, 1000, Truncation::Head).expect("encodes");
            let expected = match whole.get_ids() {
                [] => &[1][..],
                ids => ids,
            };
            assert_eq!(words.ids, expected, "{text:?}");
        }
    }

    #[test]
    fn pieces_end_at_spaces_and_punctuation() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(pieces(text).collect::<Vec<_>>(), expected, "{text:?}");
        };
        check(
            "It isn't bad, (really)!",
            &["It", "isn't", "bad", ",", "(", "really", ")", "!"],
        );
        check("  8/10 caf\u{e9}.  ", &["8", "/", "10", "caf\u{e9}", "."]);
        check("a=\u{338}b a_b", &["a=\u{338}b", "a_b"]);
        check("   ", &[]);
        check("", &[]);
    }

    #[test]
    fn a_tokenizer_with_added_tokens_is_not_cached() {
        assert!(WordCache::of(file("<pad>").tokenizer()).is_none());
    }

    /// The regular expression library gives up after 10 million backtracking steps, and its binding panics.
    #[test]
    fn a_word_of_millions_of_letters_is_an_error_and_not_a_panic() {
        let file = file("");
        let word = "a".repeat(10_000_001);
        let one = file.encode(&word, 1000, Truncation::Head).map(drop);
        let two = file
            .encode_with_offsets(&word, 1000, Truncation::Head)
            .map(drop);
        for error in [one, two].map(|found| found.expect_err("refused")) {
            assert_eq!(
                error.to_string(),
                "Failed to encode a text of 10,000,001 characters"
            );
            assert!(
                error
                    .hint()
                    .is_some_and(|hint| hint.contains("longest word"))
            );
        }
        let longest = "a".repeat(8 << 20);
        file.encode(&longest, 1000, Truncation::Head)
            .expect("a text of the maximum size in `ingest`");
    }
}
