//! Tests of the program's output and exit codes.

#![allow(missing_docs)]

mod common;

use std::process::Command;

use common::Project;

struct Screen {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(project: &Project, arguments: &[&str]) -> Screen {
    let output = Command::new(env!("CARGO_BIN_EXE_ressenti-ingest"))
        .args(arguments)
        .current_dir(project.path(""))
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    let text = |bytes: &[u8]| {
        testkit::filters::with_placeholders(&String::from_utf8_lossy(bytes), &project.path(""))
    };
    Screen {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn project() -> Project {
    let project = Project::new();
    project.write("pipeline.toml", "[pipeline]\nname = 'test'\n");
    project.write("reviews.csv", testkit::corpus::kaggle_csv());
    project
}

#[test]
fn a_run_prints_one_line_and_a_second_run_is_fresh() {
    let project = project();
    let first = run(&project, &["--source", "reviews.csv"]);
    assert_eq!(
        (first.code, first.stderr.as_str()),
        (
            Some(0),
            "  `reviews.csv`: UTF-8 (detected from its bytes), separated by commas; text: column `review` (recognised by its name; 8 \
             words on average); label: column `sentiment` (recognised by its name; all values are labels: `negative`, `positive`)\n"
        )
    );
    assert_eq!(
        first.stdout,
        "done    ingest    reviews      60 reviews, 30 negative, 30 positive  ([time])\n"
    );
    let second = run(&project, &["--source", "reviews.csv"]);
    assert_eq!(
        second.stdout,
        "fresh   ingest    reviews      60 reviews, 30 negative, 30 positive\n"
    );
}

#[test]
fn an_error_has_a_hint_and_leaves_no_files() {
    let project = project();
    let failed = run(
        &project,
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
            .contains("\n  hint: Did you mean `review`? The columns are `review`, `sentiment`"),
        "{}",
        failed.stderr
    );
    assert!(!project.path("artifacts/ingest/reviews").exists());

    let missing = run(&project, &["--source", "nowhere.csv"]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stderr.contains("There is no file or folder"),
        "{}",
        missing.stderr
    );
    assert_eq!(run(&project, &["--nonsense"]).code, Some(2));
}

#[test]
fn help_names_inputs_and_outputs() {
    let help = run(&project(), &["--help"]);
    assert_eq!(help.code, Some(0));
    for word in [
        "one table",
        "--source",
        "reviews.parquet",
        "rejected.parquet",
    ] {
        assert!(help.stdout.contains(word), "{word}");
    }
}
