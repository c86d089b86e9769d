//! The stage with the artifacts of a small pipeline in a temporary folder.

mod fixture;
mod tables;

use std::fs;

use artifact::Contract;
use fixture::{Fixture, baseline, model};
use metrics::MetricsFile;
use report::BaselineOptions;
use settings::Pipeline;
use tables::{Model, ROWS};

#[test]
fn the_report_has_all_models_in_the_order_of_the_pipeline() {
    let fixture = Fixture::new(model(80), model(20));
    let artifact = fixture
        .report(&BaselineOptions::default())
        .expect("all inputs exist");
    let metrics = artifact::files::read_json::<MetricsFile>(
        &artifact.file("metrics.json").expect("the file exists"),
        "is not a file of metrics",
        None,
    )
    .expect("it is metrics");
    assert_eq!(metrics.models.keys().collect::<Vec<_>>(), ["naive", "lstm"]);
    assert_eq!(metrics.models["lstm"]["accuracy"].value(), 0.95);
    let pair = &metrics.comparisons[0];
    assert_eq!(
        (pair.rows, pair.first_only, pair.second_only),
        (ROWS, 0, 60)
    );
    assert_eq!(
        artifact
            .manifest()
            .file("predictions.parquet")
            .and_then(|file| file.rows),
        Some(2 * ROWS)
    );
    assert_eq!(
        artifact.manifest().contract,
        Contract::Report {
            models: vec!["naive".to_owned(), "lstm".to_owned()]
        }
    );
    assert!(
        artifact
            .manifest()
            .run
            .summary
            .starts_with("2 models on 400 test reviews; best model lstm: 95.0% accuracy (95% CI ")
    );
    let html = fs::read_to_string(artifact.file("report.html").expect("the file exists"))
        .expect("it is text");
    for part in [
        "<h1>Two &amp; three</h1>",
        "&lt;b&gt;So &amp; so&lt;/b&gt;",
        "reviews.tsv, line 9",
        "Best model: <code>lstm</code>, 95.0% accuracy (95% CI 92.4–96.7) on 400 test reviews.",
        "<code>lstm</code> is significantly more accurate than <code>naive</code> (by 15.0 points, 95% CI ",
        "50.0% of the test reviews are truncated, because the tokenizer <code>words</code> keeps at most 64 tokens.",
        "The accuracy of <code>lstm</code> is 95.0% (95% CI 91.0–97.3) on the 200 truncated and 95.0% (95% CI 91.0–97.2) on the 199 whole ones.",
        "To keep 95% of the reviews whole, set <code>max_length = 96</code> in <code>[tokenizer.words]</code>.",
        "Length of 951 reviews in words.",
        "240 negative",
        " of 6 in test; a model may recognise them by name.",
        "Split: by a hash of the text; reviews of a group are in the same split.",
        "90 : 10",
        "1,234,567",
        "best: epoch 2",
        "not from a file",
        "3 training reviews removed that also occurred in the test split.",
        "in 2 clusters, each cluster in one split, and 1 similar to an official test review removed.",
        "Labelled reviews whose text contains the rating: ",
        "Reviews in another language: 2 French.",
        "Languages: English 95.7%, German 2.3%, unknown 2.0%.",
        "Test split: 20 of 400 reviews examined (5.0%) are in German, which the model has not learned; predictions for them may be wrong.",
        "A film that I liked &lt;b&gt;a lot&lt;/b&gt; …",
        "Words that influenced the prediction of <code>lstm</code>: ",
        "<mark class=\"for-2\" title=\"+0.50\">Good</mark> actors, but a film that is <mark class=\"against-3\" title=\"-1.50\">not</mark> good, number 7",
        "logits divided by 1.250",
        ">truncated by tokenizer words<",
        ">not truncated by tokenizer words<",
    ] {
        assert!(html.contains(part), "{part}");
    }
    let text = |name: &str| {
        fs::read_to_string(artifact.file(name).expect("the file exists")).expect("it is text")
    };
    let value: serde_json::Value = serde_json::from_str(&text("report.json")).expect("JSON");
    assert_eq!(value["models"][1]["name"], "lstm");
    assert!(text("report.md").contains("- Best model: `lstm`, 95.0% accuracy"));
    assert!(text("card-lstm.md").contains("| Accuracy | 95.0% ("));
    assert!(text("models.svg").starts_with("<svg xmlns"));
    let errors = text("likely_label_errors.csv");
    assert!(errors.starts_with("row_id,text,label,prediction,confidence\r\n"));
    assert_eq!(
        Some(errors.lines().count() as u64 - 1),
        value["doubtful"][0].as_u64()
    );
}

#[test]
fn the_best_model_is_chosen_on_validation() {
    let (naive, lstm) = (model(30), model(20));
    let fixture = Fixture::new(
        Model {
            validation: 0.9,
            ..naive
        },
        Model {
            validation: 0.8,
            ..lstm
        },
    );
    let artifact = fixture
        .report(&BaselineOptions::default())
        .expect("all inputs exist");
    let text = |name: &str| {
        fs::read_to_string(artifact.file(name).expect("the file exists")).expect("it is text")
    };
    let metrics: serde_json::Value = serde_json::from_str(&text("metrics.json")).expect("JSON");
    assert_eq!(metrics["best"], "naive");
    assert_eq!(metrics["validation"]["lstm"]["accuracy"], 0.8);
    let summary = &artifact.manifest().run.summary;
    assert!(summary.contains("best model naive: 92.5%"), "{summary}");
    let markdown = text("report.md");
    for part in [
        "- Best model: `naive`, 92.5% accuracy",
        "`naive` was chosen by its accuracy on validation (90.0% of 50 validation reviews), not on the test reviews",
        "`lstm` (95.0%) has a higher test accuracy, but test reviews must not choose a model.",
        "`naive` is significantly less accurate than `lstm` (by 2.5 points, 95% CI ",
        "| **naive** |",
    ] {
        assert!(markdown.contains(part), "{part}\n{markdown}");
    }
    assert!(
        text("card-naive.md").contains("On 50 validation reviews: 90.0% accuracy, the highest")
    );
}

#[test]
fn equal_inputs_give_an_equal_report() {
    let fixture = Fixture::new(model(40), model(44));
    let first = fixture
        .report(&BaselineOptions::default())
        .expect("all inputs exist")
        .identity();
    let second = fixture
        .report(&BaselineOptions::default())
        .expect("all inputs exist")
        .identity();
    assert_eq!(first, second);
}

#[test]
fn models_with_different_test_reviews_are_not_compared() {
    let fixture = Fixture::new(
        model(40),
        Model {
            first_id: 2,
            ..model(40)
        },
    );
    let failure = fixture
        .report(&BaselineOptions::default())
        .expect_err("the rows differ");
    assert_eq!(
        failure.chain(),
        ["The models `naive` and `lstm` were evaluated on different test reviews"]
    );
    assert!(
        failure
            .hint()
            .is_some_and(|hint| hint.contains("ressenti run --only evaluate --force"))
    );
}

#[test]
fn the_error_names_a_damaged_input() {
    let fixture = Fixture::new(model(40), model(40));
    let path = fixture.path("artifacts/evaluate/lstm/predictions.parquet");
    let mut bytes = fs::read(&path).expect("it exists");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("it can be written");
    let failure = fixture
        .report(&BaselineOptions::default())
        .expect_err("a byte is flipped");
    assert!(
        failure.chain()[0].contains("predictions.parquet` is damaged"),
        "{:?}",
        failure.chain()
    );
}

#[test]
fn only_a_significant_loss_fails_against_a_baseline() {
    let earlier = Fixture::new(model(40), model(20));
    let artifact = earlier
        .report(&BaselineOptions::default())
        .expect("all inputs exist");
    let metrics = artifact.file("metrics.json").expect("the file exists");
    let alone = earlier.path("alone.json");
    fs::copy(&metrics, &alone).expect("the disk has space");

    earlier
        .report(&baseline(metrics.clone()))
        .expect("nothing has changed");
    let slightly = Fixture::new(model(41), model(20));
    slightly
        .report(&baseline(metrics.clone()))
        .expect("one review is noise");
    let worse = Fixture::new(model(40), model(32));
    let failure = worse
        .report(&baseline(metrics))
        .expect_err("twelve more errors and none less are significant");
    let message = &failure.chain()[0];
    assert!(
        message.starts_with("1 model is worse than in the baseline"),
        "{message}"
    );
    assert!(
        message
            .replace(" %", "%")
            .contains("`lstm` fell from 95.0% to 92.0% accuracy on 400 test reviews"),
        "{message}"
    );
    assert!(message.contains("paired test"), "{message}");
    worse
        .report(&baseline(alone))
        .expect("without the predictions such a loss is not significant");
    let missing = worse
        .report(&baseline(earlier.path("nowhere.json")))
        .expect_err("there is no baseline");
    assert!(missing.chain()[0].contains("nowhere.json"));
}

#[test]
fn a_profile_of_another_form_is_an_error() {
    let mut fixture = Fixture::new(model(40), model(40));
    fixture.profile = r#"{"format": 2}"#;
    fixture.pipeline = Pipeline::load(
        &fixture.path("pipeline.toml"),
        &["clean.html=false".parse().expect("an override")],
    )
    .expect("the pipeline is fine");
    fixture.build(model(40), model(40));
    let failure = fixture
        .report(&BaselineOptions::default())
        .expect_err("the profile says nothing");
    assert!(
        failure.chain()[0].ends_with("profile.json` does not have the form that its stage writes"),
        "{:?}",
        failure.chain()
    );
}
