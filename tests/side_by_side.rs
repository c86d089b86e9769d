//! `ressenti compare` as people and a continuous integration meet it, with a regression planted for it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use testkit::{Project, tiny_pipeline};

use crate::common::{call, finished, succeed};

const LINEAR: &str = r#"
[model.linear]
kind = "linear"
tokenizer = "words"
"#;

/// 400 reviews of which one word says what they are, so that a linear model knows them all.
fn told_by_a_word() -> Project {
    let words = [["bad", "awful"], ["good", "great"]];
    let mut reviews = "review,sentiment\n".to_owned();
    for row in 0..400 {
        let word = words[row % 2][row / 2 % 2];
        let label = ["negative", "positive"][row % 2];
        // The number keeps rows apart, so that none is removed as a copy.
        reviews += &format!("{row} a {word} film with {} scenes,{label}\n", 7 * row % 31);
    }
    Project::with_reviews(&format!("{}{LINEAR}", tiny_pipeline()), &reviews)
}

/// Keeps the report of a run, as a continuous integration would.
fn keep(project: &Project, name: &str) {
    let from = project.artifacts().join("report/reviews");
    let to = project.folder().join(name);
    fs::create_dir(&to).expect("the disk has room");
    for entry in fs::read_dir(&from).expect("a report") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("the disk has room");
    }
}

fn compared(project: &Project, arguments: &[&str]) -> Value {
    let screen = call(
        project,
        &[&["compare", "--format", "json"], arguments].concat(),
    );
    serde_json::from_str(&screen.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", screen.stdout, screen.stderr))
}

#[test]
fn a_run_and_itself_differ_in_nothing() {
    let project = finished();
    let screen = succeed(&project, &["compare", "artifacts", "artifacts"]);
    for said in [
        "Nothing changed in data, settings, code or machine.",
        "+0.00 (-",
        "0 : 0  the same on every row",
        "No model is worse, and none is better beyond chance.",
    ] {
        assert!(screen.stdout.contains(said), "{said}: {}", screen.stdout);
    }
}

#[test]
fn a_planted_regression_fails_both_checks_and_is_told_with_its_cause() {
    let project = told_by_a_word();
    succeed(&project, &["run"]);
    keep(&project, "kept");
    // Labels dealt out anew: the model can learn nothing, whatever else is as it was.
    let planted = "model.linear.shuffled_labels=true";
    let baseline = "kept/metrics.json";
    let gate = call(&project, &["run", "--set", planted, "--baseline", baseline]);
    assert_eq!(gate.code, Some(1), "{}{}", gate.stdout, gate.stderr);
    assert!(
        gate.stderr.contains("`linear` fell from"),
        "{}",
        gate.stderr
    );

    let screen = call(&project, &["compare", "kept", "artifacts"]);
    assert_eq!(screen.code, Some(1), "{}{}", screen.stdout, screen.stderr);
    for said in [
        "train linear: shuffled_labels not set -> true",
        "data      the same",
        "1 regression: `linear` fell from",
    ] {
        assert!(screen.stdout.contains(said), "{said}: {}", screen.stdout);
    }
    let sides = compared(&project, &["kept", "artifacts"]);
    let models = sides["models"].as_array().expect("models");
    let verdict = |name: &str| {
        let model = models.iter().find(|model| model["model"] == name);
        model.expect("it is there")["verdict"].clone()
    };
    assert_eq!(verdict("linear"), "worse");
    assert_eq!(verdict("naive"), "same");
    // The other way round it is a gain, and a gain fails nothing.
    let screen = succeed(
        &project,
        &["compare", "artifacts", "kept", "--format", "markdown"],
    );
    assert!(
        screen
            .stdout
            .starts_with("**No model is worse; 1 is better.**"),
        "{}",
        screen.stdout
    );
    assert!(
        screen
            .stdout
            .contains("- settings: train linear: shuffled_labels true -> not set"),
        "{}",
        screen.stdout
    );
}

#[test]
fn a_model_that_is_gone_fails_and_figures_alone_are_enough() {
    let project = Project::with_pipeline(&format!("{}{LINEAR}", tiny_pipeline()));
    succeed(&project, &["run"]);
    keep(&project, "kept");
    fs::write(project.pipeline_file(), tiny_pipeline()).expect("written");
    succeed(&project, &["run"]);
    fs::copy(
        project.folder().join("kept/metrics.json"),
        project.folder().join("figures.json"),
    )
    .expect("the disk has room");
    let screen = call(&project, &["compare", "figures.json", "artifacts"]);
    assert_eq!(screen.code, Some(1), "{}", screen.stderr);
    for said in [
        "What changed is not known: one of the two has figures alone.",
        "+0.00, other rows",
        "`linear` is in the baseline but not in this run",
    ] {
        assert!(screen.stdout.contains(said), "{said}: {}", screen.stdout);
    }
    let screen = call(&project, &["compare", "kept", "artifacts"]);
    assert!(
        screen.stdout.contains("train linear only in A"),
        "{}",
        screen.stdout
    );
}

#[test]
fn what_is_no_run_is_said() {
    let project = finished();
    let errors = |a: &str, b: &str| {
        let screen = call(&project, &["compare", a, b]);
        assert_eq!(screen.code, Some(1), "{}", screen.stdout);
        assert!(screen.stdout.is_empty());
        screen.stderr
    };
    let none = errors("nowhere", "artifacts");
    assert!(
        none.contains("`nowhere` is no run") && none.contains("hint: A run is"),
        "{none}"
    );
    let write = |name: &str, text: &str| {
        let path: &Path = &project.folder().join(name);
        fs::write(path, text).expect("written");
    };
    write("text.json", "{");
    assert!(errors("text.json", "artifacts").contains("`text.json`"));
    keep(&project, "old");
    write("old/report.json", "{\"steps\": [{}]}");
    let old = errors("old", "artifacts");
    assert!(
        old.contains("is no report") && old.contains("--only report --force"),
        "{old}"
    );
    write("old/predictions.parquet", "not a table");
    assert!(errors("old", "artifacts").contains("predictions.parquet"));
}
