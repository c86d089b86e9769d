//! The part of a review that the page shows: where the attributions are largest.

use std::collections::HashMap;
use std::iter;
use std::ops::Range;

use artifact::StageName;
use artifact::files::Explanation;
use stage::Context;

use super::{Result, find, read};
use crate::data::WordWeight;

/// Largest length of an excerpt in bytes.
const LENGTH: usize = 420;

/// Words with a smaller share of the largest weight are not marked.
const WEAKEST: f64 = 0.1;

/// A word and its attribution: first byte, the byte after the last, and its contribution to the log-odds.
pub(super) type Word = (usize, usize, f64);

/// Words with their attributions by row id.
type Attributions = HashMap<u64, Vec<Word>>;

/// The attributions of a model's most confident errors.
pub(super) fn attributions(context: &Context, model: Option<&str>) -> Result<Attributions> {
    let Some(evaluation) = model.and_then(|it| find(context, StageName::Evaluate, it)) else {
        return Ok(Attributions::new());
    };
    let explained: Vec<Explanation> = read(evaluation, "explanations.json")?;
    let words = explained.into_iter().map(|it| (it.row_id, it.words));
    Ok(words.collect())
}

/// The part of a text with the largest sum of weights, in whole words, and the words to mark in it. The beginning
/// of the text where no attributions are known.
pub(super) fn excerpt(text: &str, words: &[Word]) -> (String, Vec<WordWeight>) {
    let part = heaviest(text, words);
    let weights = words.iter().map(|word| word.2.abs());
    let strongest = weights.fold(f64::MIN_POSITIVE, f64::max);
    let before = if part.start > 0 { "… " } else { "" };
    let after = if part.end < text.len() { " …" } else { "" };
    let marked = words.iter().filter(|(start, end, weight)| {
        let is_word = text.get(*start..*end).is_some();
        is_word && *start >= part.start && *end <= part.end && weight.abs() >= WEAKEST * strongest
    });
    let marked = marked.map(|(start, end, weight)| WordWeight {
        bytes: start - part.start + before.len()..end - part.start + before.len(),
        weight: *weight,
        strength: weight / strongest,
    });
    let marked = marked.collect();
    (format!("{before}{}{after}", &text[part]), marked)
}

/// The byte range of the part, from word to word, with the largest sum of weights.
fn heaviest(text: &str, words: &[Word]) -> Range<usize> {
    let weight_in = |part: &Range<usize>| -> f64 {
        let words = words.iter();
        let inside = words.filter(|word| word.0 >= part.start && word.1 <= part.end);
        inside.fold(0.0, |sum, word| sum + word.2.abs())
    };
    let start_of = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let starts = iter::once(0).chain(text.split_whitespace().map(start_of));
    let parts = starts.map(|start| start..end_of_part(text, start));
    // `max_by` returns the last of equal parts, and the first one is wanted.
    let parts = parts.rev();
    let heaviest = parts.max_by(|one, two| weight_in(one).total_cmp(&weight_in(two)));
    heaviest.expect("the start of the text is one of them")
}

/// The end of a part with this start: after a word if possible, and never inside a character.
fn end_of_part(text: &str, start: usize) -> usize {
    let end = start + LENGTH;
    if end >= text.len() {
        return text.len();
    }
    let end = text.floor_char_boundary(end);
    match text[start..end].rfind(char::is_whitespace) {
        Some(space) if space > 0 => start + space,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excerpt_of_a_long_text_contains_the_words_with_the_largest_weights() {
        let text = format!(
            "{}It was dreadful. {}",
            "Well now. ".repeat(60),
            "And so on. ".repeat(60)
        );
        let start = text.find("dreadful").expect("it is there");
        let words = vec![(0, 4, 0.3), (start, start + 9, -2.0), (5, 9, 0.1)];
        let (shown, marked) = excerpt(&text, &words);
        assert!(shown.starts_with("… ") && shown.ends_with(" …"), "{shown}");
        assert!(shown.len() < LENGTH + 12, "{}", shown.len());
        assert_eq!(marked.len(), 1);
        assert_eq!(&shown[marked[0].bytes.clone()], "dreadful.");
        assert_eq!((marked[0].weight, marked[0].strength), (-2.0, -1.0));
    }

    #[test]
    fn without_attributions_the_excerpt_is_the_beginning_and_splits_no_character() {
        let (shown, marked) = excerpt(&"é".repeat(LENGTH), &[]);
        assert!(shown.starts_with('é') && shown.ends_with("é …"), "{shown}");
        assert_eq!(excerpt("short", &[]), ("short".to_owned(), marked));
        assert_eq!(excerpt("", &[]).0, "");
    }

    #[test]
    fn a_short_text_is_complete_and_words_with_small_weights_are_not_marked() {
        let words = vec![(0, 3, -1.0), (4, 8, 0.05), (9, 13, 0.5)];
        let (shown, marked) = excerpt("not very good", &words);
        assert_eq!(shown, "not very good");
        let found: Vec<(&str, f64)> = marked
            .iter()
            .map(|word| (&shown[word.bytes.clone()], word.strength))
            .collect();
        assert_eq!(found, [("not", -1.0), ("good", 0.5)]);
    }
}
