//! Whole runs from raw reviews to the report, and which steps run after a change.

use std::fs;
use std::time::Instant;

use artifact::StageName;
use serde_json::Value;
use testkit::{Project, corpus, tiny_pipeline};

use crate::common::{ALL, call, check_store, finished, identities, run_steps, steps, succeed};

const NOTHING: [&str; 0] = [];

#[test]
fn reviews_become_a_report_and_the_second_run_does_nothing() {
    let project = finished();
    let report = project.artifacts().join("report/reviews/report.html");
    let html = fs::read_to_string(&report).expect("the report");
    for name in ["naive", "lstm", "Tiny"] {
        assert!(html.contains(name), "the report names `{name}`");
    }
    assert!(
        !html.contains("http://") && !html.contains("src=\"http"),
        "the report needs no network"
    );

    let clock = Instant::now();
    let screen = succeed(&project, &["run"]);
    let seconds = clock.elapsed().as_secs_f64();
    assert_eq!(steps(&screen, "fresh"), ALL);
    let text = screen.with_placeholders(project.folder());
    let end = "\n9 steps: 9 fresh in [time]\nreport   artifacts/report/reviews/report.html\n\
               predict  ressenti predict 'TEXT'\nserve    ressenti serve\n";
    assert!(text.ends_with(end), "{text}");
    // Measured: 0.02 s. The limit allows for a busy machine.
    assert!(seconds < 1.0, "{seconds} s");
    check_store(&project);
}

#[test]
fn a_changed_model_setting_runs_that_model_and_its_dependents() {
    let project = finished();
    let change = ["--set", "model.lstm.hidden=6"];
    let plan =
        succeed(&project, &[&["plan"], &change[..]].concat()).with_placeholders(project.folder());
    assert!(
        plan.contains(
            "
stale   train     lstm         setting `model.lstm.hidden` changed: 8 -> 6 (estimate unknown)\n"
        ),
        "{plan}"
    );
    assert!(
        plan.contains(
            "
stale   evaluate  lstm         input `train lstm` may change (estimate unknown)\n"
        ),
        "{plan}"
    );
    assert_eq!(
        run_steps(&project, &change),
        ["train lstm", "evaluate lstm", "report reviews"]
    );
    assert_eq!(run_steps(&project, &change), NOTHING);
    assert_eq!(
        run_steps(&project, &[]),
        NOTHING,
        "the old outputs still exist"
    );
    check_store(&project);
}

#[test]
fn a_step_with_the_same_output_leaves_its_dependents_fresh() {
    let project = finished();
    assert_eq!(
        run_steps(&project, &["--set", "ingest.max_reject_rate=0.5"]),
        ["ingest reviews"]
    );
}

#[test]
fn equal_inputs_give_equal_outputs() {
    let project = finished();
    let before = identities(&project);
    assert_eq!(run_steps(&project, &["--from", "ingest"]), ALL);
    assert_eq!(identities(&project), before);
    check_store(&project);
}

#[test]
fn a_new_review_runs_every_step_and_a_renamed_file_none() {
    let project = finished();
    let file = project.folder().join("reviews.csv");
    let other = project.folder().join("other.csv");
    fs::rename(&file, &other).expect("renamed");
    assert_eq!(run_steps(&project, &["--source", "other.csv"]), NOTHING);
    fs::write(
        &file,
        corpus::kaggle_csv() + "\"A new one, and a good one.\",positive\n",
    )
    .expect("written");
    let plan = succeed(&project, &["plan"]).stdout;
    assert!(
        plan.starts_with(
            "stale   ingest    reviews      source `reviews.csv` changed (estimate unknown)\n"
        ),
        "{plan}"
    );
    assert_eq!(
        run_steps(&project, &["--variant", "words"]),
        ["ingest reviews", "clean reviews", "tokenize words"]
    );
}

#[test]
fn the_imdb_folder_is_read_with_its_own_split() {
    let project = Project::tiny();
    corpus::write_aclimdb(project.folder()).expect("written");
    // Split by row and not by film, because six films are too few for another split.
    let by_row = ["--set", "clean.split.grouped=false"];
    let built = run_steps(
        &project,
        &[&["--source", "aclImdb", "--variant", "random"], &by_row[..]].concat(),
    );
    assert_eq!(
        built,
        [
            "ingest reviews",
            "clean reviews",
            "tokenize words",
            "embed random"
        ]
    );
    let contract = serde_json::to_value(
        &crate::common::artifact(&project, "clean reviews")
            .manifest()
            .contract,
    );
    let contract = contract.expect("a contract is plain data");
    let side = |test: bool| {
        corpus::REVIEWS
            .iter()
            .filter(|review| (review.film >= 6) == test)
            .count()
    };
    assert_eq!(contract["test"], side(true));
    let learned = contract["train"]
        .as_u64()
        .zip(contract["validation"].as_u64())
        .map(|(train, rest)| train + rest);
    assert_eq!(learned, Some(side(false) as u64));
    assert_eq!(contract["unlabelled"], corpus::UNLABELLED.len());
}

#[test]
fn one_model_or_one_stage_can_run_alone() {
    let project = Project::tiny();
    let naive = [
        "ingest reviews",
        "clean reviews",
        "tokenize words",
        "embed random",
        "train naive",
        "evaluate naive",
        "report reviews",
    ];
    assert_eq!(run_steps(&project, &["--model", "naive"]), naive);
    let screen = succeed(&project, &["train", "--model", "lstm"]);
    assert!(
        screen.stdout.starts_with("done    train     lstm  "),
        "{}",
        screen.stdout
    );
    assert_eq!(run_steps(&project, &["--only", "train"]), NOTHING);
    assert_eq!(
        run_steps(&project, &["--only", "train", "--model", "lstm", "--force"]),
        ["train lstm"]
    );
    assert_eq!(
        run_steps(&project, &[]),
        ["evaluate lstm", "report reviews"]
    );
}

/// Metrics changed so that every model seems to have perfect accuracy.
fn with_perfect_accuracy(metrics: &str) -> String {
    let mut metrics: Value = serde_json::from_str(metrics).expect("JSON");
    for model in metrics["models"]
        .as_object_mut()
        .expect("models")
        .values_mut()
    {
        model["accuracy"] = serde_json::json!({ "value": 1.0, "low": 0.999, "high": 1.0 });
    }
    metrics.to_string()
}

#[test]
fn a_regression_is_exit_code_1_and_noise_is_not() {
    let project = finished();
    let metrics =
        fs::read_to_string(project.artifacts().join("report/reviews/metrics.json")).expect("read");
    fs::write(project.folder().join("same.json"), &metrics).expect("written");
    fs::write(
        project.folder().join("better.json"),
        with_perfect_accuracy(&metrics),
    )
    .expect("written");

    let same = succeed(&project, &["run", "--baseline", "same.json"]);
    assert_eq!(steps(&same, "fresh"), ALL);

    // With one epoch at a tiny learning rate the models learn nothing.
    let change = [
        "--set",
        "training.learning_rate=1e-9",
        "--set",
        "training.epochs=1",
    ];
    let worse = call(
        &project,
        &[&["run", "--baseline", "better.json"], &change[..]].concat(),
    );
    assert_eq!(worse.code, Some(1), "{}{}", worse.stdout, worse.stderr);
    assert_eq!(
        steps(&worse, "done").len(),
        4,
        "both models are trained and evaluated: {}",
        worse.stdout
    );
    assert!(
        worse.stderr.contains("worse than in the baseline"),
        "{}",
        worse.stderr
    );
    assert!(
        worse
            .stdout
            .contains("\nreport   artifacts/report/reviews/report.html\n"),
        "{}",
        worse.stdout
    );

    let none =
        call(&project, &["run", "--baseline", "none.json"]).with_placeholders(project.folder());
    assert_eq!(
        none,
        "exit code 1\n----- stderr\nerror: Failed to find the baseline `none.json`\n  \
         hint: Use the `metrics.json` of an earlier run, from its `report/reviews` folder\n"
    );
}

#[test]
fn an_encoder_is_fine_tuned_and_other_tokenizers_are_refused() {
    let pipeline = tiny_pipeline().to_owned()
        + r#"
[tokenizer.own]
kind = "pretrained"
source = "encoder/tokenizer.json"
max_length = 24

[embedding.encoder]
kind = "encoder"
tokenizer = "own"
source = "encoder"

[tokenizer.whole]
kind = "pretrained"
source = "encoder/tokenizer.json"
max_length = 2000

[embedding.adapted]
kind = "encoder"
tokenizer = "own"
source = "encoder"
adaptation = { batch_size = 8 }

[embedding.features]
kind = "features"
encoder = "adapted"
features = { layers = [-1, 0], pooling = ["mean", "max"] }

[embedding.windows]
kind = "features"
encoder = "encoder"
tokenizer = "whole"
features = { windows = { length = 6, overlap = 2 } }

[model.transfer]
kind = "transformer"
embedding = "encoder"

[model.probe]
kind = "probe"
embedding = "features"

[model.parts]
kind = "probe"
embedding = "windows"
"#;
    let project = Project::with_pipeline(&pipeline);
    testkit::write_tiny_encoder(&project.folder().join("encoder"));
    succeed(&project, &["run"]);
    let report = project.artifact(StageName::Report, "reviews");
    let html = fs::read_to_string(report.folder().join("report.html")).expect("a report");
    assert!(html.contains("fine-tuned pretrained encoder"));
    assert_eq!(run_steps(&project, &[]), Vec::<String>::new());

    let misfit = call(
        &project,
        &["plan", "--set", "embedding.encoder.tokenizer=words"],
    );
    assert_eq!(misfit.code, Some(1));
    assert_eq!(
        misfit.with_placeholders(project.folder()),
        "exit code 1\n----- stderr\nerror: `embedding.encoder.tokenizer` is `words`, trained on your reviews (at most 300 \
         entries), but the encoder `encoder` needs its own `tokenizer.json` (17 entries, fingerprint [digest])\n  \
         hint: Set `kind = \"pretrained\"` and `source = \"encoder/tokenizer.json\"` in `[tokenizer.words]`, or set \
         `embedding.encoder.tokenizer` to a tokenizer that has them\n"
    );
    let misfit = call(
        &project,
        &["plan", "--set", "model.transfer.embedding=random"],
    );
    assert!(misfit.stderr.contains("`model.transfer` fine-tunes an encoder, but its embedding `random` is a table of word vectors"), "{}", misfit.stderr);
    let misfit = call(&project, &["plan", "--set", "tokenizer.own.max_length=600"]);
    assert!(
        misfit.stderr.contains("reads at most 512 tokens"),
        "{}",
        misfit.stderr
    );
}
