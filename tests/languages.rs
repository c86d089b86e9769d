//! Reviews in languages that a model has not learned are counted by `predict` and `trend`.

use std::fs;

use serde_json::{Value, json};
use testkit::{Project, tiny_pipeline};

use crate::common::succeed;

const GERMAN: &str = "Dieser Film hat mir gar nicht gefallen, denn die Geschichte war viel zu lang";

/// A review in English that is long enough to be identified.
fn english(row: usize) -> String {
    let word = ["terrible", "wonderful"][row % 2];
    format!(
        "Number {row} is a {word} film, and the story was the reason that we liked to talk about"
    )
}

#[test]
fn predict_and_trend_count_reviews_in_languages_that_the_model_has_not_learned() {
    let pipeline =
        tiny_pipeline().to_owned() + "\n[model.linear]\nkind = \"linear\"\ntokenizer = \"words\"\n";
    let row = |row| {
        format!(
            "{},{}\n",
            english(row).replace(',', ";"),
            ["neg", "pos"][row % 2]
        )
    };
    let reviews = "text,label\n".to_owned() + &(0..400).map(row).collect::<String>();
    let project = Project::with_reviews(&pipeline, &reviews);
    succeed(&project, &["run", "--variant", "linear"]);
    let model = fs::read_to_string(project.artifacts().join("train/linear/model.json"));
    let model: Value = serde_json::from_str(&model.expect("a bundle")).expect("JSON");
    assert_eq!(model["languages"], json!(["English"]));

    // 40 of 400 reviews of four months are in German.
    let mut rows = "date,text\n".to_owned();
    for row in 0..400 {
        let text = match row % 10 {
            0 => format!("{GERMAN} {row}"),
            _ => english(row),
        };
        rows += &format!("2024-0{}-{:02},\"{text}\"\n", 1 + row / 100, 1 + row % 28);
    }
    fs::write(project.folder().join("new.csv"), rows).expect("written");
    let expected = "40 of 400 reviews examined (10.0%) are in German, which the model has not learned; \
                    predictions for them may be wrong";
    let model = ["--model", "linear"];
    let predict = [
        &["predict", "--input", "new.csv", "--output", "out.csv"],
        &model[..],
    ]
    .concat();
    let screen = succeed(&project, &predict);
    assert!(
        screen.stderr.contains(&format!("warning: {expected}")),
        "{}",
        screen.stderr
    );
    let trend = [&["trend", "new.csv"], &model[..]].concat();
    let screen = succeed(&project, &trend);
    assert!(
        screen.stdout.contains(&format!("Warning: {expected}.")),
        "{}",
        screen.stdout
    );
    let screen = succeed(&project, &[&trend[..], &["--format", "json"]].concat());
    let trend: Value = serde_json::from_str(&screen.stdout).expect("JSON");
    assert_eq!(trend["language_warning"], expected);
    assert_eq!(
        trend["languages"],
        json!({ "reviews": { "English": 360, "German": 40 }, "learned": ["English"] })
    );

    // Texts of the command line; a short one has no known language.
    let screen = succeed(&project, &[&["predict", GERMAN], &model[..]].concat());
    assert!(
        screen
            .stderr
            .contains("warning: 1 of 1 review examined (100.0%) is in German"),
        "{}",
        screen.stderr
    );
    let english = english(1);
    for text in ["Schlecht", english.as_str()] {
        let screen = succeed(&project, &[&["predict", text], &model[..]].concat());
        assert!(!screen.stderr.contains("warning"), "{}", screen.stderr);
    }
}
