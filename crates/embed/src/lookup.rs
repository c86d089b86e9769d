//! The spellings under which an entry of the vocabulary is looked up in a file of word vectors.

/// The spelling under which a vector was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spelling {
    /// Unchanged.
    Exact,
    /// `Paris` as `paris`: most files of vectors are in lower case.
    LowerCase,
    /// `paris` as `Paris`: for a lower-case vocabulary and a file with upper and lower case.
    Capitalised,
    /// `nasa` as `NASA`.
    UpperCase,
    /// `n't` as `not`, `a` as `an`, `2` as `two`: the same word in another form.
    OtherForm,
    /// `e-mail` as `email`: only letters and digits.
    WithoutPunctuation,
}

impl Spelling {
    /// The names in `coverage.json`, in the order of the variants.
    pub(crate) const NAMES: [&str; 6] = [
        "exact",
        "lower_case",
        "capitalised",
        "upper_case",
        "other_form",
        "without_punctuation",
    ];
}

/// The words of the numbers from 0 to 10.
const NUMBERS: [&str; 11] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
];

/// Another form of a word; empty if there is none.
///
/// Files of vectors that were not tokenized by the rules of the Penn Treebank lack English clitics. `'s` can be a
/// possessive or `is`; only `is` has a vector. Some files have no words of a single letter or digit; `a` and `i` alone
/// are one in thirty tokens. An entry that does not start a word, such as `##i`, is not a word of one letter.
fn other_form(lower: &str, starts_word: bool) -> &'static str {
    match lower {
        "n't" => "not",
        "'s" => "is",
        "'re" => "are",
        "'ve" => "have",
        "'m" => "am",
        "'ll" => "will",
        "'d" => "would",
        _ if !starts_word => "",
        "a" => "an",
        "i" => "me",
        _ => {
            let mut numbers = (0..).zip(NUMBERS);
            let found = numbers.find(|(digits, _)| lower == digits.to_string());
            found.map_or("", |(_, word)| word)
        }
    }
}

/// The spellings of an entry without duplicates, best first.
pub(crate) fn spellings(surface: &str, starts_word: bool) -> Vec<(Spelling, String)> {
    let lower = surface.to_lowercase();
    let other_form = other_form(&lower, starts_word).to_owned();
    // A clitic without its apostrophe is another word: `'re` is not `re`.
    let is_clitic = lower.contains('\'') && !other_form.is_empty();
    let is_kept = |character: &char| !is_clitic && character.is_alphanumeric();
    let without_punctuation = lower.chars().filter(is_kept).collect();
    let mut found: Vec<(Spelling, String)> = Vec::new();
    for (spelling, text) in [
        (Spelling::Exact, surface.to_owned()),
        (Spelling::LowerCase, lower.clone()),
        (Spelling::Capitalised, capitalised(&lower)),
        (Spelling::UpperCase, surface.to_uppercase()),
        (Spelling::OtherForm, other_form),
        (Spelling::WithoutPunctuation, without_punctuation),
    ] {
        if !text.is_empty() && !found.iter().any(|(_, present)| *present == text) {
            found.push((spelling, text));
        }
    }
    found
}

fn capitalised(lower: &str) -> String {
    let mut characters = lower.chars();
    let first = characters.next().into_iter();
    let first = first.flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(surface: &str, expected: &[&str]) {
        check_piece(surface, true, expected);
    }

    fn check_piece(surface: &str, starts_word: bool, expected: &[&str]) {
        let found: Vec<String> = spellings(surface, starts_word)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(found, expected, "`{surface}`");
    }

    #[test]
    fn spellings_are_ordered_and_without_duplicates() {
        check("film", &["film", "Film", "FILM"]);
        check("Paris", &["Paris", "paris", "PARIS"]);
        check(
            "McDonald",
            &["McDonald", "mcdonald", "Mcdonald", "MCDONALD"],
        );
        check("e-mail", &["e-mail", "E-mail", "E-MAIL", "email"]);
        check("n't", &["n't", "N't", "N'T", "not"]);
        check("o'clock", &["o'clock", "O'clock", "O'CLOCK", "oclock"]);
        check("'RE", &["'RE", "'re", "are"]);
        check("a", &["a", "A", "an"]);
        check("7", &["7", "seven"]);
        check_piece("a", false, &["a", "A"]);
        check_piece("'ll", false, &["'ll", "'LL", "will"]);
        check("!", &["!"]);
        check("...", &["..."]);
        check("stra\u{df}e", &["stra\u{df}e", "Stra\u{df}e", "STRASSE"]);
        check("", &[]);
    }

    #[test]
    fn every_spelling_has_its_name() {
        assert_eq!(Spelling::NAMES[Spelling::Exact as usize], "exact");
        let last = Spelling::WithoutPunctuation as usize;
        assert_eq!(Spelling::NAMES[last], "without_punctuation");
        assert_eq!(Spelling::NAMES.len(), last + 1);
    }
}
