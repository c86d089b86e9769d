//! Scripts without spaces between words.

/// Whether a character belongs to a script without spaces between words: Chinese, Japanese, Thai, Lao, Khmer or
/// Burmese. Its words cannot be found by the tokenizer `word`, which sees whole clauses.
pub fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}'            // Thai, Lao
        | '\u{1000}'..='\u{109f}'        // Burmese
        | '\u{1780}'..='\u{17ff}'        // Khmer
        | '\u{3040}'..='\u{30ff}'        // Hiragana, Katakana
        | '\u{3400}'..='\u{4dbf}'        // Chinese characters
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}
