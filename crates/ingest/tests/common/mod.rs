//! Runs ingest in a temporary folder, and returns its tables as lines of text.

#![allow(dead_code, reason = "every test binary uses another part of it")]
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests, shared by several of them"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, TimestampMillisecondType, UInt8Type, UInt64Type};
use artifact::{Artifact, StageName, read_table, schema};
use flate2::Compression;
use flate2::write::GzEncoder;
use ingest::Ingest;
use serde_json::Value;
use settings::Pipeline;
use stage::{NoOptions, Progress, ProgressMode};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// A temporary folder for sources, a pipeline file and artifacts.
pub struct Project {
    folder: TempDir,
}

impl Project {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        path
    }

    /// Ingests a source in this folder with further lines of `[ingest]`. An error is returned as its message,
    /// causes and hint.
    pub fn ingest(&self, source: &str, settings: &str) -> Result<Ingested, String> {
        self.run(&format!("source = '{source}'\n{settings}"))
    }

    pub fn run(&self, settings: &str) -> Result<Ingested, String> {
        let file = self.write(
            "pipeline.toml",
            format!("[pipeline]\nname = 'test'\n[ingest]\n{settings}\n"),
        );
        let pipeline = Pipeline::load(&file, &[]).map_err(|error| error.to_string())?;
        let step = pipeline
            .step(StageName::Ingest, None)
            .map_err(|error| error.to_string())?;
        let progress = Progress::new(ProgressMode::None, step.id.clone());
        let done = stage::execute::<Ingest>(&pipeline, step, true, progress, &NoOptions {});
        let folder = self.folder.path().display().to_string() + "/";
        let text = |failure: artifact::Failure| {
            let hint = failure
                .hint()
                .map(|hint| format!(" | {hint}"))
                .unwrap_or_default();
            (failure.chain().join(": ") + &hint).replace(&folder, "")
        };
        done.map(|(_, artifact)| Ingested { artifact })
            .map_err(text)
    }
}

/// The output of ingest.
pub struct Ingested {
    pub artifact: Artifact,
}

impl Ingested {
    fn batches(&self, name: &str, schema: &arrow::datatypes::SchemaRef) -> Vec<RecordBatch> {
        let path = self.artifact.file(name).expect("a whole file");
        read_table(&path, schema)
            .expect("a table")
            .map(|batch| batch.expect("rows"))
            .collect()
    }

    /// Accepted rows: id, text, label, split, rating, group, topic, timestamp and source, with `-`
    /// for null.
    pub fn reviews(&self) -> Vec<String> {
        let batches = self.batches("reviews.parquet", &schema::reviews());
        batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| review_line(batch, row)))
            .collect()
    }

    /// Rejected and skipped rows: source, line, kind, reason and excerpt.
    pub fn rejected(&self) -> Vec<String> {
        let batches = self.batches("rejected.parquet", &schema::rejected());
        batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| rejected_line(batch, row)))
            .collect()
    }

    pub fn summary(&self) -> &str {
        &self.artifact.manifest().run.summary
    }
}

fn review_line(batch: &RecordBatch, row: usize) -> String {
    let text = |column: usize| {
        let column = batch.column(column).as_string::<i32>();
        if column.is_null(row) {
            "-".to_owned()
        } else {
            column.value(row).to_owned()
        }
    };
    let or_null = |column: usize, value: String| {
        if batch.column(column).is_null(row) {
            "-".to_owned()
        } else {
            value
        }
    };
    [
        batch
            .column(0)
            .as_primitive::<UInt64Type>()
            .value(row)
            .to_string(),
        text(1),
        or_null(
            2,
            batch
                .column(2)
                .as_primitive::<UInt8Type>()
                .value(row)
                .to_string(),
        ),
        text(3),
        or_null(
            4,
            batch
                .column(4)
                .as_primitive::<Float32Type>()
                .value(row)
                .to_string(),
        ),
        text(5),
        text(6),
        or_null(
            7,
            batch
                .column(7)
                .as_primitive::<TimestampMillisecondType>()
                .value(row)
                .to_string(),
        ),
        text(8),
    ]
    .join("|")
}

fn rejected_line(batch: &RecordBatch, row: usize) -> String {
    let text = |column: usize| {
        batch
            .column(column)
            .as_string::<i32>()
            .value(row)
            .to_owned()
    };
    let line = batch.column(1).as_primitive::<UInt64Type>().value(row);
    format!("{}:{line} {}: {} | {}", text(0), text(2), text(3), text(4))
}

/// Standard output of `inspect` with these arguments before the file, for a file with this content.
pub fn inspect_text(arguments: &[&str], content: &str) -> String {
    let project = Project::new();
    project.write("x.csv", content);
    let output = Command::new(env!("CARGO_BIN_EXE_ressenti-ingest"))
        .arg("inspect")
        .args(arguments)
        .arg("x.csv")
        .env("NO_COLOR", "1")
        .current_dir(project.path(""))
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

pub fn inspect(content: &str) -> Value {
    serde_json::from_str(&inspect_text(&["--json"], content)).expect("JSON")
}

/// Roles as `role=column`.
pub fn roles(inspection: &Value) -> Vec<String> {
    let columns = inspection["columns"].as_array().expect("columns").iter();
    let roles = columns.flat_map(|column| {
        let name = column["name"].as_str().expect("a name");
        let roles = column["roles"].as_array().expect("roles").iter();
        roles.map(move |role| format!("{}={name}", role["role"].as_str().expect("a role")))
    });
    roles.collect()
}

/// The only note: its text and lines.
pub fn note(inspection: &Value) -> String {
    let notes = inspection["notes"].as_array().expect("notes");
    assert_eq!(notes.len(), 1, "{notes:?}");
    let lines = notes[0]["lines"].as_str().unwrap_or_default();
    format!("{}\n{lines}", notes[0]["text"].as_str().expect("a text"))
}

/// A member of an archive.
pub enum Member<'a> {
    File(&'a str, &'a [u8]),
    /// A symbolic link to a target.
    Link(&'a str, &'a str),
    /// A hard link to another member.
    HardLink(&'a str, &'a str),
}

/// Creates a tar archive. Unsafe paths are written unchanged.
pub fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for member in members {
        let (path, kind, target, content): (&str, EntryType, &str, &[u8]) = match *member {
            Member::File(path, content) => (path, EntryType::Regular, "", content),
            Member::Link(path, target) => (path, EntryType::Symlink, target, b""),
            Member::HardLink(path, target) => (path, EntryType::Link, target, b""),
        };
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let old = header.as_old_mut();
        old.name[..path.len()].copy_from_slice(path.as_bytes());
        old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        builder.append(&header, content).expect("memory");
    }
    builder.into_inner().expect("memory")
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// All files below a folder, as relative path and content.
pub fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(current) = pending.pop() {
        for entry in fs::read_dir(&current).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let inside = path
                    .strip_prefix(folder)
                    .expect("inside")
                    .to_str()
                    .expect("plain names")
                    .to_owned();
                files.push((inside, fs::read(&path).expect("a file")));
            }
        }
    }
    files.sort();
    files
}
