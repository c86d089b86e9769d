//! From a file of reviews to a report, a prediction and a trend with two commands and no edit.

use std::fs;
use std::process::Command;

use metrics::CounterRng;
use testkit::{ProgramOutput, Project, program};

const GOOD: [&str; 8] = [
    "great",
    "excellent",
    "sturdy",
    "comfortable",
    "lovely",
    "reliable",
    "quiet",
    "handy",
];
const BAD: [&str; 8] = [
    "broken",
    "flimsy",
    "terrible",
    "slow",
    "scratched",
    "noisy",
    "useless",
    "faulty",
];
const ITEMS: [&str; 6] = [
    "kettle", "lamp", "jacket", "blender", "backpack", "keyboard",
];
const FACTS: [&str; 5] = [
    "I bought it for my sister.",
    "The delivery took a week.",
    "It sits on my desk now.",
    "My old one was ten years old.",
    "It came with a cable.",
];

/// A shop's export: stars from 1 to 5, dates over two years, and a sentence or two about each item.
fn export(rows: usize) -> String {
    let (random, mut draws) = (CounterRng::new(7), 0);
    let mut pick = |limit: usize| {
        draws += 1;
        random.index(draws, limit)
    };
    let mut table = "Review ID,Product,Star Rating,Review Text,Review Date\n".to_owned();
    for row in 0..rows {
        let stars = [1, 2, 3, 4, 5, 5][pick(6)];
        let words = if stars > 3 || (stars == 3 && pick(2) == 0) {
            GOOD
        } else {
            BAD
        };
        let (item, one, two, fact) = (
            ITEMS[pick(6)],
            words[pick(8)],
            words[pick(8)],
            FACTS[pick(5)],
        );
        let (year, month, day) = (
            2022 + row * 2 / rows,
            row * 24 / rows % 12 + 1,
            pick(28) + 1,
        );
        table += &format!(
            "R{row},{item},{stars},\"{fact} The {item} is {one}, number {row}, and {two}.\",{year}-{month:02}-{day:02}\n"
        );
    }
    table
}

fn call(project: &Project, arguments: &[&str]) -> ProgramOutput {
    let mut command = Command::new(program("ressenti"));
    command.args(arguments).current_dir(project.folder());
    let command = command.env("RESSENTI_CACHE", project.folder().join("cache"));
    command.output().expect("it starts").into()
}

#[track_caller]
fn succeed(project: &Project, arguments: &[&str]) -> String {
    let output = call(project, arguments);
    assert_eq!(
        output.code,
        Some(0),
        "{arguments:?}\n{}{}",
        output.stdout,
        output.stderr
    );
    output.stdout
}

#[test]
fn two_commands_lead_from_an_export_to_answers() {
    let project = Project::tiny();
    fs::remove_file(project.pipeline_file()).expect("removed");
    fs::write(project.folder().join("shop.csv"), export(2000)).expect("written");
    let screen = succeed(&project, &["new", "shop.csv", "--minutes", "0.05"]);
    assert!(screen.ends_with("Next: `ressenti run`\n"), "{screen}");
    let screen = succeed(&project, &["run"]);
    let end = "report   artifacts/report/reviews/report.html\npredict  ressenti predict 'TEXT'\n\
               trend    ressenti trend shop.csv --out trend\nserve    ressenti serve\n";
    assert!(screen.ends_with(end), "{screen}");
    assert!(
        project
            .artifacts()
            .join("report/reviews/report.html")
            .exists()
    );
    let answer = succeed(&project, &["predict", "The lamp is broken and useless."]);
    assert!(answer.contains("negative"), "{answer}");
    succeed(&project, &["trend", "shop.csv", "--out", "trend"]);
    assert!(project.folder().join("trend/trend.json").exists());
}

#[test]
fn a_file_that_the_pipeline_was_not_made_for_leads_to_new() {
    let project = Project::tiny();
    fs::write(project.folder().join("my shop.csv"), export(60)).expect("written");
    let hint = "`ressenti new 'my shop.csv' --out 'my shop.toml'`";
    let plan = call(&project, &["plan", "--source", "my shop.csv"]);
    assert!(plan.stderr.contains(hint), "{}", plan.stderr);
    let own = call(&project, &["plan", "--source", "reviews.csv"]);
    assert_eq!(own.stderr, "");
    let run = call(
        &project,
        &[
            "run",
            "--source",
            "my shop.csv",
            "--set",
            "ingest.columns.text=nope",
        ],
    );
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stderr.matches(hint).count(), 2, "{}", run.stderr);
}
