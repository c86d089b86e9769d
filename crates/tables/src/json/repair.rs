//! Makes what other programs write into JSON readable: `NaN` and `Infinity` of Python, and lone surrogates of
//! JavaScript and Java. Both are invalid in JSON, and in UTF-8.

use crate::repairs::Repairs;

/// Replaces values that are not finite by `null` and lone surrogates by U+FFFD.
pub(super) fn repair(json: &[u8]) -> (Vec<u8>, Repairs) {
    const NOT_FINITE: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let (mut repaired, mut repairs) = (Vec::with_capacity(json.len()), Repairs::default());
    let (mut at, mut in_string) = (0, false);
    while let Some(rest @ [byte, ..]) = json.get(at..) {
        let is_here = |token: &&&[u8]| !in_string && rest.starts_with(token);
        let token = NOT_FINITE.iter().find(is_here);
        let (length, bytes): (usize, &[u8]) = match (token, in_string && *byte == b'\\') {
            (Some(token), _) => {
                repairs.not_finite += 1;
                (token.len(), b"null")
            }
            (None, false) => (1, &rest[..1]),
            (None, true) => match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, &rest[..12]),
                (Some(_), _) => {
                    repairs.lone_surrogates += 1;
                    (6, b"\\ufffd")
                }
                (None, _) => (2, &rest[..rest.len().min(2)]),
            },
        };
        in_string ^= *byte == b'"';
        repaired.extend_from_slice(bytes);
        at += length;
    }
    (repaired, repairs)
}

/// The surrogate that a text begins with as an escape such as `\ud83d`.
fn surrogate(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let value = u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..=0xdfff).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_invalid_values_are_replaced() {
        let check = |json: &str, expected: &str, counts: (u64, u64)| {
            let (repaired, found) = repair(json.as_bytes());
            assert_eq!(String::from_utf8_lossy(&repaired), expected, "{json}");
            assert_eq!((found.not_finite, found.lone_surrogates), counts, "{json}");
        };
        check(
            r#"{"a": NaN, "b": [-Infinity,Infinity], "NaN": "NaN \" NaN"}"#,
            r#"{"a": null, "b": [null,null], "NaN": "NaN \" NaN"}"#,
            (3, 0),
        );
        check(
            r#""\ud83d\ude00 \\ud83d""#,
            r#""\ud83d\ude00 \\ud83d""#,
            (0, 0),
        );
        check(
            r#""\ud83d \uDE00\ude00""#,
            r#""\ufffd \ufffd\ufffd""#,
            (0, 3),
        );
        check(r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#, (0, 1));
        check(r#""\ud8"#, r#""\ud8"#, (0, 0));
        check("\"\\", "\"\\", (0, 0));
    }

    #[test]
    fn repairs_are_described() {
        let text = |not_finite, lone_surrogates| {
            let repairs = Repairs {
                not_finite,
                lone_surrogates,
            };
            repairs.to_string()
        };
        assert_eq!(text(0, 1), "1 lone surrogate read as U+FFFD");
        assert_eq!(
            text(1200, 2),
            "1,200 values NaN or Infinity read as missing, 2 lone surrogates read as U+FFFD"
        );
    }
}
