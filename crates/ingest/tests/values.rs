//! Tests of labels, ratings, times and missing values as real exports write them: each is read correctly, or the
//! message states what to set.

#![allow(missing_docs)]

mod common;

use common::{Project, inspect, inspect_text, note, roles};
use serde_json::Value;

/// A table with texts and further columns.
fn table(header: &str, rows: usize, row: impl Fn(usize) -> String) -> String {
    let rows = (0..rows).map(|n| format!("The film {n} was something to think about,{}\n", row(n)));
    format!("text,{header}\n{}", rows.collect::<String>())
}

fn ingest(content: &str, settings: &str) -> Result<common::Ingested, String> {
    let project = Project::new();
    project.write("x.csv", content);
    project.ingest("x.csv", settings)
}

/// A column of the accepted rows, by its index.
fn values(content: &str, settings: &str, column: usize) -> Vec<String> {
    let project = Project::new();
    project.write("x.csv", content);
    let reviews = project.ingest("x.csv", settings).expect("rows").reviews();
    let value = |row: &String| row.split('|').nth(column).unwrap_or_default().to_owned();
    reviews.iter().map(value).collect()
}

const LABELS: [&str; 2] = ["neg", "pos"];

/// The times of rows with these dates, as dates.
fn days(dates: &[&str]) -> Vec<String> {
    let content = table("label,date", 40, |n| {
        format!("{},\"{}\"", LABELS[n % 2], dates[n % dates.len()])
    });
    let times = values(&content, "", 7);
    let day = |time: &String| {
        let seconds = time.parse::<i64>().expect("a time") / 1000;
        chrono::DateTime::from_timestamp(seconds, 0)
            .expect("a time")
            .to_rfc3339()[..10]
            .to_owned()
    };
    times[..dates.len()].iter().map(day).collect()
}

#[test]
fn years_of_two_digits_are_in_this_century() {
    assert_eq!(
        days(&["24/12/23", "05/01/24"]),
        ["2023-12-24", "2024-01-05"]
    );
    assert_eq!(
        days(&["01-Jan-23", "04-Jan-99"]),
        ["2023-01-01", "1999-01-04"]
    );
    let ambiguous = table("label,date", 40, |n| {
        format!("{},0{}/01/23", LABELS[n % 2], 1 + n % 9)
    });
    let found = inspect(&ambiguous);
    assert_eq!(roles(&found), ["text=text", "label=label"]);
    assert_eq!(
        note(&found),
        "`date`: `01/01/23` is ambiguous: set `--set ingest.timestamp.format=%d/%m/%y` if the day comes first or \
         `--set ingest.timestamp.format=%m/%d/%y` if the month comes first, and set \
         `--set ingest.columns.timestamp=date`\n"
    );
}

#[test]
fn a_year_and_a_month_are_a_time() {
    assert_eq!(days(&["2023-05", "2023-06"]), ["2023-05-01", "2023-06-01"]);
    assert_eq!(
        days(&["May 2023", "Juni 2023"]),
        ["2023-05-01", "2023-06-01"]
    );
    assert_eq!(days(&["05/2023"]), ["2023-05-01"]);
}

#[test]
fn a_time_relative_to_an_unknown_day_is_not_a_time() {
    let content = table("label,date", 40, |n| {
        format!("{},{} days ago", LABELS[n % 2], 1 + n % 3)
    });
    let found = inspect(&content);
    assert_eq!(roles(&found), ["text=text", "label=label"]);
    assert_eq!(
        note(&found),
        "`date`: `1 days ago`, `2 days ago`, `3 days ago` cannot be read as a time, because the file does not state when \
         it was written; export the dates instead\n"
    );
}

#[test]
fn dates_that_may_not_be_those_of_the_review_are_reported() {
    let check = |names: &str, expected: &[&str], question: &str| {
        let content = table(&format!("label,{names}"), 40, |n| {
            format!(
                "{},2020-01-0{},2024-02-0{}",
                LABELS[n % 2],
                1 + n % 9,
                1 + n % 9
            )
        });
        let found = inspect(&content);
        assert_eq!(roles(&found)[2..], *expected, "{names}");
        assert_eq!(
            found["notes"][0]["text"].as_str().unwrap_or_default(),
            question
        );
    };
    check(
        "shipped,delivered",
        &["timestamp=shipped"],
        "`shipped`: used as the time of the review; another column has dates too: to use it, set \
         `--set ingest.columns.timestamp=delivered`",
    );
    check("release_date,date", &["timestamp=date"], "");
}

#[test]
fn a_date_that_may_be_a_placeholder_is_reported() {
    let content = table("label,date", 40, |n| {
        let date = if n.is_multiple_of(4) {
            "1800-01-01"
        } else {
            "2024-02-01"
        };
        format!("{},{date}", LABELS[n % 2])
    });
    let expected = "`date`: `1800-01-01` (10 rows) may mean that there is no time: then set \
                    `--set 'ingest.timestamp.missing=[\"1800-01-01\"]'`\n";
    assert_eq!(note(&inspect(&content)), expected);
    let times = values(&content, "timestamp = { missing = ['1800-01-01'] }", 7);
    assert_eq!(times.iter().filter(|time| *time == "-").count(), 10);
}

#[test]
fn a_header_may_have_long_names_and_reviews_may_have_no_text() {
    let header = "Package Name,App Version Code,Review Submit Date and Time,Review Submit Millis Since Epoch,\
                  Review Last Update Date and Time,Star Rating,Review Title,Review Text,Developer Reply Date and Time";
    let row = |n: usize| {
        let text = if n.is_multiple_of(6) {
            ""
        } else {
            "The camera work was touching while it snowed"
        };
        let (day, stars) = (1 + n % 28, [1, 5][n % 2]);
        format!(
            "com.example.app,12,2024-01-{day:02}T00:00:00Z,1704067200000,2024-02-01T00:00:00Z,{stars},,{text},\n"
        )
    };
    let content = format!("{header}\n{}", (0..60).map(row).collect::<String>());
    let found = inspect(&content);
    assert_eq!(
        roles(&found),
        [
            "timestamp=Review Submit Date and Time",
            "rating=Star Rating",
            "text=Review Text"
        ]
    );
    assert_eq!(
        (&found["accepted"], &found["without_text"]),
        (&60.into(), &10.into())
    );
    let done = ingest(&content, "").expect("rows");
    assert_eq!(
        done.summary(),
        "60 reviews, 30 negative, 30 positive, 10 without a text"
    );
}

#[test]
fn marks_of_missing_values_are_missing_in_every_role() {
    let ratings = table("rating", 400, |n| match n {
        200 => "NA".to_owned(),
        n => [1, 5][n % 2].to_string(),
    });
    let done = ingest(&ratings, "").expect("rows");
    assert_eq!(
        done.summary(),
        "400 reviews, 199 negative, 200 positive, 1 unlabelled"
    );
    for mark in ["NA", "N/A", "nan", "NULL", "None", "\\N", "NaT", "-"] {
        let times = table("rating,date", 200, |n| match n % 20 {
            0 => format!("1,{mark}"),
            n => format!("{},2024-01-{n:02}", [1, 5][n % 2]),
        });
        let found = inspect(&times);
        assert_eq!(found["accepted"], 200, "{mark}");
        assert_eq!(found["with_time"], 190, "{mark}");
        let labels = table("label", 40, |n| [mark, "pos", "neg"][n % 3].to_owned());
        let done = ingest(&labels, "").expect("rows");
        assert_eq!(
            done.summary(),
            "40 reviews, 13 negative, 13 positive, 14 unlabelled",
            "{mark}"
        );
    }
    // Beside `+`, `-` is a label.
    let signs = table("label", 40, |n| ["+", "-"][n % 2].to_owned());
    assert!(
        note(&inspect(&signs))
            .ends_with("positive = [\"+\"]\nnegative = [\"-\"]\nunlabelled = []\n")
    );
}

#[test]
fn a_mark_that_is_not_standard_is_named_with_its_setting() {
    let times = table("rating,date", 200, |n| match n % 20 {
        0 => "1,unknown".to_owned(),
        n => format!("{},2024-01-{n:02}", [1, 5][n % 2]),
    });
    let error = ingest(&times, "").err().unwrap_or_default();
    assert!(
        error.ends_with(
            "`unknown` (10 rows) | Fix the values; if they mean that there is no timestamp, set \
             `--set 'ingest.timestamp.missing=[\"unknown\"]'`"
        ),
        "{error}"
    );
    assert!(ingest(&times, "timestamp = { missing = ['unknown'] }").is_ok());
    let ratings = table("rating", 200, |n| match n % 20 {
        0 => "not rated".to_owned(),
        n => [1, 5][n % 2].to_string(),
    });
    let error = ingest(&ratings, "").err().unwrap_or_default();
    assert!(
        error.ends_with("no rating, set `--set 'ingest.missing=[\"not rated\"]'`"),
        "{error}"
    );
    let done = ingest(&ratings, "missing = ['not rated']").expect("rows");
    assert_eq!(
        done.summary(),
        "200 reviews, 90 negative, 100 positive, 10 unlabelled"
    );
}

#[test]
fn candidates_for_labels_are_listed_and_times_with_a_zone_are_read() {
    let content: String = (0..120)
        .map(|n| {
            format!(
                "\"{}\",\"{}\",\"Mon Apr 06 {:02}:00:00 PDT 2009\",\"NO_QUERY\",\"user{n}\",\"The film {n} was dull in the old cinema\"\n",
                [0, 4][n % 2],
                1_000_000 + n,
                n % 24
            )
        })
        .collect();
    let found = inspect(&content);
    assert_eq!(roles(&found), ["timestamp=3", "text=6"]);
    assert_eq!(
        note(&found),
        "column 1: could hold ratings: `0` (60 rows), `4` (60 rows); if higher numbers are better, set these lines in the \
         pipeline file; if lower ones are better, set the column as `label` instead of `rating`, with `labels = { positive = [\"0\"], negative = [\"4\"], unlabelled = [] }` in `[ingest]`\n[ingest.columns]\nrating = 1\n\n[ingest.rating]\ncentre = 2.0 # the middle of the whole scale, if \
         higher ratings are better\n"
    );
    let done = ingest(
        &content,
        "columns = { rating = 1 }\nrating = { centre = 2.0 }",
    )
    .expect("rows");
    assert_eq!(done.summary(), "120 reviews, 60 negative, 60 positive");
}

#[test]
fn numbers_other_than_0_and_1_in_a_label_column_are_ratings() {
    for name in ["label", "sentiment", "target"] {
        let content = table(name, 400, |n| [3, 5, 1, 4, 2][n % 5].to_string());
        let found = inspect(&content);
        assert_eq!(
            roles(&found),
            ["text=text".to_owned(), format!("rating={name}")]
        );
        assert_eq!(
            found["labels"],
            serde_json::json!({"negative": 160, "positive": 160})
        );
        // One star is never positive, not even if a setting names the column as the label.
        let error = ingest(&content, &format!("columns = {{ label = '{name}' }}"));
        let error = error.err().unwrap_or_default();
        assert!(
            error.contains(
                "numbers other than 0 and 1, which are ratings: `1` (80 rows), `2` (80 rows)"
            ),
            "{error}"
        );
        assert!(
            error.contains(&format!("`--set ingest.columns.rating={name}`")),
            "{error}"
        );
    }
    // The name of ratings is preferred.
    let both = table("label,stars", 40, |n| format!("{},{}", n % 3, 1 + n % 5));
    assert_eq!(roles(&inspect(&both)), ["text=text", "rating=stars"]);
}

#[test]
fn ratings_on_an_unknown_scale_are_listed() {
    let found = inspect(&table("label", 100, |n| (n % 5).to_string()));
    assert_eq!(roles(&found), ["text=text", "rating=label"]);
    let expected = "`label`: ratings from 0 to 4 (`0` (20 rows), `1` (20 rows), `2` (20 rows), `3` (20 rows), `4` (20 rows)) \
                    match no known scale, so they give no labels: set the neutral rating with \
                    `--set ingest.rating.centre=NUMBER`; if 0 means that there is no rating, set \
                    `--set 'ingest.missing=[\"0\"]'`\n\
                    [ingest.rating]\ncentre = 2.0 # the middle of the whole scale, if higher ratings are better\n";
    assert_eq!(note(&found), expected);
}

#[test]
fn a_third_class_is_listed_with_a_table_that_works() {
    let content = table("sentiment", 90, |n| {
        ["negative", "neutral", "positive"][n % 3].to_owned()
    });
    let error = ingest(&content, "").err().unwrap_or_default();
    assert_eq!(
        error,
        "30 of 90 rows were rejected, more than `ingest.max_reject_rate` = 0.01 allows; most common reasons: the label is \
         none of the values in `ingest.labels`: `neutral` (30 rows) | `sentiment`: the labels are `negative` (30 rows), \
         `neutral` (30 rows), `positive` (30 rows); if this is what they mean, set these lines in the pipeline file (there \
         are two classes, so neutral reviews are read without a label)\n\n[ingest.columns]\nlabel = \"sentiment\"\n\n\
         [ingest.labels]\npositive = [\"positive\"]\nnegative = [\"negative\"]\nunlabelled = [\"neutral\"]"
    );
    let lines = "[ingest.labels]\npositive = [\"positive\"]\nnegative = [\"negative\"]\nunlabelled = [\"neutral\"]";
    let done = ingest(&content, lines).expect("rows");
    assert_eq!(
        done.summary(),
        "90 reviews, 30 negative, 30 positive, 30 unlabelled"
    );
}

#[test]
fn known_meanings_are_filled_in_whatever_the_column_is_called() {
    let lines = |name: &str, list: &[&str]| {
        let content = table(name, 60, |n| list[n % list.len()].to_owned());
        note(&inspect(&content))
            .split_once('\n')
            .expect("lines")
            .1
            .to_owned()
    };
    let expected = |name: &str, [positive, negative, neutral]: [&str; 3]| {
        format!(
            "[ingest.columns]\nlabel = \"{name}\"\n\n[ingest.labels]\npositive = [{positive}]\nnegative = [{negative}]\n\
             unlabelled = [{neutral}]\n"
        )
    };
    assert_eq!(
        lines("Zufrieden?", &["ja", "nein"]),
        expected("Zufrieden?", ["\"ja\"", "\"nein\"", ""])
    );
    assert_eq!(
        lines("How was it", &["Excellent", "Poor", "Average"]),
        expected("How was it", ["\"Excellent\"", "\"Poor\"", "\"Average\""])
    );
    assert_eq!(
        lines("rating", &["Excellent", "Meh"]),
        expected("rating", ["\"Excellent\"", "", ""])
            + "# add these to one of the lists: \"Meh\"\n"
    );
}

#[test]
fn a_rare_class_is_reported_before_training() {
    let content = table("label", 301, |n| {
        if n == 150 { "negative" } else { "positive" }.to_owned()
    });
    let warning = "only 1 of 301 labels is negative, which is too few to train and to test a model";
    let text = inspect_text(&[], &content);
    assert!(text.contains(warning), "{text}");
    assert!(
        inspect(&content)["imbalance"]
            .as_str()
            .is_some_and(|it| it.starts_with(warning))
    );
}

#[test]
fn ratings_and_times_in_sentences_are_read() {
    let content = table("rating,date", 60, |n| {
        format!(
            "{}.0 out of 5 stars,\"Reviewed in the United States on March {}, 2021\"",
            [1, 5, 4][n % 3],
            1 + n % 28
        )
    });
    let found = inspect(&content);
    assert_eq!(
        roles(&found),
        ["text=text", "rating=rating", "timestamp=date"]
    );
    assert_eq!(
        found["labels"],
        serde_json::json!({"negative": 20, "positive": 40})
    );
    assert_eq!(found["rows"][2]["rating"], 4.0);
    assert_eq!(found["rows"][0]["timestamp"], 1_614_556_800_000_i64);
    // A rating out of another number is on another scale.
    let mixed = content.replacen("1.0 out of 5 stars", "1.0 out of 10 stars", 1);
    assert!(note(&inspect(&mixed)).contains("`1.0 out of 10 stars` (1 row)"));
    for [low, high] in [
        ["1/5", "4/5"],
        ["2 stars", "5 stars"],
        ["\"1,0\"", "\"4,5\""],
        [
            "\u{2605}\u{2606}\u{2606}\u{2606}\u{2606}",
            "\u{2605}\u{2605}\u{2605}\u{2605}\u{2605}",
        ],
    ] {
        let content = table("stars", 20, |n| [low, high][n % 2].to_owned());
        assert_eq!(values(&content, "", 2)[..2], ["0", "1"], "{low}");
    }
}

#[test]
fn inspect_shows_columns_that_a_setting_names() {
    let content = table("comment,label", 40, |n| {
        format!("so it is,{}", LABELS[n % 2])
    });
    let text = inspect_text(&["--set", "ingest.columns.text=comment"], &content);
    assert!(
        text.contains("text (set by `ingest.columns.text`)"),
        "{text}"
    );
    let json = inspect_text(&["--json", "--set", "ingest.columns.label=label"], &content);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        json["columns"][2]["roles"],
        serde_json::json!([{"role": "label", "reason": "set by `ingest.columns.label`"}])
    );
    let stars = table("stars", 40, |n| (1 + n % 5).to_string());
    let text = inspect_text(&["--set", "ingest.rating.centre=4"], &stars);
    assert!(
        text.contains("labels from ratings: above 4 is positive, below 4 is negative"),
        "{text}"
    );
    // A scale and a format of times are also detected for columns that a setting names.
    let content = table("stars,day", 40, |n| {
        format!("{},{}.01.2023", 1 + n % 5, 1 + n % 28)
    });
    let settings = "columns = { text = 'text', rating = 'stars', timestamp = 'day' }";
    assert_eq!(values(&content, settings, 2)[..2], ["0", "0"]);
    assert_eq!(values(&content, settings, 7)[0], "1672531200000");
}

#[test]
fn inspect_states_text_lengths_and_what_the_roles_come_from() {
    let content = table("label", 12_001, |n| LABELS[n % 2].to_owned());
    let text = inspect_text(&[], &content);
    assert!(
        text.contains("Columns (from a sample of 6,000 rows)"),
        "{text}"
    );
    let text = inspect_text(&[], &table("label", 40, |n| LABELS[n % 2].to_owned()));
    assert!(text.contains("Columns (from all 40 rows)"), "{text}");
    assert!(
        text.contains("words per text: median 8, 95% of the texts up to 8, longest 8"),
        "{text}"
    );
    let found = inspect(&table("label", 40, |n| LABELS[n % 2].to_owned()));
    assert_eq!(
        found["words_per_text"],
        serde_json::json!({"median": 8, "p95": 8, "max": 8})
    );
}

#[test]
fn roles_are_not_inferred_from_the_first_rows() {
    // The first 2,000 rows have no time, and only low ratings.
    let content = table("stars,when", 4000, |n| match n {
        ..2000 => format!("{},", 1 + n % 5),
        _ => format!("{},2024-01-0{}", 1 + n % 10, 1 + n % 9),
    });
    let found = inspect(&content);
    assert_eq!(
        roles(&found),
        ["text=text", "rating=stars", "timestamp=when"]
    );
    assert_eq!(found["rating"]["centre"], 5.5);
}
