//! `ressenti compare`, with a deliberate regression.

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

/// 400 reviews in which one word determines the label, so a linear model predicts all of them correctly.
fn reviews_with_one_label_word() -> Project {
    let words = [["bad", "awful"], ["good", "great"]];
    let mut reviews = "review,sentiment\n".to_owned();
    for row in 0..400 {
        let word = words[row % 2][row / 2 % 2];
        let label = ["negative", "positive"][row % 2];
        // The number makes rows different, so that none is removed as a duplicate.
        reviews += &format!("{row} a {word} film with {} scenes,{label}\n", 7 * row % 31);
    }
    Project::with_reviews(&format!("{}{LINEAR}", tiny_pipeline()), &reviews)
}

/// Copies the report of a run, as a CI job would.
fn save_report(project: &Project, name: &str) {
    let from = project.artifacts().join("report/reviews");
    let to = project.folder().join(name);
    fs::create_dir(&to).expect("the disk has room");
    for entry in fs::read_dir(&from).expect("a report") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("the disk has room");
    }
}

fn compare_as_json(project: &Project, arguments: &[&str]) -> Value {
    let screen = call(
        project,
        &[&["compare", "--format", "json"], arguments].concat(),
    );
    serde_json::from_str(&screen.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", screen.stdout, screen.stderr))
}

#[test]
fn a_run_compared_with_itself_has_no_differences() {
    let project = finished();
    let screen = succeed(&project, &["compare", "artifacts", "artifacts"]);
    for said in [
        "Nothing changed in data, settings, code or machine.",
        "+0.00 (-",
        "same predictions",
        "No model is significantly worse or better.",
    ] {
        assert!(screen.stdout.contains(said), "{said}: {}", screen.stdout);
    }
}

#[test]
fn a_regression_fails_both_checks_and_its_cause_is_printed() {
    let project = reviews_with_one_label_word();
    succeed(&project, &["run"]);
    save_report(&project, "earlier");
    // With shuffled labels the model learns nothing; everything else is unchanged.
    let planted = "model.linear.shuffled_labels=true";
    let baseline = "earlier/metrics.json";
    let gate = call(&project, &["run", "--set", planted, "--baseline", baseline]);
    assert_eq!(gate.code, Some(1), "{}{}", gate.stdout, gate.stderr);
    assert!(
        gate.stderr.contains("`linear` fell from"),
        "{}",
        gate.stderr
    );

    let screen = call(&project, &["compare", "earlier", "artifacts"]);
    assert_eq!(screen.code, Some(1), "{}{}", screen.stdout, screen.stderr);
    for said in [
        "train linear: shuffled_labels not set -> true",
        "data      unchanged",
        "1 regression: `linear` fell from",
    ] {
        assert!(screen.stdout.contains(said), "{said}: {}", screen.stdout);
    }
    let sides = compare_as_json(&project, &["earlier", "artifacts"]);
    let models = sides["models"].as_array().expect("models");
    let verdict = |name: &str| {
        let model = models.iter().find(|model| model["model"] == name);
        model.expect("it is there")["verdict"].clone()
    };
    assert_eq!(verdict("linear"), "worse");
    assert_eq!(verdict("naive"), "same");
    // In the other direction it is an improvement, which is not an error.
    let screen = succeed(
        &project,
        &["compare", "artifacts", "earlier", "--format", "markdown"],
    );
    assert!(
        screen
            .stdout
            .starts_with("**No model is worse; 1 is significantly better.**"),
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
fn a_removed_model_fails_and_metrics_files_are_enough() {
    let project = Project::with_pipeline(&format!("{}{LINEAR}", tiny_pipeline()));
    succeed(&project, &["run"]);
    save_report(&project, "earlier");
    fs::write(project.pipeline_file(), tiny_pipeline()).expect("written");
    succeed(&project, &["run"]);
    fs::copy(
        project.folder().join("earlier/metrics.json"),
        project.folder().join("metrics-only.json"),
    )
    .expect("the disk has room");
    let screen = call(&project, &["compare", "metrics-only.json", "artifacts"]);
    assert_eq!(screen.code, Some(1), "{}", screen.stderr);
    for said in [
        "A: metrics-only.json (3 models, ",
        "Changes are unknown: one of the runs has no `report.json`.",
        "+0.00 (not paired)",
        "missing in B",
    ] {
        assert!(screen.stdout.contains(said), "{said}: {}", screen.stdout);
    }
    let screen = call(&project, &["compare", "earlier", "artifacts"]);
    assert!(
        screen.stdout.contains("train linear only in A"),
        "{}",
        screen.stdout
    );
}

#[test]
fn invalid_runs_are_explained() {
    let project = finished();
    let errors = |a: &str, b: &str| {
        let screen = call(&project, &["compare", a, b]);
        assert_eq!(screen.code, Some(1), "{}", screen.stdout);
        assert!(screen.stdout.is_empty());
        screen.stderr
    };
    let none = errors("nowhere", "artifacts");
    assert!(
        none.contains("Failed to open the run `nowhere`")
            && none.contains("hint: Name an artifacts folder"),
        "{none}"
    );
    let write = |name: &str, text: &str| {
        let path: &Path = &project.folder().join(name);
        fs::write(path, text).expect("written");
    };
    write("text.json", "{");
    assert!(errors("text.json", "artifacts").contains("`text.json`"));
    save_report(&project, "old");
    write("old/report.json", "{\"steps\": [{}]}");
    let old = errors("old", "artifacts");
    assert!(
        old.contains("is not a valid report") && old.contains("--only report --force"),
        "{old}"
    );
    write("old/predictions.parquet", "not a table");
    assert!(errors("old", "artifacts").contains("predictions.parquet"));
}
