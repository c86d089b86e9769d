//! Sweeps, best trials, ensembles and challenge sets in a whole run.

use std::fs;

use artifact::StageName;
use serde_json::Value;
use testkit::{Project, tiny_pipeline};

use crate::common::{artifact, call, steps, succeed};

const MORE: &str = r#"
[model.linear]
kind = "linear"
tokenizer = "words"

[model.best]
kind = "best_of_sweep"
sweep = "rates"

[sweep.rates]
model = "naive"
seeds = 2
over = { "training.learning_rate" = [0.0001, 0.01] }

[ensemble.together]
models = ["naive", "linear"]
"#;

fn project() -> Project {
    let text = tiny_pipeline().replace("[evaluation]", "[evaluation]\nchallenge = \"mine.jsonl\"");
    let project = Project::with_pipeline(&format!("{text}{MORE}"));
    let case = r#"{"capability": "mine", "label": "negative", "text": "Not my film at all."}"#;
    fs::write(project.folder().join("mine.jsonl"), case).expect("written");
    project
}

fn json(project: &Project, step: &str, file: &str) -> Value {
    let path = artifact(project, step).file(file).expect("a whole file");
    serde_json::from_slice(&fs::read(path).expect("it is there")).expect("JSON")
}

#[test]
fn sweeps_ensembles_and_challenge_sets_run() {
    let project = project();
    let screen = succeed(&project, &["run"]);
    let done = steps(&screen, "done");
    for step in [
        "train rates-001-s0",
        "train rates-002-s1",
        "train best",
        "evaluate best",
        "evaluate together",
    ] {
        assert!(done.iter().any(|done| done == step), "{step}: {done:?}");
    }
    // Trials are evaluated on validation only.
    assert!(
        !done.iter().any(|step| step.starts_with("evaluate rates")),
        "{done:?}"
    );

    // The best trial has the settings with the lowest mean loss.
    let selection = json(&project, "train best", "selection.json");
    let trials = selection["trials"].as_array().expect("a list");
    assert_eq!(trials.len(), 4);
    let loss = |name: &str| {
        let same = trials.iter().filter(|trial| {
            trial["trial"]
                .as_str()
                .is_some_and(|trial| trial.starts_with(name))
        });
        same.map(|trial| trial["loss"].as_f64().expect("a number"))
            .sum::<f64>()
    };
    let better = if loss("rates-001") < loss("rates-002") {
        "rates-001"
    } else {
        "rates-002"
    };
    let chosen = selection["chosen"].as_str().expect("a name");
    assert!(chosen.starts_with(better), "{selection}");
    let bundle = |step: &str| {
        let path = artifact(&project, step)
            .file("model.safetensors")
            .expect("a bundle");
        fs::read(path).expect("it is there")
    };
    assert!(bundle("train best") == bundle(&format!("train {chosen}")));

    let ensemble = json(&project, "evaluate together", "ensemble.json");
    assert_eq!(ensemble["members"].as_array().map(Vec::len), Some(2));
    for step in ["evaluate linear", "evaluate together"] {
        let challenge = json(&project, step, "challenge.json");
        let cases = challenge["cases"].as_array().expect("a list");
        assert!(
            cases.len() > 300 && cases[cases.len() - 1]["capability"] == "mine",
            "{step}"
        );
    }
    let page = artifact(&project, "report reviews")
        .file("report.html")
        .expect("a page");
    let page = fs::read_to_string(page).expect("text");
    for part in [
        "Hyperparameter sweeps",
        "ensemble of 2 models",
        ">mine<",
        "Accuracy on slices of the test reviews",
    ] {
        assert!(page.contains(part), "{part}");
    }

    // A new value adds its trials, and only steps that depend on them become stale.
    let more = "sweep.rates.over={\"training.learning_rate\" = [0.0001, 0.01, 0.02]}";
    let plan = succeed(&project, &["plan", "--all", "--set", more]);
    let stale = steps(&plan, "stale");
    let expected = ["train rates-003-s0", "train rates-003-s1", "train best"];
    assert_eq!(stale[..3], expected, "{stale:?}");
    assert!(steps(&plan, "fresh").contains(&"train naive".to_owned()));
}

#[test]
fn invalid_sweeps_and_ensembles_are_refused_before_running() {
    let project = project();
    for (change, part) in [
        (
            "ensemble.together.models=[\"naive\"]",
            "must name at least two models",
        ),
        (
            "ensemble.together.models=[\"naive\", \"lsmt\"]",
            "Did you mean `lstm`?",
        ),
        ("model.best.sweep=rate", "Did you mean `rates`?"),
        (
            "model.best.hidden=3",
            "cannot be set for the best trial of a sweep",
        ),
        ("sweep.rates.model=nvaie", "Did you mean `naive`?"),
        ("sweep.rates.over={hiden = [3]}", "hiden"),
    ] {
        let screen = call(&project, &["plan", "--set", change]);
        assert_eq!(screen.code, Some(1), "{change}: {}", screen.stderr);
        assert!(screen.stderr.contains(part), "{change}: {}", screen.stderr);
    }
    fs::write(project.folder().join("mine.jsonl"), "{\"text\": 3}").expect("written");
    let screen = call(&project, &["run", "--model", "linear"]);
    assert_eq!(screen.code, Some(1), "{}", screen.stderr);
    assert!(
        screen.stderr.contains("Line 1 of the challenge file"),
        "{}",
        screen.stderr
    );
    assert_eq!(
        artifact(&project, "train linear").manifest().stage,
        StageName::Train
    );
}

#[test]
fn a_model_with_several_seeds_is_evaluated_for_each_and_reported_once() {
    let text = tiny_pipeline().replace("[model.naive]", "[model.naive]\nseeds = 3");
    let project = Project::with_pipeline(&text);
    let screen = succeed(&project, &["run"]);
    let done = steps(&screen, "done");
    for step in ["train naive-s1", "evaluate naive-s2"] {
        assert!(done.iter().any(|done| done == step), "{step}: {done:?}");
    }
    let report = json(&project, "report reviews", "report.json");
    let names: Vec<&Value> = report["models"]
        .as_array()
        .expect("models")
        .iter()
        .map(|model| &model["name"])
        .collect();
    assert_eq!(names, ["naive", "lstm"]);
    let metrics = json(&project, "report reviews", "metrics.json");
    let accuracy = |name: &str| metrics["models"][name]["accuracy"]["value"].clone();
    assert_eq!(report["repeats"][0]["model"], "naive");
    assert_eq!(
        report["repeats"][0]["accuracies"],
        serde_json::json!(["naive", "naive-s1", "naive-s2"].map(accuracy))
    );
    assert_eq!(metrics["comparisons"].as_array().map(Vec::len), Some(1));
    // Another seed gives another model. The first seed has no number.
    let weights = |name: &str| {
        let artifact = artifact(&project, &format!("train {name}"));
        fs::read(artifact.file("model.safetensors").expect("a whole file")).expect("it is there")
    };
    assert_ne!(weights("naive"), weights("naive-s1"));

    let screen = call(&project, &["run", "--set", "model.naive.seeds=0"]);
    assert_eq!(screen.code, Some(1), "{}", screen.stderr);
    assert!(
        screen.stderr.contains("model.naive.seeds"),
        "{}",
        screen.stderr
    );
}
