//! Under which spellings an entry of the vocabulary is looked for in a file of word vectors.

/// How a vector was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spelling {
    /// As it stands.
    Exact,
    /// `Paris` as `paris`: most files of vectors have lower case only.
    LowerCase,
    /// `paris` as `Paris`: a lower-cased vocabulary and a file that keeps case.
    Capitalised,
    /// `nasa` as `NASA`.
    UpperCase,
    /// `n't` as `not`, `a` as `an`, `2` as `two`: the same word in another form.
    OtherForm,
    /// `e-mail` as `email`: letters and digits alone.
    WithoutPunctuation,
}

impl Spelling {
    /// The names in reports, in the order of the spellings.
    pub(crate) const NAMES: [&str; 6] = [
        "exact",
        "lower_case",
        "capitalised",
        "upper_case",
        "other_form",
        "without_punctuation",
    ];
}

/// A word in another form; empty where it has none.
///
/// Files made without the Treebank's rules lack English clitics. `'s` is a possessive as often as
/// `is`; `is` is what of it has a meaning of its own. Some files leave out whatever has a single
/// letter or digit, and with `a` and `i` one running token in thirty. An entry that does not start a
/// word, as `##i` in `##ing`, is no word of one letter.
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
        "0" => "zero",
        "1" => "one",
        "2" => "two",
        "3" => "three",
        "4" => "four",
        "5" => "five",
        "6" => "six",
        "7" => "seven",
        "8" => "eight",
        "9" => "nine",
        "10" => "ten",
        _ => "",
    }
}

/// The spellings of an entry, best first, none twice.
pub(crate) fn spellings(surface: &str, starts_word: bool) -> Vec<(Spelling, String)> {
    let lower = surface.to_lowercase();
    let other_form = other_form(&lower, starts_word).to_owned();
    // A clitic without its apostrophe is another word: `'re` is not `re`.
    let is_bare_wanted = !lower.contains('\'') || other_form.is_empty();
    let bare = lower
        .chars()
        .filter(|sign| is_bare_wanted && sign.is_alphanumeric())
        .collect();
    let mut found: Vec<(Spelling, String)> = Vec::new();
    for (spelling, text) in [
        (Spelling::Exact, surface.to_owned()),
        (Spelling::LowerCase, lower.clone()),
        (Spelling::Capitalised, capitalised(&lower)),
        (Spelling::UpperCase, surface.to_uppercase()),
        (Spelling::OtherForm, other_form),
        (Spelling::WithoutPunctuation, bare),
    ] {
        if !text.is_empty() && !found.iter().any(|(_, present)| *present == text) {
            found.push((spelling, text));
        }
    }
    found
}

fn capitalised(lower: &str) -> String {
    let mut signs = lower.chars();
    let first = signs.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(signs)
        .collect()
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
    fn spellings_come_best_first_and_none_twice() {
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
    fn the_names_are_those_of_the_spellings() {
        assert_eq!(Spelling::NAMES[Spelling::Exact as usize], "exact");
        let last = Spelling::WithoutPunctuation as usize;
        assert_eq!(Spelling::NAMES[last], "without_punctuation");
        assert_eq!(Spelling::NAMES.len(), last + 1);
    }
}
