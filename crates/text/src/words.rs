//! Encoding word by word. Most words of a text were met before, and what becomes of a word between two
//! spaces or signs does not depend on the others, for tokenizers that never read across them. So its ids
//! are kept; the whole way through normalizer, regular expression and model costs ten times as much.

use std::collections::HashMap;
use std::sync::RwLock;

use ahash::RandomState;
use compact_str::CompactString;
use smallvec::SmallVec;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{ModelWrapper, NormalizerWrapper, Tokenizer};

/// Words as the Penn Treebank and with it GloVe's vocabulary have them: the clitics `n't`, `'s`,
/// `'re`, `'ve`, `'m`, `'ll`, `'d` stand alone, so that every negation shares one token, and so
/// does every other sign that is neither letter, digit nor white space.
pub const WORDS: &str = r"\w+(?=(?i:n't)\b)|(?i:n't)\b|'(?i:s|re|ve|m|ll|d)\b|\w+|[^\w\s]";

/// Words kept at most, and bytes of the longest that is.
const LIMIT: (usize, usize) = (1 << 18, 64);

/// The ids of words met before; a word and its ids lie side by side in memory, for this is asked of every word. A hash
/// with a random state, for words come from anywhere.
#[derive(Debug, Default)]
pub(crate) struct Words(RwLock<HashMap<CompactString, SmallVec<[u32; 2]>, RandomState>>);

impl Words {
    /// The words of a tokenizer that never reads across a space or a sign: one of kind `word`, as `tokenize`
    /// makes it, without added tokens.
    pub(crate) fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let of_words = match tokenizer.get_pre_tokenizer() {
            // Told by how it is written, for its fields are not all to be read.
            Some(PreTokenizerWrapper::Split(split)) => {
                serde_json::to_value(split).is_ok_and(|split| {
                    split["pattern"]["Regex"] == WORDS
                        && split["behavior"] == "Removed"
                        && split["invert"] == true
                })
            }
            _ => false,
        };
        let by_letter = |normalizer: &NormalizerWrapper| {
            matches!(
                normalizer,
                NormalizerWrapper::NFC(_) | NormalizerWrapper::Lowercase(_)
            ) || serde_json::to_value(normalizer)
                .is_ok_and(|replace| replace["pattern"]["String"] == "\u{2019}")
        };
        let normalizes_by_letter = match tokenizer.get_normalizer() {
            None => true,
            Some(NormalizerWrapper::Sequence(steps)) => steps.as_ref().iter().all(by_letter),
            Some(one) => by_letter(one),
        };
        let is_plain = matches!(tokenizer.get_model(), ModelWrapper::WordLevel(_))
            && tokenizer.get_added_vocabulary().get_vocab().is_empty();
        (of_words && normalizes_by_letter && is_plain).then(Self::default)
    }

    /// The ids of a text, without those that a tokenizer adds.
    pub(crate) fn ids(&self, tokenizer: &Tokenizer, text: &str) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::with_capacity(text.len() / 4);
        let mut new = Vec::new();
        // Whoever panicked while writing has left whole words behind.
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
        // Where another thread writes, these words will be met again.
        if has_room
            && !new.is_empty()
            && let Ok(mut known) = self.0.try_write()
        {
            known.extend(new);
        }
        Ok(ids)
    }
}

/// Signs that are a token by themselves wherever they stand ([`WORDS`]): ASCII, and neither in a word (`_`) nor at the
/// start of a clitic (`'`).
const IS_SIGN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let sign = byte as u8;
        table[byte] = sign.is_ascii_punctuation() && sign != b'_' && sign != b'\'';
        byte += 1;
    }
    table
};

/// What of a text can be encoded by itself: signs, and what stands between signs and spaces.
///
/// A sign before a character beyond ASCII stays with it, for that one may combine with it: `=` and U+0338 are one
/// character in form NFC.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(' ');
        let bytes = rest.as_bytes();
        let is_sign = |at: usize| {
            IS_SIGN[usize::from(bytes[at])] && bytes.get(at + 1).is_none_or(u8::is_ascii)
        };
        let end = match bytes.is_empty() {
            true => return None,
            false if is_sign(0) => 1,
            false => (1..bytes.len())
                .find(|at| bytes[*at] == b' ' || is_sign(*at))
                .unwrap_or(bytes.len()),
        };
        let (piece, behind) = rest.split_at(end);
        rest = behind;
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

    /// Pieces that a tokenizer could join or part at a wrong place.
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
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Removed", "invert": true},
            "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": vocabulary},
        });
        TokenizerFile::from_bytes(text.to_string().as_bytes(), Path::new("tokenizer.json"))
            .expect("usable")
    }

    #[test]
    fn word_by_word_is_as_a_whole() {
        let file = file("");
        assert!(Words::of(file.tokenizer()).is_some());
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
    fn pieces_end_at_spaces_and_signs() {
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
    fn a_tokenizer_that_may_read_across_a_space_is_left_alone() {
        assert!(Words::of(file("<pad>").tokenizer()).is_none());
    }

    /// The regular expression's library gives up after 10 million steps back, and its binding panics then.
    #[test]
    fn a_word_of_millions_of_letters_is_an_error_and_no_panic() {
        let file = file("");
        let word = "a".repeat(10_000_001);
        let one = file.encode(&word, 1000, Truncation::Head).map(drop);
        let two = file.locate(&word, 1000, Truncation::Head).map(drop);
        for error in [one, two].map(|found| found.expect_err("refused")) {
            assert_eq!(
                error.to_string(),
                "Failed to encode a text of 10000001 characters"
            );
            assert!(
                error
                    .hint()
                    .is_some_and(|hint| hint.contains("longest word"))
            );
        }
        let longest = "a".repeat(8 << 20);
        file.encode(&longest, 1000, Truncation::Head)
            .expect("as long as `ingest` lets a text be");
    }
}
