//! `ressenti trend`: a known change, file formats, labelled reviews, and invalid arguments.

use std::fs;

use metrics::counter_rng::{GOLDEN, mix};
use serde_json::Value;
use testkit::{ProgramOutput, Project, tiny_pipeline};

use crate::common::{call, succeed};

const LINEAR: &str = r#"
[model.linear]
kind = "linear"
tokenizer = "words"
"#;

/// A pseudo-random number from 0 to 1 for an index.
fn pseudo_random(place: u64) -> f64 {
    mix(place.wrapping_add(1).wrapping_mul(GOLDEN)) as f64 / u64::MAX as f64
}

/// A review with one sentiment word, which contradicts the label in about every seventh review.
pub(crate) fn text(row: u64, is_positive: bool, more: &str) -> String {
    let says_so = pseudo_random(3 * row) > 0.15;
    let words = [["bad", "awful"], ["good", "great"]][usize::from(is_positive == says_so)];
    format!(
        "{row} a {} film with {} scenes{more}",
        words[(row / 2 % 2) as usize],
        row * 7 % 31
    )
}

/// A project with 800 labelled reviews, half of them positive, and a linear model.
pub(crate) fn trained_project() -> Project {
    trained_on(None)
}

/// The same with this number of groups, or without groups.
fn trained_on(groups: Option<u64>) -> Project {
    let mut reviews = "review,sentiment,group\n".to_owned();
    for row in 0..800 {
        let label = ["negative", "positive"][(row % 2) as usize];
        let group =
            groups.map_or_else(String::new, |groups| format!("film {}", row * groups / 800));
        reviews += &format!("{},{label},{group}\n", text(row, row % 2 == 1, ""));
    }
    let project = Project::with_reviews(&format!("{}{LINEAR}", tiny_pipeline()), &reviews);
    succeed(&project, &["run", "--variant", "linear"]);
    project
}

/// 24 months of 60 reviews. 20% are positive in the first year and 80% in the second, when some mention a sequel.
pub(crate) fn turning_reviews() -> String {
    let mut rows = "posted,film,review,stars\n".to_owned();
    for month in 0..24_u64 {
        for number in 0..60 {
            let row = 10_000 + month * 60 + number;
            let is_positive = pseudo_random(7 * row + 1) < if month < 12 { 0.2 } else { 0.8 };
            let more = if month >= 12 && number % 3 == 0 {
                " and a sequel"
            } else {
                ""
            };
            let date = format!(
                "{}-{:02}-{:02}",
                2020 + month / 12,
                month % 12 + 1,
                number % 28 + 1
            );
            let film = ["Heat", "Alien"][(row % 2) as usize];
            let stars = if is_positive { "positive" } else { "negative" };
            rows += &format!("{date},{film},{},{stars}\n", text(row, is_positive, more));
        }
    }
    rows
}

pub(crate) fn json(screen: &ProgramOutput) -> Value {
    serde_json::from_str(&screen.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", screen.stdout, screen.stderr))
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn a_change_is_found_with_its_month_size_and_words() {
    let project = trained_project();
    fs::write(project.folder().join("turned.csv"), turning_reviews()).expect("written");
    let all = [
        "trend",
        "turned.csv",
        "--model",
        "linear",
        "--progress",
        "none",
    ];
    let trend = json(&succeed(
        &project,
        &[&all[..], &["--format", "json", "--out", "out"]].concat(),
    ));
    assert_eq!(trend["period"], "month");
    assert_eq!(trend["rows"], 1440);
    let change = &trend["largest_change"];
    assert_eq!(change["label"], "2021-01");
    assert!(number(&change["probability"]) > 0.9, "{change}");
    assert!(
        (number(&change["before"]["value"]) - 0.2).abs() < 0.08,
        "{change}"
    );
    assert!(
        (number(&change["after"]["value"]) - 0.8).abs() < 0.08,
        "{change}"
    );
    let words: Vec<&Value> = change["words"]
        .as_array()
        .expect("words")
        .iter()
        .map(|it| &it["word"])
        .collect();
    assert!(
        words.iter().take(3).any(|word| *word == "sequel"),
        "{words:?}"
    );
    // Both films changed in the same way, and their shares of the reviews did not.
    assert!(number(&change["mix_of_topics"]).abs() < 0.02, "{change}");
    // The estimate is close to the labels of the authors; counting predicted labels is not.
    let judged = &trend["judged"];
    assert!(
        number(&judged["mean_absolute_error"]) < number(&judged["mean_absolute_error_counted"]),
        "{judged}"
    );
    assert!(number(&judged["coverage"]) >= 0.85, "{judged}");
    assert_eq!(trend["forecast"][0]["label"], "2022-01");

    let read =
        |name: &str| fs::read_to_string(project.folder().join("out").join(name)).expect(name);
    let page = read("trend.html");
    for part in [
        "<h1>Share of positive reviews over time: turned.csv</h1>",
        "What changed?",
        "download=\"trend.csv\"",
        "Alien",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script"));
    check_in_browser(&page);
    assert_eq!(
        serde_json::from_str::<Value>(&read("trend.json")).expect("JSON"),
        trend
    );
    assert!(project.folder().join("out/trend.parquet").is_file());

    // A second call gives the same result, one topic gives a part of it, and the default output is a table.
    assert_eq!(
        json(&succeed(
            &project,
            &[&all[..], &["--format", "json"]].concat()
        )),
        trend
    );
    let one = json(&succeed(
        &project,
        &[
            &all[..],
            &["--format", "json", "--topic", "Heat", "--period", "year"],
        ]
        .concat(),
    ));
    assert_eq!(
        (
            one["rows"].as_u64(),
            one["periods"].as_array().map(Vec::len)
        ),
        (Some(720), Some(2))
    );
    let table = succeed(&project, &all);
    for part in [
        "of 1,440 reviews are positive",
        "2021-01",
        "changed",
        "forecast",
        "partially pooled (95% CI)",
    ] {
        assert!(table.stdout.contains(part), "{part}: {}", table.stdout);
    }
}

pub(crate) fn check_in_browser(page: &str) {
    if let Some(browser) = testkit::browser::browser() {
        for is_dark in [false, true] {
            let (problems, _) = testkit::browser::measure_page(&browser, page, is_dark);
            let problems = problems.join("\n");
            assert!(problems.is_empty(), "dark: {is_dark}\n{problems}");
        }
    }
}

#[test]
fn labelled_reviews_are_resampled_by_group_if_there_are_enough_groups() {
    let asked = ["trend", "turned.csv", "--model", "linear"];
    let judged = ["run", "--variant", "linear", "--set"];
    // 40 groups leave too few for validation, and 30 too few for training and validation together.
    for (groups, folds, is_drawn_by_them) in [
        (None, 10, false),
        (Some(30), 10, false),
        (Some(40), 0, false),
        (Some(400), 0, true),
        (Some(400), 10, true),
    ] {
        let project = trained_on(groups);
        fs::write(project.folder().join("turned.csv"), turning_reviews()).expect("written");
        let folded = format!("evaluation.folds={folds}");
        succeed(&project, &[&judged[..], &[&folded]].concat());
        let found = json(&succeed(
            &project,
            &[&asked[..], &["--format", "json", "--progress", "none"]].concat(),
        ));
        let (rows, drawn) = (&found["labelled"], &found["labelled_groups"]);
        assert_eq!(drawn.is_u64(), is_drawn_by_them, "{groups:?}: {drawn}");
        let said = succeed(&project, &asked).stdout;
        let groups = match drawn.as_u64() {
            // Each group has two reviews.
            Some(drawn) => {
                assert_eq!(rows.as_u64(), Some(2 * drawn));
                format!(" in {drawn} groups")
            }
            None => String::new(),
        };
        let of_training = found["labelled_cross_fitted"].as_u64().expect("a number");
        assert_eq!(of_training > 300, folds > 0, "{of_training}");
        let folds = match of_training {
            0 => String::new(),
            rows => format!(
                "; {rows} of them are training reviews, each predicted by a model that was not trained on it (cross-fitting)"
            ),
        };
        let sentence = format!("come from {rows} labelled reviews{groups}{folds}.");
        assert!(said.contains(&sentence), "{sentence} {said}");
    }
}

#[test]
fn a_bundle_needs_labelled_reviews_for_its_error_rates() {
    let project = trained_project();
    fs::write(project.folder().join("turned.csv"), turning_reviews()).expect("written");
    let bundle = [
        "trend",
        "turned.csv",
        "--bundle",
        "artifacts/train/linear",
        "--format",
        "json",
    ];
    let alone = call(&project, &bundle);
    assert_eq!(alone.code, Some(2), "{}", alone.stderr);
    assert!(
        alone
            .stderr
            .contains("hint: Calibrate on labelled reviews with `--calibrate-on 300`"),
        "{}",
        alone.stderr
    );
    let adapted = json(&succeed(
        &project,
        &[&bundle[..], &["--calibrate-on", "200"]].concat(),
    ));
    assert_eq!(
        (adapted["rows"].as_u64(), adapted["labelled"].as_u64()),
        (Some(1240), Some(200))
    );
    let other = json(&succeed(
        &project,
        &[&bundle[..], &["--labelled", "reviews.csv"]].concat(),
    ));
    assert_eq!(
        (other["rows"].as_u64(), other["labelled"].as_u64()),
        (Some(1440), Some(800))
    );
    for trend in [&adapted, &other] {
        assert!(
            (number(&trend["overall"]["value"]) - 0.5).abs() < 0.1,
            "{}",
            trend["overall"]
        );
    }
}

#[test]
fn labels_of_authors_do_not_change_the_trend() {
    let project = trained_project();
    // Every third review has the middle rating, and one rating is invalid.
    let (mut rated, mut plain) = ("date,text,stars\n".to_owned(), "date,text\n".to_owned());
    for row in 0..240_u64 {
        let (date, text) = (
            format!("2020-{:02}-15", row % 6 + 1),
            text(20_000 + row, row % 3 > 0, ""),
        );
        let stars = if row == 7 {
            "many".to_owned()
        } else {
            (1 + row % 3 * 2).to_string()
        };
        rated += &format!("{date},{text},{stars}\n");
        plain += &format!("{date},{text}\n");
    }
    let of = |name: &str, table: &str, more: &[&str]| {
        fs::write(project.folder().join(name), table).expect("written");
        let all = ["trend", name, "--model", "linear", "--format", "json"];
        json(&succeed(&project, &[&all[..], more].concat()))
    };
    let with = of(
        "rated.csv",
        &rated,
        &[
            "--set",
            "ingest.columns.rating=stars",
            "--set",
            "ingest.rating.centre=3",
            "--set",
            "ingest.columns.text=text",
            "--set",
            "ingest.columns.timestamp=date",
        ],
    );
    let without = of("plain.csv", &plain, &[]);
    assert_eq!(with["rows"], 240);
    assert_eq!(with["overall"], without["overall"]);
    // Labels are only used to check the estimate: two thirds of the reviews have one.
    assert_eq!(with["judged"]["rows"], 160);
}

#[test]
fn training_reviews_are_skipped_and_another_domain_has_no_estimate() {
    let project = trained_project();
    let trend = |texts: &dyn Fn(u64) -> String| {
        let row = |row| format!("2020-{:02}-15,{},{}\n", row % 6 + 1, texts(row), row % 2);
        let table: String = (0..800).map(row).collect();
        let table = "date,text,label\n".to_owned() + &table;
        fs::write(project.folder().join("dated.csv"), table).expect("written");
        let all = [
            "trend",
            "dated.csv",
            "--model",
            "linear",
            "--format",
            "json",
        ];
        json(&succeed(&project, &all))
    };
    let same = trend(&|row| text(row, row % 2 == 1, ""));
    let skipped = same["training_rows"].as_u64().expect("a number");
    assert!(skipped > 400 && same["rows"] == 800 - skipped, "{same}");
    assert!(same["warning"].is_null(), "{}", same["warning"]);
    let other = trend(&|row| {
        let verdict = ["bad", "good"][(row % 2) as usize];
        format!("{row} my order arrived and the phone is {verdict} value")
    });
    let warning = other["warning"].as_str().expect("another domain");
    assert!(
        warning.contains("cannot be estimated") && warning.contains("`--calibrate-on 300`"),
        "{warning}"
    );
    assert!(
        other["overall"].is_null() && other["periods"][0]["level"].is_null(),
        "{other}"
    );
    assert_eq!(
        other["overall_author_labels"],
        serde_json::json!([0.5, 800])
    );
}

#[test]
fn two_periods_show_a_change_and_one_period_shows_none() {
    let project = trained_project();
    let table = |years: &[(u64, u64)]| {
        let mut table = "date,text\n".to_owned();
        for (year, positives) in years {
            for row in 0..300 {
                let text = text(year * 1000 + row, row % 10 < *positives, "");
                table += &format!("{year}-06-15,{text}\n");
            }
        }
        fs::write(project.folder().join("years.csv"), table).expect("written");
        let all = [
            "trend",
            "years.csv",
            "--model",
            "linear",
            "--period",
            "year",
        ];
        let said = succeed(&project, &all).stdout;
        (
            said,
            json(&succeed(
                &project,
                &[&all[..], &["--format", "json"]].concat(),
            )),
        )
    };
    let (said, trend) = table(&[(2019, 2), (2020, 8)]);
    assert!(
        said.contains("The smoothed trend rose by ") && said.contains(" points from 2019 to 2020 "),
        "{said}"
    );
    assert!(number(&trend["model"]["rise"]["low"]) > 0.3, "{trend}");
    assert!(number(&trend["periods"][1]["change"]) > 0.9, "{trend}");
    let (said, _) = table(&[(2019, 2)]);
    assert!(!said.contains("The smoothed trend"), "{said}");
}

#[test]
fn invalid_arguments_are_refused_with_a_hint() {
    let project = trained_project();
    let write =
        |name: &str, text: &str| fs::write(project.folder().join(name), text).expect("written");
    write(
        "undated.csv",
        "review,sentiment\na good film,positive\na bad film,negative\n",
    );
    write("turned.csv", &turning_reviews());
    write("broken.parquet", "PAR1 and nothing else");
    let refused = |arguments: &[&str], said: &[&str]| {
        let screen = call(
            &project,
            &[&["trend", "--model", "linear"], arguments].concat(),
        );
        assert_ne!(screen.code, Some(0), "{arguments:?}: {}", screen.stdout);
        assert!(!screen.stderr.contains("panicked"), "{}", screen.stderr);
        for said in said {
            assert!(
                screen.stderr.contains(said),
                "{arguments:?}: {said}: {}",
                screen.stderr
            );
        }
    };
    refused(
        &["undated.csv"],
        &[
            "No time was found in 2 reviews",
            "hint: `ressenti inspect FILE`",
        ],
    );
    refused(&["nothing.csv"], &["nothing.csv"]);
    refused(&["broken.parquet"], &["broken.parquet"]);
    refused(
        &["turned.csv", "--topic", "Jaws"],
        &[
            "No review about `Jaws` was found in 1,440 reviews; the most common topics are `Alien`, `Heat`",
            "ingest.columns.topic",
        ],
    );
    refused(
        &["turned.csv", "--calibrate-on", "100000"],
        &["100,000 labelled reviews were requested for calibration, but only 1,440 are available"],
    );
    refused(
        &["turned.csv", "--calibrate-on", "1440"],
        &[
            "none are left for the trend",
            "hint: Use a smaller number in `--calibrate-on N`",
        ],
    );
    let heat = ["turned.csv", "--topic", "Heat", "--topic", "Jaws"];
    let said = succeed(
        &project,
        &[&["trend", "--model", "linear"], &heat[..]].concat(),
    );
    assert!(
        said.stdout
            .contains("No review with a time is about `Jaws`."),
        "{}",
        said.stdout
    );
    refused(
        &["turned.csv", "--calibrate-on", "3"],
        &["at least 5 of each class are needed"],
    );
    refused(
        &["turned.csv", "--confidence", "2"],
        &["a confidence level is from 0.5 to 0.999"],
    );
    refused(
        &["turned.csv", "--labelled", "undated.csv"],
        &["Failed to learn the model's error rates from `undated.csv`"],
    );
}
