//! Counts how often each word occurs in the training split. Vocabularies are learned only from these counts.

use std::collections::HashMap;
use std::path::Path;

use artifact::{Failure, Split};
use rayon::prelude::*;
use stage::ProgressTask;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    Tokenizer,
};

use crate::library_error;
use crate::rows::read_split;

/// Reviews that a thread counts before its counts are added to the total.
const CHUNK: usize = 512;

/// A word and how often it occurs.
pub(crate) type WordCount = (String, u64);

/// Counts the words of the training split. The result is sorted by word: the trainers of the library count into hash
/// maps, whose order differs between processes, and learn a slightly different vocabulary each time.
///
/// # Errors
/// The table is damaged, or the tokenizer fails on a text.
pub(crate) fn count_words(
    tokenizer: &Tokenizer,
    clean: &Path,
    task: &ProgressTask,
) -> Result<Vec<WordCount>, Failure> {
    let mut total = HashMap::new();
    for rows in read_split(clean, Split::Train)? {
        let rows = rows?;
        let texts = rows.texts();
        let chunks = texts.par_chunks(CHUNK);
        let counts = chunks.map(|chunk| count_chunk(tokenizer, chunk, task));
        let counts: Result<Vec<_>, _> = counts.collect();
        let counts = counts.map_err(library_error("split a review into words"))?;
        for (word, count) in counts.into_iter().flatten() {
            *total.entry(word).or_insert(0) += count;
        }
    }
    let mut words: Vec<WordCount> = total.into_iter().collect();
    words.sort_unstable();
    Ok(words)
}

fn count_chunk(
    tokenizer: &Tokenizer,
    texts: &[&str],
    task: &ProgressTask,
) -> tokenizers::Result<HashMap<String, u64>> {
    let mut counts = HashMap::new();
    for text in texts {
        for_each_word(tokenizer, text, |word| match counts.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(counts.insert(word.to_owned(), 1)),
        })?;
    }
    task.advance(texts.len() as u64);
    Ok(counts)
}

/// Calls `visit` for each word of a text after normalisation and pre-tokenization, before any vocabulary is used.
pub(crate) fn for_each_word(
    tokenizer: &Tokenizer,
    text: &str,
    visit: impl FnMut(&str),
) -> tokenizers::Result<()> {
    let mut normalized = NormalizedString::from(text);
    if let Some(normalizer) = tokenizer.get_normalizer() {
        normalizer.normalize(&mut normalized)?;
    }
    let mut words = PreTokenizedString::from(normalized);
    if let Some(pre_tokenizer) = tokenizer.get_pre_tokenizer() {
        pre_tokenizer.pre_tokenize(&mut words)?;
    }
    let splits = words.get_splits(OffsetReferential::Normalized, OffsetType::None);
    let words = splits.into_iter().map(|(word, ..)| word);
    words.filter(|word| !word.is_empty()).for_each(visit);
    Ok(())
}
