//! Which language a text is in, where that can be told.

use artifact::Failure;
use whatlang::Lang;

/// Characters looked at. The language of a review does not change after its first lines.
const CHARACTERS: usize = 1000;

/// Shorter texts cannot be told apart: `Great` and `bravo` are in many languages.
const MIN_CHARACTERS: usize = 40;

/// The languages that the settings name.
///
/// # Errors
/// One of them is unknown.
pub(crate) fn parse_languages(names: &[String]) -> Result<Vec<Lang>, Failure> {
    let find = |name: &String| {
        let lower = name.to_lowercase();
        let is_named =
            |lang: &&Lang| lang.code() == lower || lang.eng_name().to_lowercase() == lower;
        Lang::all().iter().find(is_named).copied().ok_or_else(|| {
            let known: Vec<&str> = Lang::all().iter().map(|lang| lang.eng_name()).collect();
            let message =
                format!("`clean.languages` names `{name}`, which the identifier does not know");
            Failure::new(message).with_hint(format!("It knows {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// The language of a text if it is surely another than the wanted ones. With none wanted, all are.
pub(crate) fn detect_other(text: &str, languages: &[Lang]) -> Option<Lang> {
    if languages.is_empty() {
        return None;
    }
    let end = text.char_indices().nth(CHARACTERS);
    let start = &text[..end.map_or(text.len(), |(at, _)| at)];
    let is_letter = |character: &char| character.is_alphabetic();
    if start.chars().filter(is_letter).count() < MIN_CHARACTERS {
        return None;
    }
    let found = whatlang::detect(start).filter(whatlang::Info::is_reliable)?;
    (!languages.contains(&found.lang())).then_some(found.lang())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_another_language_is_another() {
        let english = parse_languages(&["English".to_owned()]).expect("a language");
        assert_eq!(
            english,
            parse_languages(&["eng".to_owned()]).expect("a language")
        );
        let check = |text: &str, expected: Option<Lang>| {
            assert_eq!(detect_other(text, &english), expected, "{text}")
        };
        check(
            "This is one of the best films that I have seen in a long time, and I would see it again.",
            None,
        );
        check(
            "C'est un tr\u{e8}s beau film, que je recommande \u{e0} tous ceux qui aiment le cin\u{e9}ma fran\u{e7}ais.",
            Some(Lang::Fra),
        );
        check(
            "Dieser Film hat mir \u{fc}berhaupt nicht gefallen, die Schauspieler waren schlecht und die Geschichte langweilig.",
            Some(Lang::Deu),
        );
        check("Tr\u{e8}s bon", None);
        check("", None);
        assert_eq!(
            detect_other(
                "Dieser Film hat mir nicht gefallen, und die Geschichte war langweilig.",
                &[]
            ),
            None
        );
    }

    #[test]
    fn an_unknown_language_is_an_error() {
        let error = parse_languages(&["Klingon".to_owned()]).expect_err("no such language");
        assert_eq!(
            error.to_string(),
            "`clean.languages` names `Klingon`, which the identifier does not know"
        );
        assert!(error.hint().expect("a hint").contains("English"));
    }
}
