//! The part of a review that is shown: where the words are that drove the answer.

use std::collections::HashMap;
use std::iter;
use std::ops::Range;

use artifact::files::Explanation;
use artifact::{Failure, StageName};
use stage::Context;

use super::{find, read};
use crate::data::MarkedWord;

/// Bytes of a text that are shown, about.
const SHOWN: usize = 420;

/// Words weaker than this share of the strongest are not marked.
const MARKED: f64 = 0.1;

/// A word with its weight: first byte, the byte behind the last, and what it adds to the log-odds.
pub(super) type Word = (usize, usize, f64);

/// What a model's evaluation says of the words of its surest mistakes, by the id of the review.
pub(super) fn collect(
    context: &Context,
    model: Option<&str>,
) -> Result<HashMap<u64, Vec<Word>>, Failure> {
    let evaluation = model.and_then(|model| find(context, StageName::Evaluate, model));
    let explained: Vec<Explanation> = match evaluation {
        Some(evaluation) => read(evaluation, "explanations.json")?,
        None => Vec::new(),
    };
    let explained = explained.into_iter();
    Ok(explained.map(|it| (it.row_id, it.words)).collect())
}

/// The part of a text that has most of the weight, whole words of it, and its words that are marked;
/// the beginning where no words are known.
pub(super) fn excerpt(text: &str, words: &[Word]) -> (String, Vec<MarkedWord>) {
    let part = heaviest(text, words);
    let weights = words.iter().map(|word| word.2.abs());
    let strongest = weights.fold(f64::MIN_POSITIVE, f64::max);
    let before = if part.start > 0 { "… " } else { "" };
    let behind = if part.end < text.len() { " …" } else { "" };
    let marked = words.iter().filter(|(start, end, weight)| {
        let is_word = text.get(*start..*end).is_some();
        is_word && *start >= part.start && *end <= part.end && weight.abs() >= MARKED * strongest
    });
    let marked = marked.map(|(start, end, weight)| MarkedWord {
        place: start - part.start + before.len()..end - part.start + before.len(),
        weight: *weight,
        strength: weight / strongest,
    });
    let marked = marked.collect();
    (format!("{before}{}{behind}", &text[part]), marked)
}

/// The bytes of the part of a text, from word to word, in which weights add up to most.
fn heaviest(text: &str, words: &[Word]) -> Range<usize> {
    let weight_in = |part: &Range<usize>| -> f64 {
        let words = words.iter();
        let inside = words.filter(|word| word.0 >= part.start && word.1 <= part.end);
        inside.fold(0.0, |sum, word| sum + word.2.abs())
    };
    let start_of = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let starts = iter::once(0).chain(text.split_whitespace().map(start_of));
    let parts = starts.map(|start| start..end_of_part(text, start));
    // Backwards, because of equals the last one is the maximum, and the earliest is wanted.
    let parts = parts.rev();
    let heaviest = parts.max_by(|one, two| weight_in(one).total_cmp(&weight_in(two)));
    heaviest.expect("the start of the text is one of them")
}

/// Where a part ends that begins here: behind a word, if there is one, and never within a character.
fn end_of_part(text: &str, start: usize) -> usize {
    let end = start + SHOWN;
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
    fn a_long_text_is_cut_to_where_its_heavy_words_are() {
        let text = format!(
            "{}It was dreadful. {}",
            "Well now. ".repeat(60),
            "And so on. ".repeat(60)
        );
        let start = text.find("dreadful").expect("it is there");
        let words = vec![(0, 4, 0.3), (start, start + 9, -2.0), (5, 9, 0.1)];
        let (shown, marked) = excerpt(&text, &words);
        assert!(shown.starts_with("… ") && shown.ends_with(" …"), "{shown}");
        assert!(shown.len() < SHOWN + 12, "{}", shown.len());
        assert_eq!(marked.len(), 1);
        assert_eq!(&shown[marked[0].place.clone()], "dreadful.");
        assert_eq!((marked[0].weight, marked[0].strength), (-2.0, -1.0));
    }

    #[test]
    fn without_words_the_beginning_is_shown_and_signs_stay_whole() {
        let (shown, marked) = excerpt(&"é".repeat(SHOWN), &[]);
        assert!(shown.starts_with('é') && shown.ends_with("é …"), "{shown}");
        assert_eq!(excerpt("short", &[]), ("short".to_owned(), marked));
        assert_eq!(excerpt("", &[]).0, "");
    }

    #[test]
    fn a_short_text_is_shown_whole_and_weak_words_stay_plain() {
        let words = vec![(0, 3, -1.0), (4, 8, 0.05), (9, 13, 0.5)];
        let (shown, marked) = excerpt("not very good", &words);
        assert_eq!(shown, "not very good");
        let found: Vec<(&str, f64)> = marked
            .iter()
            .map(|word| (&shown[word.place.clone()], word.strength))
            .collect();
        assert_eq!(found, [("not", -1.0), ("good", 0.5)]);
    }
}
