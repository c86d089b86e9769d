//! `ressenti predict --shards`: the same output as without, whatever is killed, damaged or changed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Project, Screen};

use crate::common::{call, finished, ressenti, succeed};

/// `ressenti predict` of a file by a model that is asked in no time.
fn predict<'a>(input: &'a str, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let start = [
        "predict", "--model", "naive", "--input", input, "--output", output,
    ];
    [&start[..], more].concat()
}

fn write(project: &Project, name: &str, content: impl AsRef<[u8]>) {
    fs::write(project.folder().join(name), content).expect("written");
}

fn read(project: &Project, name: &str) -> Vec<u8> {
    let path = project.folder().join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{error}: {path:?}"))
}

/// What is said of a file, without the speed and the name.
fn said(screen: &Screen) -> &str {
    let line = screen.stdout.trim();
    let end = line.find(" a second; ").unwrap_or(line.len());
    let speed = line[..end].rfind("; ").unwrap_or(end);
    &line[..speed]
}

/// Rows that are hard to cut: quoted line breaks, rows that cannot be read, labels.
fn hard(rows: usize, line_break: &str) -> String {
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
fn shards_give_the_same_bytes_as_a_run_without() {
    let project = finished();
    let objects: Vec<String> = (1..=1500)
        .map(|row| match row % 4 {
            0 => "nonsense".to_owned(),
            _ => format!("{{\"id\": {row}, \"comment\": \"A superb film,\\nnumber {row}\"}}"),
        })
        .collect();
    write(&project, "a.csv", hard(1500, "\r\n"));
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
        ("a.csv.gz", "jsonl", "because it is packed with gzip"),
        ("b.jsonl", "parquet", "1,500 rows in 3 shards of "),
        ("t.parquet", "csv", "1,125 rows in 3 shards of 375"),
    ] {
        let (whole, parts) = (format!("whole.{ending}"), format!("parts.{ending}"));
        let more: &[&str] = match input {
            "t.parquet" => &["--set", "ingest.columns.text=label"],
            _ => &[],
        };
        let one = succeed(&project, &predict(input, &whole, more));
        let more = [more, &["--shards", "3", "--jobs", "2"]].concat();
        let two = succeed(&project, &predict(input, &parts, &more));
        assert!(two.stderr.contains(note), "{input}: {}", two.stderr);
        assert_eq!(said(&one), said(&two).replace("parts", "whole"), "{input}");
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
fn each_verb_is_a_process_and_what_is_damaged_is_computed_again() {
    let project = finished();
    write(&project, "a.csv", hard(40, "\n"));
    succeed(&project, &predict("a.csv", "whole.csv", &[]));
    let verb = |more: &[&str]| call(&project, &predict("a.csv", "parts.csv", more));
    let refused = |more: &[&str], expected: &[&str]| {
        let screen = verb(more);
        assert_ne!(screen.code, Some(0), "{more:?}: {}", screen.stdout);
        for part in expected {
            assert!(screen.stderr.contains(part), "{more:?}: {}", screen.stderr);
        }
    };
    refused(
        &["--shard", "1"],
        &["There is no plan", "--shards N --plan"],
    );
    refused(&["--merge"], &["There is no plan"]);
    refused(&["--plan"], &["--shards"]);
    let planned = verb(&["--shards", "3", "--plan"]);
    assert!(
        planned.stdout.starts_with("40 rows in 3 shards of "),
        "{}",
        planned.stdout
    );
    refused(&["--shard", "4"], &["the plan has 3"]);
    let done = verb(&["--shard", "2"]);
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
        &["`--explain` was another", "--shards N"],
    );
    refused(
        &["--shard", "1", "--model", "lstm"],
        &["one model at a time"],
    );
    for shard in ["3", "1"] {
        assert_eq!(verb(&["--shard", shard]).code, Some(0));
    }
    let again = verb(&["--shard", "1"]);
    assert_eq!(again.stdout, "shard 1 of 3 is finished already\n");
    // A bit of a finished shard is flipped: it is told, and only that shard is computed again.
    let rows = project.folder().join("parts.csv.shards/0002-of-0003/rows");
    let mut bytes = fs::read(&rows).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&rows, bytes).expect("written");
    refused(&["--merge"], &["is damaged: its digest is", "--shard 2`"]);
    let mended = verb(&["--shards", "3"]);
    assert!(
        mended.stderr.contains("shard 2 is computed again")
            && mended.stderr.contains("2 of 3 shards are finished already"),
        "{}",
        mended.stderr
    );
    assert!(read(&project, "whole.csv") == read(&project, "parts.csv"));
    // Without a coordinator, and the input changed in between.
    verb(&["--shards", "2", "--plan"]);
    verb(&["--shard", "1"]);
    write(&project, "a.csv", hard(41, "\n"));
    refused(
        &["--shard", "2"],
        &["the input was changed since", "--shards N"],
    );
    let anew = verb(&["--shards", "2"]);
    assert!(
        anew.stderr
            .contains("the shards of an earlier run are not used: the input was changed"),
        "{}",
        anew.stderr
    );
    assert!(anew.stdout.starts_with("41 rows: "), "{}", anew.stdout);
    // More shards than rows.
    let many = verb(&["--shards", "100", "--plan"]);
    assert!(
        many.stdout.contains("41 rows in 41 shards of 1, "),
        "{}",
        many.stdout
    );
}

/// Reviews in such number that a kill comes in between.
fn many(rows: usize) -> String {
    let row = |row| format!("r{row},\"A film number {row},\nsuperb and awful and dull.\"\n");
    let rows: String = (1..=rows).map(row).collect();
    format!("id,review\n{rows}")
}

/// The processes that the locks of the shards name.
fn processes(folder: &Path) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let locks = entries.filter(|entry| entry.file_name().to_string_lossy().contains("-of-"));
    let locks = locks.filter(|entry| entry.path().extension().is_some_and(|end| end == "lock"));
    let text = locks.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    text.filter_map(|text| text.rsplit(' ').next().and_then(|id| id.parse().ok()))
        .filter(|id| is_alive(*id))
        .collect()
}

/// Whether a process runs, and is not merely not yet waited for.
fn is_alive(process: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat"));
    state.is_ok_and(|state| !state.contains(") Z "))
}

/// Rows that the journals and finished shards in a folder say are done.
fn rows_done(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries
        .flat_map(|entry| ["journal.json", "shard.json"].map(|name| entry.path().join(name)));
    let rows = files.filter_map(|path| {
        let value: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let done = value.get("done").or(value.pointer("/content/done"))?;
        done["rows"].as_u64()
    });
    rows.sum()
}

/// Sends a signal to a process, unless it has ended meanwhile.
fn signal(process: u32, name: &str) {
    let mut kill = Command::new("kill");
    kill.args([name, &process.to_string()])
        .stderr(Stdio::null());
    kill.status().expect("kill is there");
}

/// Waits until something holds, or fails.
#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what} took too long");
        sleep(Duration::from_millis(2));
    }
}

fn start(project: &Project, arguments: &[&str], log: &str) -> Child {
    let log = fs::File::create(project.folder().join(log)).expect("created");
    let mut command = ressenti(project, arguments);
    command.stdout(Stdio::null()).stderr(log);
    command.spawn().expect("it starts")
}

#[test]
fn a_killed_coordinator_or_shard_loses_and_doubles_no_row() {
    let project = finished();
    const ROWS: usize = 120_000;
    write(&project, "many.csv", many(ROWS));
    succeed(&project, &predict("many.csv", "whole.csv", &[]));
    let arguments = predict("many.csv", "parts.csv", &["--shards", "4", "--jobs", "2"]);
    let folder: PathBuf = project.folder().join("parts.csv.shards");
    let mut seen = 0;
    let mut further = || {
        let rows = rows_done(&folder);
        let is_further = rows > seen;
        seen = seen.max(rows);
        is_further
    };
    // The coordinator alone is killed: its processes end as well.
    let mut coordinator = start(&project, &arguments, "log");
    wait_until("a chunk", &mut further);
    let started = processes(&folder);
    assert!(!started.is_empty());
    coordinator.kill().expect("it is killed");
    coordinator.wait().expect("it is gone");
    wait_until("the end of its processes", || processes(&folder).is_empty());
    // A shard is killed as soon as it is at work: it is started again.
    let mut coordinator = start(&project, &arguments, "log");
    let mut at_work = None;
    wait_until("a process", || {
        at_work = processes(&folder).first().copied();
        at_work.is_some()
    });
    signal(at_work.expect("it was waited for"), "-KILL");
    wait_until("the word of it", || {
        String::from_utf8_lossy(&read(&project, "log")).contains("killed by SIGKILL")
    });
    wait_until("a chunk", &mut further);
    // All are killed at once.
    let all = [processes(&folder), vec![coordinator.id()]].concat();
    all.into_iter().for_each(|process| signal(process, "-KILL"));
    coordinator.wait().expect("it is gone");
    // One that had just been started ends because its coordinator did.
    wait_until("the end of its processes", || processes(&folder).is_empty());
    // The last words of a torn write; what is finished was on the disk as a whole.
    let torn = fs::read_dir(&folder).expect("a folder").flatten();
    let torn = torn.filter(|entry| !entry.path().join("shard.json").exists());
    for entry in torn.filter(|entry| entry.path().join("journal.json").exists()) {
        let path = entry.path().join("rows");
        let mut rows = fs::OpenOptions::new()
            .append(true)
            .open(path)
            .expect("it is there");
        rows.write_all(b"12345,r12345,posi").expect("written");
    }
    // Asked to stop, it says how to go on.
    let mut coordinator = start(&project, &arguments, "log");
    // Only by then does it listen; locks may still name those that were killed.
    wait_until("a process", || {
        String::from_utf8_lossy(&read(&project, "log")).contains("with the model in its memory")
            && !processes(&folder).is_empty()
    });
    signal(coordinator.id(), "-TERM");
    let ended = coordinator.wait().expect("it ends");
    let log = String::from_utf8_lossy(&read(&project, "log")).into_owned();
    assert_eq!(ended.code(), Some(130), "{log}");
    assert!(
        log.contains("stopped: asked to; ") && log.contains("goes on where"),
        "{log}"
    );
    wait_until("the end of its processes", || processes(&folder).is_empty());
    let screen = succeed(&project, &arguments);
    assert!(
        screen.stderr.contains("as planned before"),
        "{}",
        screen.stderr
    );
    assert!(
        screen.stderr.contains("of 120,000 rows are done"),
        "{}",
        screen.stderr
    );
    assert!(
        screen.stdout.starts_with("120,000 rows: "),
        "{}",
        screen.stdout
    );
    assert!(
        read(&project, "whole.csv") == read(&project, "parts.csv"),
        "the rows differ"
    );
    assert!(!folder.exists());
}
