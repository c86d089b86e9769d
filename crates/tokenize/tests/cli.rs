//! Tests of the binary: every process writes the same bytes; output and exit codes.

#![allow(missing_docs, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{load, put_clean, reviews, write_pipeline};

fn tokenize(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ressenti-tokenize"));
    command
        .arg("--pipeline")
        .arg(folder.join("pipeline.toml"))
        .args(arguments);
    command.output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints UTF-8")
}

const TABLES: &str = r#"
[tokenizer.word]
kind = "word"
[tokenizer.bpe]
kind = "bpe"
vocabulary_size = 320
[tokenizer.wordpiece]
kind = "wordpiece"
vocabulary_size = 120
[tokenizer.unigram]
kind = "unigram"
vocabulary_size = 120
"#;

#[test]
fn every_process_and_number_of_threads_writes_the_same_bytes() {
    const FILES: [&str; 5] = [
        "tokenizer.json",
        "train.arrow",
        "validation.arrow",
        "test.arrow",
        "statistics.json",
    ];
    for kind in ["word", "bpe", "wordpiece", "unigram"] {
        let runs = ["1", "2", "3"].map(|threads| {
            let folder = tempfile::tempdir().expect("a folder");
            put_clean(&load(&write_pipeline(folder.path(), TABLES)), &reviews());
            let threads = format!("run.threads={threads}");
            let output = tokenize(folder.path(), &["--variant", kind, "--set", &threads]);
            assert!(output.status.success(), "{}", text(&output.stderr));
            let artifact = folder.path().join("artifacts/tokenize").join(kind);
            FILES.map(|name| fs::read(artifact.join(name)).expect("it was written"))
        });
        for (file, name) in FILES.iter().enumerate() {
            assert!(
                runs[0][file] == runs[1][file],
                "{kind}: {name} differs between 1 and 2 threads"
            );
            assert!(
                runs[0][file] == runs[2][file],
                "{kind}: {name} differs between 1 and 3 threads"
            );
        }
    }
}

#[test]
fn the_first_run_prints_one_line_and_the_second_does_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    put_clean(&load(&write_pipeline(folder.path(), TABLES)), &reviews());
    let first = text(&tokenize(folder.path(), &["--variant", "word"]).stdout);
    assert!(
        first.starts_with("done    tokenize  word         37 reviews, vocabulary "),
        "{first}"
    );
    assert!(
        first.contains("of the training tokens known, 0.0")
            && first.contains("of the reviews truncated to 256 tokens"),
        "{first}"
    );
    assert_eq!(first.lines().count(), 1, "{first}");
    let second = text(&tokenize(folder.path(), &["--variant", "word"]).stdout);
    assert!(second.starts_with("fresh   tokenize  word"), "{second}");
}

#[test]
fn a_missing_input_names_the_command_that_builds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    write_pipeline(folder.path(), TABLES);
    let output = tokenize(folder.path(), &["--variant", "word"]);
    assert_eq!(output.status.code(), Some(1));
    let words = text(&output.stderr);
    assert!(words.contains("--only ingest`"), "{words}");
}

#[test]
fn clauses_without_spaces_are_warned_about_before_training() {
    let warning = |kind: &str, text: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut rows = reviews();
        rows.iter_mut().for_each(|row| row.text = text.to_owned());
        put_clean(&load(&write_pipeline(folder.path(), TABLES)), &rows);
        let output = self::tokenize(folder.path(), &["--variant", kind]);
        assert!(output.status.success(), "{}", self::text(&output.stderr));
        self::text(&output.stderr)
    };
    let chinese = "\u{8fd9}\u{90e8}\u{7535}\u{5f71}\u{975e}\u{5e38}\u{7cbe}\u{5f69}";
    let found = warning("word", chinese);
    assert!(
        found.contains("100.0% of the letters") && found.contains("--set tokenizer.word.kind=bpe"),
        "{found}"
    );
    assert_eq!(warning("bpe", chinese).matches("letters").count(), 0);
    assert_eq!(warning("word", "a good film").matches("letters").count(), 0);
}
