use super::*;

#[test]
fn separators_and_quotes_are_detected() {
    let check = |sample: &str, separator: u8, quotes: bool| {
        let found = detect(sample.as_bytes(), false);
        assert_eq!(
            (found.separator, found.quotes),
            (separator, quotes),
            "{sample:?}"
        );
    };
    check(
        "review,sentiment\n\"a, b; c\nd\",positive\nx,negative\n",
        b',',
        true,
    );
    check("a;b;c\n1;2,5;3\n4;5,5;6\n", b';', true);
    check(
        "1\t-2.5\tso, so\n2\t3.0\tfine, \"really\" fine\n",
        b'\t',
        false,
    );
    check("id\ttext\n1\t\"a\tb\"\n2\t\"c\"\n", b'\t', true);
    check("a|b\nc, d|e\n", b'|', true);
    check("text\nonly one, column\nhere\n", b'\n', false);
    check("", b',', true);
    check("text,label", b',', true);
    // Escaped quotes in quoted fields.
    check(
        "text,label\n\"\"\"Heat\"\" | A film\",pos\n\"\"\"Speed\"\" | So, so\",neg\n",
        b',',
        true,
    );
    check("a\rb;c\r\"d\r;\";e\r", b';', true);
    check("sep=|\r\na;b|c,d\r\n", b'|', true);
    check("sep=\t\na;b\tc;d\n", b'\t', false);
}

#[test]
fn quotes_in_tab_separated_files_are_detected() {
    let check = |sample: &str, quotes: bool| {
        assert_eq!(
            detect(sample.as_bytes(), false).quotes,
            quotes,
            "{sample:?}"
        );
    };
    check(
        "text\tlabel\n\"Heat\" is fine\tpos\n\"So so\"\tneg\n",
        false,
    );
    check("text\tlabel\n\"Heat\"\tpos\n\"So \"\"so\"\"\" \r\n", true);
    check("text\tlabel\n\"two\nlines\"\tpos\nfine\tneg\n", true);
    // Two quotes that open a field and would join lines that need no quotes.
    check("text\tlabel\n\"Heat\tpos\nof \"it\"\tneg\n", false);
    check("text\tlabel\n\"Heat is fine\tpos\nso the \"\tneg\n", false);
    // A quote at the end of the sample is ignored.
    check("text\tlabel\n\"Heat\"\tpos\n\"So\"", true);
    check("text\tlabel\n\"Heat\tpos\n", false);
}

#[test]
fn backslashes_before_quotes_are_detected() {
    let check = |sample: &str, backslash: bool| {
        let found = detect(sample.as_bytes(), false);
        assert_eq!(
            (found.separator, found.backslash),
            (b',', backslash),
            "{sample:?}"
        );
    };
    check(
        "id,text\n1,\"so \\\"good\\\", he said\"\n2,\"so \\\"bad\\\"\"\n",
        true,
    );
    check("id,text\n1,\"a\"\n2,so\\, so\n3,b\n", true);
    // A backslash at the end of a field, and a text about files.
    check("id,path\n1,\"C:\\\"\n2,\"D:\\x\"\n", false);
    check("id,text\n1,\"a \"\"b\"\" \\o/\"\n2,c\n", false);
}

#[test]
fn lines_of_text_are_not_fields() {
    let check = |sample: &str, is_txt: bool, expected: bool| {
        let found = detect(sample.as_bytes(), is_txt);
        assert_eq!(found == Dialect::LINES, expected, "{sample:?}");
    };
    let regular = "I liked the film, and the cast was good.\nIt was dull, and the end was worse.\n";
    let irregular = "Good film, great cast, nice end.\nBad film.\nSo, so.\n";
    for is_txt in [true, false] {
        check(regular, is_txt, true);
        check(irregular, is_txt, true);
        // Labels, ids, names of columns, quotes or no spaces.
        check(
            "Good film, positive\nBad film, negative\nSo so, positive\nFine, positive\n",
            is_txt,
            false,
        );
        check("1, I liked it, really\n2, It was dull\n", is_txt, false);
        check(
            "pros, cons\ngood food, slow waiters\nnice rooms, no view\n",
            is_txt,
            false,
        );
        check("\"Good, really\", yes\n\"Bad\", no\n", is_txt, false);
        check(
            "i did not feel well;sadness\nwhat a day;joy\n",
            is_txt,
            false,
        );
        check("Good film\t1\nBad, bad film\t0\n", is_txt, false);
    }
    // Without a hint in the content the name of the file decides.
    let unclear =
        "It was a very good film in every way,really\nBad film of the year\nIt is so,so,so\n";
    check(unclear, true, true);
    check(unclear, false, false);
    check("Very good\nBad\n", true, true);
    check("text,label\nI liked it, really,pos\nbad,neg\n", true, false);
    check("\"two\nlines\"\n\"b\"\n", true, false);
    let labelled = detect(b"__label__2 Good, really\n__label__1 Bad\n\n", true);
    assert_eq!(labelled, Dialect::FASTTEXT);
}

#[test]
fn line_ends() {
    let check = |sample: &str, expected: u8| {
        assert_eq!(line_end(sample.as_bytes()), expected, "{sample:?}");
    };
    check("a,b\rc,d\r", b'\r');
    check("a,b\r\nc,d\r\n", b'\n');
    check("a\rb,c\n", b'\n');
    check("a,b\r", b'\n');
    // Excel for macOS: LF within fields, and at the end of the file.
    check("a\tb\r\"c\nd\"\te\rf\tg\r", b'\r');
    check(&("a,b\r".repeat(20) + "c,d\n"), b'\r');
    check("a,b", b'\n');
    check("", b'\n');
}

#[test]
fn excel_separator_lines_are_found() {
    let check = |sample: &str, expected: Option<(u8, usize)>| {
        assert_eq!(separator_line(sample.as_bytes()), expected, "{sample:?}");
    };
    check("sep=;\r\na;b\r\n", Some((b';', 7)));
    check("SEP=,\na,b\n", Some((b',', 6)));
    check("\"sep=\t\"\na\tb\n", Some((b'\t', 8)));
    check("sep=;\ra;b\r", Some((b';', 6)));
    check("sep=;", None);
    check("sep=\na,b\n", None);
    check("sep=a\nb\n", None);
    check("sep=\"\nb\n", None);
    check("separator\n;\n", None);
    check("", None);
}
