//! Replaces parts of program output that differ between runs and machines, so that whole outputs can be compared.

use std::path::Path;

/// Replaces the path of `folder` by `[folder]`, durations by `[time]` and digests of twelve or more hex digits by
/// `[digest]`.
pub fn with_placeholders(text: &str, folder: &Path) -> String {
    let text = text.replace(&*folder.to_string_lossy(), "[folder]");
    let lines = text
        .lines()
        .map(|line| without_times(&without_digests(line)) + "\n");
    lines.collect()
}

fn without_digests(line: &str) -> String {
    let mut result = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|character: char| character.is_ascii_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|character: char| !character.is_ascii_alphanumeric())
            .unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        let is_hex = word
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        result.push_str(before);
        result.push_str(if is_hex && matches!(word.len(), 12 | 16 | 64) {
            "[digest]"
        } else {
            word
        });
        rest = after;
    }
    result + rest
}

/// `0.4 s`, `72 s`, `12 min 5 s` and `2 h 10 min`, as `artifact::format::seconds` writes them.
fn without_times(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let unit = word.trim_end_matches([')', ',', ';', '.']);
        let number = words
            .last()
            .map(|last| last.trim_start_matches('(').to_owned());
        let is_time = matches!(unit, "s" | "min" | "h")
            && number
                .as_deref()
                .is_some_and(|number| number == "[time]" || number.parse::<f64>().is_ok());
        if !is_time {
            words.push(word.to_owned());
            continue;
        }
        let number = words.pop().expect("a time has a number before its unit");
        let opening = if number.starts_with('(') { "(" } else { "" };
        let continued = words.last().is_some_and(|last| last.ends_with("[time]"));
        let closing = &word[unit.len()..];
        match words.last_mut().filter(|_| continued) {
            Some(last) => last.push_str(closing),
            None => words.push(format!("{opening}[time]{closing}")),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_times_and_digests_are_replaced() {
        let cases = [
            ("done  60 rows  (0.4 s)", "done  60 rows  ([time])"),
            ("in 12 min 5 s", "in [time]"),
            ("in 2 h 10 min, good", "in [time], good"),
            (
                "its digest should be 41ab09c2d7e1 and is 9f2c77be0a35",
                "its digest should be [digest] and is [digest]",
            ),
            ("/tmp/x/artifacts: 60 steps", "[folder]/artifacts: 60 steps"),
            (
                "store/clean/0123456789abcdef/clean.parquet",
                "store/clean/[digest]/clean.parquet",
            ),
            ("defaced facade 12", "defaced facade 12"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                with_placeholders(text, Path::new("/tmp/x")),
                format!("{expected}\n")
            );
        }
    }
}
