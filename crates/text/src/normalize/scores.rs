//! Finds stated scores in reviews: `7/10`, `8 out of 10`, `4/5`. A model that reads them would be given the label.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// The replacement of a stated score.
const MASK: &str = "[score]";

/// A number, `/` or `out of`, and a maximum score. [`is_score`] checks the rest.
static SCORE: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"\d{1,3}(?:[.,]\d{1,2})?|one|two|three|four|five|six|seven|eight|nine|ten|zero";
    let pattern = format!(
        r"(?i)\b({number})\s*(?:/|\bout\s+of(?:\s+a\s+possible)?\b)\s*(100|10|5|4|ten|five|four)\b"
    );
    Regex::new(&pattern).expect("a valid pattern")
});

/// Whether a text states a score.
pub fn states_score(text: &str) -> bool {
    SCORE.captures_iter(text).any(|it| is_score(text, &it))
}

/// Replaces every stated score by `[score]`.
pub(super) fn mask(text: &str) -> Cow<'_, str> {
    SCORE.replace_all(text, |found: &Captures<'_>| match is_score(text, found) {
        true => MASK.to_owned(),
        false => found[0].to_owned(),
    })
}

/// `9/10/2001` and `11/5` are dates, `3/4` is a fraction, and a score is at most the maximum.
fn is_score(text: &str, found: &Captures<'_>) -> bool {
    let whole = found.get_match();
    let (before, after) = (&text[..whole.start()], &text[whole.end()..]);
    let in_date =
        before.ends_with('/') || after.starts_with('/') || before.ends_with(['.', ',', '$']);
    let (Some(score), Some(best)) = (value(&found[1]), value(&found[2])) else {
        return false;
    };
    let fraction =
        best == 4.0 && whole.as_str().contains('/') && !after.trim_start().starts_with("star");
    !in_date && !fraction && score <= best
}

fn value(text: &str) -> Option<f64> {
    const WORDS: [&str; 11] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    let lower = text.to_ascii_lowercase();
    match WORDS.iter().position(|word| *word == lower) {
        Some(value) => Some(value as f64),
        None => lower.replace(',', ".").parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_masked_and_other_numbers_are_kept() {
        let check = |text: &str, expected: &str| {
            assert_eq!(mask(text), expected, "{text}");
            assert_eq!(states_score(text), text != expected, "{text}");
            assert_eq!(mask(expected), expected);
        };
        check("Great! 10/10", "Great! [score]");
        check("7.5 / 10 and 7,5/10", "[score] and [score]");
        check("I give it 8 out of 10.", "I give it [score].");
        check("Seven out of ten", "[score]");
        check("4/5, 3/4 stars", "[score], [score] stars");
        check("85/100", "[score]");
        check("On 9/10/2001 and 12/25/10", "On 9/10/2001 and 12/25/10");
        check("3/4 of the film", "3/4 of the film");
        check("11/10 would watch", "11/10 would watch");
        check("9/11", "9/11");
        check("out of 10 films", "out of 10 films");
        check("a 24/7 job", "a 24/7 job");
        check("2 out of 4", "[score]");
    }
}
