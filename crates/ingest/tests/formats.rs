//! Tests of formats and encodings that other tools write: every row is read whole, or the file is refused with the
//! setting that decides.

#![allow(missing_docs)]

mod common;

use std::io::Write;

use common::Project;
use encoding_rs::{EUC_KR, GBK, WINDOWS_1251};

fn sentence(row: usize) -> String {
    let word = ["dull", "touching"][row % 2];
    format!("The pacing was {word} in the old cinema by the river, and the plot {row} as well")
}

fn label(row: usize) -> &'static str {
    ["neg", "pos"][row % 2]
}

fn rows(count: usize, row: impl Fn(usize) -> String) -> String {
    (0..count).map(row).collect()
}

/// Ingests one file and returns the texts of its reviews, and the summary or the error with its hint.
fn read(name: &str, content: impl AsRef<[u8]>, settings: &str) -> (Vec<String>, String) {
    let project = Project::new();
    project.write(name, content);
    match project.ingest(name, settings) {
        Ok(found) => {
            let reviews = found.reviews();
            let text = |row: &String| row.split('|').nth(1).unwrap_or_default().to_owned();
            (
                reviews.iter().map(text).collect(),
                found.summary().to_owned(),
            )
        }
        Err(message) => (Vec::new(), message),
    }
}

/// Checks that the texts are those of [`sentence`].
fn check(name: &str, content: impl AsRef<[u8]>, count: usize, summary: &str) {
    let (texts, found) = read(name, content, "");
    assert_eq!(found, summary, "{name}");
    assert_eq!(
        texts,
        (0..count).map(sentence).collect::<Vec<_>>(),
        "{name}"
    );
}

const LABELLED: &str = "30 reviews, 15 negative, 15 positive";

#[test]
fn a_text_file_is_lines_of_text() {
    let lines = rows(60, |row| sentence(row) + "\n");
    check("plain.txt", &lines, 60, "60 reviews, 60 unlabelled");
    check("plain.csv", &lines, 60, "60 reviews, 60 unlabelled");
    let short = format!("Loved it\n\"So\" he said, then, well\n{lines}");
    assert_eq!(read("plain.txt", &short, "").0.len(), 62);
    assert_eq!(read("plain.dat", &short, "format = 'text'").0.len(), 62);
    // A text file with fields is a table.
    let table = rows(30, |row| format!("{}\t{}\n", sentence(row), label(row)));
    let columns = "columns = { text = 1, label = 2 }";
    assert_eq!(read("table.txt", table, columns).1, LABELLED);
}

#[test]
fn a_json_table_by_columns_is_rows() {
    let column = |value: &dyn Fn(usize) -> String| {
        let members: Vec<String> = (0..30)
            .map(|row| format!("\"{row}\":\"{}\"", value(row)))
            .collect();
        members.join(",")
    };
    let labels = column(&|row| label(row).to_owned());
    let table = format!(
        "{{\"review\":{{{}}},\"label\":{{{labels}}}}}",
        column(&sentence)
    );
    check("table.json", table, 30, LABELLED);
    let unclear = "{\"a\":{\"text\":\"x\",\"label\":1},\"b\":{\"text\":\"y\",\"label\":0}}";
    assert_eq!(
        read("x.json", unclear, "").1,
        "`x.json` is a JSON object of objects, but an object per review was expected | Write it as JSON Lines, one object \
         per review; with pandas: `DataFrame.to_json(FILE, orient=\"records\", lines=True)`"
    );
}

#[test]
fn a_json_array_beside_metadata_is_rows() {
    let objects = |name: &str| {
        let row = |row| {
            format!(
                "{{\"{name}\":\"{}\",\"label\":\"{}\"}}",
                sentence(row),
                label(row)
            )
        };
        (0..30).map(row).collect::<Vec<_>>().join(",")
    };
    let reviews = objects("review");
    let page = format!(
        "{{\"success\":1,\"query\":{{\"n\":30}},\"reviews\":[{reviews}],\"cursor\":\"AoJ\"}}"
    );
    check("page.json", &page, 30, LABELLED);
    let two = format!(
        "{{\"reviews\":[{reviews}],\"replies\":[{}]}}",
        objects("reply")
    );
    assert_eq!(
        read("two.json", &two, "").1,
        "`two.json` has objects with arrays of objects: `replies`, `reviews`; it is not clear which of these are the \
         reviews | Set `--set ingest.record_path=NAME` for the elements of an array, or `--set ingest.format=jsonl` for \
         the objects around it"
    );
    let (texts, summary) = read("two.json", &two, "record_path = 'reviews'");
    assert_eq!((texts.len(), summary.as_str()), (30, LABELLED));
    assert_eq!(
        read("two.json", &two, "record_path = 'review'").1,
        "`two.json` has no objects in the array that `ingest.record_path` = `review` names | Set \
         `--set ingest.record_path=NAME` to another array, or remove the setting to detect it"
    );
    // A page per line.
    let pages = format!("{page}\n{page}\n");
    assert!(
        read("pages.jsonl", &pages, "")
            .1
            .contains("an array of objects: `reviews`")
    );
    assert_eq!(
        read("pages.jsonl", &pages, "record_path = 'reviews'")
            .0
            .len(),
        60
    );
}

#[test]
fn json_of_python_and_javascript_is_read() {
    let row = |row: usize| {
        let helpful = ["NaN", "2.0", "-Infinity"][row % 3];
        format!(
            "{{\"text\":\"{}\",\"label\":\"{}\",\"helpful\":{helpful}}}",
            sentence(row),
            label(row)
        )
    };
    let summary = "30 reviews, 15 negative, 15 positive; 20 values NaN or Infinity read as missing";
    let objects: Vec<String> = (0..30).map(row).collect();
    check("x.jsonl", objects.join("\n"), 30, summary);
    check("x.json", format!("[{}]", objects.join(",")), 30, summary);
    let lone = "{\"text\":\"so good \\ud83d\",\"label\":1}\n{\"text\":\"bad\",\"label\":0}\n";
    let (texts, summary) = read("x.jsonl", lone, "");
    assert_eq!(texts, ["so good \u{fffd}", "bad"]);
    assert_eq!(
        summary,
        "2 reviews, 1 negative, 1 positive; 1 lone surrogate read as U+FFFD"
    );
}

#[test]
fn system_files_in_a_zip_are_no_tables() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let table = rows(30, |row| format!("\"{}\",{}\n", sentence(row), label(row)));
    for (name, content) in [
        ("export/.DS_Store", "\0\0\0\u{1}Bud1"),
        ("export/reviews.csv", &format!("text,label\n{table}")),
        ("export/Thumbs.db", "\0"),
        ("__MACOSX/export/._reviews.csv", "\0\u{5}\u{16}\u{7}"),
    ] {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(name, options).expect("a member");
        archive.write_all(content.as_bytes()).expect("memory");
    }
    let archive = archive.finish().expect("memory").into_inner();
    check("reviews.zip", archive, 30, LABELLED);
}

#[test]
fn backslashes_before_quotes_are_understood() {
    let row = |row| {
        format!(
            "{row},\"He said \\\"no\\\", so {}\",{}\n",
            sentence(row),
            label(row)
        )
    };
    let table = format!("id,text,label\n{}", rows(30, row));
    let (texts, summary) = read("x.csv", &table, "");
    assert_eq!(summary, LABELLED);
    assert_eq!(texts[3], format!("He said \"no\", so {}", sentence(3)));
    // Beyond the first bytes the message names the setting.
    let plain = rows(8000, |row| format!("{row},{row} so so,{}\n", label(row)));
    let long = format!("id,text,label\n{plain}{plain}{}", rows(200, row));
    let (_, message) = read("x.csv", &long, "max_reject_rate = 0.001");
    assert!(
        message.contains("set `--set 'ingest.escape=\\'`"),
        "{message}"
    );
    assert_eq!(read("x.csv", &long, "escape = '\\'").0.len(), 16_200);
}

#[test]
fn stray_quotes_reject_their_rows_only() {
    let table = |edit: &dyn Fn(usize, String) -> String| {
        let row = |row| edit(row, format!("film {row} is so so,{}\n", label(row)));
        format!("text,label\n{}", rows(300, row))
    };
    let one = table(&|row, line| if row == 10 { format!("\"{line}") } else { line });
    assert_eq!(
        read("x.csv", one, "").1,
        "299 reviews, 149 negative, 150 positive, 1 rejected"
    );
    let two = table(&|row, line| {
        if row == 10 || row == 20 {
            format!("\"{line}")
        } else {
            line
        }
    });
    assert_eq!(
        read("x.csv", two, "").1,
        "298 reviews, 148 negative, 150 positive, 2 rejected"
    );
    // Two quotes that would join the rows 10 to 12.
    let pair = table(&|row, line| match row {
        10 => format!("\"{line}"),
        12 => line.replace(',', "\","),
        _ => line,
    });
    assert_eq!(
        read("x.csv", pair, "").1,
        "297 reviews, 148 negative, 149 positive, 1 rejected"
    );
}

#[test]
fn one_odd_byte_does_not_change_the_encoding() {
    let texts = [
        (
            WINDOWS_1251,
            [
                "Скучно и долго, жаль времени",
                "Очень хороший фильм, смотрели всей семьей",
            ],
        ),
        (
            GBK,
            ["太无聊了，浪费时间。", "非常好看的电影，全家人都喜欢。"],
        ),
        (
            EUC_KR,
            ["지루하고 시간이 아까웠어요.", "정말 재미있는 영화였어요."],
        ),
    ];
    for (encoding, texts) in texts {
        let row = |row| format!("\"{} {row}\",{}\n", texts[row % 2], label(row));
        let table = format!("text,label\n{}", rows(200, row));
        let mut bytes = encoding.encode(&table).0.into_owned();
        let last = bytes.len() - 10;
        bytes.splice(last..last, [0xff, b'!']);
        let name = encoding.name();
        let project = Project::new();
        project.write("x.csv", bytes);
        let found = project.ingest("x.csv", "").expect(name);
        let reviews = found.reviews();
        assert!(
            reviews[0].starts_with(&format!("0|{} 0|0|", texts[0])),
            "{name}: {}",
            reviews[0]
        );
        assert!(reviews.len() >= 199, "{name}: {}", reviews.len());
        for rejected in found.rejected() {
            assert!(
                rejected.contains("the text has bytes that are invalid in its encoding"),
                "{rejected}"
            );
        }
    }
}

#[test]
fn rows_may_end_in_cr() {
    let table = rows(30, |row| format!("{}\t{}\r", sentence(row), label(row)));
    check("x.tsv", format!("text\tlabel\r{table}"), 30, LABELLED);
    let table = rows(30, |row| format!("\"two\nlines {row}\",{}\r", label(row)));
    assert_eq!(
        read("x.csv", format!("text,label\r{table}"), "").1,
        LABELLED
    );
}

#[test]
fn forms_of_python_and_of_fasttext_are_known() {
    let row = |row| format!("__label__{} {}\n", 1 + row % 2, sentence(row));
    check("train.ft.txt", rows(30, row), 30, LABELLED);
    let (_, message) = read("x.json", "{'text': 'good', 'label': True}\n", "");
    assert!(
        message.starts_with("`x.json` is a file of Python dictionaries"),
        "{message}"
    );
    let utf_32 = "text,label\n"
        .chars()
        .flat_map(|it| u32::from(it).to_le_bytes());
    let utf_32: Vec<u8> = [0xff, 0xfe, 0, 0].into_iter().chain(utf_32).collect();
    let (_, message) = read("x.csv", utf_32, "");
    assert!(
        message.starts_with("`x.csv` is text in UTF-32"),
        "{message}"
    );
}
