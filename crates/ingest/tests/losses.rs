//! Tests of files that once lost rows silently: every row must be accepted or rejected.

#![allow(missing_docs)]

mod common;

use std::ops::ControlFlow;
use std::path::Path;

use artifact::StageName;
use common::Project;
use ingest::{KeepColumns, TextRow, count_rows, read_texts};
use settings::{IngestSettings, REVIEWS, StepId};
use stage::{Progress, ProgressMode};

/// More rows than the sample for detecting columns.
const ROWS: usize = 1500;

/// Accepted and rejected rows of a file.
struct Found {
    reviews: Vec<String>,
    rejected: Vec<String>,
}

fn ingest(name: &str, content: impl AsRef<[u8]>) -> Found {
    let project = Project::new();
    project.write(name, content);
    let found = project.ingest(name, "max_reject_rate = 0.5").expect(name);
    check_division(&project.path(name));
    Found {
        reviews: found.reviews(),
        rejected: found.rejected(),
    }
}

fn label(row: usize) -> &'static str {
    ["neg", "pos"][row % 2]
}

/// Lines of the rejected rows.
fn lines(found: &Found) -> Vec<u64> {
    let line = |row: &String| row.split([':', ' ']).nth(1)?.parse().ok();
    found.rejected.iter().filter_map(line).collect()
}

/// Checks that reading from any row on gives the same rows as reading the whole file.
fn check_division(path: &Path) {
    let whole = rows_from(path, 1);
    let progress = progress();
    let task = progress.task("planning", None, "bytes");
    let settings = IngestSettings::default();
    let count = count_rows(path, &settings, (&progress, &task)).expect("it can be read");
    assert_eq!(count, whole.len() as u64);
    for first in (1..=count).step_by((count / 40).max(1) as usize) {
        let rows = rows_from(path, first);
        let expected = &whole[first as usize - 1..];
        assert_eq!(rows.len(), expected.len(), "from {first}");
        let differs = rows.iter().zip(expected).find(|(one, two)| one != two);
        assert_eq!(differs, None, "from {first}");
    }
}

fn progress() -> Progress {
    Progress::new(ProgressMode::None, StepId::new(StageName::Ingest, REVIEWS))
}

fn rows_from(path: &Path, first: u64) -> Vec<TextRow> {
    let (progress, settings) = (progress(), IngestSettings::default());
    let task = progress.task("reading", None, "bytes");
    let mut rows = Vec::new();
    let shown = (&progress, &task);
    read_texts(path, &settings, &KeepColumns::None, shown, first, |row| {
        rows.push(row);
        ControlFlow::Continue(())
    })
    .expect("it can be read");
    rows
}

#[test]
fn a_truncated_line_of_json_is_one_rejected_row() {
    let object = |row: usize| {
        let whole = format!(
            "{{\"text\":\"Film {row}, {{so}}\",\"label\":\"{}\"}}",
            label(row)
        );
        let cut = match row {
            301 | 1302 => whole.len() - 1,
            603 => 15,
            904 | 905 => 8,
            1206 => whole.len() - 7,
            _ => whole.len(),
        };
        whole[..cut].to_owned()
    };
    let objects: Vec<String> = (1..=ROWS).map(object).collect();
    let found = ingest("x.jsonl", objects.join("\n") + "\n");
    assert_eq!(found.reviews.len(), ROWS - 6);
    assert_eq!(lines(&found), [301, 603, 904, 905, 1206, 1302]);
    assert!(
        found.rejected[0].contains("cannot be understood: the object is not closed"),
        "{}",
        found.rejected[0]
    );
}

#[test]
fn objects_in_an_enclosing_object_are_rows() {
    let object = |row: usize| {
        let label = label(row);
        format!("{{\n  \"text\": \"Film {row}\",\n  \"label\": \"{label}\"\n}}")
    };
    let objects: Vec<String> = (1..=ROWS).map(object).collect();
    // More rows than the sample for detecting the format, and fewer.
    for rows in [
        &objects[..20],
        &objects,
        &vec![objects.concat().replace("}{", "},\n{"); 20],
    ] {
        let text = format!("{{\"reviews\": [\n{}\n]}}\n", rows.join(",\n"));
        let count = text.matches("\"text\"").count();
        let found = ingest("x.json", text);
        assert_eq!(found.reviews.len(), count);
        assert_eq!(found.rejected, [""; 0]);
    }
}

#[test]
fn tab_separated_texts_that_begin_with_a_quoted_title() {
    let row = |row: usize| {
        let text = match row % 30 {
            3 => format!("\"Film {row}\" is fine"),
            7 => format!("\"Film {row}"),
            11 => format!("Film {row} is \"so so\""),
            _ => format!("Film {row}"),
        };
        format!("{text}\t{}\n", label(row))
    };
    let rows: String = (1..=ROWS).map(row).collect();
    let found = ingest("x.tsv", format!("text\tlabel\n{rows}"));
    assert_eq!(found.reviews.len(), ROWS);
    assert!(found.reviews[2].starts_with("2|\"Film 3\" is fine|1|"));
}

#[test]
fn a_stray_quote_is_one_rejected_row() {
    let row = |row: usize| {
        let text = match row % 10 {
            _ if row == 300 => format!("\"Film {row} is fine"),
            _ if row == 601 => format!("\"Film {row}\" is fine"),
            _ if row == 1202 => format!("\"Film {row} is \"fine, really\""),
            5 => format!("\"Film {row},\nin \"\"two\"\" lines\""),
            _ => format!("Film {row}"),
        };
        format!("{text},{}\r\n", label(row))
    };
    let rows: String = (1..=ROWS).map(row).collect();
    let found = ingest("x.csv", format!("text,label\r\n{rows}"));
    assert_eq!(found.reviews.len(), ROWS - 3);
    let two_lines = |row: usize| (row + 4) / 10;
    assert_eq!(
        lines(&found),
        [300, 601, 1202].map(|row| (row + 1 + two_lines(row)) as u64)
    );
    assert!(
        found.rejected[0].contains("a quote in it neither closes a field nor is doubled"),
        "{}",
        found.rejected[0]
    );
    assert!(found.reviews[4].contains("Film 5,\nin \"two\" lines|1|"));
}

#[test]
fn quoted_titles_do_not_change_the_separator() {
    let row = |row: usize| format!("\"\"\"Film {row}\"\" | A fine film\",{}\n", label(row));
    let rows: String = (1..=300).map(row).collect();
    let found = ingest("x.csv", format!("text,label\n{rows}"));
    assert_eq!(found.reviews.len(), 300);
    assert!(found.reviews[0].starts_with("0|\"Film 1\" | A fine film|1|"));
}

#[test]
fn files_of_excel_and_old_macs() {
    let row = |row: usize| format!("\"Film {row}; it is\nas it is\";{}\n", label(row));
    let rows = (1..=ROWS).map(row).collect::<String>();
    let text = format!("sep=;\ntext;label\n{rows}");
    for (text, line) in [
        (text.clone(), 3),
        (text.replace('\n', "\r\n"), 3),
        (format!("\u{feff}{text}"), 3),
        (text.replace('\n', "\r"), 3),
        (text.replace("sep=;\n", "").replace('\n', "\r"), 2),
    ] {
        let found = ingest("x.csv", text);
        assert_eq!(found.reviews.len(), ROWS);
        let first = &found.reviews[0];
        assert!(first.starts_with("0|Film 1; it is"), "{first}");
        assert!(first.ends_with(&format!("|x.csv:{line}")), "{first}");
    }
}

#[test]
fn a_separator_at_the_end_of_each_line_does_not_hide_the_header() {
    let row = |row: usize| format!("Film {row} is fine,{},\n", 1 + row % 5);
    let rows: String = (1..=300).map(row).collect();
    let found = ingest("x.csv", format!("review,stars,\n{rows}"));
    assert_eq!(found.reviews.len() + found.rejected.len(), 300);
    assert!(!found.reviews[0].contains("review"));
}
