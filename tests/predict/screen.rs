//! Predictions on standard output: write errors, one prediction for each line, and offsets of words.

use std::fs;
use std::process::Stdio;

use serde_json::Value;
use testkit::ProgramOutput;

use super::{json, pipe};
use crate::common::{finished, ressenti, succeed};

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_not() {
    let project = finished();
    for arguments in [
        &["--model", "naive", "A superb film."][..],
        &["--model", "naive", "--format", "json", "A superb film."],
        &["--model", "naive", "--challenge"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let child = ressenti(&project, &[&["predict"], arguments].concat())
            .stdout(full.expect("Linux has it"))
            .stderr(Stdio::piped())
            .spawn();
        let screen: ProgramOutput = child
            .and_then(|it| it.wait_with_output())
            .expect("it ends")
            .into();
        assert_eq!(screen.code, Some(1), "{arguments:?}: {}", screen.stderr);
        assert!(
            screen.stderr.contains("Failed to write to standard output")
                && screen.stderr.contains("No space left"),
            "{arguments:?}: {}",
            screen.stderr
        );
        let mut child = ressenti(&project, &[&["predict"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let screen: ProgramOutput = child.wait_with_output().expect("it ends").into();
        assert_eq!(screen.code, Some(0), "{arguments:?}: {}", screen.stderr);
    }
}

#[test]
fn an_invalid_line_has_a_reason_and_the_others_are_predicted() {
    let project = finished();
    let lines =
        b"A superb film.\nA caf\xe9 film.\nAn awful film that is far too long.\nA dull film.\n";
    let short = ["--model", "naive", "--set", "ingest.max_text_bytes=20"];
    let screen = pipe(
        &project,
        &[&short[..], &["--format", "jsonl"]].concat(),
        lines,
    );
    assert_eq!(screen.code, Some(1), "{}", screen.stderr);
    let said: Vec<Value> = screen.stdout.lines().map(json).collect();
    let rows: Vec<u64> = said.iter().filter_map(|it| it["row"].as_u64()).collect();
    assert_eq!(rows, [1, 2, 3, 4]);
    assert_eq!(said[1]["reason"], "the text is not UTF-8: at byte 6");
    assert_eq!(said[1]["text"], "A caf\u{fffd} film.");
    assert_eq!(
        said[2]["reason"],
        "the text is longer than `ingest.max_text_bytes`"
    );
    for answer in [&said[0], &said[3]] {
        assert!(
            answer["label"].is_string() && answer["reason"].is_null(),
            "{answer}"
        );
    }
    assert!(
        screen
            .stderr
            .contains("Could not read 2 of 4 lines; line 2: ")
            && screen.stderr.contains("`--input FILE"),
        "{}",
        screen.stderr
    );
    let half = ["--set", "ingest.max_reject_rate=0.5"];
    let screen = pipe(&project, &[&short[..], &half].concat(), lines);
    assert_eq!(screen.code, Some(0), "{}", screen.stderr);
    assert!(
        screen.stdout.contains("(line 2: the text is not UTF-8"),
        "{}",
        screen.stdout
    );
}

#[test]
fn offsets_of_words_match_the_text() {
    let project = finished();
    let text = "<b>Tom &amp; J\u{e9}r\u{f4}me</b>  is   awful";
    for more in [&["--format", "jsonl"][..], &["--format", "json"]] {
        let start = ["predict", "--explain", "--model", "naive"];
        let screen = succeed(&project, &[&start[..], more, &[text, "<br />"]].concat());
        let said = match more[1] {
            "json" => json(&screen.stdout).as_array().expect("a list").clone(),
            _ => screen.stdout.lines().map(json).collect(),
        };
        assert_eq!(said[0]["input"], text);
        let given = said[0]["text"].as_str().expect("a text");
        assert!(given.starts_with("Tom & J\u{e9}r\u{f4}me is"), "{given}");
        let words = said[0]["words"].as_array().expect("words");
        assert!(words.len() >= 4, "{words:?}");
        for word in words {
            let place = |name: &str| word[name].as_u64().expect("a place") as usize;
            assert_eq!(given[place("start")..place("end")], word["word"]);
        }
        assert_eq!(
            (&said[1]["text"], &said[1]["label"]),
            (&"".into(), &Value::Null)
        );
    }
    let plain = succeed(
        &project,
        &["predict", "--model", "naive", "--format", "jsonl", text],
    );
    assert_eq!(json(&plain.stdout)["text"], text);
}
