//! The meaning of single values: missing values, and ratings as numbers, stars or words.

use settings::IngestSettings;

/// Values that programs write for a missing value; case is ignored.
const MISSING: [&str; 14] = [
    "", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "(null)", "none", "nil", "\\n", "-",
    "--",
];

/// Dates that programs write for a missing date.
const MISSING_DATES: [&str; 2] = ["0000-00-00", "0000-00-00 00:00:00"];

/// Whether a value means that the value is missing, in a column of any role.
pub(super) fn is_missing(value: &str, settings: &IngestSettings) -> bool {
    let value = value.trim();
    let known = MISSING.into_iter().chain(MISSING_DATES);
    let mut all = known.chain(settings.missing.iter().map(String::as_str));
    all.any(|mark| mark.eq_ignore_ascii_case(value))
}

/// A rating, and the highest possible rating if the value states it: `4 of 5`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RatingValue {
    pub(super) value: f64,
    pub(super) out_of: Option<f64>,
}

/// Words between or beside the numbers of a rating, in several languages.
const RATING_WORDS: &str = "/ out of von sur de su van av из star stars ★ ⭐ sterne sternen \
    stern étoile étoiles estrella estrellas estrela estrelas stella stelle ster sterren point points punkte \
    punkten puntos pts rating rated score";

/// Parses a rating: `4`, `4,5`, `4/5`, `4.0 out of 5 stars`, `80%`, or stars. `None` for any other text.
pub(super) fn parse_rating(text: &str) -> Option<RatingValue> {
    let text = text.trim();
    if let Some(value) = parse_number(text) {
        return rating_of(&[value]);
    }
    if text.len() > 60 {
        return None;
    }
    parse_stars(text).or_else(|| parse_rating_words(text))
}

/// Parses a finite number; the decimal sign is a point or a comma. A comma before three digits may separate
/// thousands, so it is ambiguous.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return None;
    }
    let number: f64 = match text.split_once(',') {
        Some((_, digits)) if digits.len() == 3 => return None,
        Some((whole, digits)) => format!("{whole}.{digits}").parse().ok()?,
        None => text.parse().ok()?,
    };
    (number as f32).is_finite().then_some(number)
}

/// Counts filled stars. Empty stars give the highest rating.
fn parse_stars(text: &str) -> Option<RatingValue> {
    let (mut filled, mut empty) = (0.0, 0.0);
    for character in text.chars() {
        match character {
            '★' | '⭐' => filled += 1.0,
            '☆' => empty += 1.0,
            '\u{fe0f}' | ' ' => {}
            _ => return None,
        }
    }
    (filled + empty > 0.0).then_some(RatingValue {
        value: filled,
        out_of: (empty > 0.0).then_some(filled + empty),
    })
}

fn parse_rating_words(text: &str) -> Option<RatingValue> {
    // Japanese: "of 5 stars 4.0".
    if let Some((out_of, value)) = text.split_once("つ星のうち") {
        return rating_of(&[parse_number(value)?, parse_number(out_of)?]);
    }
    if let Some(value) = text.strip_suffix('%') {
        return rating_of(&[parse_number(value.trim_end())?, 100.0]);
    }
    let spaced = text.to_lowercase().replace('/', " / ");
    let spaced = spaced.replace(['★', '⭐'], " ★ ");
    let mut numbers = Vec::new();
    for word in spaced.split_whitespace() {
        let word = word.trim_end_matches([':', '.', ',']);
        match parse_number(word) {
            Some(number) => numbers.push(number),
            None if RATING_WORDS.split_whitespace().any(|known| known == word) => {}
            None => return None,
        }
    }
    rating_of(&numbers)
}

/// A rating of one number, or of two numbers of which the second is the highest possible rating.
pub(super) fn rating_of(numbers: &[f64]) -> Option<RatingValue> {
    let (value, out_of) = match *numbers {
        [value] => (value, None),
        [value, out_of] if 0.0 < out_of && value <= out_of => (value, Some(out_of)),
        _ => return None,
    };
    Some(RatingValue { value, out_of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_are_read_in_many_forms() {
        let check = |text: &str, expected: Option<(f64, Option<f64>)>| {
            let found = parse_rating(text).map(|rating| (rating.value, rating.out_of));
            assert_eq!(found, expected, "{text}");
        };
        check("4", Some((4.0, None)));
        check("-2.5", Some((-2.5, None)));
        check("4,5", Some((4.5, None)));
        check("4.0 out of 5 stars", Some((4.0, Some(5.0))));
        check("4 of 5", Some((4.0, Some(5.0))));
        check("4/5", Some((4.0, Some(5.0))));
        check("4,0 von 5 Sternen", Some((4.0, Some(5.0))));
        check("4,0 sur 5 étoiles", Some((4.0, Some(5.0))));
        check("4,0 de 5 estrellas", Some((4.0, Some(5.0))));
        check("4.0 su 5 stelle", Some((4.0, Some(5.0))));
        check("5つ星のうち4.0", Some((4.0, Some(5.0))));
        check("5 stars", Some((5.0, None)));
        check("1 Star", Some((1.0, None)));
        check("4★", Some((4.0, None)));
        check("★★★", Some((3.0, None)));
        check("★★★☆☆", Some((3.0, Some(5.0))));
        check("⭐\u{fe0f}⭐\u{fe0f}", Some((2.0, None)));
        check("80%", Some((80.0, Some(100.0))));
        check("Rated 4 out of 5", Some((4.0, Some(5.0))));
        for other in [
            "",
            "good",
            "NaN",
            "inf",
            "1e300",
            "1,234",
            "9/5",
            "1/2/3",
            "B+",
            "stars",
            "3 of 10 people found this helpful",
            "0/0",
            "2024-01-05",
        ] {
            check(other, None);
        }
    }

    #[test]
    fn marks_of_missing_values_are_recognised() {
        let settings = IngestSettings {
            missing: vec!["unrated".to_owned()],
            ..IngestSettings::default()
        };
        for mark in [
            "",
            " ",
            "NA",
            "N/A",
            "NaN",
            "nan",
            "NULL",
            "null",
            "None",
            "\\N",
            "NaT",
            "0000-00-00",
            "-",
            "Unrated",
        ] {
            assert!(is_missing(mark, &settings), "{mark}");
        }
        for value in ["0", "no", "nano", "n", "+"] {
            assert!(!is_missing(value, &settings), "{value}");
        }
    }
}
