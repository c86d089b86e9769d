//! Decodes HTML character references: `&eacute;`, `&#233;`, `&#xe9;`.

use super::characters::windows_1252;

/// Maximum length of a reference in bytes, from `&` to `;`.
pub(super) const MAX_BYTES: usize = 16;

/// The character of a reference, given the text between `&` and `;`. `None` if it is not a reference.
pub(super) fn decode(body: &str) -> Option<char> {
    match body.strip_prefix('#') {
        Some(number) => numeric(number),
        None => named(body),
    }
}

/// Decodes numbers as browsers do: invalid ones become U+FFFD, and C1 controls become Windows-1252 characters.
fn numeric(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    let character = char::from_u32(code).filter(|character| *character != '\0');
    let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
    Some(windows_1252(character).unwrap_or(character))
}

/// References of HTML 4 that occur in reviews.
fn named(name: &str) -> Option<char> {
    let mut words = NAMED.split(' ').skip_while(|word| *word != name);
    if let Some(character) = words.nth(1) {
        return character.chars().next();
    }
    let index = LATIN_1.split(' ').position(|latin| latin == name)?;
    char::from_u32(0xa0 + u32::try_from(index).ok()?)
}

/// Names outside Latin-1, or of characters that are markup; each is followed by its character.
const NAMED: &str = "\
    QUOT \" quot \" AMP & amp & apos ' LT < lt < GT > gt > OElig \u{152} oelig \u{153} \
    Scaron \u{160} scaron \u{161} Yuml \u{178} tilde \u{2dc} ensp \u{2002} emsp \u{2003} \
    thinsp \u{2009} zwnj \u{200c} zwj \u{200d} ndash \u{2013} mdash \u{2014} lsquo \u{2018} \
    rsquo \u{2019} sbquo \u{201a} ldquo \u{201c} rdquo \u{201d} bdquo \u{201e} \
    dagger \u{2020} bull \u{2022} hellip \u{2026} permil \u{2030} lsaquo \u{2039} \
    rsaquo \u{203a} euro \u{20ac} trade \u{2122} larr \u{2190} rarr \u{2192} minus \u{2212} \
    infin \u{221e} asymp \u{2248} ne \u{2260} le \u{2264} ge \u{2265} spades \u{2660} \
    clubs \u{2663} hearts \u{2665} diams \u{2666}";

/// The names of U+00A0 to U+00FF, in order.
const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg \
    plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 \
    iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml \
    Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
    Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil \
    egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde \
    ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latin_1_character_has_a_short_name() {
        assert_eq!(LATIN_1.split(' ').count(), 96);
        assert!(LATIN_1.split(' ').all(|name| name.len() + 2 <= MAX_BYTES));
        assert_eq!(
            (named("nbsp"), named("yuml"), named("times")),
            (Some('\u{a0}'), Some('\u{ff}'), Some('\u{d7}'))
        );
    }

    #[test]
    fn references() {
        let check =
            |body: &str, expected: Option<char>| assert_eq!(decode(body), expected, "{body}");
        check("amp", Some('&'));
        check("eacute", Some('\u{e9}'));
        check("Eacute", Some('\u{c9}'));
        check("#345", Some('\u{159}'));
        check("#x159", Some('\u{159}'));
        check("#X159", Some('\u{159}'));
        check("#128", Some('\u{20ac}'));
        check("#x92", Some('\u{2019}'));
        check("#129", Some('\u{81}'));
        check("#0", Some('\u{fffd}'));
        check("#xD800", Some('\u{fffd}'));
        check("#99999999999", Some('\u{fffd}'));
        check("#", None);
        check("#x", None);
        check("#12a", None);
        check("#+1", None);
        check("nonsense", None);
        check("", None);
    }
}
