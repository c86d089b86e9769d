//! `ressenti doctor` and `ressenti gc`, on a finished project.

use std::fs;

use serde_json::Value;

use crate::common::{call, finished, run_steps, succeed};

fn json(screen: &testkit::ProgramOutput) -> Value {
    serde_json::from_str(&screen.stdout).expect("JSON")
}

#[test]
fn doctor_passes_on_a_complete_installation() {
    let project = finished();
    let findings = json(&succeed(&project, &["doctor", "--json"]));
    let state = |what: &str| -> &str {
        let list = findings.as_array().expect("findings");
        let finding = list.iter().find(|finding| finding["what"] == what);
        finding.unwrap_or_else(|| panic!("{what} in {findings}"))["state"]
            .as_str()
            .expect("a state")
    };
    for what in [
        "programs",
        "libtorch",
        "cpu self-test",
        "artifact self-test",
    ] {
        assert_eq!(state(what), "ok", "{what}");
    }
    let screen = succeed(&project, &["doctor"]);
    assert!(
        screen.stdout.contains("GFLOP/s") && screen.stdout.contains("libtorch_cpu.so"),
        "{}",
        screen.stdout
    );
    let left: Vec<_> = fs::read_dir(project.artifacts())
        .expect("artifacts")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().contains("doctor"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn doctor_names_problems() {
    let project = finished();
    let file = project.pipeline_file();
    let text = fs::read_to_string(&file).expect("a pipeline");
    let text = text.replace("seed = 7", "seed = 7\nartifacts = \"/proc/ressenti\"");
    fs::write(&file, text).expect("written");
    let screen = call(&project, &["doctor"]);
    assert_eq!(screen.code, Some(1));
    assert!(
        screen.stdout.contains("failed   artifact self-test"),
        "{}",
        screen.stdout
    );
    for (text, hint) in [
        (None, "name it with `--pipeline FILE`"),
        (Some("[pipelin]\n"), "`ressenti plan --pipeline other.toml`"),
    ] {
        if let Some(text) = text {
            fs::write(project.folder().join("other.toml"), text).expect("written");
        }
        let screen = call(&project, &["doctor", "--pipeline", "other.toml"]);
        assert_eq!(screen.code, Some(1));
        let said = screen.stdout;
        assert!(
            said.contains("failed   pipeline file") && said.contains(hint),
            "{said}"
        );
    }
}

#[test]
fn gc_deletes_outputs_of_old_settings() {
    let project = finished();
    let nothing = json(&succeed(&project, &["gc", "--dry-run", "--json"]));
    assert_eq!(nothing["found"], Value::Array(vec![]));
    let other = ["--set", "model.naive.hidden=16"];
    assert_eq!(
        run_steps(&project, &other),
        ["train naive", "evaluate naive", "report reviews"]
    );
    let found = json(&succeed(&project, &["gc", "--dry-run", "--json"]));
    let stages: Vec<&str> = found["found"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["stage"].as_str().expect("a stage"))
        .collect();
    assert_eq!(stages, ["train", "evaluate", "report"]);
    let screen = call(&project, &["gc"]);
    assert_eq!(screen.code, Some(1));
    assert!(
        screen.stderr.contains("standard input is not a terminal"),
        "{}",
        screen.stderr
    );
    let gone = succeed(&project, &["gc", "--yes"]);
    assert!(gone.stdout.contains("deleted 3 folders"), "{}", gone.stdout);
    // Used artifacts are intact, and deleted ones are rebuilt when needed.
    assert_eq!(run_steps(&project, &other), Vec::<String>::new());
    assert_eq!(
        run_steps(&project, &[]),
        ["train naive", "evaluate naive", "report reviews"]
    );
}
