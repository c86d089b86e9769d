//! Detects the language of a text, if the text is long enough.

use artifact::Failure;
use whatlang::Lang;

/// Number of characters that are examined from the start of a text.
const CHARACTERS: usize = 1000;

/// Minimum number of letters. Shorter texts are ambiguous: `bravo` is a word in many languages.
const MIN_CHARACTERS: usize = 40;

/// Converts the languages in the settings.
///
/// # Errors
/// A language is unknown.
pub(crate) fn parse_languages(names: &[String]) -> Result<Vec<Lang>, Failure> {
    let find = |name: &String| {
        let lower = name.to_lowercase();
        let is_named = |it: &&Lang| it.code() == lower || it.eng_name().to_lowercase() == lower;
        Lang::all().iter().find(is_named).copied().ok_or_else(|| {
            let names = Lang::all().iter().map(|lang| lang.eng_name().to_owned());
            let known: Vec<String> = names.collect();
            let message = format!("`clean.languages` names the unknown language `{name}`");
            let close = settings::nearest(name, &known);
            let close = close.map_or_else(String::new, |close| format!("Did you mean `{close}`? "));
            Failure::new(message).with_hint(format!("{close}Known languages: {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// Returns the language of a text if it is reliably none of `languages`. An empty list allows all languages.
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
    fn only_reliably_detected_languages_are_reported() {
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
            "`clean.languages` names the unknown language `Klingon`"
        );
        assert!(error.hint().expect("a hint").contains("English"));
    }
}
