//! Tests of finding and parsing JSON objects.

use proptest::prelude::*;

use super::*;

/// Reads every record as `line: fields`, with buffers of several sizes.
fn check(text: &str, names: &[&str], expected: &[&str]) {
    for buffer in [1, 2, 7, 4096] {
        let input = io::BufReader::with_capacity(buffer, text.as_bytes());
        let mut reader = JsonReader::new(input, 60, None);
        let mut record = Record::default();
        let mut found = Vec::new();
        while reader.read(&mut record, true).expect("no disk") == ReadOutcome::Record {
            let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
            let state = match (record.oversize, &record.problem) {
                (true, _) => "too long".to_owned(),
                (false, Some(problem)) => format!("bad: {problem}"),
                _ => fields,
            };
            found.push(format!("{}: {state}", record.line));
        }
        assert_eq!(found, expected, "{text:?} with a buffer of {buffer}");
        assert_eq!(reader.columns.names, names);
    }
}

#[test]
fn objects_become_records() {
    check(
        "{\"text\": \"a \\\"b\\\" {\", \"n\": 4.5}\n{\"n\": 1, \"text\": \"c\", \"ok\": true}\n",
        &["text", "n", "ok"],
        &["1: a \"b\" {|4.5", "2: c|1|true"],
    );
    check(
        "[\n  {\"a\": {\"b\": \"x\", \"c\": null}},\n  {\"a\": {\"b\": \"y\\\\\"}}\n]",
        &["a.b", "a.c"],
        &["2: x|", "3: y\\|"],
    );
    check(
        "{\"a\": [1, \"}\"]} {\"a\":\n2}",
        &["a"],
        &["1: [1,\"}\"]", "1: 2"],
    );
    check("", &[], &[]);
    check("[]\n", &[], &[]);
}

#[test]
fn a_malformed_object_does_not_affect_the_next() {
    check(
        "{\"a\": 1}\nnothing\n{\"a\" 2}\n{\"a\": 3}\n",
        &["a"],
        &[
            "1: 1",
            "2: bad: it is no JSON object",
            "3: bad: expected `:` at line 1 column 6",
            "4: 3",
        ],
    );
    let long = format!("{{\"a\": \"{}\"}}\n{{\"a\": 2}}", "x".repeat(100));
    check(&long, &["a"], &["1: too long", "2: 2"]);
    check(
        "{\"a\": 1}\n{\"a\": 2",
        &["a"],
        &["1: 1", "2: bad: the file ends within an object"],
    );
}

#[test]
fn a_line_that_is_cut_off_is_one_rejected_row() {
    const OPEN: &str = "bad: the object is not closed";
    const STRING: &str = "bad: a string does not end on its line";
    let rest = "{\"a\": 2}\n{\"a\": 3}\n";
    for (cut, problem) in [
        ("{\"a\": 1", OPEN),
        ("{\"a\": \"1\"", OPEN),
        ("{\"a\": 1,", OPEN),
        ("{", OPEN),
        ("{\"a\"", OPEN),
        ("{\"b\": {\"a\": 1}", OPEN),
        ("{\"a\": \"x", STRING),
        ("{\"a\": \"x\\", STRING),
        ("{\"a\": \"x\\\"}", STRING),
        ("{\"a\": x\"}", STRING),
        // The next line is a valid value here.
        ("{\"a\":", OPEN),
        ("{\"a\": [", OPEN),
        ("{\"a\": [1,", OPEN),
        ("{\"b\": {\"a\": ", OPEN),
        ("{\"b\": [{\"a\": 1},", OPEN),
    ] {
        for line_break in ["\n", "\r\n"] {
            let text = format!("{{\"a\": 0}}{line_break}{cut}{line_break}{rest}");
            let bad = format!("2: {problem}");
            check(&text, &["a"], &["1: 0", &bad, "3: 2", "4: 3"]);
        }
    }
    // Several such lines in a row, each of which contains the next.
    check(
        "{\"a\": [\n{\"a\":\n{\"a\": \"x\n{\"a\": 1}\n{\"a\":\n{\"a\": 2}",
        &["a"],
        &[
            &format!("1: {OPEN}"),
            &format!("2: {OPEN}"),
            &format!("3: {STRING}"),
            "4: 1",
            &format!("5: {OPEN}"),
            "6: 2",
        ],
    );
    // In an indented array.
    check(
        "[\n  {\"a\": 1,\n  {\n    \"a\": 2\n  },\n  {\"a\": 3}\n]\n",
        &["a"],
        &[&format!("2: {OPEN}"), "3: 2", "6: 3"],
    );
}

#[test]
fn objects_over_several_lines_are_one_row() {
    check(
        "{\"a\":\n{\n\"b\": [\n{\"c\": 1},\n{\"c\": 2}\n]\n}\n}\n{\n\"d\": 1\n}",
        &["a.b", "d"],
        &["1: [{\"c\":1},{\"c\":2}]", "9: |1"],
    );
    // A string in JSON must not contain a line break.
    check(
        "{\n\"a\": \"x\ny\",\n\"b\": 1\n}\n{\"a\": 2}\n",
        &["a"],
        &[
            "1: bad: a string does not end on its line",
            "3: bad: it is no JSON object",
            "4: bad: it is no JSON object",
            "5: bad: it is no JSON object",
            "6: 2",
        ],
    );
}

#[test]
fn the_elements_of_an_array_are_records() {
    let read = |text: &str, path: &str, is_detected: bool| {
        let input = io::BufReader::with_capacity(5, text.as_bytes());
        let mut reader = JsonReader::new(input, 60, Some((path.to_owned(), is_detected)));
        let (mut record, mut rows) = (Record::default(), Vec::new());
        while reader.read(&mut record, true).expect("no disk") == ReadOutcome::Record {
            let fields = String::from_utf8_lossy(&record.joined()).into_owned();
            rows.push((record.line, record.is_row(), fields));
        }
        rows
    };
    let row = |line: u64, fields: &str| (line, true, fields.to_owned());
    assert_eq!(
        read("{\"reviews\": [{\"a\": 1}, {\"a\": 2}]}\n", "reviews", true),
        [row(1, "1"), row(1, "2")]
    );
    assert_eq!(
        read(
            "{\n\"ok\": [1],\n\"r\": {\"r\": [\n{\"a\": 1},\n{\"a\": {\"b\": [{}]}}\n]},\n\"next\": {\"a\": \"}\"}}\n",
            "r.r",
            true
        ),
        [row(4, "1"), row(5, "\t[{}]")]
    );
    // Several objects with one array each.
    let pages = "{\"r\": [{\"b\": 1}], \"n\": 1}\n[{\"r\": [{\"b\": 2}, 3]}]\n{\"r\": []}";
    assert_eq!(
        read(pages, "r", false),
        [row(1, "1"), row(2, "2"), (2, false, "3".to_owned())]
    );
    assert_eq!(read("{\"r\": [1]}", "x", false), []);
    // Another array beyond the first bytes.
    let others = "{\"r\": [{\"b\": 1}], \"s\": [{\"b\": 2}], \"t\": [{}]}";
    assert_eq!(
        read(others, "r", true),
        [row(1, "1"), (1, false, "s".to_owned())]
    );
    assert_eq!(read(others, "s", false), [row(1, "2")]);
}

#[test]
fn values_that_json_cannot_have_are_replaced_and_counted() {
    let text = "{\"a\": NaN, \"b\": \"x\\ud83d\"}\n{\"a\": 1}\n{\"a\": Nan}\n";
    let mut reader = JsonReader::new(text.as_bytes(), 60, None);
    let mut record = Record::default();
    let mut next = || {
        reader.read(&mut record, true).expect("no disk");
        (record.joined(), record.repairs.to_string(), record.is_row())
    };
    let repairs = "1 value NaN or Infinity read as missing, 1 lone surrogate read as U+FFFD";
    assert_eq!(next(), ("\tx\u{fffd}".into(), repairs.to_owned(), true));
    assert_eq!(next(), (b"1\t".to_vec(), String::new(), true));
    assert!(!next().2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn rows_do_not_depend_on_the_buffer(text in "\\{\\}\n[\\{\\}\\[\\]:,\"\\\\\na1 ]{0,60}") {
        let lines = |buffer: usize| {
            let input = io::BufReader::with_capacity(buffer, text.as_bytes());
            let mut reader = JsonReader::new(input, 30, None);
            let (mut record, mut lines) = (Record::default(), Vec::new());
            while reader.read(&mut record, true).expect("no disk") == ReadOutcome::Record {
                lines.push((record.line, record.last_line, record.joined()));
            }
            (lines, reader.scanner.line)
        };
        let expected = lines(4096);
        let breaks = text.matches('\n').count() as u64;
        prop_assert_eq!(expected.1, breaks + 1);
        for buffer in [1, 2, 5] {
            prop_assert_eq!(&lines(buffer), &expected);
        }
    }
}
