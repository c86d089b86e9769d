//! The unigram language model (Kudo 2018), learned so that it comes out the same every time.
//!
//! The library's trainer sums floating-point numbers in chunks, one per thread, and gives signs that
//! its model has dropped a score in the order of a hash map. So it runs on one thread here, over
//! sorted words, and those scores are set afterwards.

use tokenizers::models::unigram::{Unigram, UnigramTrainer};

use crate::TokenizeError;
use crate::count::WordCount;
use crate::vocabulary::{Limits, UNKNOWN, alphabet, special_tokens, spelled_with};

/// How far apart the trainer sets the scores of the signs that its model has dropped.
const STEP: f64 = 0.0001;

/// Learns the pieces and their scores. Words below the minimum frequency are left out.
///
/// # Errors
/// The library gives up.
pub(crate) fn learn(words: &[WordCount], limits: Limits) -> Result<Unigram, TokenizeError> {
    let frequent: Vec<WordCount> = words
        .iter()
        .filter(|(_, count)| *count >= limits.frequency)
        .cloned()
        .collect();
    let sentences = spelled_with(&frequent, &alphabet(&frequent, limits))
        .into_iter()
        .map(|(word, count)| (word, u32::try_from(count).unwrap_or(u32::MAX)))
        .collect();
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(limits.size)
        .special_tokens(special_tokens())
        .unk_token(Some(UNKNOWN.to_owned()))
        .build()
        .map_err(|error| TokenizeError::library("learn the vocabulary")(error.into()))?;
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let one_thread = one_thread.map_err(|source| TokenizeError::Thread { source })?;
    let mut model = Unigram::default();
    one_thread
        .install(|| trainer.do_train(sentences, &mut model))
        .and_then(|_| settle(&model))
        .map_err(TokenizeError::library("learn the vocabulary"))
}

/// Gives the signs at the bottom of the table one score, the lowest, and sorts the pieces by score
/// and then by spelling.
fn settle(trained: &Unigram) -> tokenizers::Result<Unigram> {
    let mut special: Vec<(String, f64)> = trained.iter().cloned().collect();
    let mut pieces = special.split_off(special_tokens().len());
    let lowest = pieces
        .iter()
        .map(|(_, score)| *score)
        .fold(f64::INFINITY, f64::min);
    let is_sign = |piece: &str| piece.chars().count() == 1;
    let signs = pieces.iter().filter(|(piece, _)| is_sign(piece)).count();
    let reach = lowest + STEP * (signs + 1) as f64;
    for (_, score) in pieces
        .iter_mut()
        .filter(|(piece, score)| is_sign(piece) && *score < reach)
    {
        *score = lowest;
    }
    pieces.sort_by(|one, two| two.1.total_cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
    special.extend(pieces);
    Unigram::from(special, Some(1), false)
}
