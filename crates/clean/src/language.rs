//! The languages in the settings.

use artifact::Failure;
use text::language::Language;

/// Converts the languages in the settings.
///
/// # Errors
/// A language is unknown.
pub(crate) fn parse_languages(names: &[String]) -> Result<Vec<Language>, Failure> {
    let find = |name: &String| {
        Language::parse(name).ok_or_else(|| {
            let known: Vec<String> = Language::all().map(|it| it.name().to_owned()).collect();
            let message = format!("`clean.languages` names the unknown language `{name}`");
            let close = settings::nearest(name, &known);
            let close = close.map_or_else(String::new, |close| format!("Did you mean `{close}`? "));
            let hint = format!(
                "{close}Use an English name or an ISO 639 code. Known languages: {}",
                known.join(", ")
            );
            Failure::new(message).with_hint(hint)
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_language_is_an_error() {
        let error = parse_languages(&["englsh".to_owned()]).expect_err("no such language");
        assert_eq!(
            error.to_string(),
            "`clean.languages` names the unknown language `englsh`"
        );
        let hint = error.hint().expect("a hint");
        assert!(hint.starts_with("Did you mean `English`?"), "{hint}");
        assert!(
            hint.contains("Known languages: ") && !hint.contains("Latin"),
            "{hint}"
        );
    }
}
