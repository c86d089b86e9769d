//! Errors that are found before anything runs, and the output of `plan`, `status` and `--help`.

use std::fs;
use std::process::Command;
use std::time::Instant;

use artifact::StageName;
use serde_json::Value;
use testkit::{ProgramOutput, Project, program, tiny_pipeline};

use crate::common::{ALL, call, finished, ressenti, run_steps, succeed};

/// Runs `ressenti` and compares its whole output. It must be quick.
#[track_caller]
fn check(project: &Project, arguments: &[&str], expected: &str) {
    testkit::programs();
    let clock = Instant::now();
    let screen = call(project, arguments);
    let seconds = clock.elapsed().as_secs_f64();
    assert_eq!(
        screen.with_placeholders(project.folder()),
        format!("exit code {expected}")
    );
    // Measured: 5 ms. The limit allows for a busy machine.
    assert!(seconds < 2.0, "{seconds} s");
}

#[test]
fn unknown_names_get_suggestions() {
    let project = Project::tiny();
    check(
        &project,
        &["run", "--model", "lsmt"],
        "1\n----- stderr\nerror: There is no model `lsmt` in the pipeline file\n  \
         hint: Did you mean `lstm`? There are `naive`, `lstm`, `random`, `words`\n",
    );
    check(
        &project,
        &["plan", "--only", "train", "--model", "lsmt"],
        "1\n----- stderr\nerror: The stage `train` has no variant `lsmt`\n  \
         hint: Did you mean `lstm`? There are `naive`, `lstm`\n",
    );
    check(
        &project,
        &["run", "--from", "trian"],
        "2\n----- stderr\nerror: invalid value 'trian' for '--from <STAGE>'\n  \
         [possible values: ingest, clean, tokenize, embed, train, evaluate, report]\n\n  \
         tip: a similar value exists: 'train'\n\nFor more information, try '--help'.\n",
    );
    check(
        &project,
        &["run", "--set", "model.lsmt.hidden=9"],
        "1\n----- stderr\nerror: Failed to apply `--set model.lsmt.hidden=9`\n  \
         cause: `model.lsmt` is not a table of the pipeline file\n  \
         hint: Did you mean `lstm`? There are `naive`, `lstm`\n",
    );
    check(
        &project,
        &["train", "--model", "lsmt"],
        "1\n----- stderr\nerror: The stage `train` has no variant `lsmt`\n  \
         hint: Did you mean `lstm`? There are `naive`, `lstm`\n",
    );
}

#[test]
fn mismatched_references_are_refused() {
    let project = Project::with_pipeline(
        &tiny_pipeline().replace("tokenizer = \"words\"", "tokenizer = \"word\""),
    );
    check(
        &project,
        &["run"],
        "1\n----- stderr\n\
         error: `embedding.random.tokenizer` names the tokenizer `word`, which is not in the pipeline file\n  \
         hint: Did you mean `words`? There is `words`\n",
    );
    let pieces = "[tokenizer.pieces]\nkind = \"bpe\"\n\n[model.naive]\ntokenizer = \"pieces\"";
    let project = Project::with_pipeline(&tiny_pipeline().replace("[model.naive]", pieces));
    check(
        &project,
        &["run"],
        "1\n----- stderr\n\
         error: `model.naive` reads the tokenizer `pieces`, \
         but its embedding `random` is for the tokenizer `words`\n  \
         hint: Set `model.naive.tokenizer` to `words`, or `model.naive.embedding` to an embedding for `pieces`\n",
    );
    let vectors = "kind = \"static\"\nsource = \"vectors.txt\"";
    let project =
        Project::with_pipeline(&tiny_pipeline().replacen("kind = \"random\"", vectors, 1));
    fs::write(
        project.folder().join("vectors.txt"),
        "good 1 2 3\nbad 4 5 6\n",
    )
    .expect("written");
    check(
        &project,
        &["plan"],
        "1\n----- stderr\n\
         error: `embedding.random.width` is 8, but the vectors in `vectors.txt` have 3 components\n  \
         hint: Remove `width` from `[embedding.random]`, or name vectors of 8 components with `embedding.random.source`\n",
    );
}

#[test]
fn missing_files_are_named() {
    let project = Project::tiny();
    check(
        &project,
        &["run", "--pipeline", "none.toml"],
        "1\n----- stderr\nerror: Failed to read the pipeline file `none.toml`\n  \
         cause: No such file or directory (os error 2)\n  hint: Name the pipeline file with `--pipeline FILE`\n",
    );
    check(
        &project,
        &["run", "--source", "none.csv"],
        "1\n----- stderr\nerror: There is no file or folder `[folder]/none.csv`\n  \
         hint: Check the path; set the reviews with `--source PATH`, other files with their setting\n",
    );
    check(
        &project,
        &["run", "--only", "train"],
        "1\n----- stderr\nerror: `train naive` needs the output of `tokenize words`, which does not exist for these settings: never run\n  \
         hint: Omit `--only` to run everything that is needed, \
         or build the input first with `--only tokenize --model words`\n",
    );
    check(
        &project,
        &["train", "--model", "lstm"],
        "1\n----- stderr\nerror: The input `ingest reviews` of this step does not exist\n  \
         hint: Build it with `ressenti run --pipeline pipeline.toml --only ingest`\n",
    );
}

#[test]
fn without_artifacts_every_step_is_planned() {
    let project = Project::tiny();
    check(
        &project,
        &["run", "--dry-run"],
        "0\n----- stdout\n\
         stale   ingest    reviews      never run\n\
         stale   clean     reviews      never run\n\
         stale   tokenize  words        never run\n\
         stale   embed     random       never run\n\
         stale   train     naive        never run\n\
         stale   train     lstm         never run\n\
         stale   evaluate  naive        never run\n\
         stale   evaluate  lstm         never run\n\
         stale   report    reviews      never run\n\
         estimate: unknown, because no earlier run here is comparable\n",
    );
    check(
        &project,
        &["plan", "--only", "ingest", "--progress", "json"],
        "0\n----- stdout\n\
         {\"event\":\"step\",\"state\":\"stale\",\"stage\":\"ingest\",\"variant\":\"reviews\",\"text\":\"never run\"}\n\
         {\"event\":\"note\",\"text\":\"estimate: unknown, because no earlier run here is comparable\"}\n",
    );
    assert!(
        !project.artifacts().join("store").exists(),
        "a plan writes no artifacts"
    );
}

#[test]
fn without_a_command_an_overview_is_printed() {
    let screen = succeed(&Project::tiny(), &[]);
    for word in [
        "ingest",
        "clean",
        "tokenize",
        "embed",
        "train",
        "evaluate",
        "report",
        "ressenti run",
        "ressenti plan",
    ] {
        assert!(screen.stdout.contains(word), "{word}");
    }
}

#[test]
fn the_status_is_a_table_or_json() {
    let project = finished();
    let change = ["--set", "tokenizer.words.max_length=20"];
    let table = succeed(&project, &[&["status"], &change[..]].concat()).stdout;
    assert!(
        table.ends_with("\n7 steps are not fresh; `ressenti plan` shows why\n"),
        "{table}"
    );
    let screen = succeed(&project, &[&["status", "--json"], &change[..]].concat());
    let status: Value = serde_json::from_str(&screen.stdout).expect("JSON");
    let lines = status.as_array().expect("an array");
    let states: Vec<_> = lines
        .iter()
        .map(|line| line["state"].as_str().expect("a state"))
        .collect();
    assert_eq!(states, [&["fresh"; 2][..], &["stale"; 7]].concat());
    let steps = lines
        .iter()
        .map(|line| format!("{} {}", line["stage"], line["variant"]).replace('"', ""));
    assert_eq!(steps.collect::<Vec<_>>(), ALL);
    assert_eq!(lines[0]["rows"], 60);
    assert!(
        lines
            .iter()
            .all(|line| line["bytes"].as_u64() > Some(0) && line["finished"].as_u64() > Some(0))
    );
    assert_eq!(
        lines[2]["reasons"][0],
        "setting `tokenizer.words.max_length` changed: 24 -> 20"
    );
    assert_eq!(lines[2]["folder"], "artifacts/tokenize/words");
}

#[test]
fn json_progress_is_valid_to_the_last_line() {
    let project = finished();
    let screen = succeed(
        &project,
        &["run", "--progress", "json", "--set", "model.naive.hidden=5"],
    );
    let lines: Vec<Value> = screen
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    let last = lines.last().expect("a last line");
    assert_eq!(
        (&last["event"], &last["fresh"], &last["done"]),
        (&"run".into(), &6.into(), &3.into())
    );
    assert_eq!(last["report"], "artifacts/report/reviews/report.html");
    assert!(
        screen
            .stderr
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{}",
        screen.stderr
    );
}

#[test]
fn every_program_starts_in_any_folder_without_variables() {
    let names = StageName::ALL
        .map(StageName::binary)
        .into_iter()
        .chain(["ressenti"]);
    for name in names {
        for flag in ["--version", "--help"] {
            let output = Command::new(program(name))
                .arg(flag)
                .current_dir("/")
                .env_clear()
                .output();
            let screen = ProgramOutput::from(output.expect("it starts"));
            assert_eq!(screen.code, Some(0), "{name} {flag}: {}", screen.stderr);
            assert!(
                screen.stdout.contains(name) || flag == "--help",
                "{}",
                screen.stdout
            );
        }
    }
}

#[test]
fn stage_commands_have_their_own_help_and_errors() {
    let project = Project::tiny();
    let help = succeed(&project, &["train", "--help"]).stdout;
    assert!(
        help.contains("--model") && help.contains("ressenti-train"),
        "{help}"
    );
    let usage = call(&project, &["train", "--wrong"]);
    assert_eq!(usage.code, Some(2));
}

#[test]
fn a_pipeline_works_from_every_folder() {
    let project = finished();
    let file = project.pipeline_file();
    let output = ressenti(&project, &["run", "--pipeline"])
        .arg(&file)
        .current_dir("/")
        .output();
    let screen = ProgramOutput::from(output.expect("it starts"));
    assert_eq!(
        crate::common::steps(&screen, "fresh"),
        ALL,
        "{}",
        screen.stderr
    );
    assert_eq!(
        run_steps(&project, &["--artifacts", "artifacts"]),
        Vec::<String>::new()
    );
}
