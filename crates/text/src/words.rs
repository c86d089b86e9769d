//! Encoding word by word. Most words of a text were met before, and what becomes of a word between two
//! spaces does not depend on the others, for tokenizers that never read across a space. So its ids are
//! kept; the whole way through normalizer, regular expression and model costs ten times as much.

use std::collections::HashMap;
use std::sync::RwLock;

use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{ModelWrapper, NormalizerWrapper, Tokenizer};

/// Words as the Penn Treebank and with it GloVe's vocabulary have them: the clitics `n't`, `'s`,
/// `'re`, `'ve`, `'m`, `'ll`, `'d` stand alone, so that every negation shares one token, and so
/// does every other sign that is neither letter, digit nor white space.
pub const WORDS: &str = r"\w+(?=(?i:n't)\b)|(?i:n't)\b|'(?i:s|re|ve|m|ll|d)\b|\w+|[^\w\s]";

/// Words kept at most, and bytes of the longest that is.
const LIMIT: (usize, usize) = (1 << 18, 64);

/// The ids of words met before.
#[derive(Debug, Default)]
pub(crate) struct Words(RwLock<HashMap<String, Box<[u32]>>>);

impl Words {
    /// The words of a tokenizer that never reads across a space: one of kind `word`, as `tokenize`
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
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if let Some(found) = known.get(word) {
                ids.extend_from_slice(found);
                continue;
            }
            let found = tokenizer.encode_fast(word, false)?;
            ids.extend_from_slice(found.get_ids());
            if word.len() <= LIMIT.1 {
                new.push((word.to_owned(), found.get_ids().into()));
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
    fn a_tokenizer_that_may_read_across_a_space_is_left_alone() {
        assert!(Words::of(file("<pad>").tokenizer()).is_none());
    }
}
