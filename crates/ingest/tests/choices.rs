//! Tests of columns that are not used without a question, because nothing shows what they mean.

#![allow(missing_docs)]

mod common;

use common::{Project, inspect, inspect_text, note, roles};

/// A table of 40 reviews with more columns.
fn table(columns: &str, values: impl Fn(usize) -> String) -> String {
    let row = |n| format!("film {n} was something to think about,{}\n", values(n));
    let rows: String = (0..40).map(row).collect();
    format!("review,{columns}\n{rows}")
}

#[test]
fn labels_beside_ratings_or_other_labels_are_asked() {
    let check = |columns: &str, values: [&str; 2], expected: &[&str]| {
        let content = table(columns, |n| values[n % 2].to_owned());
        assert_eq!(roles(&inspect(&content)), expected, "{columns}");
    };
    check(
        "stars,ai_sentiment",
        ["5,negative", "1,positive"],
        &["text=review"],
    );
    check(
        "label,sentiment",
        ["0,positive", "1,negative"],
        &["text=review"],
    );
    // Few labels are not a second column of labels.
    let content = table("sentiment,sentiment_gold", |n| match n {
        0 => "positive,positive".to_owned(),
        _ => format!("{},", ["positive", "negative"][n % 2]),
    });
    let expected = ["text=review", "label=sentiment"];
    assert_eq!(roles(&inspect(&content)), expected);
    let content = table("stars,label", |n| {
        format!("{},{}", ["5", "1"][n % 2], n / 2 % 2)
    });
    let questions = inspect_text(&[], &content);
    assert!(questions.contains("rating = \"stars\""), "{questions}");
    assert!(questions.contains("label = \"label\""), "{questions}");
}

#[test]
fn a_named_rating_replaces_labels() {
    let content = table("stars,label", |n| {
        format!("{},{}", ["5", "1"][n % 2], n / 2 % 2)
    });
    let text = inspect_text(&["--set", "ingest.columns.rating=stars"], &content);
    assert!(
        text.contains("rating = \"stars\"") && !text.contains("label = "),
        "{text}"
    );
    let text = inspect_text(&["--set", "ingest.columns.label=label"], &content);
    assert!(text.contains("label = \"label\""), "{text}");
}

#[test]
fn the_fields_of_a_feed_are_no_labels() {
    let entry = |n: usize| {
        format!(
            "{{\"im:rating\": {{\"label\": \"{}\"}}, \"content\": {{\"label\": \"It was something to think about {n}\"}}, \
             \"im:voteCount\": {{\"label\": \"{}\"}}}}\n",
            1 + n % 5,
            n % 2
        )
    };
    let project = Project::new();
    project.write("x.jsonl", (0..40).map(entry).collect::<String>());
    let found = project.ingest("x.jsonl", "").expect("reviews");
    assert_eq!(
        found.summary(),
        "32 reviews, 16 negative, 16 positive, 8 skipped"
    );
}

#[test]
fn flags_of_unknown_or_negative_names_get_no_meaning() {
    for (name, values) in [
        ("negative", ["1", "0"]),
        ("has_complaint", ["yes", "no"]),
        ("label_negative", ["true", "false"]),
        ("not_recommended", ["yes", "no"]),
    ] {
        let inspection = inspect(&table(name, |n| values[n % 2].to_owned()));
        assert_eq!(roles(&inspection), ["text=review"], "{name}");
        let note = note(&inspection);
        assert!(note.contains("positive = []\nnegative = []\n"), "{note}");
    }
}

#[test]
fn predictions_are_not_labels_of_authors() {
    let predicted = table("label,confidence,p_negative,p_positive", |n| {
        [
            format!("positive,0.9,0.1,0.9{n}"),
            format!("negative,0.8,0.8{n},0.2"),
        ][n % 2]
            .clone()
    });
    let inspection = inspect(&predicted);
    assert_eq!(roles(&inspection), ["text=review"]);
    assert_eq!(inspection["notes"], serde_json::json!([]));
}

#[test]
fn school_marks_are_asked_with_the_lines_for_1_as_the_best() {
    for (name, most) in [("Note", 5), ("Schulnote", 6), ("grade", 5)] {
        let inspection = inspect(&table(name, |n| (1 + n % most).to_string()));
        assert_eq!(roles(&inspection), ["text=review"], "{name}");
        let expected = match most {
            5 => "positive = [\"1\", \"2\"]\nnegative = [\"4\", \"5\"]\nunlabelled = [\"3\"]\n",
            _ => {
                "positive = [\"1\", \"2\", \"3\"]\nnegative = [\"4\", \"5\", \"6\"]\nunlabelled = []\n"
            }
        };
        assert!(
            note(&inspection).contains(expected),
            "{}",
            note(&inspection)
        );
    }
}

#[test]
fn a_reply_is_never_the_text() {
    let content = "Headline,Stars,Company reply text\n".to_owned()
        + &"I like this film a lot,5,Thank you so much for your long and kind words\n".repeat(9);
    assert_eq!(roles(&inspect(&content)), ["text=Headline", "rating=Stars"]);
}

#[test]
fn another_column_of_texts_is_named() {
    let content = table("Cons", |n| format!("but {n} was too long for me"));
    let note = note(&inspect(&content.replacen("review", "Pros", 1)));
    assert!(
        note.starts_with("`Pros`: used as the text; `Cons` has texts too"),
        "{note}"
    );
    assert!(note.contains("`--set ingest.columns.text=Cons`"), "{note}");
}

#[test]
fn the_centre_of_0_to_10_is_shown_and_recommendations_are_asked() {
    let scores = inspect(&table("score", |n| (n % 11).to_string()));
    assert_eq!(scores["rating"]["centre"], 5.0);
    let shown = note(&scores);
    assert!(
        shown.contains("above 5.5 is positive, below 4.5 is negative"),
        "{shown}"
    );
    for name in ["NPS", "nps score", "How likely are you to recommend us?"] {
        let inspection = inspect(&table(name, |n| (n % 11).to_string()));
        assert_eq!(roles(&inspection), ["text=review"], "{name}");
        assert!(note(&inspection).contains("centre = 7.5"), "{name}");
    }
}

#[test]
fn people_are_no_topics() {
    let content = table("user.name,product.name", |n| {
        format!("user {},product {}", n % 30, n % 2)
    });
    let found = roles(&inspect(&content));
    assert!(
        found.contains(&"topic=product.name".to_owned()),
        "{found:?}"
    );
    assert!(!found.iter().any(|it| it.contains("user")), "{found:?}");
}

#[test]
fn numbers_of_unknown_direction_show_the_lines_for_both() {
    let name = "How unhappy are you?";
    let note = note(&inspect(&table(name, |n| (1 + n % 5).to_string())));
    let reversed =
        "`labels = { positive = [\"1\", \"2\"], negative = [\"4\", \"5\"], unlabelled = [\"3\"] }`";
    assert!(
        note.contains(reversed) && note.contains("rating = "),
        "{note}"
    );
}
