//! How each trained kind splits text before its vocabulary comes into play, in terms that a
//! `tokenizer.json` can say.
//!
//! No kind registers `<pad>` and `<unk>` as added tokens: those are matched in the text itself, and
//! a review that quotes `<pad>` would have padding in its midst. They are entries of the vocabulary
//! that no text can spell, because every kind splits `<` from what follows.

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

use crate::library;
use crate::vocabulary::PAD;

/// A tokenizer of this kind without a vocabulary.
pub(crate) fn tokenizer(kind: TokenizerKind, lowercase: bool) -> Result<Tokenizer, Failure> {
    let failed = library("build the tokenizer");
    let mut tokenizer = Tokenizer::new(ModelWrapper::WordLevel(WordLevel::default()));
    tokenizer.with_normalizer(Some(normalizer(lowercase).map_err(&failed)?));
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(kind).map_err(&failed)?));
    tokenizer.with_decoder(decoder(kind));
    Ok(tokenizer)
}

/// The text of the file of a tokenizer with this vocabulary.
pub(crate) fn finish(mut tokenizer: Tokenizer, model: ModelWrapper) -> Result<Vec<u8>, Failure> {
    tokenizer.with_model(model);
    tokenizer.with_padding(Some(text::padding_params(0, PAD)));
    let json = tokenizer
        .to_string(true)
        .map_err(library("write the tokenizer as JSON"))?;
    Ok(json.into_bytes())
}

/// One form for what looks the same: composed letters, one apostrophe, one case where asked for.
fn normalizer(lowercase: bool) -> tokenizers::Result<NormalizerWrapper> {
    let mut steps = vec![
        NormalizerWrapper::NFC(NFC),
        Replace::new("\u{2019}", "'")?.into(),
    ];
    if lowercase {
        steps.push(NormalizerWrapper::Lowercase(Lowercase));
    }
    Ok(Normalizers::new(steps).into())
}

fn pre_tokenizer(kind: TokenizerKind) -> tokenizers::Result<PreTokenizerWrapper> {
    Ok(match kind {
        // Inverted: the pattern says what is kept, and what lies between is removed.
        TokenizerKind::Word => {
            let words = SplitPattern::Regex(WORD_PATTERN.to_owned());
            Split::new(words, SplitDelimiterBehavior::Removed, true)?.into()
        }
        TokenizerKind::Wordpiece => BertPreTokenizer.into(),
        TokenizerKind::Bpe => byte_level().into(),
        TokenizerKind::Unigram | TokenizerKind::Pretrained => {
            PreTokenizers::new(vec![spaces().into(), Punctuation::default().into()]).into()
        }
    })
}

fn decoder(kind: TokenizerKind) -> Option<DecoderWrapper> {
    match kind {
        TokenizerKind::Word => None,
        TokenizerKind::Wordpiece => Some(WordPieceDecoder::default().into()),
        TokenizerKind::Bpe => Some(byte_level().into()),
        TokenizerKind::Unigram | TokenizerKind::Pretrained => Some(spaces().into()),
    }
}

/// Every space is the start of a word, before the first one, too.
fn spaces() -> Metaspace {
    Metaspace::new('\u{2581}', PrependScheme::Always, true)
}

/// A space before the first word, so that it is the same token as anywhere else.
fn byte_level() -> ByteLevel {
    ByteLevel::new(true, true, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::for_each_word;

    fn check(kind: TokenizerKind, lowercase: bool, text: &str, expected: &[&str]) {
        let recipe = tokenizer(kind, lowercase).expect("the recipe is sound");
        let mut words = Vec::new();
        for_each_word(&recipe, text, |word| words.push(word.to_owned()))
            .expect("any text can be split");
        assert_eq!(words, expected, "`{text}`");
    }

    #[test]
    fn words_stand_as_in_the_vocabulary_of_glove() {
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
    fn no_kind_can_spell_a_special_token() {
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
