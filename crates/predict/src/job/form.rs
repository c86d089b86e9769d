//! How rows are written: CSV, JSON lines, Parquet.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use artifact::{ArtifactError, TableWriter};
use serde::{Deserialize, Serialize};
use stage::Failure;

use crate::explain::WordWeight;

/// Rows of a batch of the Parquet table.
const BATCH_ROWS: usize = 8192;

/// What is said of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Its number in the input, from 1.
    pub(crate) row: u64,
    /// The input's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) label: String,
    /// That it is positive.
    pub(crate) probability: f32,
    /// The words that mattered most, where they are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<WordWeight>>,
}

impl Line {
    fn words_in_one(&self) -> Option<String> {
        let words = self.words.as_ref()?.iter();
        let parts: Vec<String> = words
            .map(|word| format!("{} {:+.2}", word.word, word.weight))
            .collect();
        Some(parts.join("; "))
    }
}

/// The form of the output, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Csv,
    JsonLines,
    Parquet,
}

impl Form {
    pub(crate) fn of(output: &Path) -> Result<Self, Failure> {
        match output.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::JsonLines),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(Failure::new(format!(
                "The name `{}` does not say how to write the answers",
                output.display()
            ))
            .with_hint("Let it end in `.csv`, `.jsonl` or `.parquet`".to_owned())),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// Lines as bytes of the file under way, which for a Parquet table is one of JSON lines: a table
    /// that was cut off could not be gone on with.
    pub(crate) fn bytes(self, lines: &[Line], is_first: bool, explain: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self == Self::Csv {
            let mut writer = csv::Writer::from_writer(&mut bytes);
            let mut columns = vec!["row", "id", "label", "probability"];
            columns.extend(explain.then_some("words"));
            if is_first {
                writer.write_record(&columns).expect("memory takes it");
            }
            for line in lines {
                let (row, probability) = (line.row.to_string(), line.probability.to_string());
                let words = line.words_in_one();
                let id = line.id.as_deref().unwrap_or_default();
                let fields = [&row, id, &line.label, &probability];
                let fields = fields.into_iter().chain(words.as_deref());
                writer.write_record(fields).expect("memory takes it");
            }
            writer.flush().expect("memory takes it");
            drop(writer);
            return bytes;
        }
        for line in lines {
            serde_json::to_writer(&mut bytes, line).expect("plain data");
            bytes.push(b'\n');
        }
        bytes
    }
}

/// Makes a Parquet table of a file of JSON lines.
pub(crate) fn to_parquet(lines: &Path, table: &Path) -> Result<(), ArtifactError> {
    let failed = |error| ArtifactError::io("read", lines)(error);
    let mut reader = BufReader::new(File::open(lines).map_err(failed)?).lines();
    let mut writer = TableWriter::create(table, schema())?;
    loop {
        let some = reader.by_ref().take(BATCH_ROWS);
        let some: Vec<String> = some.collect::<Result<_, _>>().map_err(failed)?;
        if some.is_empty() {
            break;
        }
        let parse = |line: &String| serde_json::from_str::<Line>(line);
        let some = some.iter().map(parse).collect::<Result<Vec<_>, _>>();
        let some = some.map_err(|error| ArtifactError::Damaged {
            path: lines.to_owned(),
            reason: error.to_string(),
        })?;
        writer.write(&batch(&some).map_err(ArtifactError::table("write", table))?)?;
    }
    writer.finish().map(drop)
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("row", DataType::UInt64, false),
        Field::new("id", DataType::Utf8, true),
        Field::new("label", DataType::Utf8, false),
        Field::new("probability", DataType::Float32, false),
        Field::new("words", DataType::Utf8, true),
    ]))
}

fn batch(lines: &[Line]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let words: Vec<Option<String>> = lines.iter().map(Line::words_in_one).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(
            lines.iter().map(|line| line.row),
        )),
        Arc::new(StringArray::from_iter(
            lines.iter().map(|line| line.id.as_deref()),
        )),
        Arc::new(StringArray::from_iter_values(
            lines.iter().map(|line| &line.label),
        )),
        Arc::new(Float32Array::from_iter_values(
            lines.iter().map(|line| line.probability),
        )),
        Arc::new(StringArray::from_iter(words)),
    ];
    RecordBatch::try_new(schema(), columns)
}
