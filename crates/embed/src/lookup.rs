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
    /// `n't` as `not`: files made without the Treebank's clitics lack them.
    Clitic,
    /// `e-mail` as `email`: letters and digits alone.
    WithoutPunctuation,
}

impl Spelling {
    /// Every spelling, best first.
    pub(crate) const ALL: [Self; 6] =
        [Self::Exact, Self::LowerCase, Self::Capitalised, Self::UpperCase, Self::Clitic, Self::WithoutPunctuation];

    /// The name in reports.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::LowerCase => "lower_case",
            Self::Capitalised => "capitalised",
            Self::UpperCase => "upper_case",
            Self::Clitic => "clitic",
            Self::WithoutPunctuation => "without_punctuation",
        }
    }
}

/// English clitics and the words they stand for. `'s` is a possessive as often as `is`; `is` is
/// what of it has a meaning of its own.
const CLITICS: [(&str, &str); 7] =
    [("n't", "not"), ("'s", "is"), ("'re", "are"), ("'ve", "have"), ("'m", "am"), ("'ll", "will"), ("'d", "would")];

/// The spellings of an entry, best first, none twice.
pub(crate) fn spellings(surface: &str) -> Vec<(Spelling, String)> {
    let lower = surface.to_lowercase();
    let clitic = CLITICS.iter().find(|(clitic, _)| *clitic == lower).map(|(_, word)| (*word).to_owned());
    // A clitic without its apostrophe is another word: `'re` is not `re`.
    let bare = if clitic.is_some() { String::new() } else { lower.chars().filter(|sign| sign.is_alphanumeric()).collect() };
    let candidates = [
        (Spelling::Exact, surface.to_owned()),
        (Spelling::Capitalised, capitalised(&lower)),
        (Spelling::UpperCase, surface.to_uppercase()),
        (Spelling::LowerCase, lower),
        (Spelling::Clitic, clitic.unwrap_or_default()),
        (Spelling::WithoutPunctuation, bare),
    ];
    let mut found: Vec<(Spelling, String)> = Vec::new();
    for wanted in Spelling::ALL {
        let (_, text) = candidates.iter().find(|(spelling, _)| *spelling == wanted).expect("every spelling is listed");
        if !text.is_empty() && !found.iter().any(|(_, present)| present == text) {
            found.push((wanted, text.clone()));
        }
    }
    found
}

fn capitalised(lower: &str) -> String {
    let mut signs = lower.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(surface: &str, expected: &[&str]) {
        let found: Vec<String> = spellings(surface).into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, expected, "`{surface}`");
    }

    #[test]
    fn spellings_come_best_first_and_none_twice() {
        check("film", &["film", "Film", "FILM"]);
        check("Paris", &["Paris", "paris", "PARIS"]);
        check("McDonald", &["McDonald", "mcdonald", "Mcdonald", "MCDONALD"]);
        check("e-mail", &["e-mail", "E-mail", "E-MAIL", "email"]);
        check("n't", &["n't", "N't", "N'T", "not"]);
        check("'RE", &["'RE", "'re", "are"]);
        check("!", &["!"]);
        check("...", &["..."]);
        check("stra\u{df}e", &["stra\u{df}e", "Stra\u{df}e", "STRASSE"]);
        check("", &[]);
    }

    #[test]
    fn the_table_of_spellings_is_in_order() {
        assert!(Spelling::ALL.is_sorted());
    }
}
