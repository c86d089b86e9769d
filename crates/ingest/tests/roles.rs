//! Tests of detected column roles, and of the notes about ambiguous columns.

#![allow(missing_docs)]

mod common;

use std::process::{Command, Output};

use common::{Project, roles};
use serde_json::Value;

fn run(project: &Project, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ressenti-ingest"))
        .args(["inspect"].iter().chain(arguments))
        .current_dir(project.path(""))
        .output()
        .expect("the program starts")
}

/// The output of `inspect --json` for a file with this content.
fn inspect(name: &str, content: &str) -> Value {
    let project = Project::new();
    project.write(name, content);
    let output = run(&project, &["--json", name]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The error message of `inspect`.
fn inspect_error(project: &Project, path: &str) -> String {
    let output = run(project, &[path]);
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    errors.replace(&project.path("").display().to_string(), "")
}

fn notes(inspection: &Value) -> Vec<String> {
    let text = |note: &Value| {
        let lines = note["lines"].as_str();
        let lines = lines.map_or_else(String::new, |lines| format!(" | {lines}"));
        note["text"].as_str().expect("a text").to_owned() + &lines
    };
    let notes = inspection["notes"].as_array().expect("notes");
    notes.iter().map(text).collect()
}

fn table(header: &str, count: usize, row: impl Fn(usize) -> String) -> String {
    let rows: Vec<String> = (0..count).map(row).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

const OPINION: &str = "was something to think about";

#[test]
fn a_yes_no_column_is_a_label_only_by_its_name() {
    let check = |name: &str, values: [&str; 2], expected: &[&str]| {
        let content = table(&format!("text,{name}"), 20, |n| {
            format!("film {n} {OPINION},{}", values[n % 2])
        });
        let inspection = inspect("x.csv", &content);
        assert_eq!(roles(&inspection), expected, "{name} {values:?}");
    };
    let only_text: &[&str] = &["text=text"];
    for name in ["verified", "verified_purchase", "is_spoiler", "Is edited"] {
        for values in [
            ["true", "false"],
            ["True", "False"],
            ["yes", "no"],
            ["1", "0"],
            ["t", "f"],
            ["y", "n"],
        ] {
            check(name, values, only_text);
        }
    }
    check(
        "recommended",
        ["true", "false"],
        &["text=text", "label=recommended"],
    );
    check(
        "is_recommended",
        ["True", "False"],
        &["text=text", "label=is_recommended"],
    );
    check("voted_up", ["yes", "no"], &["text=text", "label=voted_up"]);
    check("label", ["1", "0"], &["text=text", "label=label"]);
    // Sentiment words need no known column name.
    check(
        "opinion",
        ["positive", "negative"],
        &["text=text", "label=opinion"],
    );
    check(
        "tomato",
        ["fresh", "rotten"],
        &["text=text", "label=tomato"],
    );
}

#[test]
fn ratings_take_precedence_over_possible_labels() {
    let amazon: String = (0..50)
        .map(|n| {
            format!(
                "{{\"rating\": {}.0, \"title\": \"t{n}\", \"text\": \"It {OPINION} {n}\", \"parent_asin\": \"B{n}\", \
                 \"timestamp\": {}, \"helpful_vote\": 0, \"verified_purchase\": {}}}\n",
                1 + n % 5,
                1_588_687_728_923_i64 + n,
                n % 5 != 0
            )
        })
        .collect();
    let inspection = inspect("amazon.jsonl", &amazon);
    assert_eq!(
        roles(&inspection),
        ["rating=rating", "text=text", "timestamp=timestamp"]
    );
    assert_eq!(inspection["rating"]["centre"], 3.0);
    assert_eq!(inspection["labels"]["negative"], 20);

    let beside = |name: &str, value: fn(usize) -> String| {
        let content = table(&format!("text,condition,{name}"), 40, |n| {
            format!("film {n} {OPINION},{},{}", ["good", "bad"][n % 2], value(n))
        });
        roles(&inspect("x.csv", &content))
    };
    let stars = beside("stars", |n| (1 + n % 5).to_string());
    assert_eq!(stars, ["text=text", "rating=stars"]);
    let unknown_values = beside("sentiment", |n| ["positif", "autre"][n % 2].to_owned());
    assert_eq!(unknown_values, ["text=text"]);
    // A score without a known scale does not prevent other labels.
    let votes = beside("score", |n| (n * 37).to_string());
    assert_eq!(votes, ["text=text", "label=condition", "rating=score"]);
}

#[test]
fn only_a_known_scale_gives_labels_and_the_note_names_the_setting() {
    let content = table("review,stars", 70, |n| {
        format!("film {n} {OPINION},{}", 1 + n % 7)
    });
    let inspection = inspect("seven.csv", &content);
    assert_eq!(roles(&inspection), ["text=review", "rating=stars"]);
    assert_eq!(inspection["rating"], Value::Null);
    assert_eq!(inspection["labels"]["positive"], 0);
    assert_eq!(
        notes(&inspection),
        [
            "`stars`: ratings from 1 to 7 (`1` (10 rows), `2` (10 rows), `3` (10 rows), `4` (10 rows), `5` (10 rows), \
             `6` (10 rows), `7` (10 rows)) match no known scale, so they give no labels: set the \
             neutral rating with `--set ingest.rating.centre=NUMBER` | \
             [ingest.rating]\ncentre = 4.0 # the middle of the whole scale, if higher ratings are better\n"
        ]
    );
    let project = Project::new();
    project.write("seven.csv", &content);
    let output = run(
        &project,
        &["--json", "seven.csv", "--set", "ingest.rating.centre=4"],
    );
    let detected: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(detected["labels"]["positive"], 30);
    assert_eq!(notes(&detected), [""; 0]);
    let pasted = detected["ingest"].as_str().expect("a table");
    assert!(
        pasted.contains("[ingest.rating]\ncentre = 4.0\n"),
        "{pasted}"
    );
    let summary = |settings: &str| {
        let done = project.ingest("seven.csv", settings).expect("rows");
        done.summary().to_owned()
    };
    assert_eq!(summary(""), "70 reviews, 70 unlabelled");
    assert_eq!(
        summary("rating = { centre = 4 }"),
        "60 reviews, 30 negative, 30 positive, 10 skipped"
    );
}

#[test]
fn a_rating_outside_the_detected_scale_is_an_error() {
    let project = Project::new();
    // More rows than the sample, which does not contain the row with another rating.
    let ratings = table("review,stars", 21_000, |n| {
        let rating = if n == 15_000 { 6 } else { 1 + n % 5 };
        format!("film {n} {OPINION},{rating}")
    });
    project.write("six.csv", ratings);
    let error = project.ingest("six.csv", "").err().unwrap_or_default();
    assert_eq!(
        error,
        "`six.csv` has the rating 6 on line 15002, but a sample of its rows suggests a scale from 1 to 5: the labels \
         may be wrong | Set the neutral rating with `--set ingest.rating.centre=NUMBER`, or \
         with `centre` in `[ingest.rating]` of the pipeline file"
    );
    assert!(inspect_error(&project, "six.csv").contains("has the rating 6 on line 15002"));
    let detected = project.ingest("six.csv", "rating = { centre = 3 }");
    assert!(detected.is_ok());
}

#[test]
fn equal_ratings_in_the_first_rows_are_not_a_label() {
    let sorted = table("review,rating", 1200, |n| {
        format!("film {n} {OPINION},{}", 1 + n / 1100)
    });
    let inspection = inspect("sorted.csv", &sorted);
    assert_eq!(roles(&inspection), ["text=review", "rating=rating"]);
}

#[test]
fn unknown_labels_are_reported() {
    let unknown_values = |name: &str, values: [&str; 2]| {
        let content = table(&format!("text,{name}"), 10, |n| {
            format!("film {n} {OPINION},{}", values[n % 2])
        });
        notes(&inspect("x.csv", &content))
    };
    assert_eq!(
        unknown_values("sentiment", ["positif", "n\u{e9}gatif"]),
        [
            "`sentiment`: could hold labels: `n\u{e9}gatif` (5 rows), `positif` (5 rows); if this is what they mean, set these \
             lines in the pipeline file | [ingest.columns]\nlabel = \"sentiment\"\n\n\
             [ingest.labels]\npositive = [\"positif\"]\nnegative = [\"n\u{e9}gatif\"]\nunlabelled = []\n"
        ]
    );
    assert_eq!(
        unknown_values("label", ["1.00", "0.00"]),
        [
            "`label`: could hold labels: `0.00` (5 rows), `1.00` (5 rows); if this is what they mean, set these lines in the \
             pipeline file | [ingest.columns]\nlabel = \"label\"\n\n\
             [ingest.labels]\npositive = [\"1.00\"]\nnegative = [\"0.00\"]\nunlabelled = []\n"
        ]
    );
    // The settings in the note work.
    let project = Project::new();
    project.write(
        "x.csv",
        "text,sentiment\na good film,positif\na bad film,n\u{e9}gatif\n",
    );
    let settings = "columns = { text = 'text', label = 'sentiment' }\n\
                    labels = { positive = ['positif'], negative = ['n\u{e9}gatif'] }";
    let done = project.ingest("x.csv", settings).expect("labels");
    assert_eq!(done.summary(), "2 reviews, 1 negative, 1 positive");
    let unknown = project.ingest("x.csv", "columns = { text = 'text', label = 'sentiment' }");
    let error = unknown.err().unwrap_or_default();
    assert!(
        error.contains("[ingest.labels]\npositive = [\"positif\"]"),
        "{error}"
    );
}

#[test]
fn digits_are_a_time_only_in_a_plausible_range() {
    let times = |header: &str, values: &[&str]| -> Vec<String> {
        let project = Project::new();
        let rows: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(n, value)| format!("film {n} {OPINION},{value}"))
            .collect();
        project.write("x.csv", format!("{header}\n{}\n", rows.join("\n")));
        let reviews = project.ingest("x.csv", "").expect("rows").reviews();
        let time = |line: &String| line.split('|').nth(7).unwrap_or_default().to_owned();
        reviews.iter().map(time).collect()
    };
    let none: &[&str] = &["-", "-", "-"];
    assert_eq!(times("text,date", &["5", "1", "5"]), none);
    // Without a known column name, plausible numbers are not times: they may be years of films or ids.
    assert_eq!(times("text,made", &["1984", "1999", "2019"]), none);
    assert_eq!(
        times("text,date", &["20190115", "20200116", "20210117"]),
        ["1547510400000", "1579132800000", "1610841600000"]
    );
    assert_eq!(
        times("text,date", &["2019", "2020", "1970"]),
        ["1546300800000", "1577836800000", "0"]
    );
    assert_eq!(
        times(
            "text,timestamp",
            &["1588687728", "1588687728923", "1588687728923000"]
        ),
        ["1588687728000", "1588687728923", "1588687728923"]
    );
}

#[test]
fn the_order_of_day_and_month_is_detected_or_requested() {
    let dates = |header: &str, values: [&str; 2]| {
        let content = table(header, 20, |n| {
            format!(
                "film {n} {OPINION},{},{}",
                ["pos", "neg"][n % 2],
                values[n % 2]
            )
        });
        inspect("dates.csv", &content)
    };
    for (values, format, first) in [
        (["13.1.2020", "1.2.2020"], "%d.%m.%Y", 1_578_873_600_000_i64),
        (
            ["1/13/20 3:05 PM", "1/2/20 1:00 AM"],
            "%m/%d/%y %I:%M %p",
            1_578_927_900_000,
        ),
    ] {
        let inspection = dates("text,label,date", values);
        assert_eq!(
            roles(&inspection),
            ["text=text", "label=label", "timestamp=date"],
            "{values:?}"
        );
        let pasted = inspection["ingest"].as_str().expect("a table");
        assert!(
            pasted.contains(&format!("format = \"{format}\"")),
            "{pasted}"
        );
        assert_eq!(inspection["rows"][0]["timestamp"], first);
    }
    let ambiguous = dates("text,label,date", ["03/04/2014", "05/06/2014"]);
    assert_eq!(roles(&ambiguous), ["text=text", "label=label"]);
    assert_eq!(
        notes(&ambiguous),
        [
            "`date`: `03/04/2014` is ambiguous: set `--set ingest.timestamp.format=%d/%m/%Y` if the day comes first or \
             `--set ingest.timestamp.format=%m/%d/%Y` if the month comes first, and set \
             `--set ingest.columns.timestamp=date`"
        ]
    );
    let unknown = dates("text,label,date", ["2014 w 3", "2014 w 5"]);
    assert_eq!(
        notes(&unknown),
        [
            "`date`: the values `2014 w 3`, `2014 w 5` cannot be read as dates: set their `strftime` format with \
             `--set ingest.timestamp.format=FORMAT`, and set `--set ingest.columns.timestamp=date`"
        ]
    );
    let serial = dates("text,label,date", ["43466", "43469"]);
    assert_eq!(
        notes(&serial),
        [
            "`date`: the values `43466`, `43469` cannot be read as dates: write dates as 2019-01-31, or as seconds \
             since 1970"
        ]
    );
    let project = Project::new();
    let content = "text,date\na good film,03/04/2014\na bad film,05/06/2014\n";
    project.write("x.csv", content);
    let done = project.ingest("x.csv", "timestamp = { format = '%d/%m/%Y' }");
    let reviews = done.expect("rows").reviews();
    assert!(reviews[0].contains("1396483200000"), "{reviews:?}");
}

#[test]
fn a_column_with_few_groups_is_not_used_unless_it_is_set() {
    let products = |different: usize| {
        table("product_id,product,text,label", 100, |n| {
            format!(
                "{},game {},film {n} {OPINION},{}",
                n % different,
                n % different,
                ["pos", "neg"][n % 2]
            )
        })
    };
    let inspection = inspect("one.csv", &products(1));
    assert_eq!(
        roles(&inspection),
        ["topic=product", "text=text", "label=label"]
    );
    // Too few for a split: there is nothing to advise.
    assert_eq!(notes(&inspection), [""; 0]);
    let few = inspect("few.csv", &products(24));
    assert_eq!(roles(&few), ["topic=product", "text=text", "label=label"]);
    assert!(
        notes(&few)[0]
            .starts_with("`product_id`: not used as the group, because it has only 24 values")
    );
    let enough = inspect("enough.csv", &products(25));
    assert_eq!(
        roles(&enough),
        [
            "group=product_id",
            "topic=product",
            "text=text",
            "label=label"
        ]
    );
    let project = Project::new();
    project.write("one.csv", products(1));
    let named = project.ingest("one.csv", "columns = { group = 'product_id' }");
    let reviews = named.expect("rows").reviews();
    assert_eq!(reviews[0].split('|').nth(5), Some("0"), "{reviews:?}");
    // A topic with few values is not used as the group either.
    let topic = table("product,text,label", 30, |n| {
        format!(
            "game {},film {n} {OPINION},{}",
            n % 3,
            ["pos", "neg"][n % 2]
        )
    });
    let inspection = inspect("topic.csv", &topic);
    assert_eq!(
        roles(&inspection),
        ["topic=product", "text=text", "label=label"]
    );
    assert_eq!(notes(&inspection), [""; 0]);
}

#[test]
fn a_duplicate_column_name_is_replaced_by_its_position() {
    let content = table("text,text,label", 20, |n| {
        format!(
            "film {n} {OPINION} for long,x y z w,{}",
            ["pos", "neg"][n % 2]
        )
    });
    let inspection = inspect("dup.csv", &content);
    let pasted = inspection["ingest"].as_str().expect("a table");
    assert!(pasted.contains("text = 1\n"), "{pasted}");
    assert_eq!(
        notes(&inspection),
        [
            "two columns are named `text`, and column 1 is used as the text; to use the other one, set \
             `--set ingest.columns.text=2`"
        ]
    );
    let project = Project::new();
    project.write("dup.csv", &content);
    let done = project.ingest("dup.csv", "columns = { text = 2, label = 'label' }");
    assert!(done.expect("rows").reviews()[0].contains("x y z w"));
    // In a second file with the same columns, the same position is used.
    project.write("dup2.csv", &content);
    let both = project.ingest("dup*.csv", "columns = { text = 2, label = 'label' }");
    assert!(both.expect("rows").reviews()[25].contains("x y z w"));
}

#[test]
fn folders_and_patterns_without_matches_get_a_hint() {
    let project = Project::new();
    project.write(
        "folder/a.csv",
        "text,label\na good film,pos\na bad film,neg\n",
    );
    let hint = "Name the files in it with a pattern in quotes: 'folder/*.csv'";
    assert!(inspect_error(&project, "folder").contains(hint));
    let error = project.ingest("folder", "").err().unwrap_or_default();
    assert!(error.contains(hint), "{error}");
    let error = inspect_error(&project, "nope*.csv");
    assert!(error.contains("No file matches this pattern"), "{error}");
    assert!(project.ingest("folder/*.csv", "").is_ok());
}

#[test]
fn the_better_name_decides_about_the_text() {
    let content = table("description,review_text,airline_sentiment", 20, |n| {
        format!(
            "a long description of the whole thing that goes on and on {n},film {n} {OPINION},{}",
            ["positive", "negative"][n % 2]
        )
    });
    let inspection = inspect("x.csv", &content);
    assert_eq!(
        roles(&inspection),
        ["text=review_text", "label=airline_sentiment"]
    );
}
