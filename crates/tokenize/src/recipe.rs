//! Normalisation and pre-tokenization of each kind of learned tokenizer: how text is split into words before the
//! vocabulary is used, in the terms of `tokenizer.json`.
//!
//! `<pad>` and `<unk>` are not registered as added tokens, because those are matched in the text: a review that quotes
//! `<pad>` would contain padding. They are entries of the vocabulary that no text can produce, because every kind
//! separates `<` from the following characters.

use artifact::Failure;
use settings::TokenizerKind;
use text::WORD_PATTERN;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::ModelWrapper;
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::normalizers::{
    Lowercase, NFC, NormalizerWrapper, Replace, Sequence as Normalizers,
};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{DecoderWrapper, SplitDelimiterBehavior, Tokenizer};

use crate::library_error;
use crate::vocabulary::PAD;

/// Builds a tokenizer of this kind without a vocabulary.
pub(crate) fn tokenizer(kind: TokenizerKind, lowercase: bool) -> Result<Tokenizer, Failure> {
    let failed = library_error("build the tokenizer");
    let mut tokenizer = Tokenizer::new(ModelWrapper::WordLevel(WordLevel::default()));
    tokenizer.with_normalizer(Some(normalizer(lowercase).map_err(&failed)?));
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(kind).map_err(&failed)?));
    tokenizer.with_decoder(decoder(kind));
    Ok(tokenizer)
}

/// Adds the vocabulary and returns the content of `tokenizer.json`.
pub(crate) fn to_file(mut tokenizer: Tokenizer, model: ModelWrapper) -> Result<Vec<u8>, Failure> {
    tokenizer.with_model(model);
    tokenizer.with_padding(Some(text::padding_params(0, PAD)));
    let failed = library_error("write the tokenizer as JSON");
    Ok(tokenizer.to_string(true).map_err(failed)?.into_bytes())
}

/// Unicode NFC, one form of apostrophe and, optionally, lower case.
fn normalizer(lowercase: bool) -> tokenizers::Result<NormalizerWrapper> {
    let apostrophe = Replace::new("\u{2019}", "'")?;
    let mut steps = vec![NormalizerWrapper::NFC(NFC), apostrophe.into()];
    if lowercase {
        steps.push(NormalizerWrapper::Lowercase(Lowercase));
    }
    Ok(Normalizers::new(steps).into())
}

fn pre_tokenizer(kind: TokenizerKind) -> tokenizers::Result<PreTokenizerWrapper> {
    Ok(match kind {
        // Inverted: the pattern matches words, and the text between them is removed.
        TokenizerKind::Word => {
            let words = SplitPattern::Regex(WORD_PATTERN.to_owned());
            Split::new(words, SplitDelimiterBehavior::Removed, true)?.into()
        }
        TokenizerKind::Wordpiece => BertPreTokenizer.into(),
        TokenizerKind::Bpe => byte_level().into(),
        TokenizerKind::Unigram | TokenizerKind::Pretrained => {
            PreTokenizers::new(vec![metaspace().into(), Punctuation::default().into()]).into()
        }
    })
}

fn decoder(kind: TokenizerKind) -> Option<DecoderWrapper> {
    match kind {
        TokenizerKind::Word => None,
        TokenizerKind::Wordpiece => Some(WordPieceDecoder::default().into()),
        TokenizerKind::Bpe => Some(byte_level().into()),
        TokenizerKind::Unigram | TokenizerKind::Pretrained => Some(metaspace().into()),
    }
}

/// Marks the start of every word, including the first one.
fn metaspace() -> Metaspace {
    Metaspace::new('\u{2581}', PrependScheme::Always, true)
}

/// Adds a space before the first word, so that it gets the same tokens as elsewhere in a text.
fn byte_level() -> ByteLevel {
    ByteLevel::new(true, true, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::for_each_word;

    fn check(kind: TokenizerKind, lowercase: bool, text: &str, expected: &[&str]) {
        let tokenizer = tokenizer(kind, lowercase).expect("a valid tokenizer");
        let mut words = Vec::new();
        for_each_word(&tokenizer, text, |word| words.push(word.to_owned()))
            .expect("any text can be split");
        assert_eq!(words, expected, "`{text}`");
    }

    #[test]
    fn words_are_split_as_in_the_vocabulary_of_glove() {
        let words = |text, expected: &[&str]| check(TokenizerKind::Word, true, text, expected);
        words("I didn't like it.", &["i", "did", "n't", "like", "it", "."]);
        words(
            "Can\u{2019}t won't DON'T",
            &["ca", "n't", "wo", "n't", "do", "n't"],
        );
        words(
            "they're we've I'm he'll she'd it's",
            &[
                "they", "'re", "we", "'ve", "i", "'m", "he", "'ll", "she", "'d", "it", "'s",
            ],
        );
        words(
            "rock'n'roll 'quoted'",
            &["rock", "'", "n", "'", "roll", "'", "quoted", "'"],
        );
        words(
            "well-made, 10/10!!! :)",
            &[
                "well", "-", "made", ",", "10", "/", "10", "!", "!", "!", ":", ")",
            ],
        );
        words(
            "Cafe\u{301} na\u{ef}ve 日本",
            &["caf\u{e9}", "na\u{ef}ve", "日本"],
        );
        words("<pad> <unk>", &["<", "pad", ">", "<", "unk", ">"]);
        words(" \t\u{a0} ", &[]);
        check(
            TokenizerKind::Word,
            false,
            "Don't STOP",
            &["Do", "n't", "STOP"],
        );
    }

    #[test]
    fn no_text_produces_a_special_token() {
        check(
            TokenizerKind::Wordpiece,
            true,
            "a <pad>",
            &["a", "<", "pad", ">"],
        );
        check(
            TokenizerKind::Bpe,
            true,
            "a <pad>",
            &["\u{120}a", "\u{120}<", "pad", ">"],
        );
        check(
            TokenizerKind::Unigram,
            true,
            "a <pad>",
            &["\u{2581}a", "\u{2581}", "<", "pad", ">"],
        );
    }
}
