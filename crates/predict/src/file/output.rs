//! The rows of the output as CSV, JSON Lines or Parquet.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;
use artifact::{ArtifactError, Failure, TableWriter};
use serde::{Deserialize, Serialize};

use bundle::{Probabilities, WordWeight};

/// Largest batch of the Parquet table, in rows and bytes: no column of a batch may exceed 2 GiB.
const MAX_BATCH: (usize, usize) = (8192, 64 << 20);

/// Columns of every output; `words` only with `--explain`.
const ANSWER_COLUMNS: [&str; 7] = [
    "row",
    "id",
    "label",
    "confidence",
    "p_negative",
    "p_positive",
    "words",
];

/// The prediction of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutputRow {
    /// Number of the row in the input, from 1.
    pub(crate) row: u64,
    /// Value of the input's id column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) label: String,
    #[serde(flatten)]
    pub(crate) probabilities: Probabilities,
    /// The most influential words, with `--explain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<WordWeight>>,
    /// Values of the kept input columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) kept: Vec<String>,
}

/// The columns of an output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Columns {
    /// Whether the output has the column `words`.
    pub(crate) words: bool,
    /// Names of the kept input columns in the output, without repetition.
    kept: Vec<String>,
}

impl Columns {
    /// The columns of an output that keeps input columns of these names. The name of an answer column becomes
    /// `input_NAME`; a repeated or empty name gets the column's position.
    pub(crate) fn new(words: bool, names: Vec<String>) -> Self {
        let mut kept: Vec<String> = Vec::with_capacity(names.len());
        for (index, name) in names.into_iter().enumerate() {
            let mut name = match name.as_str() {
                taken if ANSWER_COLUMNS.contains(&taken) => format!("input_{taken}"),
                "" => format!("column_{}", index + 1),
                _ => name,
            };
            while kept.contains(&name) {
                name = format!("{name}_{}", index + 1);
            }
            kept.push(name);
        }
        Self { words, kept }
    }

    /// Appends a row as a JSON object with a member for each column; empty fields are null.
    fn write(&self, row: &OutputRow, bytes: &mut Vec<u8>) {
        let mut answer = row.clone();
        answer.kept.clear();
        serde_json::to_writer(&mut *bytes, &answer).expect("plain data");
        // Removes the closing brace: kept columns follow the answer columns, in their order.
        bytes.pop();
        for (name, value) in self.kept.iter().zip(&row.kept) {
            bytes.push(b',');
            serde_json::to_writer(&mut *bytes, name).expect("plain data");
            bytes.push(b':');
            let value = Some(value).filter(|value| !value.is_empty());
            serde_json::to_writer(&mut *bytes, &value).expect("plain data");
        }
        bytes.extend_from_slice(b"}\n");
    }

    /// Rows as a table.
    fn to_batch(&self, rows: &[OutputRow]) -> Result<RecordBatch, ArrowError> {
        let row = UInt64Array::from_iter_values(rows.iter().map(|row| row.row));
        let id: StringArray = rows.iter().map(|row| row.id.as_deref()).collect();
        let label = StringArray::from_iter_values(rows.iter().map(|row| &row.label));
        let floats = |value: fn(&Probabilities) -> f32| {
            let values = rows.iter().map(|row| value(&row.probabilities));
            Arc::new(Float32Array::from_iter_values(values))
        };
        let words: StringArray = rows.iter().map(OutputRow::format_words).collect();
        let mut columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("row", Arc::new(row), false),
            ("id", Arc::new(id), true),
            ("label", Arc::new(label), false),
            ("confidence", floats(|it| it.confidence), false),
            ("p_negative", floats(|it| it.p_negative), false),
            ("p_positive", floats(|it| it.p_positive), false),
            ("words", Arc::new(words), true),
        ];
        for (index, name) in self.kept.iter().enumerate() {
            let value = |row: &OutputRow| row.kept.get(index).filter(|it| !it.is_empty()).cloned();
            let values: StringArray = rows.iter().map(value).collect();
            columns.push((name, Arc::new(values), true));
        }
        RecordBatch::try_from_iter_with_nullable(columns)
    }
}

impl OutputRow {
    /// The words and their weights as one text: `superb +1.20; dull -0.31`.
    fn format_words(&self) -> Option<String> {
        let words = self.words.as_ref()?.iter();
        let parts = words.map(|word| format!("{} {:+.2}", word.word, word.weight));
        Some(parts.collect::<Vec<_>>().join("; "))
    }
}

/// File format of the output, chosen by the file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputFormat {
    Csv,
    #[serde(rename = "jsonl")]
    JsonLines,
    Parquet,
}

impl OutputFormat {
    pub(crate) fn from_path(output: &Path) -> Result<Self, Failure> {
        match output.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::JsonLines),
            Some("parquet") => Ok(Self::Parquet),
            _ => {
                let output = output.display();
                let problem = format!("The output `{output}` has no known file extension");
                let hint = "Use a file name that ends in `.csv`, `.jsonl` or `.parquet`";
                Err(Failure::new(problem).with_hint(hint.to_owned()))
            }
        }
    }

    /// Rows as bytes of the unfinished file. For Parquet that is a file of JSON lines, because an incomplete
    /// Parquet file could not be resumed.
    pub(crate) fn encode(self, rows: &[OutputRow], is_first: bool, columns: &Columns) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Csv => return encode_csv(rows, is_first, columns),
            Self::JsonLines => rows.iter().for_each(|row| columns.write(row, &mut bytes)),
            Self::Parquet => rows.iter().for_each(|row| {
                serde_json::to_writer(&mut bytes, row).expect("plain data");
                bytes.push(b'\n');
            }),
        }
        bytes
    }
}

fn encode_csv(rows: &[OutputRow], is_first: bool, columns: &Columns) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if is_first {
        let answer = &ANSWER_COLUMNS[..6 + usize::from(columns.words)];
        let names = (answer.iter().copied()).chain(columns.kept.iter().map(String::as_str));
        writer.write_record(names).expect("written to memory");
    }
    for row in rows {
        let it = row.probabilities;
        let numbers = [it.confidence, it.p_negative, it.p_positive].map(|value| value.to_string());
        let (number, words) = (row.row.to_string(), row.format_words());
        let first = [&number, row.id.as_deref().unwrap_or_default(), &row.label];
        let rest = numbers.iter().chain(&words).chain(&row.kept);
        let fields = first.into_iter().chain(rest.map(String::as_str));
        writer.write_record(fields).expect("written to memory");
    }
    writer.into_inner().expect("written to memory")
}

/// Converts a file of JSON lines to a Parquet table.
pub(crate) fn to_parquet(from: &Path, to: &Path, columns: &Columns) -> Result<(), ArtifactError> {
    let failed = |error| ArtifactError::io("read", from)(error);
    let mut reader = BufReader::new(File::open(from).map_err(failed)?).lines();
    let batch = |rows: &[OutputRow]| {
        let batch = columns.to_batch(rows);
        batch.map_err(ArtifactError::table("write", to))
    };
    let mut writer = TableWriter::create(to, batch(&[])?.schema())?;
    loop {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < MAX_BATCH.0 && bytes < MAX_BATCH.1 {
            let Some(line) = reader.next().transpose().map_err(failed)? else {
                break;
            };
            bytes += line.len();
            let row = serde_json::from_str::<OutputRow>(&line);
            rows.push(row.map_err(|error| ArtifactError::damaged(from, error.to_string()))?);
        }
        if rows.is_empty() {
            break;
        }
        writer.write(&batch(&rows)?)?;
    }
    writer.finish().map(drop)
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use super::*;

    fn columns(names: &[&str]) -> Columns {
        Columns::new(false, names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn column_names_are_unique() {
        let found = columns(&["label", "a", "", "a", "input_label", "a_4"]).kept;
        assert_eq!(
            found,
            [
                "input_label",
                "a",
                "column_3",
                "a_4",
                "input_label_5",
                "a_4_6"
            ]
        );
    }

    #[test]
    fn every_format_has_kept_columns_after_the_answer() {
        let row = OutputRow {
            row: 7,
            id: None,
            label: "positive".to_owned(),
            probabilities: Probabilities::from_positive(0.75),
            words: None,
            kept: vec!["a \"b\"".to_owned(), String::new()],
        };
        let columns = columns(&["title", "label"]);
        let text = |format: OutputFormat| {
            let bytes = format.encode(std::slice::from_ref(&row), true, &columns);
            String::from_utf8(bytes).expect("text")
        };
        assert_eq!(
            text(OutputFormat::Csv),
            "row,id,label,confidence,p_negative,p_positive,title,input_label\n7,,positive,0.75,0.25,0.75,\"a \"\"b\"\"\",\n"
        );
        assert_eq!(
            text(OutputFormat::JsonLines),
            "{\"row\":7,\"label\":\"positive\",\"confidence\":0.75,\"p_negative\":0.25,\"p_positive\":0.75,\"title\":\"a \\\"b\\\"\",\"input_label\":null}\n"
        );
        let batch = columns.to_batch(&[row]).expect("a batch");
        let names: Vec<&str> = batch
            .schema_ref()
            .fields()
            .iter()
            .map(|it| it.name().as_str())
            .collect();
        assert_eq!(names[7..], ["title", "input_label"]);
        assert_eq!(
            (batch.column(7).null_count(), batch.column(8).null_count()),
            (0, 1)
        );
    }
}
