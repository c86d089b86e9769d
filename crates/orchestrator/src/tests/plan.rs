use artifact::{Contract, StageName};
use serde_json::json;

use super::*;
use crate::test_project::never_built;

fn digest(content: &str) -> Digest {
    Digest::of_bytes(content.as_bytes())
}

fn tokens(content: &str) -> InputReference {
    InputReference {
        stage: StageName::Tokenize,
        variant: "words".to_owned(),
        identity: digest(content),
    }
}

fn source(content: &str) -> SourceReference {
    SourceReference {
        name: "x.csv".to_owned(),
        digest: digest(content),
    }
}

/// The model `lstm`. Its last output has 64 units and was made from the tokens `a` and the file `x`.
fn train() -> PlannedStep {
    let latest = Manifest {
        format: Manifest::FORMAT,
        stage: StageName::Train,
        stage_version: StageName::Train.version(),
        key: digest("key"),
        settings: json!({ "hidden": 64, "training": { "epochs": 3 } }),
        inputs: vec![tokens("a")],
        sources: vec![source("x")],
        contract: Contract::Report { models: vec![] },
        files: vec![],
        run: testkit::artifacts::run_info(),
    };
    PlannedStep {
        settings: latest.settings.clone(),
        inputs: vec![(StepId::new(StageName::Tokenize, "words"), Some(digest("a")))],
        sources: vec![source("x")],
        output: Output::Absent(LatestOutput::Built(Box::new(latest))),
        ..never_built(StageName::Train, "lstm")
    }
}

#[track_caller]
fn check(step: &PlannedStep, expected: &str) {
    assert_eq!(format_reasons(&reasons_to_run(step)), expected);
}

#[test]
fn a_missing_output_was_never_built_or_removed() {
    check(&never_built(StageName::Ingest, "reviews"), "never run");
    check(
        &PlannedStep {
            output: Output::Absent(LatestOutput::Removed),
            ..train()
        },
        "its output was removed",
    );
    let output = Output::Absent(LatestOutput::Damaged(
        "`manifest.json`, it is not text".to_owned(),
    ));
    check(
        &PlannedStep { output, ..train() },
        "output damaged: `manifest.json`, it is not text",
    );
}

#[test]
fn an_intact_output_is_fresh_unless_it_is_forced() {
    let folder = temporary_project();
    let artifact = testkit::TestArtifact::new(
        StageName::Train,
        Contract::Report { models: vec![] },
    )
    .commit(&folder.store(), "lstm", &[("content", b"weights")]);
    let whole = Output::Intact(Box::new(artifact));
    // The output is fresh although the variant's last output has other settings: a setting was switched back.
    check(
        &PlannedStep {
            output: whole.clone(),
            settings: json!({ "hidden": 32 }),
            ..train()
        },
        "",
    );
    check(
        &PlannedStep {
            output: whole,
            forced: true,
            ..train()
        },
        "forced by `--from` or `--force`",
    );
}

fn temporary_project() -> testkit::Project {
    testkit::Project::tiny()
}

#[test]
fn damage_is_the_only_reason_given() {
    let output = Output::Damaged {
        damage: "`model.safetensors`, it is missing".to_owned(),
        expected: None,
    };
    let damaged = PlannedStep {
        output,
        settings: json!({ "hidden": 32 }),
        ..train()
    };
    check(
        &damaged,
        "output damaged: `model.safetensors`, it is missing",
    );
}

#[test]
fn every_setting_that_changed_is_named_with_both_values() {
    let with = |settings: Value| PlannedStep {
        settings,
        ..train()
    };
    check(
        &with(json!({ "hidden": 32, "training": { "epochs": 3 } })),
        "setting `model.lstm.hidden` changed: 64 -> 32",
    );
    check(
        &with(json!({ "hidden": 64, "training": { "epochs": 3, "schedule": "linear" } })),
        "setting `model.lstm.training.schedule` changed: unset -> \"linear\"",
    );
    check(
        &with(json!({ "training": { "epochs": 5 } })),
        "setting `model.lstm.training.epochs` changed: 3 -> 5; setting `model.lstm.hidden` changed: 64 -> unset",
    );
    check(
        &with(json!({ "hidden": 1, "a": 1, "b": 2, "training": { "epochs": 1 } })),
        "setting `model.lstm.hidden` changed: 64 -> 1; setting `model.lstm.a` changed: unset -> 1; \
         setting `model.lstm.b` changed: unset -> 2; and 1 more",
    );
}

#[test]
fn inputs_sources_and_the_stage_itself_are_compared() {
    let tokenize = |variant: &str| StepId::new(StageName::Tokenize, variant);
    let embed = StepId::new(StageName::Embed, "random");
    let with = |inputs: Vec<(StepId, Option<Digest>)>| PlannedStep { inputs, ..train() };
    check(
        &with(vec![(tokenize("words"), Some(digest("b")))]),
        "input `tokenize words` changed",
    );
    check(
        &with(vec![(tokenize("words"), None)]),
        "input `tokenize words` may change",
    );
    check(
        &with(vec![(tokenize("pieces"), Some(digest("a")))]),
        "input `tokenize words` replaced by `tokenize pieces`",
    );
    check(
        &with(vec![
            (tokenize("words"), Some(digest("a"))),
            (embed.clone(), Some(digest("c"))),
        ]),
        "input `embed random` added",
    );
    check(
        &with(vec![(embed, None)]),
        "input `embed random` added; input `tokenize words` removed; input `embed random` may change",
    );
    check(
        &PlannedStep {
            sources: vec![source("y")],
            ..train()
        },
        "source `x.csv` changed",
    );
    check(
        &PlannedStep {
            sources: vec![],
            ..train()
        },
        "source `x.csv` removed",
    );
    check(
        &PlannedStep {
            stage_version: 99,
            ..train()
        },
        &format!(
            "stage version changed: {} -> 99",
            StageName::Train.version()
        ),
    );
}
