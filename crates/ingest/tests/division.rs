//! Tests of reading a file in parts: the parts together give the same rows as the whole file.

#![allow(missing_docs)]

mod common;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use artifact::StageName;
use common::gzip;
use ingest::{KeepColumns, TextRow, count_rows, read_texts};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use settings::{IngestSettings, REVIEWS, StepId};
use stage::{Progress, ProgressMode};

/// More rows than the sample for detecting columns.
const ROWS: usize = 1300;

fn progress() -> Progress {
    Progress::new(ProgressMode::None, StepId::new(StageName::Ingest, REVIEWS))
}

fn count(path: &Path) -> u64 {
    let (progress, settings) = (progress(), IngestSettings::default());
    let task = progress.task("planning", None, "bytes");
    count_rows(path, &settings, (&progress, &task)).expect("it can be read")
}

/// The rows starting at row `first`, at most `most` of them.
fn rows(path: &Path, first: u64, most: u64) -> Vec<TextRow> {
    let (progress, settings) = (progress(), IngestSettings::default());
    let task = progress.task("reading", None, "bytes");
    let mut rows = Vec::new();
    let keep = KeepColumns::None;
    read_texts(path, &settings, &keep, (&progress, &task), first, |row| {
        rows.push(row);
        match (rows.len() as u64) < most {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })
    .expect("it can be read");
    rows
}

/// Checks that all parts give the same rows, numbers and lines as the whole file.
#[track_caller]
fn check(name: &str, content: &[u8], expected: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("written");
    let whole = rows(&path, 1, u64::MAX);
    assert_eq!(whole.len(), expected, "{name}");
    assert_eq!(count(&path), expected as u64, "{name}");
    for parts in [2, 3, 9] {
        let part = expected / parts + 1;
        let starts = (0..expected).step_by(part);
        let together: Vec<TextRow> = starts
            .flat_map(|before| rows(&path, before as u64 + 1, part as u64))
            .collect();
        let differs = together.iter().zip(&whole).find(|(one, two)| one != two);
        assert_eq!(differs, None, "{name} in {parts} parts");
        assert_eq!(together.len(), whole.len(), "{name} in {parts} parts");
    }
}

/// A CSV file that is difficult to divide: quoted line breaks, escaped quotes, empty lines, rows with another
/// number of fields, invalid UTF-8, and a byte order mark within the file.
fn table(line_break: &str) -> Vec<u8> {
    let mut text = format!("id,comment,label{line_break}").into_bytes();
    for row in 1..=ROWS {
        let line = match row % 7 {
            0 => format!("r{row},\"Two{line_break}lines, {line_break}and \"\"more\"\"\",pos"),
            1 => format!("r{row},plain number {row},neg{line_break}{line_break}"),
            2 => format!("r{row}"),
            3 => format!("\u{feff}r{row},a mark before it,pos"),
            4 => format!("r{row},\"{}\",what", "long ".repeat(row % 50)),
            5 => format!("\"r{row}\",\"\",pos"),
            _ => format!("r{row},\"\"\"{row}\"\"\",neg"),
        };
        text.extend(line.as_bytes());
        if row % 91 == 0 {
            text.push(0xff);
        }
        if row < ROWS {
            text.extend(line_break.as_bytes());
        }
    }
    text
}

#[test]
fn delimited_files() {
    check("a.csv", &table("\n"), ROWS);
    check("b.csv", &table("\r\n"), ROWS);
    let marked = [b"\xef\xbb\xbf", table("\r\n").as_slice(), b"\r\n"].concat();
    check("c.csv", &marked, ROWS);
    let tabs = (1..=ROWS).map(|row| format!("{row}\tA text, \"so called\", of number {row}\r\n"));
    check("d.tsv", tabs.collect::<String>().as_bytes(), ROWS);
}

#[test]
fn packed_files_and_other_encodings() {
    check("a.csv.gz", &gzip(&table("\n")), ROWS);
    let text = table("\n");
    let text = String::from_utf8_lossy(&text);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = [b"\xff\xfe", wide.as_slice()].concat();
    check("a.csv", &wide, ROWS);
}

#[test]
fn objects() {
    let object = |row: usize| match row % 5 {
        0 => format!("{{\"id\": {row},\n  \"comment\": \"braces }} {{ and \\\"quotes\\\"\"}}"),
        1 => format!("{{\"comment\": \"plain {row}\", \"late\": {row}}}"),
        2 => format!("{{\"comment\" \"bad {row}\"}}"),
        3 => format!("{{\"id\": {row}, \"new{row}\": 1}}"),
        _ => format!("{{\"id\": \"{row}\", \"comment\": \"caf\u{e9} {row}\", \"label\": \"pos\"}}"),
    };
    let objects: Vec<String> = (1..=ROWS).map(object).collect();
    check("a.jsonl", objects.join("\n").as_bytes(), ROWS);
    check(
        "b.json",
        format!("[{}]\n", objects.join(",\r\n")).as_bytes(),
        ROWS,
    );
    check("c.jsonl", objects.join(" ").as_bytes(), ROWS);
    let stray = format!("{}\nnonsense\n{{\"comment\": \"cut o", objects.join("\n"));
    check("d.jsonl", stray.as_bytes(), ROWS + 2);
}

#[test]
fn tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    let texts: Vec<Option<String>> = (1..=ROWS)
        .map(|row| (row % 9 != 0).then(|| format!("A text, number {row}")))
        .collect();
    let ids = (1..=ROWS).map(|row| format!("r{row}"));
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(StringArray::from_iter_values(ids)) as _),
        ("comment", Arc::new(StringArray::from_iter(texts)) as _),
    ])
    .expect("columns of one length");
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(170));
    let file = File::create(&path).expect("created");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(groups.build())).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let bytes = std::fs::read(&path).expect("read");
    check("a.parquet", &bytes, ROWS);
    check("a.parquet.gz", &gzip(&bytes), ROWS);
}
