//! The program as a person meets it: what it prints where, and its exit code.

#![allow(missing_docs)]

mod common;

use std::process::Command;

use common::Bench;

struct Screen {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(bench: &Bench, arguments: &[&str]) -> Screen {
    let output = Command::new(env!("CARGO_BIN_EXE_ressenti-ingest"))
        .args(arguments)
        .current_dir(bench.path(""))
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    let text = |bytes: &[u8]| {
        testkit::filters::with_placeholders(&String::from_utf8_lossy(bytes), &bench.path(""))
    };
    Screen {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn project() -> Bench {
    let bench = Bench::new();
    bench.write("pipeline.toml", "[pipeline]\nname = 'test'\n");
    bench.write("reviews.csv", testkit::corpus::kaggle_csv());
    bench
}

#[test]
fn a_run_ends_in_one_line_and_a_second_has_nothing_to_do() {
    let bench = project();
    let first = run(&bench, &["--source", "reviews.csv"]);
    assert_eq!(
        (first.code, first.stderr.as_str()),
        (
            Some(0),
            "  `reviews.csv`: UTF-8 (detected from its bytes), separated by commas; text is column `review` (its name, and 8 \
             words on average); label is column `sentiment` (its name, and all values are labels: `negative`, `positive`)\n"
        )
    );
    assert_eq!(
        first.stdout,
        "done   ingest    reviews      60 reviews, 30 negative, 30 positive  ([time])\n"
    );
    let second = run(&bench, &["--source", "reviews.csv"]);
    assert_eq!(
        second.stdout,
        "fresh  ingest    reviews      60 reviews, 30 negative, 30 positive\n"
    );
}

#[test]
fn a_failure_says_what_and_what_to_do_and_leaves_nothing() {
    let bench = project();
    let failed = run(
        &bench,
        &[
            "--source",
            "reviews.csv",
            "--set",
            "ingest.columns.text=reveiw",
        ],
    );
    assert_eq!(failed.code, Some(1));
    assert_eq!(failed.stdout, "");
    assert!(
        failed
            .stderr
            .contains("error: `ingest.columns.text` names the column `reveiw`"),
        "{}",
        failed.stderr
    );
    assert!(
        failed
            .stderr
            .contains("\n\nhint: Did you mean `review`? The columns are `review`, `sentiment`"),
        "{}",
        failed.stderr
    );
    assert!(!bench.path("artifacts/ingest/reviews").exists());

    let missing = run(&bench, &["--source", "nowhere.csv"]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stderr.contains("There is no file or folder"),
        "{}",
        missing.stderr
    );
    assert_eq!(run(&bench, &["--nonsense"]).code, Some(2));
}

#[test]
fn help_says_what_it_reads_and_writes() {
    let help = run(&project(), &["--help"]);
    assert_eq!(help.code, Some(0));
    for word in [
        "canonical table",
        "--source",
        "reviews.parquet",
        "rejected.parquet",
    ] {
        assert!(help.stdout.contains(word), "{word}");
    }
}
