//! The vocabulary of each trained kind, learned from word counts.
//!
//! Equal counts must give equal bytes, in every process and on any number of threads. The library's
//! trainers are made so here where they are not by themselves; each function says how.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use artifact::Failure;
use settings::TokenizerKind;
use tokenizers::AddedToken;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer, BpeTrainerBuilder};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use crate::count::WordCount;
use crate::library;

/// The padding token: id 0 in every trained vocabulary.
pub(crate) const PAD: &str = "<pad>";

/// The unknown token: id 1 in every trained vocabulary.
pub(crate) const UNKNOWN: &str = "<unk>";

/// Single signs that a vocabulary of pieces holds at most, as in BERT's.
const ALPHABET: usize = 1000;

/// What prefix a piece has that continues a word.
const CONTINUING: &str = "##";

/// How far apart the unigram trainer sets the scores of the signs that its model has dropped.
const STEP: f64 = 0.0001;

/// How large a vocabulary may be and what is too rare for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Entries at most, special tokens included.
    pub(crate) size: u32,
    /// Occurrences at least.
    pub(crate) frequency: u64,
}

impl Limits {
    /// The words that are not too rare.
    fn frequent(self, words: &[WordCount]) -> impl Iterator<Item = &WordCount> {
        let is_frequent = move |(_, count): &&WordCount| *count >= self.frequency;
        words.iter().filter(is_frequent)
    }
}

/// Learns the vocabulary of a kind.
///
/// # Errors
/// No word is frequent enough, or the library gives up.
pub(crate) fn learn(
    kind: TokenizerKind,
    words: &[WordCount],
    limits: Limits,
) -> Result<ModelWrapper, Failure> {
    if limits.frequent(words).next().is_none() {
        return Err(Failure::new(format!(
            "No word of the training split occurs {} times, so the vocabulary would be empty",
            limits.frequency
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

/// The special tokens as trainers take them.
fn special_tokens() -> Vec<AddedToken> {
    [PAD, UNKNOWN]
        .map(|token| AddedToken::from(token, true))
        .to_vec()
}

/// The most frequent words, equally frequent ones in the order of the alphabet.
fn word_level(words: &[WordCount], limits: Limits) -> Result<WordLevel, Failure> {
    let mut frequent: Vec<&WordCount> = limits.frequent(words).collect();
    frequent.sort_by_key(|(word, count)| (Reverse(*count), word));
    let frequent = frequent.into_iter().map(|(word, _)| word.as_str());
    let tokens = [PAD, UNKNOWN].into_iter().chain(frequent);
    let ids = tokens.map(str::to_owned).zip(0..limits.size).collect();
    let model = WordLevel::builder().vocab(ids);
    let model = model.unk_token(UNKNOWN.to_owned()).build();
    model.map_err(library("build the vocabulary"))
}

/// Byte-level BPE. The trainer breaks ties between pairs by their ids, and ids follow from the
/// sorted alphabet and the merges before, so the order in which it meets the words does not matter.
fn byte_pairs(words: &[WordCount], limits: Limits) -> Result<BPE, Failure> {
    let bytes = ByteLevel::alphabet().into_iter().collect();
    let trainer = pair_trainer(limits, special_tokens()).initial_alphabet(bytes);
    train_pairs(trainer, words)
}

/// WordPiece, learned like BPE, as the library does. Its trainer numbers the signs that continue a
/// word (`##a`) in the order in which it meets them, which is a hash map's, and ties are broken by
/// number. They are therefore given to it in order beforehand, in the guise of special tokens.
fn word_pieces(words: &[WordCount], limits: Limits) -> Result<WordPiece, Failure> {
    let spelled = spelled_with(words, &alphabet(words, limits));
    let continuing = spelled.iter().flat_map(|(word, _)| word.chars().skip(1));
    let continuing: BTreeSet<char> = continuing.collect();
    let token = |sign| AddedToken::from(format!("{CONTINUING}{sign}"), true);
    let mut given = special_tokens();
    given.extend(continuing.into_iter().map(token));
    let trainer = pair_trainer(limits, given).continuing_subword_prefix(CONTINUING.to_owned());
    let mut model = WordPiece::from_bpe(&train_pairs(trainer, &spelled)?);
    UNKNOWN.clone_into(&mut model.unk_token);
    Ok(model)
}

fn pair_trainer(limits: Limits, special: Vec<AddedToken>) -> BpeTrainerBuilder {
    BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(limits.size as usize)
        .min_frequency(limits.frequency)
        .special_tokens(special)
}

fn train_pairs(trainer: BpeTrainerBuilder, words: &[WordCount]) -> Result<BPE, Failure> {
    let counts = words
        .iter()
        .map(|(word, count)| (word.as_str().into(), *count));
    let mut model = BPE::default();
    let learned = trainer.build().do_train(&counts.collect(), &mut model);
    learned.map_err(library("learn the vocabulary"))?;
    Ok(model)
}

/// The unigram language model (Kudo 2018), learned so that it comes out the same every time. Words
/// below the minimum frequency are left out.
///
/// The library's trainer sums floating-point numbers in chunks, one per thread, and gives signs that
/// its model has dropped a score in the order of a hash map. So it runs on one thread here, over
/// sorted words, and those scores are set afterwards.
fn unigram(words: &[WordCount], limits: Limits) -> Result<Unigram, Failure> {
    let frequent: Vec<WordCount> = limits.frequent(words).cloned().collect();
    let spelled = spelled_with(&frequent, &alphabet(&frequent, limits)).into_iter();
    let sentences = spelled.map(|(word, count)| (word, u32::try_from(count).unwrap_or(u32::MAX)));
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(limits.size)
        .special_tokens(special_tokens())
        .unk_token(Some(UNKNOWN.to_owned()))
        .build()
        .map_err(library("learn the vocabulary"))?;
    let one_thread = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(library("start a thread to learn the vocabulary"))?;
    let mut model = Unigram::default();
    one_thread
        .install(|| trainer.do_train(sentences.collect(), &mut model))
        .and_then(|_| settle(&model))
        .map_err(library("learn the vocabulary"))
}

/// Gives the signs at the bottom of the table one score, the lowest, and sorts the pieces by score
/// and then by spelling.
fn settle(trained: &Unigram) -> tokenizers::Result<Unigram> {
    let mut special: Vec<(String, f64)> = trained.iter().cloned().collect();
    let mut pieces = special.split_off(special_tokens().len());
    let scores = pieces.iter().map(|(_, score)| *score);
    let lowest = scores.fold(f64::INFINITY, f64::min);
    let is_sign = |piece: &str| piece.chars().count() == 1;
    let signs = pieces.iter().filter(|(piece, _)| is_sign(piece)).count();
    let reach = lowest + STEP * (signs + 1) as f64;
    for (piece, score) in &mut pieces {
        if is_sign(piece) && *score < reach {
            *score = lowest;
        }
    }
    pieces.sort_by(|one, two| two.1.total_cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
    special.extend(pieces);
    Unigram::from(special, Some(1), false)
}

/// The most frequent signs. Each can take two entries (at the start of a word and within), and half
/// of the vocabulary at least is for pieces longer than one sign.
fn alphabet(words: &[WordCount], limits: Limits) -> BTreeSet<char> {
    let mut counts = BTreeMap::new();
    for (word, count) in words {
        for sign in word.chars() {
            *counts.entry(sign).or_insert(0_u64) += count;
        }
    }
    let mut frequent: Vec<(char, u64)> = counts.into_iter().collect();
    frequent.retain(|(_, count)| *count >= limits.frequency);
    frequent.sort_by_key(|(sign, count)| (Reverse(*count), *sign));
    frequent.truncate(ALPHABET.min(limits.size as usize / 4));
    frequent.into_iter().map(|(sign, _)| sign).collect()
}

/// The words that have no other signs than these. The others teach nothing: left in, a trainer
/// would drop the sign and take its neighbours for neighbours of each other.
fn spelled_with(words: &[WordCount], alphabet: &BTreeSet<char>) -> Vec<WordCount> {
    let is_spelled = |word: &str| word.chars().all(|sign| alphabet.contains(&sign));
    let spelled = words.iter().filter(|(word, _)| is_spelled(word));
    spelled.cloned().collect()
}
