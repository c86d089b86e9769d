//! Output files of `ressenti predict`: invalid paths, and interrupts.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use testkit::{ProgramOutput, Project};

use super::{lines, many_reviews};
use crate::common::{call, finished, ressenti, succeed};

fn arguments<'a>(input: &'a str, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let start = [
        "predict", "--model", "naive", "--input", input, "--output", output,
    ];
    [&start[..], more].concat()
}

#[test]
fn the_input_is_never_overwritten() {
    let project = finished();
    let path = |name: &str| project.folder().join(name);
    let text = many_reviews(5);
    fs::write(path("in.csv"), &text).expect("written");
    fs::write(path("a.csv.rejected.jsonl"), "{\"review\": \"A film.\"}\n").expect("written");
    fs::write(path("a.rejected.jsonl"), "{\"review\": \"A film.\"}\n").expect("written");
    fs::hard_link(path("in.csv"), path("hard.csv")).expect("a link");
    symlink("in.csv", path("link.csv")).expect("a link");
    fs::create_dir(path("folder.csv")).expect("a folder");
    for (input, output, more, expected) in [
        (
            "in.csv",
            "in.csv",
            &[][..],
            "would be overwritten by the predictions",
        ),
        ("in.csv", "./in.csv", &[], "predictions"),
        (
            "in.csv",
            "in.csv",
            &["--shards", "2", "--plan"],
            "predictions",
        ),
        ("link.csv", "in.csv", &[], "predictions"),
        ("in.csv", "link.csv", &[], "predictions"),
        ("hard.csv", "in.csv", &[], "predictions"),
        ("a.csv.rejected.jsonl", "a.csv", &[], "rejected rows"),
        ("in.csv", "folder.csv", &[], "is a folder"),
    ] {
        let screen = call(&project, &arguments(input, output, more));
        assert_eq!(screen.code, Some(2), "{input} {output}: {}", screen.stderr);
        assert!(
            screen.stderr.contains(expected)
                && screen.stderr.contains("Choose another name for `--output`"),
            "{input} {output}: {}",
            screen.stderr
        );
    }
    // A similar name is not mistaken for the file of rejected rows.
    succeed(&project, &arguments("a.rejected.jsonl", "a.csv", &[]));
    assert_eq!(lines(&path("a.csv")).len(), 2);
    assert!(path("a.rejected.jsonl").exists());
    assert_eq!(fs::read_to_string(path("in.csv")).expect("there"), text);
}

#[test]
fn an_unwritable_folder_gets_a_hint() {
    let project = finished();
    fs::write(project.folder().join("in.csv"), many_reviews(5)).expect("written");
    for more in [&[][..], &["--shards", "2", "--plan"]] {
        // No user can create files there, not even root.
        let screen = call(&project, &arguments("in.csv", "/sys/out.csv", more));
        assert_eq!(screen.code, Some(1), "{}", screen.stderr);
        assert!(
            screen.stderr.contains("`--output FOLDER/FILE.csv`"),
            "{}",
            screen.stderr
        );
    }
}

/// Sends a signal as soon as the journal exists, and waits until the process ends.
fn run_and_signal(
    project: &Project,
    arguments: &[&str],
    journal: &str,
    signal: &str,
) -> ProgramOutput {
    let journal = project.folder().join(journal);
    let child = ressenti(project, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let end = Instant::now() + Duration::from_secs(60);
    while !journal.exists() {
        assert!(Instant::now() < end, "no chunk was written");
        sleep(Duration::from_millis(1));
    }
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill is there").success());
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn an_interrupted_prediction_keeps_its_rows_and_resumes() {
    let project = finished();
    fs::write(project.folder().join("many.csv"), many_reviews(150_000)).expect("written");
    succeed(&project, &arguments("many.csv", "whole.csv", &[]));
    for (signal, output) in [("-INT", "int.csv"), ("-TERM", "term.csv")] {
        let arguments = arguments("many.csv", output, &[]);
        let journal = format!("{output}.partial/journal.json");
        let screen = run_and_signal(&project, &arguments, &journal, signal);
        assert_eq!(screen.code, Some(130), "{signal}: {}", screen.stderr);
        assert!(
            screen.stderr.contains("stopped: ")
                && screen.stderr.contains("rows are saved")
                && screen
                    .stderr
                    .contains("Run the same command again to resume"),
            "{}",
            screen.stderr
        );
        assert!(!project.folder().join(output).exists());
        let screen = succeed(&project, &arguments);
        assert!(
            screen.stderr.contains("resuming after row"),
            "{}",
            screen.stderr
        );
        let whole = lines(&project.folder().join("whole.csv"));
        assert!(
            whole == lines(&project.folder().join(output)),
            "the rows differ"
        );
    }
}
