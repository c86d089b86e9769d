use super::*;
use crate::test_project::FakePipeline;

/// The steps that a successful run starts.
#[track_caller]
fn starts(fake: &FakePipeline, selection: SelectionArguments) -> Vec<String> {
    let (started, summary) = fake.run(&selection).expect("it runs");
    assert!(summary.code == 0 && summary.has_report);
    started
}

/// The models, sweeps and repetitions of the last report.
fn reported(fake: &FakePipeline) -> String {
    let report = fake.project.artifact(StageName::Report, "reviews");
    let report = report.manifest();
    let models = report
        .inputs
        .iter()
        .filter(|it| it.stage == StageName::Evaluate);
    let models: Vec<&str> = models.map(|it| it.variant.as_str()).collect();
    let names = |table: &str| {
        report.settings[table]
            .as_object()
            .map(|it| it.keys().cloned().collect())
    };
    let names: Vec<Vec<String>> = ["sweeps", "repeats"]
        .into_iter()
        .filter_map(names)
        .collect();
    format!("{}; {}", models.join(" "), names.concat().join(" "))
}

#[test]
fn the_report_shows_the_selected_models_and_all_others_that_are_up_to_date() {
    let models = |names: &[&str]| SelectionArguments {
        models: names.iter().map(|name| (*name).to_owned()).collect(),
        ..SelectionArguments::default()
    };
    let mut fake = FakePipeline::new();
    fake.changes = vec![
        "model.naive.seeds=2".to_owned(),
        "sweep.small={ model = \"lstm\", over = { hidden = [2, 3] } }".to_owned(),
        "ensemble.both={ models = [\"naive\", \"lstm\"] }".to_owned(),
        // Its source is missing, but the selected models do not need it.
        "tokenizer.missing={ kind = \"pretrained\", source = \"missing.json\" }".to_owned(),
        "model.linear={ kind = \"linear\", tokenizer = \"missing\" }".to_owned(),
        "embedding.encoder={ kind = \"encoder\", tokenizer = \"missing\", source = \"none\" }"
            .to_owned(),
        "model.transfer={ kind = \"transformer\", embedding = \"encoder\" }".to_owned(),
    ];
    starts(&fake, models(&["lstm"]));
    assert_eq!(reported(&fake), "lstm; ");
    let started = starts(&fake, models(&["naive"]));
    assert_eq!(started.len(), 5, "{started:?}");
    assert_eq!(reported(&fake), "naive naive-s1 lstm; naive");
    let started = starts(&fake, models(&["both", "small"]));
    assert_eq!(
        started,
        [
            "train small-001",
            "train small-002",
            "evaluate both",
            "report reviews"
        ]
    );
    assert_eq!(reported(&fake), "naive naive-s1 lstm both; small naive");
    assert_eq!(starts(&fake, models(&["both", "small"])), [""; 0]);
    // What was trained with other settings is not shown.
    fake.changes.push("model.lstm.hidden=16".to_owned());
    starts(&fake, models(&["naive"]));
    assert_eq!(reported(&fake), "naive naive-s1; small naive");
    // A model that is selected needs its files.
    let refused = fake.plan(&models(&["transfer"])).expect_err("no encoder");
    assert!(refused.chain()[0].contains("`embedding.encoder.source` names the encoder"));
    assert!(
        refused
            .hint()
            .is_some_and(|hint| hint.contains("`--model NAME`"))
    );
}
