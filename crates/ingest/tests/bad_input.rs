//! Tests of invalid input: message, hint and exit code, and that no artifact is left.

#![allow(missing_docs)]

mod common;

use std::io::Write;
use std::process::Command;

use common::{Member, Project, files_below, gzip, tar};
use proptest::prelude::*;

/// Exit code and stderr of `ressenti-ingest`, without machine-dependent paths.
fn run(project: &Project, name: &str, settings: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ressenti-ingest"));
    command
        .current_dir(project.path(""))
        .env("NO_COLOR", "1")
        .args(["--source", name, "--progress", "none"]);
    settings.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    let output = command.output().expect("the program starts");
    let screen = String::from_utf8_lossy(&output.stderr)
        .replace(&project.path("").display().to_string(), "");
    (output.status.code(), screen.trim().to_owned())
}

fn check(name: &str, content: impl AsRef<[u8]>, settings: &[&str], expected: &str) {
    let project = Project::new();
    project.write("pipeline.toml", "[pipeline]\nname = 'test'\n");
    project.write(name, content);
    let before = files_below(&project.path(""));
    let (code, screen) = run(&project, name, settings);
    assert_eq!((code, screen.as_str()), (Some(1), expected), "{name}");
    let new: Vec<_> = files_below(&project.path(""))
        .into_iter()
        .filter(|path| !before.contains(path) && path.0.contains("store"))
        .collect();
    assert!(new.is_empty(), "{name} left {new:?}");
}

/// Checks the number of accepted rows, and the reasons of the rejected rows.
fn check_rows(name: &str, content: impl AsRef<[u8]>, accepted: usize, rejected: &[&str]) {
    let project = Project::new();
    project.write(name, content);
    let found = project.ingest(name, "max_reject_rate = 1.0").expect(name);
    assert_eq!(found.reviews().len(), accepted, "{name}");
    let reasons: Vec<String> = found.rejected();
    assert_eq!(reasons.len(), rejected.len(), "{name}: {reasons:?}");
    for (found, expected) in reasons.iter().zip(rejected) {
        assert!(found.contains(expected), "{name}: {found}");
    }
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .expect("a member");
        archive.write_all(content).expect("written");
    }
    archive.finish().expect("an archive").into_inner()
}

const ELSEWHERE: &str = "hint: Check that the path names the right file";
const GOOD: &str = "text,label\nI liked it,1\nI did not,0\n";

#[test]
fn columns_and_labels() {
    check(
        "x.csv",
        "reviw,sentiment\nfine,1\n",
        &["ingest.columns.text=review"],
        "error: `ingest.columns.text` names the column `review`, but `x.csv` has no such column\n  \
         hint: Did you mean `reviw`? The columns are `reviw`, `sentiment`",
    );
    check(
        "x.csv",
        "a,b\n1,2\n3,4\n",
        &[],
        "error: No column of `x.csv` was recognised as the text of the reviews\n  \
         hint: Name the columns with `--set ingest.columns.text=NAME --set ingest.columns.label=NAME`; \
         the columns are `a`, `b`",
    );
    check(
        "x.csv",
        "text,label\nfine,1\nso,0\nwell,maybe\n",
        &[],
        "error: 1 of 3 rows was rejected, more than `ingest.max_reject_rate` = 0.01 allows; most common reasons: \
         the label is none of the values in `ingest.labels`: `maybe` (1 row)\n  \
         hint: `label`: the labels are `0` (1 row), `1` (1 row), `maybe` (1 row); the meaning of `maybe` is unknown: complete \
         these lines and set them in the pipeline file\n\n[ingest.columns]\nlabel = \"label\"\n\n[ingest.labels]\n\
         positive = [\"1\"]\nnegative = [\"0\"]\nunlabelled = []\n# add these to one of the lists: \"maybe\"",
    );
    check(
        "x.csv",
        "text,label\nfine,1\ngreat,1\n",
        &[],
        "error: All labels are positive (2 reviews), but a classifier needs both classes\n  \
         hint: Check `[ingest.labels]` or `[ingest.rating]`, or use a source with both classes",
    );
}

#[test]
fn files_of_other_formats_are_refused() {
    check(
        "x.csv",
        "",
        &[],
        "error: `x.csv` has no content\n  hint: Check that the path names the right file or folder",
    );
    check(
        "x.csv",
        "text,label\n",
        &[],
        "error: `x.csv` has a header but no rows\n  hint: Check that the path names the right file or folder",
    );
    for (content, what) in [
        (b"%PDF-1.7\n%stuff".as_slice(), "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"<!DOCTYPE html>\n<html>404</html>", "a web page"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0", "a binary file"),
    ] {
        let expected =
            format!("error: `x.csv` is {what}, but a table of reviews was expected\n  {ELSEWHERE}");
        check("x.csv", content, &[], &expected);
    }
    check(
        "x.parquet",
        GOOD,
        &["ingest.format=parquet"],
        "error: `x.parquet` is plain text, but a Parquet table was expected\n  \
         hint: For a CSV or TSV file, set `--set ingest.format=csv` or `--set ingest.format=tsv`",
    );
}

#[test]
fn files_that_are_cut_off() {
    let long: String = (0..3000)
        .map(|n| format!("a review {} that is long,{}\n", n * 7919, n % 2))
        .collect();
    let whole = format!("text,label\n{long}");
    let starts = |name: &str, content: &[u8], expected: &str| {
        let project = Project::new();
        project.write("pipeline.toml", "[pipeline]\nname = 'test'\n");
        project.write(name, content);
        let (code, screen) = run(&project, name, &[]);
        assert!(
            code == Some(1) && screen.starts_with(expected),
            "{name}: {code:?} {screen}"
        );
        assert!(
            screen.contains("hint: Download or copy the file again"),
            "{screen}"
        );
    };
    let packed = gzip(whole.as_bytes());
    starts(
        "x.csv.gz",
        &packed[..packed.len() / 2],
        "error: `x.csv.gz` is damaged or cut off after line ",
    );
    let packed = zstd::encode_all(whole.as_bytes(), 1).expect("zstd");
    starts(
        "x.csv.zst",
        &packed[..packed.len() / 2],
        "error: `x.csv.zst` is damaged or cut off ",
    );
    let packed = zip(&[("x.csv", whole.as_bytes())]);
    starts(
        "x.zip",
        &packed[..packed.len() / 2],
        "error: `x.zip` is damaged or cut off near its start",
    );
    starts(
        "x.parquet",
        b"PAR1\x15\x04\x15",
        "error: `x.parquet` is damaged or cut off near its start",
    );
}

/// Marks the member of a zip as encrypted: bit 0 of the flags, at offset 6 of the local header and offset 8
/// of the entry in the central directory (APPNOTE 4.3.7 and 4.3.12).
fn encrypted(mut zip: Vec<u8>) -> Vec<u8> {
    let entry = zip
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .expect("a directory");
    zip[6] |= 1;
    zip[entry + 8] |= 1;
    zip
}

#[test]
fn office_documents_are_refused() {
    check(
        "x.xlsx",
        zip(&[
            ("[Content_Types].xml", b"<Types/>"),
            ("xl/workbook.xml", b"<workbook/>"),
        ]),
        &[],
        "error: `x.xlsx` is an Excel or Word document, but a table of reviews was expected\n  \
         hint: Save its table as a CSV file and use that file instead",
    );
}

#[test]
fn an_archive_must_be_the_only_source() {
    let project = Project::new();
    project.write("x.csv", GOOD);
    project.write("x.tar.gz", gzip(&tar(&[])));
    let refused = project
        .run("source = ['x.tar.gz', 'x.csv']")
        .err()
        .unwrap_or_default();
    let folder = project.path("");
    assert_eq!(
        refused.replace(&*folder.to_string_lossy(), ""),
        "`ingest.source` names 2 sources, but `x.tar.gz` is an aclImdb archive or folder, which must be the only source | \
         Name only this source, or name only CSV, JSON and Parquet files"
    );
}

#[test]
fn unsafe_archives_are_refused() {
    let hint = "hint: Unpack it and use the file with the reviews instead";
    let refused = |members: &[(&str, &[u8])], problem: &str| {
        check(
            "x.zip",
            zip(members),
            &[],
            &format!("error: Failed to read `x.zip`: {problem}\n  {hint}"),
        );
    };
    refused(
        &[("../../x.csv", GOOD.as_bytes())],
        "its file `../../x.csv` has a path that leads out of the archive",
    );
    refused(
        &[("a.csv", GOOD.as_bytes()), ("b.csv", GOOD.as_bytes())],
        "it contains several files, for example `a.csv` and `b.csv`",
    );
    refused(&[], "it contains no file");
    let mut linked = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    linked
        .add_symlink(
            "x.csv",
            "/etc/passwd",
            zip::write::SimpleFileOptions::default(),
        )
        .expect("a member");
    check(
        "x.zip",
        linked.finish().expect("a zip").into_inner(),
        &[],
        &format!(
            "error: Failed to read `x.zip`: its file `x.csv` is a link, and links are not followed\n  {hint}"
        ),
    );
    check(
        "x.zip",
        encrypted(zip(&[("x.csv", GOOD.as_bytes())])),
        &[],
        &format!("error: Failed to read `x.zip`: its file `x.csv` is encrypted\n  {hint}"),
    );
    // Only reviews are read from the aclImdb archive, and each path is checked.
    let archive = tar(&[
        Member::File("aclImdb/train/pos/0_9.txt", b"good"),
        Member::File("aclImdb/train/neg/0_2.txt", b"bad"),
        Member::File("../evil/pos/1_9.txt", b"out"),
        Member::File("/abs/train/pos/2_9.txt", b"out"),
    ]);
    let project = Project::new();
    project.write("x.tar.gz", gzip(&archive));
    let found = project
        .ingest("x.tar.gz", "max_reject_rate = 1.0")
        .expect("the good ones");
    assert_eq!(found.reviews().len(), 2);
    assert!(!project.path("../evil").exists());
}

#[test]
fn compression_bombs_are_stopped() {
    let bomb = gzip(&vec![b'a'; 5 << 20]);
    check(
        "x.csv.gz",
        &bomb,
        &["ingest.max_decompressed_bytes=1000000"],
        "error: `x.csv.gz` is too large\n  cause: it unpacks to more than 976.6 KiB\n  \
         hint: If this size is expected, raise the limit with `--set ingest.max_decompressed_bytes=NUMBER`, or unpack the file first",
    );
    check(
        "x.zip",
        zip(&[("x.csv", &[b'a'; 5 << 20])]),
        &["ingest.max_decompressed_bytes=1000000"],
        "error: `x.zip` is too large\n  cause: it unpacks to more than 976.6 KiB\n  \
         hint: If this size is expected, raise the limit with `--set ingest.max_decompressed_bytes=NUMBER`, or unpack the file first",
    );
}

#[test]
fn invalid_rows_are_rejected() {
    check_rows(
        "x.csv",
        format!("{GOOD}one,0,more\nonly\n"),
        2,
        &["another number of columns", "another number of columns"],
    );
    check_rows("x.csv", format!("{GOOD}n\0ul,1\n"), 2, &["NUL"]);
    check_rows(
        "x.jsonl",
        "{\"text\": \"so far\", \"label\": 1}\n{\"text\": \"so\", \"label\": 0}\n{\"text\": \nnot json\n",
        2,
        &["cannot be understood"],
    );
    check_rows(
        "x.csv",
        format!("{GOOD}\"never closed,1\nand on\n"),
        2,
        &[
            "one that opens a field does not close",
            "another number of columns",
        ],
    );
}

#[test]
fn unusual_rows_are_accepted() {
    check_rows(
        "x.csv",
        format!("\u{feff}{}", GOOD.replace('\n', "\r\n")),
        2,
        &[],
    );
    check_rows("x.csv", format!("{GOOD}a,1\n"), 3, &[]);
    check_rows(
        "x.csv",
        format!("{GOOD}\u{85}\u{2028}\u{85},1\none\u{85}review\u{2028}here,0\n"),
        4,
        &[],
    );
    check_rows(
        "x.csv",
        format!("{GOOD}{},1\n", "long word ".repeat(500_000)),
        3,
        &[],
    );
    check_rows("x.zip", zip(&[("x.csv", GOOD.as_bytes())]), 2, &[]);
    check_rows(
        "x.csv.zst",
        zstd::encode_all(GOOD.as_bytes(), 1).expect("zstd"),
        2,
        &[],
    );
    let two = [gzip(GOOD.as_bytes()), gzip(b"and more,1\n")].concat();
    check_rows("x.csv.gz", two, 3, &[]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any bytes with any file name give rows or an error, but never a panic.
    #[test]
    fn any_bytes_give_rows_or_an_error(
        start in prop::sample::select(vec![
            b"".as_slice(), b"text,label\n", b"{\"text\": \"x\", \"a\": ", b"PAR1", b"\x1f\x8b\x08\0", b"PK\x03\x04",
            b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"a\tb\n\"", b"[{\"review\": \"", b"BZh9",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        name in prop::sample::select(vec!["x.csv", "x.tsv", "x.jsonl", "x.parquet", "x.zip", "x.gz", "x.tar.gz", "x"]),
    ) {
        let project = Project::new();
        project.write(name, [start, &bytes].concat());
        let _ = project.ingest(name, "max_reject_rate = 1.0");
    }
}
