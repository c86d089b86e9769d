use super::*;

/// Reads every record as `line: fields`, with buffers of several sizes so that fields are split everywhere.
fn check(quotes: bool, text: &str, expected: &[&str]) {
    for buffer in [1, 2, 3, 7, 4096] {
        let input = io::BufReader::with_capacity(buffer, text.as_bytes());
        let dialect = Dialect {
            separator: if quotes { b',' } else { b'\t' },
            quotes,
            backslash: false,
            first_only: false,
            line_end: b'\n',
        };
        let mut reader = DelimitedReader::new(input, dialect, 40).expect("no disk");
        let mut record = Record::default();
        let mut found = Vec::new();
        loop {
            match reader.read(&mut record, false).expect("no disk") {
                ReadOutcome::EndOfFile => break,
                ReadOutcome::OpenQuote => {
                    found.push(format!("{}: open quote", record.line));
                    break;
                }
                ReadOutcome::Record if record.oversize => {
                    found.push(format!("{}-{}: too long", record.line, record.last_line));
                }
                ReadOutcome::Record => {
                    let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
                    found.push(format!("{}: {fields}", record.line));
                }
            }
        }
        assert_eq!(found, expected, "{text:?} with a buffer of {buffer}");
    }
}

#[test]
fn quoted_records() {
    check(true, "a,b\nc,d\n", &["1: a|b", "2: c|d"]);
    check(true, "a,b\r\nc,d", &["1: a|b", "2: c|d"]);
    check(true, "a,\"b, \"\"c\"\"\"\n", &["1: a|b, \"c\""]);
    check(
        true,
        "\"one\ntwo\",x\n\n\r\nlast,y",
        &["1: one\ntwo|x", "5: last|y"],
    );
    check(true, "\"x\"\r\n\"y\"\r\n", &["1: x", "2: y"]);
    check(true, ",\n", &["1: |"]);
    check(true, "", &[]);
    check(true, "\n\r\n\n", &[]);
}

#[test]
fn an_unclosed_quote_rejects_its_line() {
    check(true, "a,b\n\"c,d\ne,f\n", &["1: a|b", "2: \"c,d", "3: e|f"]);
    check(true, "\"", &["1: \""]);
    check(true, "\"a\"\"", &["1: \"a\"\""]);
    // A record with more bytes cannot be parsed again.
    let rest = "x\n".repeat(10_000);
    check(true, &format!("a\n\"{rest}"), &["1: a", "2: open quote"]);
}

#[test]
fn a_backslash_escapes() {
    let read = |text: &str| {
        let dialect = Dialect {
            separator: b',',
            quotes: true,
            backslash: true,
            first_only: false,
            line_end: b'\n',
        };
        let input = io::BufReader::with_capacity(2, text.as_bytes());
        let mut reader = DelimitedReader::new(input, dialect, 40).expect("no disk");
        let (mut record, mut found) = (Record::default(), Vec::new());
        while reader.read(&mut record, false).expect("no disk") == ReadOutcome::Record {
            let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
            found.push(format!("{}: {fields}", record.line));
        }
        found
    };
    assert_eq!(
        read("1,\"a \\\"b\\\", \\\\\",\\N\n2,\"C:\\new \"\"x\"\"\",\"y\\\nz\"\n4,a\\,b,c\\"),
        [
            "1: 1|a \"b\", \\|\\N",
            "2: 2|C:\\new \"x\"|y\nz",
            "4: 4|a,b|c\\"
        ]
    );
}

#[test]
fn a_record_that_is_too_long_does_not_affect_the_next() {
    let long = "x".repeat(100);
    check(
        true,
        &format!("a\n\"{long}\n{long}\"\nb\n"),
        &["1: a", "2-3: too long", "4: b"],
    );
    check(
        false,
        &format!("{long}\t{long}\nb\n"),
        &["1-1: too long", "2: b"],
    );
    check(
        true,
        &format!("{}\nb\n", ",".repeat(5000)),
        &["1-1: too long", "2: b"],
    );
}

#[test]
fn without_quoting_a_quote_is_a_character() {
    check(
        false,
        "1\t\"so called\nart\"\t2\r\n",
        &["1: 1|\"so called", "2: art\"|2"],
    );
    check(false, "1\ta\rb\n", &["1: 1|a\rb"]);
}

#[test]
fn lines_of_old_mac_files_end_in_cr() {
    let read = |text: &str| {
        let dialect = Dialect {
            separator: b',',
            quotes: true,
            backslash: false,
            first_only: false,
            line_end: b'\n',
        };
        let mut reader = DelimitedReader::new(text.as_bytes(), dialect, 40).expect("no disk");
        let (mut record, mut found) = (Record::default(), Vec::new());
        while reader.read(&mut record, false).expect("no disk") == ReadOutcome::Record {
            let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
            found.push(format!("{}: {fields}", record.line));
        }
        found
    };
    assert_eq!(
        read("a,b\r\"c\rd\",e\r\rf,g"),
        ["1: a|b", "2: c\rd|e", "5: f|g"]
    );
    assert_eq!(read("a,b\rc\nd,e\r\n"), ["1: a|b\rc", "2: d|e"]);
    // Excel's separator line is not a record.
    assert_eq!(read("sep=,\r\na,b\r\n"), ["2: a|b"]);
    assert_eq!(read("sep=,\ra,b\r"), ["2: a|b"]);
    assert_eq!(read("\u{feff}sep=,\na,b\nsep=,\n"), ["2: a|b", "3: sep=|"]);
}
