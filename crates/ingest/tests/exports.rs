//! Tests of exports of different tools: their columns are detected, and the suggested settings work.

#![allow(missing_docs)]

mod common;

use std::fmt::Write;
use std::process::Command;

use common::{Project, gzip, roles};
use serde_json::Value;
use settings::IngestSettings;

/// Roles and columns found by `inspect`, as `role=column` in the order of the columns.
fn inspect(project: &Project, name: &str) -> (Vec<String>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_ressenti-ingest"))
        .args(["inspect", "--json", name])
        .current_dir(project.path(""))
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let inspection: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    (roles(&inspection), inspection)
}

fn check(name: &str, content: impl AsRef<[u8]>, expected: &[&str], labels: [u64; 2]) {
    let project = Project::new();
    project.write(name, content);
    let (roles, inspection) = inspect(&project, name);
    assert_eq!(roles, expected, "{name}");
    let found = [
        &inspection["labels"]["negative"],
        &inspection["labels"]["positive"],
    ]
    .map(|count| count.as_u64());
    assert_eq!(found, labels.map(Some), "{name}");

    // The suggested settings give the same rows as the detection.
    let proposed: toml::Table =
        toml::from_str(inspection["ingest"].as_str().expect("a table")).expect("TOML");
    let settings: IngestSettings = proposed["ingest"].clone().try_into().expect("settings");
    assert!(settings.columns.text.is_some());
    let detected = project
        .ingest(name, "max_reject_rate = 1.0")
        .expect(name)
        .reviews();
    let mut lines = proposed["ingest"].as_table().expect("a table").clone();
    lines.remove("source");
    lines.insert("max_reject_rate".to_owned(), 1.0.into());
    let pasted = project.ingest(name, &inline(&lines)).expect(name).reviews();
    assert_eq!(detected, pasted, "{name}");
}

/// Formats a table as lines of `key = value`.
fn inline(table: &toml::Table) -> String {
    table.iter().fold(String::new(), |mut lines, (key, value)| {
        writeln!(lines, "{key} = {value}").expect("a string takes text");
        lines
    })
}

fn rows(count: usize, row: impl Fn(usize) -> String) -> String {
    (0..count).map(row).collect()
}

const OPINION: &str = "was something that I had to think about for a while";

#[test]
fn the_kaggle_file() {
    let row = |n| {
        format!(
            "\"The film {n}, <br />\"\"so\"\", {OPINION}\",{}\n",
            ["negative", "positive"][n % 2]
        )
    };
    check(
        "IMDB Dataset.csv",
        "review,sentiment\n".to_owned() + &rows(30, row),
        &["text=review", "label=sentiment"],
        [15, 15],
    );
}

#[test]
fn critics_with_a_verdict() {
    let row = |n| {
        format!(
            "Critic {n},{},0{},Paper,It {OPINION} {n},2001-0{}-11,{},Film {}\n",
            ["fresh", "rotten", "none"][n % 3],
            114_709 + n % 25,
            1 + n % 9,
            9559 + n % 25,
            n % 25
        )
    };
    check(
        "critics.csv.gz",
        gzip(
            ("critic,fresh,imdb,publication,quote,review_date,rtid,title\n".to_owned()
                + &rows(75, row))
                .as_bytes(),
        ),
        &[
            "label=fresh",
            "group=imdb",
            "text=quote",
            "timestamp=review_date",
            "topic=title",
        ],
        [25, 25],
    );
}

#[test]
fn games_with_a_recommendation() {
    let row = |n| {
        format!(
            "578080,GAME,2018-07-{:02},{},{}.5,{},0,\"It, too, {OPINION}\"\n",
            1 + n % 28,
            ["recommended", "not_recommended"][n % 2],
            n,
            n % 3
        )
    };
    check(
        "steam.csv",
        "product_id,product,date,rating,hours_played,helpful_votes,funny_votes,text\n".to_owned()
            + &rows(40, row),
        &[
            "topic=product",
            "timestamp=date",
            "label=rating",
            "text=text",
        ],
        [20, 20],
    );
}

#[test]
fn a_headerless_table_with_tabs() {
    let row = |n: usize| {
        format!(
            "{}\t{}\tIt \"really {OPINION} {n}\n",
            n + 1,
            [-2.5, 1.75, 3.0][n % 3]
        )
    };
    check(
        "ratings.tsv",
        rows(60, row),
        &["rating=2", "text=3"],
        [20, 40],
    );
}

#[test]
fn nested_json() {
    let row = |n| {
        format!(
            "{{\"id\": \"r{n}\", \"review\": {{\"text\": \"It {OPINION} {n}\", \"stars\": {}}}, \"film\": {{\"title\": \"F{}\"}}, \
             \"created_at\": \"2014-06-01T12:34:56+02:00\"}}\n",
            1 + n % 10,
            n % 25
        )
    };
    check(
        "nested.jsonl",
        rows(50, row),
        &[
            "id=id",
            "text=review.text",
            "rating=review.stars",
            "topic=film.title",
            "group=film.title",
            "timestamp=created_at",
        ],
        [20, 20],
    );
}

#[test]
fn shops_and_places() {
    let row = |n| {
        format!(
            "{{\"reviewerID\": \"A{n}\", \"asin\": \"B{}\", \"reviewText\": \"It {OPINION} {n}\", \"overall\": {}.0, \"summary\": \
             \"Two words\", \"unixReviewTime\": {}}}\n",
            n % 25,
            1 + n % 5,
            1_400_000_000 + n
        )
    };
    check(
        "amazon.json",
        rows(50, row),
        &[
            "group=asin",
            "text=reviewText",
            "rating=overall",
            "timestamp=unixReviewTime",
        ],
        [20, 20],
    );
    let row = |n| {
        format!(
            "{}{{\"stars\": {}, \"text\": \"It {OPINION} {n}\", \"date\": \"2017-01-02 10:20:30\"}}",
            if n == 0 { "" } else { ",\n" },
            1 + n % 5
        )
    };
    check(
        "places.json",
        format!("[{}]\n", rows(50, row)),
        &["rating=stars", "text=text", "timestamp=date"],
        [20, 20],
    );
}

#[test]
fn a_spreadsheet_in_another_encoding_with_semicolons() {
    let row = |n| {
        format!(
            "{n};It {OPINION}, caf\u{e9} \u{201c}x\u{201d} {n};{}\r\n",
            ["pos", "neg"][n % 2]
        )
    };
    let text = "Index;Comment;Polarity\r\n".to_owned() + &rows(40, row);
    let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(&text);
    let expected = ["id=Index", "text=Comment", "label=Polarity"];
    check("export.csv", bytes, &expected, [20, 20]);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(
        "export.txt",
        [b"\xff\xfe".to_vec(), wide].concat(),
        &expected,
        [20, 20],
    );
}

#[test]
fn files_with_the_same_columns_are_read_together_and_others_are_refused() {
    let project = Project::new();
    let part = |n: usize| rows(5, |row| format!("It {OPINION} {n} {row},{}\n", row % 2));
    project.write("parts/b.csv", "text,label\n".to_owned() + &part(2));
    project.write("parts/a.csv", "text,label\n".to_owned() + &part(1));
    let found = project.ingest("parts/*.csv", "").expect("both").reviews();
    assert_eq!(found.len(), 10);
    assert!(
        found[0].contains("a.csv:2") && found[9].contains("b.csv:6"),
        "{found:?}"
    );
    project.write("parts/c.csv", "label,stars\n1,x\n");
    assert_eq!(
        project.ingest("parts/*.csv", "").err().unwrap_or_default(),
        "The columns of `parts/c.csv` differ from those of the first file | Read only files with the same columns together: \
         the first file has `text`, `label`, this file has `label`, `stars`"
    );
}
