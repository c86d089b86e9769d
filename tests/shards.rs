//! `ressenti predict` with `--plan`, `--shard` and `--merge`: the output equals that of one process, also after
//! kills, damage and changes of the input.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{ProgramOutput, Project};

use crate::common::{call, finished, ressenti, succeed};

/// Arguments of `ressenti predict` with a fast model.
fn predict<'a>(input: &'a str, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let start = [
        "predict", "--model", "naive", "--input", input, "--output", output,
    ];
    let start = [&start[..], &["--set", "ingest.max_reject_rate=0.5"]].concat();
    [&start[..], more].concat()
}

fn write(project: &Project, name: &str, content: impl AsRef<[u8]>) {
    fs::write(project.folder().join(name), content).expect("written");
}

fn read(project: &Project, name: &str) -> Vec<u8> {
    let path = project.folder().join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{error}: {path:?}"))
}

/// The summary line without the speed and the file name.
fn summary(screen: &ProgramOutput) -> &str {
    let line = screen.stdout.rsplit_once("; `").expect("a name").0;
    match line.strip_suffix(" rows per second") {
        Some(line) => line.rsplit_once("; ").expect("a speed").0,
        None => line,
    }
}

/// Rows that are difficult to split: quoted line breaks, invalid rows, labels.
fn difficult_rows(rows: usize, line_break: &str) -> String {
    let mut text = format!("\u{feff}id,comment,label{line_break}");
    for row in 1..=rows {
        text.push_str(&match row % 5 {
            0 => format!("r{row}"),
            1 => format!("r{row},\"A superb film,{line_break}of {row} \"\"parts\"\".\",pos"),
            2 => format!("r{row},<br />,neg"),
            _ => format!("r{row},An awful film number {row}.,neg{line_break}"),
        });
        text.push_str(if row < rows { line_break } else { "" });
    }
    text
}

#[test]
fn shards_give_the_same_bytes_as_one_process() {
    let project = finished();
    let objects: Vec<String> = (1..=1500)
        .map(|row| match row % 4 {
            0 => "nonsense".to_owned(),
            _ => format!("{{\"id\": {row}, \"comment\": \"A superb film,\\nnumber {row}\"}}"),
        })
        .collect();
    write(&project, "a.csv", difficult_rows(1500, "\r\n"));
    write(&project, "b.jsonl", objects.join("\n"));
    let zip = Command::new("gzip")
        .args(["-k", "a.csv"])
        .current_dir(project.folder())
        .status();
    assert!(zip.expect("gzip is there").success());
    // A table as input.
    succeed(
        &project,
        &predict("b.jsonl", "t.parquet", &["--set", "run.threads=1"]),
    );
    for (input, ending, note) in [
        ("a.csv", "csv", "1,500 rows in 3 shards of "),
        ("a.csv.gz", "jsonl", "1,500 rows in 3 shards of "),
        ("b.jsonl", "parquet", "1,500 rows in 3 shards of "),
        ("t.parquet", "csv", "1,125 rows in 3 shards of 375"),
    ] {
        let (whole, parts) = (format!("whole.{ending}"), format!("parts.{ending}"));
        let more: &[&str] = match input {
            "t.parquet" => &["--set", "ingest.columns.text=label"],
            _ => &[],
        };
        let one = succeed(&project, &predict(input, &whole, more));
        let step = |own: &[&str]| {
            let more = [more, own].concat();
            succeed(&project, &predict(input, &parts, &more))
        };
        let planned = step(&["--shards", "3", "--plan"]);
        assert!(planned.stdout.contains(note), "{input}: {}", planned.stdout);
        for shard in ["3", "1", "2"] {
            step(&["--shard", shard]);
        }
        let two = step(&["--merge"]);
        let expected = summary(&one).replace("whole", "parts");
        assert_eq!(summary(&two), expected, "{input}");
        assert!(read(&project, &whole) == read(&project, &parts), "{input}");
        if input != "t.parquet" {
            let aside = |name: &str| read(&project, &format!("{name}.{ending}.rejected.jsonl"));
            assert!(aside("whole") == aside("parts"), "{input}");
            assert!(!aside("parts").is_empty(), "{input}");
        }
        assert!(!project.folder().join(format!("{parts}.shards")).exists());
    }
}

#[test]
fn damaged_shards_are_computed_again() {
    let project = finished();
    write(&project, "a.csv", difficult_rows(40, "\n"));
    succeed(&project, &predict("a.csv", "whole.csv", &[]));
    let step = |more: &[&str]| call(&project, &predict("a.csv", "parts.csv", more));
    let refused = |more: &[&str], expected: &[&str]| {
        let screen = step(more);
        assert_ne!(screen.code, Some(0), "{more:?}: {}", screen.stdout);
        for part in expected {
            assert!(screen.stderr.contains(part), "{more:?}: {}", screen.stderr);
        }
    };
    refused(
        &["--shard", "1"],
        &["Found no plan of shards", "--shards N --plan"],
    );
    refused(&["--merge"], &["Found no plan of shards"]);
    refused(&["--plan"], &["--shards"]);
    for more in [&["--shards", "3"][..], &["--shards", "3", "--detach"]] {
        refused(more, &["needs a cluster", "without `--shards`", "--plan"]);
        assert_eq!(step(more).code, Some(2));
    }
    let planned = step(&["--shards", "3", "--plan"]);
    assert!(
        planned.stdout.starts_with("40 rows in 3 shards of "),
        "{}",
        planned.stdout
    );
    refused(&["--shard", "4"], &["the plan has 3"]);
    let done = step(&["--shard", "2"]);
    assert!(
        done.stdout.starts_with("shard 2 of 3: "),
        "{}{}",
        done.stdout,
        done.stderr
    );
    refused(
        &["--merge"],
        &["2 of 3 shards are not finished: 1, 3", "--shard K"],
    );
    refused(
        &["--shard", "1", "--explain"],
        &["`--explain` changed", "--shards N"],
    );
    refused(
        &["--shard", "1", "--model", "lstm"],
        &["one model at a time"],
    );
    for shard in ["3", "1"] {
        assert_eq!(step(&["--shard", shard]).code, Some(0));
    }
    let again = step(&["--shard", "1"]);
    assert_eq!(again.stdout, "shard 1 of 3 is already finished\n");
    // A damaged shard is reported, and only that shard is computed again.
    let rows = project.folder().join("parts.csv.shards/0002-of-0003/rows");
    let mut bytes = fs::read(&rows).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&rows, bytes).expect("written");
    refused(&["--merge"], &["is damaged: its digest is", "--shard 2`"]);
    let repaired = step(&["--shard", "2"]);
    assert!(
        repaired.stderr.contains("the shard is predicted again"),
        "{}",
        repaired.stderr
    );
    assert_eq!(step(&["--merge"]).code, Some(0));
    assert!(read(&project, "whole.csv") == read(&project, "parts.csv"));
    // The input is changed after the plan.
    step(&["--shards", "2", "--plan"]);
    step(&["--shard", "1"]);
    write(&project, "a.csv", difficult_rows(41, "\n"));
    refused(
        &["--shard", "2"],
        &["the input was modified", "--shards N --plan"],
    );
    let anew = step(&["--shards", "2", "--plan"]);
    assert!(
        anew.stderr
            .contains("the plan of an earlier run is not used: the input was modified"),
        "{}",
        anew.stderr
    );
    assert!(
        anew.stdout.starts_with("41 rows in 2 shards of "),
        "{}",
        anew.stdout
    );
    // More shards than rows.
    let many = step(&["--shards", "100", "--plan"]);
    assert!(
        many.stdout.contains("41 rows in 41 shards of 1 row "),
        "{}",
        many.stdout
    );
}

/// Enough reviews for a kill in the middle of a shard.
fn many_reviews(rows: usize) -> String {
    let row = |row| format!("r{row},\"A film number {row},\nsuperb and awful and dull.\"\n");
    let rows: String = (1..=rows).map(row).collect();
    format!("id,review\n{rows}")
}

/// The number of finished rows in the journal.
fn rows_done(folder: &Path) -> u64 {
    let journal = fs::read(folder.join("journal.json")).unwrap_or_default();
    let journal: Value = serde_json::from_slice(&journal).unwrap_or_default();
    journal["counts"]["rows"].as_u64().unwrap_or(0)
}

/// Starts a process, waits until it has finished more rows, sends a signal, and returns its output.
fn run_and_signal(
    project: &Project,
    arguments: &[&str],
    work: &Path,
    signal: &str,
) -> ProgramOutput {
    let before = rows_done(work);
    let mut command = ressenti(project, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let end = Instant::now() + Duration::from_secs(60);
    while rows_done(work) <= before {
        assert!(Instant::now() < end, "no chunk was written");
        sleep(Duration::from_millis(2));
    }
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill is there").success());
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn a_killed_shard_has_no_lost_or_duplicate_rows() {
    let project = finished();
    write(&project, "many.csv", many_reviews(120_000));
    succeed(&project, &predict("many.csv", "whole.csv", &[]));
    let step = |more: &[&str]| succeed(&project, &predict("many.csv", "parts.csv", more));
    step(&["--shards", "2", "--plan"]);
    let first = predict("many.csv", "parts.csv", &["--shard", "1"]);
    let folder = project.folder().join("parts.csv.shards");
    let work = folder.join("0001-of-0002.partial");
    let killed = run_and_signal(&project, &first, &work, "-KILL");
    assert_eq!(killed.code, None, "{}", killed.stderr);
    // An incomplete row at the end of the file.
    let rows = fs::OpenOptions::new().append(true).open(work.join("rows"));
    let mut rows = rows.expect("it is there");
    rows.write_all(b"12345,r12345,posi").expect("written");
    let stopped = run_and_signal(&project, &first, &work, "-TERM");
    assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
    assert!(
        stopped.stderr.contains("stopped: ") && stopped.stderr.contains("rows are saved"),
        "{}",
        stopped.stderr
    );
    let resumed = step(&["--shard", "1"]);
    assert!(
        resumed.stderr.contains("resuming after "),
        "{}",
        resumed.stderr
    );
    step(&["--shard", "2"]);
    let merged = step(&["--merge"]);
    assert!(
        merged.stdout.starts_with("120,000 rows: "),
        "{}",
        merged.stdout
    );
    assert!(
        read(&project, "whole.csv") == read(&project, "parts.csv"),
        "the rows differ"
    );
    assert!(!folder.exists());
}
