//! English function words, which say little about the sentiment of a review.

/// Articles, pronouns, prepositions, conjunctions, auxiliary verbs and adverbs of degree. Negations are not in the list,
/// because they change the sentiment.
const WORDS: &str = " a about above after again all also am an and any are as at be because been before being below \
between both but by can could did do does doing down during each even few for from further had has have having he her \
here hers herself him himself his how however i i'd i'll i'm i've if in into is it it's its itself just me might more \
most much must my myself of off on once one only or other our ours ourselves out over own rather s same shall she \
should so some still such t than that that's the their theirs them themselves then there there's these they they're \
this those though through to too under until up upon us very was we we're were what when where which while who whom \
whose why will with would yet you you're you've your yours yourself yourselves ";

/// Whether a word is a function word; case and punctuation around it are ignored.
pub(crate) fn is_function_word(word: &str) -> bool {
    let word = word.trim_matches(|character: char| !character.is_alphanumeric());
    let word = word.to_lowercase().replace('\u{2019}', "'");
    word.is_empty() || WORDS.contains(&format!(" {word} "))
}

#[cfg(test)]
mod tests {
    use super::is_function_word;

    #[test]
    fn negations_and_content_words_are_no_function_words() {
        for word in ["The", "it’s", "of,", "\"and", "...", "you're"] {
            assert!(is_function_word(word), "{word}");
        }
        for word in ["not", "never", "don't", "bad", "the-rock", "film"] {
            assert!(!is_function_word(word), "{word}");
        }
    }
}
