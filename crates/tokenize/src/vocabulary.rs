//! Learns the vocabulary of each kind of tokenizer from word counts.
//!
//! Equal counts must give equal bytes in every process and with any number of threads. Not all trainers of the library
//! guarantee this; each function explains what it does about it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use artifact::{Failure, format};
use settings::TokenizerKind;
use tokenizers::AddedToken;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer, BpeTrainerBuilder};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use crate::count::WordCount;
use crate::library_error;

/// The padding token: id 0 in every trained vocabulary.
pub(crate) const PAD: &str = "<pad>";

/// The unknown token: id 1 in every trained vocabulary.
pub(crate) const UNKNOWN: &str = "<unk>";

/// Maximum number of single characters in a vocabulary of word pieces, as for BERT.
const MAX_ALPHABET: usize = 1000;

/// The prefix of a piece that continues a word.
const CONTINUATION_PREFIX: &str = "##";

/// The distance between the scores that the unigram trainer gives to characters that its model has dropped.
const SCORE_STEP: f64 = 0.0001;

/// VocabularyLimits on the size of a vocabulary and on the frequency of its words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VocabularyLimits {
    /// Maximum number of entries, including special tokens.
    pub(crate) size: u32,
    /// Minimum number of occurrences.
    pub(crate) min_frequency: u64,
}

impl VocabularyLimits {
    /// The words that are frequent enough.
    fn frequent(self, words: &[WordCount]) -> impl Iterator<Item = &WordCount> {
        let is_frequent = move |(_, count): &&WordCount| *count >= self.min_frequency;
        words.iter().filter(is_frequent)
    }
}

/// Learns the vocabulary of a kind.
///
/// # Errors
/// No word is frequent enough, or the library fails.
pub(crate) fn learn(
    kind: TokenizerKind,
    words: &[WordCount],
    limits: VocabularyLimits,
) -> Result<ModelWrapper, Failure> {
    if limits.frequent(words).next().is_none() {
        return Err(Failure::new(format!(
            "No word of the training split occurs {}, so the vocabulary would be empty",
            format::plural(limits.min_frequency, "time", "times")
        ))
        .with_hint("Lower the tokenizer's `min_frequency`".to_owned()));
    }
    Ok(match kind {
        TokenizerKind::Word => word_level(words, limits)?.into(),
        TokenizerKind::Bpe => byte_pairs(words, limits)?.into(),
        TokenizerKind::Wordpiece => word_pieces(words, limits)?.into(),
        TokenizerKind::Unigram | TokenizerKind::Pretrained => unigram(words, limits)?.into(),
    })
}

/// The special tokens in the form that the trainers expect.
fn special_tokens() -> Vec<AddedToken> {
    let special = |token| AddedToken::from(token, true);
    [PAD, UNKNOWN].map(special).to_vec()
}

/// The most frequent words; words of equal frequency are in alphabetical order.
fn word_level(words: &[WordCount], limits: VocabularyLimits) -> Result<WordLevel, Failure> {
    let mut frequent: Vec<&WordCount> = limits.frequent(words).collect();
    frequent.sort_by_key(|(word, count)| (Reverse(*count), word));
    let frequent = frequent.into_iter().map(|(word, _)| word.as_str());
    let tokens = [PAD, UNKNOWN].into_iter().chain(frequent);
    let ids = tokens.map(str::to_owned).zip(0..limits.size).collect();
    let model = WordLevel::builder().vocab(ids);
    let model = model.unk_token(UNKNOWN.to_owned()).build();
    model.map_err(library_error("build the vocabulary"))
}

/// Byte-level BPE. The trainer breaks ties between pairs by their ids. The ids follow from the sorted alphabet and the
/// earlier merges, so the order of the words does not matter.
fn byte_pairs(words: &[WordCount], limits: VocabularyLimits) -> Result<BPE, Failure> {
    let bytes = ByteLevel::alphabet().into_iter().collect();
    let trainer = pair_trainer(limits, special_tokens()).initial_alphabet(bytes);
    train_pairs(trainer, words)
}

/// WordPiece, learned like BPE, as in the library. Its trainer numbers the characters that continue a word (`##a`) in
/// the order of a hash map and breaks ties by number. Therefore these characters are passed in sorted order, as special
/// tokens.
fn word_pieces(words: &[WordCount], limits: VocabularyLimits) -> Result<WordPiece, Failure> {
    let spelled = words_spelled_with(words, &alphabet(words, limits));
    let continuing = spelled.iter().flat_map(|(word, _)| word.chars().skip(1));
    let continuing: BTreeSet<char> = continuing.collect();
    let token = |character| AddedToken::from(format!("{CONTINUATION_PREFIX}{character}"), true);
    let mut special = special_tokens();
    special.extend(continuing.into_iter().map(token));
    let trainer =
        pair_trainer(limits, special).continuing_subword_prefix(CONTINUATION_PREFIX.to_owned());
    let mut model = WordPiece::from_bpe(&train_pairs(trainer, &spelled)?);
    UNKNOWN.clone_into(&mut model.unk_token);
    Ok(model)
}

fn pair_trainer(limits: VocabularyLimits, special: Vec<AddedToken>) -> BpeTrainerBuilder {
    BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(limits.size as usize)
        .min_frequency(limits.min_frequency)
        .special_tokens(special)
}

fn train_pairs(trainer: BpeTrainerBuilder, words: &[WordCount]) -> Result<BPE, Failure> {
    let count = |(word, count): &WordCount| (word.as_str().into(), *count);
    let counts = words.iter().map(count).collect();
    let mut model = BPE::default();
    let learned = trainer.build().do_train(&counts, &mut model);
    learned.map_err(library_error("learn the vocabulary"))?;
    Ok(model)
}

/// The unigram language model (Kudo 2018), learned reproducibly. Words below the minimum frequency are skipped.
///
/// The library's trainer sums floating-point numbers in one chunk per thread, and scores the characters that its model
/// has dropped in the order of a hash map. Therefore it runs on one thread over sorted words, and these scores are set
/// afterwards.
fn unigram(words: &[WordCount], limits: VocabularyLimits) -> Result<Unigram, Failure> {
    let frequent: Vec<WordCount> = limits.frequent(words).cloned().collect();
    let spelled = words_spelled_with(&frequent, &alphabet(&frequent, limits)).into_iter();
    let sentences = spelled.map(|(word, count)| (word, u32::try_from(count).unwrap_or(u32::MAX)));
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(limits.size)
        .special_tokens(special_tokens())
        .unk_token(Some(UNKNOWN.to_owned()))
        .build()
        .map_err(library_error("learn the vocabulary"))?;
    let one_thread = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(library_error("start a thread to learn the vocabulary"))?;
    let mut model = Unigram::default();
    one_thread
        .install(|| trainer.do_train(sentences.collect(), &mut model))
        .and_then(|_| make_scores_reproducible(&model))
        .map_err(library_error("learn the vocabulary"))
}

/// Gives the lowest score to all dropped characters, and sorts the pieces by score and then by spelling.
fn make_scores_reproducible(trained: &Unigram) -> tokenizers::Result<Unigram> {
    let mut special: Vec<(String, f64)> = trained.iter().cloned().collect();
    let mut pieces = special.split_off(special_tokens().len());
    let scores = pieces.iter().map(|(_, score)| *score);
    let lowest = scores.fold(f64::INFINITY, f64::min);
    let is_character = |piece: &str| piece.chars().count() == 1;
    let characters = pieces.iter().filter(|(piece, _)| is_character(piece));
    let threshold = lowest + SCORE_STEP * (characters.count() + 1) as f64;
    for (piece, score) in &mut pieces {
        if is_character(piece) && *score < threshold {
            *score = lowest;
        }
    }
    pieces.sort_by(|one, two| two.1.total_cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
    special.extend(pieces);
    Unigram::from(special, Some(1), false)
}

/// The most frequent characters. Each can need two entries (at the start of a word and inside), and at least half of
/// the vocabulary is for pieces of more than one character.
fn alphabet(words: &[WordCount], limits: VocabularyLimits) -> BTreeSet<char> {
    let mut counts = BTreeMap::new();
    for (word, count) in words {
        for character in word.chars() {
            *counts.entry(character).or_insert(0_u64) += count;
        }
    }
    let mut frequent: Vec<(char, u64)> = counts.into_iter().collect();
    frequent.retain(|(_, count)| *count >= limits.min_frequency);
    frequent.sort_by_key(|(character, count)| (Reverse(*count), *character));
    frequent.truncate(MAX_ALPHABET.min(limits.size as usize / 4));
    let frequent = frequent.into_iter();
    frequent.map(|(character, _)| character).collect()
}

/// The words that contain only these characters. In other words a trainer would drop the missing characters and merge
/// their neighbours.
fn words_spelled_with(words: &[WordCount], alphabet: &BTreeSet<char>) -> Vec<WordCount> {
    let is_spelled = |word: &str| word.chars().all(|character| alphabet.contains(&character));
    let spelled = words.iter().filter(|(word, _)| is_spelled(word));
    spelled.cloned().collect()
}
