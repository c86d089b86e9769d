//! The vocabulary that needs vectors: the text of its entries, and how often each occurs in the training split.

use arrow::array::AsArray;
use arrow::datatypes::UInt32Type;
use artifact::{Artifact, ArtifactError, Digest, Failure, MANIFEST_NAME, Split};
use classifier::TokenContract;
use text::TokenizerFile;
use tokenizers::{Decoder, DecoderWrapper, Tokenizer};

use crate::learned::id_lists;

/// A vocabulary entry, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The padding token.
    Padding,
    /// Other special tokens, and ids without a token. They are not looked up.
    Special,
    /// The unknown token.
    Unknown,
    /// A word or a piece of a word.
    Word {
        /// Its form in the vocabulary: `##ing`, `Ġthe`.
        token: String,
        /// Its form in a text: `ing`, `the`.
        surface: String,
        /// Whether it starts a word, if the tokenizer marks that.
        starts_word: bool,
    },
}

/// The entries of the vocabulary of a tokens artifact, and their counts.
pub(crate) struct Vocabulary {
    /// Digest of the tokenizer's file.
    pub(crate) fingerprint: Digest,
    /// The id of padding, whose vector is zero.
    pub(crate) pad_id: u32,
    /// Entries in the order of their ids.
    pub(crate) entries: Vec<Entry>,
    /// Occurrences in the training split, in the order of ids.
    pub(crate) counts: Vec<u64>,
}

impl Vocabulary {
    /// Reads the tokenizer and counts the ids of the training split.
    ///
    /// # Errors
    /// A file is damaged, or the tokenizer does not match the contract of the artifact.
    pub(crate) fn open(tokens: &Artifact) -> Result<Self, Failure> {
        let file = TokenizerFile::read(&tokens.file("tokenizer.json")?)?;
        check_contract(tokens, &file)?;
        Ok(Self {
            fingerprint: file.fingerprint(),
            pad_id: file.pad_id(),
            entries: entries(&file),
            counts: count_ids(tokens, file.vocabulary_size())?,
        })
    }

    /// Number of ids.
    pub(crate) fn size(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("ids are 32 bits wide")
    }
}

/// Checks that the tokenizer matches the contract: with another vocabulary of the same size, a model would run but its
/// predictions would be wrong.
fn check_contract(tokens: &Artifact, file: &TokenizerFile) -> Result<(), Failure> {
    let contract = TokenContract::of(tokens)?;
    let names = ["the tokenizer", "the vocabulary size", "the padding id"];
    let values = |tokenizer: Digest, size: u32, pad_id: u32| {
        [tokenizer.to_string(), size.to_string(), pad_id.to_string()]
    };
    let (size, pad_id) = (contract.vocabulary_size, contract.pad_id);
    let expected = values(contract.tokenizer, size, pad_id);
    let found = values(file.fingerprint(), file.vocabulary_size(), file.pad_id());
    for ((name, expected), found) in names.iter().zip(expected).zip(found) {
        if expected != found {
            let reason =
                format!("{name} is {expected} in its contract, but {found} in `tokenizer.json`");
            let path = tokens.folder().join(MANIFEST_NAME);
            return Err(ArtifactError::damaged(&path, reason).into());
        }
    }
    Ok(())
}

fn entries(file: &TokenizerFile) -> Vec<Entry> {
    let tokenizer = file.tokenizer();
    let added = tokenizer.get_added_tokens_decoder();
    let is_special = |id| added.get(&id).is_some_and(|token| token.special);
    let entry = |(token, id): (Option<String>, u32)| match token {
        _ if id == file.pad_id() => Entry::Padding,
        _ if Some(id) == file.unknown_id() => Entry::Unknown,
        Some(token) if !is_special(id) => {
            let (surface, starts_word) = surface(tokenizer, &token);
            Entry::Word {
                token,
                surface,
                starts_word,
            }
        }
        _ => Entry::Special,
    };
    file.tokens().into_iter().zip(0..).map(entry).collect()
}

/// The form of a token in a text, and whether it starts a word. The decoder of the tokenizer removes the mark at the start
/// of a word (`Ġthe`, `▁the`) and decodes bytes written as letters; WordPiece marks continuations of a word (`##ing`).
fn surface(tokenizer: &Tokenizer, token: &str) -> (String, bool) {
    let is_mark = |character: char| matches!(character, '\u{2581}' | '\u{120}');
    let starts_word = match tokenizer.get_decoder() {
        None => true,
        Some(DecoderWrapper::WordPiece(_)) => !token.starts_with("##"),
        Some(_) => token.starts_with(is_mark),
    };
    let rest = token.strip_prefix("##").filter(|rest| !rest.is_empty());
    let token = rest.unwrap_or(token).to_owned();
    let decoder = tokenizer.get_decoder();
    let decoded = decoder.and_then(|decoder| decoder.decode_chain(vec![token.clone()]).ok());
    let text = decoded.map_or(token, |parts| parts.concat());
    let text = text.trim_matches(|it: char| it.is_whitespace() || is_mark(it));
    (text.to_owned(), starts_word)
}

fn count_ids(tokens: &Artifact, size: u32) -> Result<Vec<u64>, Failure> {
    let mut counts = vec![0_u64; size as usize];
    for lists in id_lists(tokens, Split::Train, size)? {
        for id in lists?.values().as_primitive::<UInt32Type>().values() {
            let Some(count) = counts.get_mut(*id as usize) else {
                let reason = format!("it has the id {id}, but the vocabulary has {size} entries");
                return Err(ArtifactError::damaged(&tokens.file("train.arrow")?, reason).into());
            };
            *count += 1;
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use tokenizers::decoders::byte_level::ByteLevel;
    use tokenizers::decoders::metaspace::Metaspace;
    use tokenizers::decoders::wordpiece::WordPiece;
    use tokenizers::models::wordlevel::WordLevel;
    use tokenizers::{DecoderWrapper, Tokenizer};

    fn check(decoder: Option<DecoderWrapper>, token: &str, expected: &str, starts_word: bool) {
        let mut tokenizer = Tokenizer::new(WordLevel::default());
        tokenizer.with_decoder(decoder);
        assert_eq!(
            super::surface(&tokenizer, token),
            (expected.to_owned(), starts_word),
            "`{token}`"
        );
    }

    #[test]
    fn marks_of_pieces_are_stripped() {
        let word_piece = || Some(WordPiece::default().into());
        let bytes = || Some(ByteLevel::default().into());
        let spaces = || Some(Metaspace::default().into());
        check(None, "good", "good", true);
        check(None, "##", "##", true);
        check(word_piece(), "##ing", "ing", false);
        check(word_piece(), "film", "film", true);
        check(bytes(), "\u{120}the", "the", true);
        check(bytes(), "caf\u{c3}\u{a9}", "caf\u{e9}", false);
        check(spaces(), "\u{2581}the", "the", true);
        check(spaces(), "ing", "ing", false);
    }
}
