//! Runs ingest and clean in a temporary folder, and returns the tables as lines of text.

#![allow(dead_code, reason = "every test binary uses another part of it")]
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests, shared by several of them"
)]

use std::fs;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{SchemaRef, TimestampMillisecondType, UInt8Type, UInt64Type};
use artifact::{Artifact, read_table, schema};
use clean::Clean;
use clean::profile::Profile;
use ingest::Ingest;
use settings::Pipeline;
use stage::NoOptions;
use tempfile::TempDir;
use testkit::run_stage;

/// Columns of the sources of these tests.
pub const INGEST: &str = "header = true\ncolumns = { text = 'text', label = 'label', split = 'split', group = 'group', \
                          timestamp = 'time' }";

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

    /// Ingests rows `text,label,split,group,time` and cleans them. An error is returned as its message,
    /// causes and hint.
    pub fn clean(self, rows: &[String], settings: &str) -> Result<Cleaned, String> {
        let content = format!("text,label,split,group,time\n{}\n", rows.join("\n"));
        self.clean_file(&content, INGEST, settings)
    }

    /// Like [`Project::clean`], for a file with any columns.
    pub fn clean_file(
        self,
        content: &str,
        ingest: &str,
        settings: &str,
    ) -> Result<Cleaned, String> {
        fs::write(self.path("reviews.csv"), content).expect("a file");
        let text = format!(
            "[pipeline]\nname = 'test'\nseed = 7\n[ingest]\nsource = 'reviews.csv'\n{ingest}\n[clean]\n{settings}\n"
        );
        let file = self.path("pipeline.toml");
        fs::write(&file, text).expect("a file");
        let pipeline = Pipeline::load(&file, &[]).map_err(|error| error.to_string())?;
        run_stage::<Ingest>(&pipeline, None, &NoOptions {})?;
        let artifact = run_stage::<Clean>(&pipeline, None, &NoOptions {})?;
        let project = self;
        Ok(Cleaned { artifact, project })
    }
}

pub struct Cleaned {
    pub artifact: Artifact,
    /// Keeps the folder until the artifact has been read.
    pub project: Project,
}

/// A row of `clean.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct CleanRow {
    pub row_id: u64,
    pub text: String,
    pub label: Option<u8>,
    pub split: String,
    pub group: Option<String>,
    pub timestamp: Option<i64>,
}

impl Cleaned {
    fn batches(&self, name: &str, schema: &SchemaRef) -> Vec<RecordBatch> {
        let path = self.artifact.file(name).expect("a whole file");
        read_table(&path, schema)
            .expect("a table of the contract")
            .map(|batch| batch.expect("rows"))
            .collect()
    }

    pub fn rows(&self) -> Vec<CleanRow> {
        let batches = self.batches("clean.parquet", &schema::clean());
        batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| clean_row(batch, row)))
            .collect()
    }

    /// Removed rows: row, reason, the kept row, and an excerpt.
    pub fn removed(&self) -> Vec<String> {
        let batches = self.batches("removed.parquet", &schema::removed());
        let line = |batch: &RecordBatch, row: usize| {
            let text = |column: usize| {
                batch
                    .column(column)
                    .as_string::<i32>()
                    .value(row)
                    .to_owned()
            };
            let number = |column: usize| {
                let column = batch.column(column).as_primitive::<UInt64Type>();
                if column.is_null(row) {
                    "-".to_owned()
                } else {
                    column.value(row).to_string()
                }
            };
            format!(
                "{} {} {} {} | {}",
                number(0),
                text(1),
                number(2),
                text(3),
                text(4)
            )
        };
        batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| line(batch, row)))
            .collect()
    }

    pub fn profile(&self) -> Profile {
        let path = self.artifact.file("profile.json").expect("a whole file");
        serde_json::from_slice(&fs::read(path).expect("a file")).expect("a profile")
    }
}

fn clean_row(batch: &RecordBatch, row: usize) -> CleanRow {
    let text = |column: usize| {
        let column = batch.column(column).as_string::<i32>();
        (!column.is_null(row)).then(|| column.value(row).to_owned())
    };
    let label = batch.column(2).as_primitive::<UInt8Type>();
    let time = batch.column(7).as_primitive::<TimestampMillisecondType>();
    CleanRow {
        row_id: batch.column(0).as_primitive::<UInt64Type>().value(row),
        text: text(1).expect("a text in every row"),
        label: (!label.is_null(row)).then(|| label.value(row)),
        split: text(3).expect("a split in every row"),
        group: text(5),
        timestamp: (!time.is_null(row)).then(|| time.value(row)),
    }
}
