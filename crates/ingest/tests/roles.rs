//! What columns are taken for, what is not decided, and what decides it.

#![allow(missing_docs)]

mod common;

use std::process::{Command, Output};

use common::Bench;
use serde_json::Value;

fn run(bench: &Bench, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ressenti-ingest"))
        .arg("inspect")
        .args(arguments)
        .current_dir(bench.path(""))
        .output()
        .expect("the program starts")
}

/// What `inspect` finds in a file of this content.
fn inspect(name: &str, content: &str) -> Value {
    let bench = Bench::new();
    bench.write(name, content);
    let output = run(&bench, &["--json", name]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The error with which `inspect` ends.
fn inspect_error(bench: &Bench, path: &str) -> String {
    let output = run(bench, &[path]);
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    errors.replace(&bench.path("").display().to_string(), "")
}

/// Roles as `role=column`.
fn roles(facts: &Value) -> Vec<String> {
    let columns = facts["columns"].as_array().expect("columns").iter();
    columns
        .flat_map(|column| {
            let name = column["name"].as_str().expect("a name");
            let roles = column["roles"].as_array().expect("roles").iter();
            roles.map(move |role| format!("{}={name}", role["role"].as_str().expect("a role")))
        })
        .collect()
}

fn notes(facts: &Value) -> Vec<String> {
    let notes = facts["notes"].as_array().expect("notes").iter();
    notes
        .map(|note| {
            let lines = note["lines"].as_str();
            let lines = lines.map_or_else(String::new, |lines| format!(" | {lines}"));
            note["text"].as_str().expect("a text").to_owned() + &lines
        })
        .collect()
}

fn table(header: &str, count: usize, row: impl Fn(usize) -> String) -> String {
    let rows: Vec<String> = (0..count).map(row).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

const OPINION: &str = "was something to think about";

#[test]
fn a_column_that_is_true_or_false_is_no_label_unless_its_name_says_so() {
    let check = |name: &str, values: [&str; 2], expected: &[&str]| {
        let content = table(&format!("text,{name}"), 20, |n| {
            format!("film {n} {OPINION},{}", values[n % 2])
        });
        let facts = inspect("x.csv", &content);
        assert_eq!(roles(&facts), expected, "{name} {values:?}");
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
    // Values that speak of sentiment need no name.
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
fn ratings_beat_what_only_looks_like_labels() {
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
    let facts = inspect("amazon.jsonl", &amazon);
    assert_eq!(
        roles(&facts),
        ["rating=rating", "text=text", "timestamp=timestamp"]
    );
    assert_eq!(facts["rating"]["centre"], 3.0);
    assert_eq!(facts["labels"]["negative"], 20);

    let beside = |name: &str, value: fn(usize) -> String| {
        let content = table(&format!("text,condition,{name}"), 40, |n| {
            format!("film {n} {OPINION},{},{}", ["good", "bad"][n % 2], value(n))
        });
        roles(&inspect("x.csv", &content))
    };
    let stars = beside("stars", |n| (1 + n % 5).to_string());
    assert_eq!(stars, ["text=text", "rating=stars"]);
    let foreign = beside("sentiment", |n| ["positif", "autre"][n % 2].to_owned());
    assert_eq!(foreign, ["text=text"]);
    // A score that gives no labels does not stand in the way.
    let votes = beside("score", |n| (n * 37).to_string());
    assert_eq!(votes, ["text=text", "label=condition", "rating=score"]);
}

#[test]
fn only_a_plain_scale_gives_labels_and_the_setting_is_named() {
    let content = table("review,stars", 70, |n| {
        format!("film {n} {OPINION},{}", 1 + n % 7)
    });
    let facts = inspect("seven.csv", &content);
    assert_eq!(roles(&facts), ["text=review", "rating=stars"]);
    assert_eq!(facts["rating"], Value::Null);
    assert_eq!(facts["labels"]["positive"], 0);
    assert_eq!(
        notes(&facts),
        [
            "`stars`: ratings from 1 to 7 are on no scale that is plain, so they give no labels: say which \
             rating is neither good nor bad with `--set ingest.rating.centre=NUMBER` | \
             [ingest.rating]\ncentre = 4.0 # if 1 to 7 is the whole scale\n"
        ]
    );
    let bench = Bench::new();
    bench.write("seven.csv", &content);
    let output = run(
        &bench,
        &["--json", "seven.csv", "--set", "ingest.rating.centre=4"],
    );
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["labels"]["positive"], 30);
    assert_eq!(notes(&told), [""; 0]);
    let pasted = told["ingest"].as_str().expect("a table");
    assert!(
        pasted.contains("[ingest.rating]\ncentre = 4.0\n"),
        "{pasted}"
    );
    let summary = |settings: &str| {
        let done = bench.ingest("seven.csv", settings).expect("rows");
        done.summary().to_owned()
    };
    assert_eq!(summary(""), "70 reviews, 70 unlabelled");
    assert_eq!(
        summary("rating = { centre = 4 }"),
        "60 reviews, 30 negative, 30 positive, 10 set aside"
    );
}

#[test]
fn a_rating_off_the_scale_that_the_first_rows_told_stops_everything() {
    let bench = Bench::new();
    // Ten stars sorted, so that the first thousand rows look like five.
    let sorted = table("review,stars", 2200, |n| {
        format!("film {n} {OPINION},{}", 1 + n / 210)
    });
    bench.write("ten.csv", sorted.replace(",11\n", ",10\n"));
    let error = bench.ingest("ten.csv", "").err().unwrap_or_default();
    assert_eq!(
        error,
        "`ten.csv` has the rating 6 on line 1052, and its first rows told a scale from 1 to 5: every label \
         may be wrong | Say which rating is neither good nor bad with `--set ingest.rating.centre=NUMBER`, or \
         with `centre` in `[ingest.rating]` of the pipeline file"
    );
    assert!(inspect_error(&bench, "ten.csv").contains("has the rating 6 on line 1052"));
    let told = bench.ingest("ten.csv", "rating = { centre = 5.5, dead_zone = 0.5 }");
    assert!(told.is_ok());

    let nought = table("review,stars", 1100, |n| {
        format!(
            "film {n} {OPINION},{}",
            if n == 1050 { 0 } else { 1 + n % 5 }
        )
    });
    bench.write("nought.csv", nought);
    let error = bench.ingest("nought.csv", "").err().unwrap_or_default();
    assert!(error.contains("has the rating 0 on line 1052"), "{error}");
}

#[test]
fn the_first_rows_of_one_star_are_no_label() {
    let sorted = table("review,rating", 1200, |n| {
        format!("film {n} {OPINION},{}", 1 + n / 1100)
    });
    let facts = inspect("sorted.csv", &sorted);
    assert_eq!(roles(&facts), ["text=review", "rating=rating"]);
}

#[test]
fn labels_in_other_words_are_not_dropped_silently() {
    let foreign = |name: &str, values: [&str; 2]| {
        let content = table(&format!("text,{name}"), 10, |n| {
            format!("film {n} {OPINION},{}", values[n % 2])
        });
        notes(&inspect("x.csv", &content))
    };
    assert_eq!(
        foreign("sentiment", ["positif", "n\u{e9}gatif"]),
        [
            "`sentiment`: values `n\u{e9}gatif`, `positif` are no known labels: say what they mean in \
             `[ingest.labels]`, and take them with `--set ingest.columns.label=sentiment` | \
             [ingest.labels]\npositive = [\"positif\"]\nnegative = [\"n\u{e9}gatif\"]\n"
        ]
    );
    assert_eq!(
        foreign("label", ["1.00", "0.00"]),
        [
            "`label`: values `0.00`, `1.00` are no known labels: say what they mean in `[ingest.labels]`, and \
             take them with `--set ingest.columns.label=label` | \
             [ingest.labels]\npositive = [\"1.00\"]\nnegative = [\"0.00\"]\n"
        ]
    );
    for values in [["5 stars", "1 star"], ["4/5", "2/5"]] {
        let found = foreign("stars", values);
        let expected = format!(
            "`stars`: values `{}`, `{}` are no numbers, so they give no labels: say what they mean in \
             `[ingest.labels]`, and take them with `--set ingest.columns.label=stars` | \
             [ingest.labels]\npositive = []\nnegative = []\n# to be placed: \"{}\", \"{}\"\n",
            values[1], values[0], values[1], values[0]
        );
        let swapped = foreign("stars", [values[1], values[0]]);
        assert!(found == [expected] || found == swapped, "{found:?}");
    }
    // What the note says helps.
    let bench = Bench::new();
    bench.write(
        "x.csv",
        "text,sentiment\na good film,positif\na bad film,n\u{e9}gatif\n",
    );
    let settings = "columns = { text = 'text', label = 'sentiment' }\n\
                    labels = { positive = ['positif'], negative = ['n\u{e9}gatif'] }";
    let done = bench.ingest("x.csv", settings).expect("labels");
    assert_eq!(done.summary(), "2 reviews, 1 negative, 1 positive");
    let unknown = bench.ingest("x.csv", "columns = { text = 'text', label = 'sentiment' }");
    let error = unknown.err().unwrap_or_default();
    assert!(error.contains("ingest.labels.positive="), "{error}");
}

#[test]
fn digits_are_a_time_only_where_they_can_be_one() {
    let times = |header: &str, values: &[&str]| -> Vec<String> {
        let bench = Bench::new();
        let rows: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(n, value)| format!("film {n} {OPINION},{value}"))
            .collect();
        bench.write("x.csv", format!("{header}\n{}\n", rows.join("\n")));
        let reviews = bench.ingest("x.csv", "").expect("rows").reviews();
        let time = |line: &String| line.split('|').nth(7).unwrap_or_default().to_owned();
        reviews.iter().map(time).collect()
    };
    let none: &[&str] = &["-", "-", "-"];
    assert_eq!(times("text,date", &["5", "1", "5"]), none);
    // Without names even plausible ones are numbers: years of films, ids.
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
fn the_order_of_day_and_month_is_told_or_asked_for() {
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
        let facts = dates("text,label,date", values);
        assert_eq!(
            roles(&facts),
            ["text=text", "label=label", "timestamp=date"],
            "{values:?}"
        );
        let pasted = facts["ingest"].as_str().expect("a table");
        assert!(
            pasted.contains(&format!("format = \"{format}\"")),
            "{pasted}"
        );
        assert_eq!(facts["rows"][0]["timestamp"], first);
    }
    let open = dates("text,label,date", ["03/04/2014", "05/06/2014"]);
    assert_eq!(roles(&open), ["text=text", "label=label"]);
    assert_eq!(
        notes(&open),
        [
            "`date`: `03/04/2014` can be read in two ways: say where the day stands with \
             `--set ingest.timestamp.format=%d/%m/%Y` or `--set ingest.timestamp.format=%m/%d/%Y`, and take it \
             with `--set ingest.columns.timestamp=date`"
        ]
    );
    let unknown = dates("text,label,date", ["2014 w 3", "2014 w 5"]);
    assert_eq!(
        notes(&unknown),
        [
            "`date`: values `2014 w 3`, `2014 w 5` are dates in no form that is known: name it in the signs of \
             `strftime`, for example `--set ingest.timestamp.format=%d.%m.%Y`, and take it with \
             `--set ingest.columns.timestamp=date`"
        ]
    );
    let serial = dates("text,label,date", ["43466", "43469"]);
    assert_eq!(
        notes(&serial),
        [
            "`date`: values `43466`, `43469` are numbers that are no dates: write days as 2019-01-31, or seconds \
             since 1970"
        ]
    );
    let bench = Bench::new();
    let content = "text,date\na good film,03/04/2014\na bad film,05/06/2014\n";
    bench.write("x.csv", content);
    let done = bench.ingest("x.csv", "timestamp = { format = '%d/%m/%Y' }");
    let reviews = done.expect("rows").reviews();
    assert!(reviews[0].contains("1396483200000"), "{reviews:?}");
}

#[test]
fn few_groups_divide_nothing_unless_they_are_named() {
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
    let facts = inspect("one.csv", &products(1));
    assert_eq!(roles(&facts), ["topic=product", "text=text", "label=label"]);
    assert_eq!(
        notes(&facts),
        [
            "`product_id`: not the group, since 1 different value in the rows looked at is too few to divide by: \
             if there are more, keep the rows of each on one side of the split with \
             `--set ingest.columns.group=product_id`"
        ]
    );
    let few = inspect("few.csv", &products(19));
    assert_eq!(roles(&few), ["topic=product", "text=text", "label=label"]);
    let enough = inspect("enough.csv", &products(20));
    assert_eq!(
        roles(&enough),
        [
            "group=product_id",
            "topic=product",
            "text=text",
            "label=label"
        ]
    );
    let bench = Bench::new();
    bench.write("one.csv", products(1));
    let named = bench.ingest("one.csv", "columns = { group = 'product_id' }");
    let reviews = named.expect("rows").reviews();
    assert_eq!(reviews[0].split('|').nth(5), Some("0"), "{reviews:?}");
    // A topic alone does not group few either.
    let topic = table("product,text,label", 30, |n| {
        format!(
            "game {},film {n} {OPINION},{}",
            n % 3,
            ["pos", "neg"][n % 2]
        )
    });
    let facts = inspect("topic.csv", &topic);
    assert_eq!(roles(&facts), ["topic=product", "text=text", "label=label"]);
    assert!(notes(&facts)[0].starts_with("`product`: not the group, since 3 different values"));
}

#[test]
fn of_two_columns_of_one_name_the_position_is_pasted() {
    let content = table("text,text,label", 20, |n| {
        format!(
            "film {n} {OPINION} for long,x y z w,{}",
            ["pos", "neg"][n % 2]
        )
    });
    let facts = inspect("dup.csv", &content);
    let pasted = facts["ingest"].as_str().expect("a table");
    assert!(pasted.contains("text = 1\n"), "{pasted}");
    assert_eq!(
        notes(&facts),
        [
            "two columns are named `text`: text is column 1; if the other is meant, name its position with \
             `--set ingest.columns.text=2`"
        ]
    );
    let bench = Bench::new();
    bench.write("dup.csv", &content);
    let done = bench.ingest("dup.csv", "columns = { text = 2, label = 'label' }");
    assert!(done.expect("rows").reviews()[0].contains("x y z w"));
    // A second file of the shape has it at the same place.
    bench.write("dup2.csv", &content);
    let both = bench.ingest("dup*.csv", "columns = { text = 2, label = 'label' }");
    assert!(both.expect("rows").reviews()[25].contains("x y z w"));
}

#[test]
fn folders_and_patterns_that_match_nothing_are_hinted_at() {
    let bench = Bench::new();
    bench.write(
        "folder/a.csv",
        "text,label\na good film,pos\na bad film,neg\n",
    );
    let hint = "Name the files in it by a pattern in quotes: 'folder/*.csv'";
    assert!(inspect_error(&bench, "folder").contains(hint));
    let error = bench.ingest("folder", "").err().unwrap_or_default();
    assert!(error.contains(hint), "{error}");
    let error = inspect_error(&bench, "nope*.csv");
    assert!(
        error.contains("No file has a name of this pattern"),
        "{error}"
    );
    assert!(bench.ingest("folder/*.csv", "").is_ok());
}

#[test]
fn the_text_is_told_by_the_better_name() {
    let content = table("description,review_text,airline_sentiment", 20, |n| {
        format!(
            "a long description of the whole thing that goes on and on {n},film {n} {OPINION},{}",
            ["positive", "negative"][n % 2]
        )
    });
    let facts = inspect("x.csv", &content);
    assert_eq!(
        roles(&facts),
        ["text=review_text", "label=airline_sentiment"]
    );
}
