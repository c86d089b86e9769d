//! `ressenti predict`: arguments, pipes, files, rejected rows and kills.

mod places;
mod screen;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use testkit::{ProgramOutput, Project};

use crate::common::{call, copy_folder, finished, ressenti, succeed};

/// Runs `ressenti predict` with lines on standard input.
fn pipe(project: &Project, arguments: &[&str], lines: &[u8]) -> ProgramOutput {
    let mut child = ressenti(project, &[&["predict"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(lines).expect("it reads");
    drop(input);
    child.wait_with_output().expect("it ends").into()
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {path:?}"));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn texts_and_lines_are_predicted_in_order() {
    let project = finished();
    let screen = succeed(
        &project,
        &[
            "predict",
            "--model",
            "naive",
            "--format",
            "jsonl",
            "A superb film.",
            "An awful<br />film.",
        ],
    );
    let said: Vec<Value> = screen.stdout.lines().map(json).collect();
    assert_eq!(said.len(), 2);
    assert_eq!(said[1]["row"], 2);
    assert!(["positive", "negative"].contains(&said[0]["label"].as_str().expect("a label")));
    let piped = pipe(
        &project,
        &["--model", "naive", "--format", "json"],
        b"A superb film.\r\n\nAn awful<br />film.",
    );
    let piped = json(&piped.stdout);
    assert_eq!(piped[0]["p_positive"], said[0]["p_positive"]);
    assert_eq!(piped[1]["label"], Value::Null);
    assert_eq!(piped[2]["p_positive"], said[1]["p_positive"]);
    assert_eq!(piped[2]["row"], 3);
    // Without a terminal the output has no colours. The influence of words is printed.
    let screen = succeed(
        &project,
        &["predict", "--explain", "--model", "lstm", "A superb film."],
    );
    assert!(!screen.stdout.contains('\u{1b}'), "{}", screen.stdout);
    assert!(
        screen.stdout.contains("  towards positive: ")
            || screen.stdout.contains("  towards negative: "),
        "{}",
        screen.stdout
    );
    // Without `--model` the model with the best validation result is used and named.
    let screen = succeed(&project, &["predict", "A superb film."]);
    assert!(
        screen
            .stderr
            .contains("the best of 2 trained models on validation"),
        "{}",
        screen.stderr
    );
    let undecided = succeed(&project, &["predict", "--abstain", "1", "A superb film."]);
    assert!(
        undecided.stdout.starts_with("undecided (positive ")
            || undecided.stdout.starts_with("undecided (negative "),
        "{}",
        undecided.stdout
    );
}

#[test]
fn invalid_arguments_are_refused_with_a_hint() {
    let project = finished();
    for (arguments, code, expected) in [
        (&["--model", "naiv", "x"][..], 1, "Did you mean `naive`?"),
        (&["--bundle", ".", "x"], 1, "contains no model"),
        (&["--input", "reviews.csv"], 2, "--output FILE.csv"),
        (
            &["--input", "reviews.csv", "--output", "x.doc"],
            1,
            "`.csv`, `.jsonl` or `.parquet`",
        ),
        (
            &["--input", "none.csv", "--output", "x.csv"],
            1,
            "`none.csv`",
        ),
        (&["x", "--output", "x.csv"], 2, "'--output <FILE>'"),
        (
            &["x", "--keep-columns", "all"],
            2,
            "'--keep-columns <COLUMNS>'",
        ),
        (&["--challenge", "--output", "x.csv"], 2, "'--challenge'"),
        (&["awful", "-"], 2, "Give `-` alone"),
        (
            &["awful", "reviews.csv"],
            2,
            "Did you mean `--input reviews.csv --output predictions.csv`?",
        ),
        (
            &["--set", "ingest.max_text_bytes=3", "bad", "awful"],
            1,
            "Text 2 is longer than `ingest.max_text_bytes` = 3",
        ),
        (
            &["--input", ".", "--output", "x.csv"],
            2,
            "`--input` takes one file",
        ),
        (
            &[
                "--input",
                "reviews.csv",
                "--output",
                "x.csv",
                "--set",
                "ingest.columns.text=reviw",
            ],
            1,
            "Did you mean `review`?",
        ),
        (
            &["--model", "naive", "--model", "lstm", "x"],
            2,
            "--challenge",
        ),
        (&["--abstain", "0.3", "x"], 2, "between 0.5 and 1"),
    ] {
        let screen = call(&project, &[&["predict"], arguments].concat());
        assert_eq!(screen.code, Some(code), "{arguments:?}: {}", screen.stderr);
        assert!(
            screen.stderr.contains(expected),
            "{arguments:?}: {}",
            screen.stderr
        );
    }
    let old = project.pipeline_file();
    let text = fs::read_to_string(&old).expect("it is there");
    fs::write(
        &old,
        text.replace(
            "[model.lstm]",
            "[model.other]\nkind = \"naive\"\nembedding = \"random\"\n[model.lstm]",
        ),
    )
    .expect("written");
    let screen = call(&project, &["predict", "--model", "other", "x"]);
    assert!(
        screen.stderr.contains("is not trained") && screen.stderr.contains("--model other"),
        "{}",
        screen.stderr
    );
    let help = succeed(&project, &["predict", "--help"]).stdout;
    for part in ["Examples:", "--challenge", "--abstain", "rejected.jsonl"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn all_file_formats_give_the_same_predictions_and_bad_rows_are_rejected() {
    let project = finished();
    let write = |name: &str, content: &[u8]| {
        fs::write(project.folder().join(name), content).expect("written")
    };
    write("a.csv", b"id,comment,label\nx1,\"A superb, warm film.\",pos\nx2,An awful film.,what?\nx3\nx4,<br />,neg\nx5,caf\xe9 \xff film,pos\nx6,A dull film.,neg\n");
    write("a.jsonl", b"{\"id\":\"x1\",\"comment\":\"A superb, warm film.\",\"label\":\"pos\"}\n{\"id\":\"x2\",\"comment\":\"An awful film.\"}\nnonsense\n{\"id\":\"x4\",\"comment\":\"<br />\"}\n{\"id\":\"x5\"}\n{\"id\":\"x6\",\"comment\":\"A dull film.\",\"label\":\"neg\"}\n");
    let predict = |input: &str, output: &str, more: &[&str]| {
        let start = [
            "predict", "--model", "naive", "--input", input, "--output", output,
        ];
        let allowed = ["--set", "ingest.max_reject_rate=0.5"];
        succeed(&project, &[&start[..], more, &allowed].concat())
    };
    let from_csv = predict("a.csv", "one.csv", &["--set", "ingest.encoding=utf-8"]);
    let rows = lines(&project.folder().join("one.csv"));
    assert_eq!(rows[0], "row,id,label,confidence,p_negative,p_positive");
    let starts: Vec<&str> = rows[1..].iter().map(|row| &row[..5]).collect();
    assert_eq!(starts, ["1,x1,", "2,x2,", "6,x6,"]);
    let aside = lines(&project.folder().join("one.csv.rejected.jsonl"));
    let aside: Vec<Value> = aside.iter().map(|line| json(line)).collect();
    let numbers: Vec<u64> = aside.iter().filter_map(|row| row["row"].as_u64()).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert!(
        aside[0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("number of columns")),
        "{aside:?}"
    );
    assert_eq!(aside[1]["reason"], "the text is empty after cleaning");
    assert!(
        from_csv.stdout.starts_with("6 rows: ")
            && from_csv
                .stdout
                .contains(", 1 without a text, 2 rejected (listed in "),
        "{}",
        from_csv.stdout
    );
    assert!(
        from_csv.stdout.contains("on 2 labelled rows (95% CI "),
        "{}",
        from_csv.stdout
    );
    predict("a.jsonl", "two.csv", &[]);
    assert_eq!(lines(&project.folder().join("two.csv")), rows);
    // Parquet and JSON output contain the same rows as CSV.
    predict("a.jsonl", "three.parquet", &["--explain"]);
    predict("a.jsonl", "four.jsonl", &["--explain"]);
    let four = lines(&project.folder().join("four.jsonl"));
    assert_eq!(four.len(), 3);
    assert!(json(&four[0])["words"][0]["weight"].is_number(), "{four:?}");
    assert!(project.folder().join("three.parquet").is_file());
    assert!(!project.folder().join("three.parquet.partial").exists());
}

#[test]
fn a_file_with_too_many_rejected_rows_ends_with_an_error() {
    let project = finished();
    let write =
        |name: &str, text: &str| fs::write(project.folder().join(name), text).expect("written");
    let bad = "nonsense\n".repeat(3);
    let good = "{\"comment\": \"A superb film.\"}\n";
    let empty = "{\"comment\": \"\"}\n";
    write("some.jsonl", &format!("{good}{bad}"));
    write(
        "none.jsonl",
        &format!("{good}{bad}").replace("A superb film.", ""),
    );
    write("gaps.jsonl", &format!("{good}{}", empty.repeat(9)));
    for (input, code, expected) in [
        (
            "some.jsonl",
            1,
            "3 of 4 rows of `some.jsonl` were rejected, more than `ingest.max_reject_rate` = 0.01",
        ),
        (
            "none.jsonl",
            1,
            "No row of `none.jsonl` was predicted: it has 4 rows",
        ),
        (
            "gaps.jsonl",
            0,
            ", 9 without a text (listed in `out.csv.rejected.jsonl`)",
        ),
    ] {
        let words = [
            "predict", "--model", "naive", "--input", input, "--output", "out.csv",
        ];
        let text_column = ["--set", "ingest.columns.text=comment"];
        let screen = call(&project, &[&words[..], &text_column].concat());
        let text = format!("{}{}", screen.stdout, screen.stderr);
        assert_eq!(screen.code, Some(code), "{input}: {text}");
        assert!(text.contains(expected), "{input}: {text}");
        let listed = lines(&project.folder().join("out.csv.rejected.jsonl"));
        assert_eq!(
            listed.len(),
            if code == 0 {
                9
            } else {
                3 + usize::from(input == "none.jsonl")
            }
        );
    }
}

#[test]
fn other_columns_are_copied_into_every_format() {
    let project = finished();
    let text = "id,title,comment,label,date\n\
                x1,\"Heat, again\",A superb film.,pos,2020-01-02\n\
                x2,,An awful film.,neg,\nx3\nx4,Alien,A dull film.,neg,2020-01-03\n";
    fs::write(project.folder().join("a.csv"), text).expect("written");
    let predict = |output: &str, columns: &str| {
        let start = ["predict", "--model", "naive", "--input", "a.csv"];
        let start = [&start[..], &["--set", "ingest.max_reject_rate=0.5"]].concat();
        let rest = ["--output", output, "--keep-columns", columns];
        call(&project, &[&start[..], &rest].concat())
    };
    let path = |name: &str| project.folder().join(name);
    assert_eq!(predict("some.csv", "date,title").code, Some(0));
    let rows = lines(&path("some.csv"));
    assert_eq!(
        rows[0],
        "row,id,label,confidence,p_negative,p_positive,date,title"
    );
    assert!(rows[1].ends_with(",2020-01-02,\"Heat, again\""), "{rows:?}");
    assert!(
        rows[2].ends_with(",,") && rows[3].starts_with("4,x4,"),
        "{rows:?}"
    );
    // All columns are copied. Columns with the name of an output column are renamed; the id exists already.
    assert_eq!(predict("all.jsonl", "all").code, Some(0));
    let first = json(&lines(&path("all.jsonl"))[0]);
    for (name, value) in [
        ("id", "x1"),
        ("title", "Heat, again"),
        ("comment", "A superb film."),
        ("input_label", "pos"),
        ("date", "2020-01-02"),
    ] {
        assert_eq!(first[name], value, "{first}");
    }
    assert_eq!(json(&lines(&path("all.jsonl"))[1])["title"], Value::Null);
    // The Parquet output can be read again with its copied columns.
    assert_eq!(predict("all.parquet", "all").code, Some(0));
    let back = [
        "predict",
        "--model",
        "naive",
        "--input",
        "all.parquet",
        "--output",
        "back.jsonl",
        "--keep-columns",
        "title,input_label,label",
        "--set",
        "ingest.columns.text=comment",
        "--set",
        "ingest.columns.id=id",
    ];
    succeed(&project, &back);
    let back = lines(&path("back.jsonl"));
    let expected = lines(&path("all.jsonl"));
    assert_eq!(back.len(), 3);
    for (back, expected) in back.iter().zip(&expected) {
        let (back, expected) = (json(back), json(expected));
        for (one, two) in [
            ("id", "id"),
            ("p_positive", "p_positive"),
            ("title", "title"),
            ("input_label_3", "label"),
            ("input_label", "input_label"),
        ] {
            assert_eq!(back[one], expected[two], "{one}: {back} {expected}");
        }
    }
    let screen = predict("x.csv", "titel");
    assert_eq!(screen.code, Some(1));
    assert!(
        screen
            .stderr
            .contains("`--keep-columns` names the column `titel`")
            && screen.stderr.contains("Did you mean `title`?"),
        "{}",
        screen.stderr
    );
}

/// Enough reviews for a kill in the middle of the prediction.
fn many_reviews(rows: usize) -> String {
    let mut text = "id,review\n".to_owned();
    for row in 1..=rows {
        text.push_str(&format!(
            "r{row},\"A film number {row}, superb and awful and dull and warm.\"\n"
        ));
    }
    text
}

#[test]
fn a_killed_prediction_resumes_without_lost_or_duplicate_rows() {
    let project = finished();
    const ROWS: usize = 60_000;
    fs::write(project.folder().join("many.csv"), many_reviews(ROWS)).expect("written");
    let arguments = |output: &'static str| {
        [
            "predict", "--model", "naive", "--input", "many.csv", "--output", output,
        ]
    };
    succeed(&project, &arguments("whole.csv"));
    let journal = project.folder().join("killed.csv.partial/journal.json");
    let mut kills = 0;
    let mut seen = 0;
    // Kill the process whenever the journal has advanced.
    for _ in 0..3 {
        let mut child = ressenti(&project, &arguments("killed.csv"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let ended = loop {
            if child.try_wait().expect("a child").is_some() {
                break true;
            }
            let done = fs::read(&journal)
                .ok()
                .and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            let rows = done
                .and_then(|done| done["counts"]["rows"].as_u64())
                .unwrap_or(0);
            if rows > seen {
                seen = rows;
                break false;
            }
            sleep(Duration::from_millis(1));
        };
        if ended {
            break;
        }
        child.kill().expect("it is killed");
        child.wait().expect("it is gone");
        kills += 1;
    }
    assert!(kills >= 1, "it was too fast to be killed");
    // A kill may leave an incomplete row after the last entry of the journal.
    let rows = project.folder().join("killed.csv.partial/rows");
    let mut torn = fs::OpenOptions::new()
        .append(true)
        .open(&rows)
        .expect("it is there");
    torn.write_all(b"12345,r12345,posi").expect("written");
    drop(torn);
    // Rows with other columns cannot be resumed.
    copy_folder(
        &project.folder().join("killed.csv.partial"),
        &project.folder().join("other.csv.partial"),
    );
    let other = [&arguments("other.csv")[..], &["--keep-columns", "review"]].concat();
    let screen = succeed(&project, &other);
    assert!(!screen.stderr.contains("resuming"), "{}", screen.stderr);
    let other = lines(&project.folder().join("other.csv"));
    assert_eq!(
        (other.len(), other[0].as_str()),
        (
            ROWS + 1,
            "row,id,label,confidence,p_negative,p_positive,review"
        )
    );
    let screen = succeed(&project, &arguments("killed.csv"));
    assert!(
        screen.stderr.contains("resuming after row"),
        "{}",
        screen.stderr
    );
    assert!(
        screen.stdout.starts_with("60,000 rows: "),
        "{}",
        screen.stdout
    );
    let whole = lines(&project.folder().join("whole.csv"));
    assert_eq!(whole.len(), ROWS + 1);
    assert!(
        whole == lines(&project.folder().join("killed.csv")),
        "the rows differ"
    );
    assert!(!rows.exists());
}

#[test]
fn a_changed_input_starts_from_the_beginning() {
    let project = finished();
    fs::write(project.folder().join("few.csv"), many_reviews(5)).expect("written");
    let arguments = [
        "predict", "--model", "naive", "--input", "few.csv", "--output", "said.csv",
    ];
    succeed(&project, &arguments);
    let partial = project.folder().join("said.csv.partial");
    fs::create_dir(&partial).expect("a folder");
    fs::write(partial.join("journal.json"), "{\"task\": 1}").expect("written");
    fs::write(partial.join("rows"), "of another time").expect("written");
    fs::write(project.folder().join("few.csv"), many_reviews(7)).expect("written");
    let screen = succeed(&project, &arguments);
    assert!(!screen.stderr.contains("resuming"), "{}", screen.stderr);
    assert_eq!(lines(&project.folder().join("said.csv")).len(), 8);
}
