//! Pipeline files that `ressenti new` writes, read back as every command reads them.

#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use settings::{ModelKind, Pipeline, TokenizerKind};
use tempfile::TempDir;
use testkit::{ProgramOutput, copy_program};

/// A folder with one file of reviews.
fn folder(name: &str, content: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), content).expect("written");
    folder
}

/// Runs the program in a folder. It finds no encoder: it is copied out of the checkout, and the cache is empty.
fn new(folder: &TempDir, arguments: &[&str]) -> ProgramOutput {
    let program = folder.path().join("ressenti-new");
    copy_program(Path::new(env!("CARGO_BIN_EXE_ressenti-new")), &program);
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder.path());
    let command = command.env("RESSENTI_CACHE", folder.path().join("cache"));
    command.output().expect("it starts").into()
}

#[track_caller]
fn succeed(folder: &TempDir, arguments: &[&str]) -> String {
    let output = new(folder, arguments);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    output.stdout
}

fn text(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("pipeline.toml")).expect("it was written")
}

fn load(folder: &TempDir, overrides: &[&str]) -> Result<Pipeline, String> {
    let overrides: Vec<_> = overrides
        .iter()
        .map(|it| it.parse().expect("an override"))
        .collect();
    Pipeline::load(&folder.path().join("pipeline.toml"), &overrides).map_err(|error| {
        let hint = error.hint().unwrap_or_default();
        format!("{}. {hint}", error.chain()[1..].join(": "))
    })
}

/// Rows of a shop: stars, a text of varied length and a date.
fn shop(header: &str, rows: usize, row: impl Fn(usize) -> String) -> String {
    let rows = (0..rows).map(row).collect::<Vec<_>>().join("\n");
    format!("{header}\n{rows}\n")
}

fn review(number: usize) -> String {
    let opinion = if number.is_multiple_of(3) {
        "broken and a waste of money"
    } else {
        "sturdy, I like it"
    };
    let detail = "it arrived on the day that the shop promised ".repeat(number % 20);
    format!("\"Item {number} is {opinion}, {detail}\"")
}

#[test]
fn a_rated_export_becomes_a_pipeline_without_questions() {
    let rows = |number: usize| {
        let stars = if number.is_multiple_of(3) { 1 } else { 5 };
        format!("{stars},{},2024-02-{:02}", review(number), number % 28 + 1)
    };
    let folder = folder(
        "shop.csv",
        &shop("Star Rating,Review Text,Review Date", 1200, rows),
    );
    let screen = succeed(&folder, &["shop.csv", "--minutes", "60"]);
    assert!(
        screen.contains("1,200 reviews, 400 negative, 800 positive"),
        "{screen}"
    );
    assert!(screen.ends_with("Next: `ressenti run`\n"), "{screen}");
    let pipeline = load(&folder, &[]).expect("every command reads it");
    assert!(pipeline.ingest.source[0].ends_with("shop.csv"));
    let columns = toml::Value::try_from(&pipeline.ingest.columns).expect("plain data");
    let expected: toml::Value =
        "text = 'Review Text'\nrating = 'Star Rating'\ntimestamp = 'Review Date'"
            .parse::<toml::Table>()
            .expect("a literal")
            .into();
    assert_eq!(columns, expected);
    // 95% of the texts have at most 18 times nine words, and ten others.
    let words = &pipeline.tokenizers["words"];
    assert_eq!(
        (words.kind, words.max_length),
        (TokenizerKind::Word, 176),
        "{}",
        text(&folder)
    );
    let kinds: Vec<ModelKind> = pipeline.models.values().map(|model| model.kind).collect();
    let expected = [
        ModelKind::Linear,
        ModelKind::Naive,
        ModelKind::Lstm,
        ModelKind::Cnn,
        ModelKind::Gru,
    ];
    assert_eq!(kinds, expected);
    assert!(text(&folder).contains("ressenti fetch sentence-transformers/all-MiniLM-L6-v2"));
}

#[test]
fn all_commented_models_are_valid_when_uncommented() {
    let rows = |number: usize| {
        format!(
            "{},{}",
            if number.is_multiple_of(3) {
                "negative"
            } else {
                "positive"
            },
            review(number)
        )
    };
    let folder = folder("shop.csv", &shop("label,text", 1200, rows));
    succeed(&folder, &["shop.csv", "--minutes", "0"]);
    assert_eq!(
        load(&folder, &[]).expect("valid").models.len(),
        1,
        "{}",
        text(&folder)
    );
    let is_setting = |line: &str| line.starts_with('[') || line.contains(" = ");
    let written = text(&folder);
    let uncommented = written.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if is_setting(rest) => format!("{rest}\n"),
        _ => format!("{line}\n"),
    });
    let uncommented: String = uncommented.collect();
    fs::write(folder.path().join("pipeline.toml"), &uncommented).expect("written");
    let models = load(&folder, &[])
        .unwrap_or_else(|error| panic!("{error}\n{uncommented}"))
        .models;
    assert_eq!(models.len(), 5);
}

#[test]
fn what_cannot_be_decided_is_a_question_until_it_is_answered() {
    let rows = |number: usize| {
        let verdict = ["gut", "schlecht"][usize::from(number.is_multiple_of(3))];
        format!(
            "{verdict},{},0{}/0{}/2024",
            review(number),
            number % 9 + 1,
            number % 7 + 1
        )
    };
    let folder = folder("shop.csv", &shop("verdict,text,date", 120, rows));
    let screen = succeed(&folder, &["shop.csv"]);
    assert!(
        screen.contains("2 questions to answer in `pipeline.toml`"),
        "{screen}"
    );
    let written = text(&folder);
    // The top names the lines of the file.
    for (setting, number) in [("timestamp.format = \"? ", 1), ("labels = \"? ", 2)] {
        let mut lines = written.lines();
        let line = lines
            .position(|line| line.starts_with(setting))
            .expect("an open line")
            + 1;
        assert!(
            written.contains(&format!("# {number}. Line {line}:\n")),
            "{written}"
        );
    }
    let error = load(&folder, &[]).expect_err("questions are open");
    let first = "`ingest.timestamp.format` is an open question: which form do the times in the column `date` have?";
    assert!(
        error.contains(first) && error.contains("(and 1 more question)"),
        "{error}"
    );
    let format = "ingest.timestamp.format=%d/%m/%Y";
    let error = load(&folder, &[format]).expect_err("one question is open");
    let second =
        "`ingest.labels` is an open question: which values of the column `verdict` are positive";
    assert!(error.contains(second), "{error}");
    let labels = "ingest.labels={ positive = ['gut'], negative = ['schlecht'] }";
    let pipeline = load(&folder, &[labels, format]).expect("answered");
    assert_eq!(pipeline.ingest.labels.positive, ["gut"]);
    assert!(pipeline.ingest.columns.timestamp.is_some());
}

#[test]
fn an_existing_file_is_replaced_only_with_force() {
    let folder = folder(
        "shop.csv",
        &shop("label,text", 60, |number| {
            format!("{},{}", number % 2, review(number))
        }),
    );
    fs::write(folder.path().join("pipeline.toml"), "mine").expect("written");
    let output = new(&folder, &["shop.csv"]);
    assert_eq!(output.code, Some(1));
    assert_eq!(
        output.stderr,
        "error: Failed to write `pipeline.toml`: it exists already\n  \
         hint: Write another pipeline file with `--out shop.toml`, or replace this one with `--force`\n"
    );
    assert_eq!(text(&folder), "mine");
    let screen = succeed(&folder, &["shop.csv", "--out", "shop.toml"]);
    assert!(
        screen.contains("Next: `ressenti run --pipeline shop.toml`"),
        "{screen}"
    );
    succeed(&folder, &["shop.csv", "--force"]);
    assert!(load(&folder, &[]).is_ok());
}

#[test]
fn chinese_reviews_get_a_tokenizer_that_splits_clauses() {
    let rows = |number: usize| match number % 2 {
        0 => format!(
            "positive,\u{8fd9}\u{90e8}\u{7535}\u{5f71}\u{975e}\u{5e38}\u{7cbe}\u{5f69}{number}"
        ),
        _ => format!(
            "negative,\u{8fd9}\u{4e2a}\u{6545}\u{4e8b}\u{5b9e}\u{5728}\u{65e0}\u{804a}{number}"
        ),
    };
    let folder = folder("chinese.csv", &shop("label,text", 200, rows));
    succeed(&folder, &["chinese.csv"]);
    let pipeline = load(&folder, &[]).expect("valid");
    assert_eq!(pipeline.tokenizers["words"].kind, TokenizerKind::Bpe);
    assert!(text(&folder).contains("Mandarin"), "{}", text(&folder));
}

#[test]
fn mixed_languages_are_stated() {
    let rows = |number: usize| match number % 4 {
        0 => format!(
            "1,Das Paket {number} kam viel zu sp\u{e4}t an und die Verpackung war leider besch\u{e4}digt."
        ),
        label => format!(
            "{},The parcel {number} arrived much too late and the box was damaged as well.",
            label % 2
        ),
    };
    let folder = folder("mixed.csv", &shop("label,text", 200, rows));
    succeed(&folder, &["mixed.csv"]);
    let written = text(&folder);
    assert!(
        written.contains("English (75.0%), German (25.0%) of 200 texts whose language is clear"),
        "{written}"
    );
    assert!(load(&folder, &["clean.languages=[\"eng\"]"]).is_ok());
}

#[test]
fn files_without_labels_or_with_one_class_are_refused() {
    let unlabelled = folder("texts.csv", &shop("text", 30, review));
    let output = new(&unlabelled, &["texts.csv"]);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("no column looks like labels"),
        "{}",
        output.stderr
    );
    let positive = folder(
        "texts.csv",
        &shop("label,text", 30, |number| {
            format!("positive,{}", review(number))
        }),
    );
    let output = new(&positive, &["texts.csv"]);
    assert!(
        output
            .stderr
            .contains("All labels are positive (30 reviews)"),
        "{}",
        output.stderr
    );
    assert!(!positive.path().join("pipeline.toml").exists());
}
