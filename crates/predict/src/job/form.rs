//! How rows are written: CSV, JSON lines, Parquet.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;
use artifact::{ArtifactError, Failure, TableWriter};
use serde::{Deserialize, Serialize};

use bundle::WordWeight;

/// Rows of a batch of the Parquet table, and bytes of them: no column of a batch may pass 2 GiB.
const BATCH: (usize, usize) = (8192, 64 << 20);

/// Columns that every answer has, or may have.
const OWN: [&str; 5] = ["row", "id", "label", "probability", "words"];

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
    /// What the input has in the columns that go along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) carried: Vec<String>,
}

/// The columns of an output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Columns {
    /// Whether words are among them.
    pub(crate) words: bool,
    /// Names of the columns that go along, none twice.
    carried: Vec<String>,
}

impl Columns {
    /// Columns of the input of these names go along. One that is called as a column of the answer
    /// becomes `input_NAME`; of two with one name, or of one without, the position tells.
    pub(crate) fn new(words: bool, names: Vec<String>) -> Self {
        let mut carried: Vec<String> = Vec::with_capacity(names.len());
        for (place, name) in names.into_iter().enumerate() {
            let mut name = match name.as_str() {
                own if OWN.contains(&own) => format!("input_{own}"),
                "" => format!("column_{}", place + 1),
                _ => name,
            };
            while carried.contains(&name) {
                name = format!("{name}_{}", place + 1);
            }
            carried.push(name);
        }
        Self { words, carried }
    }

    /// A line as a JSON object with a member for each column; empty fields are null.
    fn json(&self, line: &Line, bytes: &mut Vec<u8>) {
        let own = Line {
            carried: Vec::new(),
            ..line.clone()
        };
        serde_json::to_writer(&mut *bytes, &own).expect("plain data");
        // The members that go along stand behind the others, in their order.
        bytes.pop();
        for (name, value) in self.carried.iter().zip(&line.carried) {
            bytes.push(b',');
            serde_json::to_writer(&mut *bytes, name).expect("plain data");
            bytes.push(b':');
            let value = Some(value).filter(|value| !value.is_empty());
            serde_json::to_writer(&mut *bytes, &value).expect("plain data");
        }
        bytes.extend_from_slice(b"}\n");
    }

    /// Lines as a table.
    fn batch(&self, lines: &[Line]) -> Result<RecordBatch, ArrowError> {
        let row = UInt64Array::from_iter_values(lines.iter().map(|line| line.row));
        let id: StringArray = lines.iter().map(|line| line.id.as_deref()).collect();
        let label = StringArray::from_iter_values(lines.iter().map(|line| &line.label));
        let probability = lines.iter().map(|line| line.probability);
        let probability = Float32Array::from_iter_values(probability);
        let words: StringArray = lines.iter().map(Line::words_in_one).collect();
        let mut columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("row", Arc::new(row), false),
            ("id", Arc::new(id), true),
            ("label", Arc::new(label), false),
            ("probability", Arc::new(probability), false),
            ("words", Arc::new(words), true),
        ];
        for (place, name) in self.carried.iter().enumerate() {
            let value = |line: &Line| line.carried.get(place).filter(|it| !it.is_empty()).cloned();
            let values: StringArray = lines.iter().map(value).collect();
            columns.push((name, Arc::new(values), true));
        }
        RecordBatch::try_from_iter_with_nullable(columns)
    }
}

impl Line {
    fn words_in_one(&self) -> Option<String> {
        let words = self.words.as_ref()?.iter();
        let parts = words.map(|word| format!("{} {:+.2}", word.word, word.weight));
        Some(parts.collect::<Vec<_>>().join("; "))
    }
}

/// The form of the output, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    Csv,
    #[serde(rename = "jsonl")]
    JsonLines,
    Parquet,
}

impl Form {
    pub(crate) fn of(output: &Path) -> Result<Self, Failure> {
        match output.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::JsonLines),
            Some("parquet") => Ok(Self::Parquet),
            _ => {
                let output = output.display();
                let problem = format!("The name `{output}` does not say how to write the answers");
                let hint = "Let it end in `.csv`, `.jsonl` or `.parquet`";
                Err(Failure::new(problem).with_hint(hint.to_owned()))
            }
        }
    }

    /// Lines as bytes of the file under way, which for a Parquet table is one of JSON lines: a table
    /// that was cut off could not be gone on with.
    pub(crate) fn bytes(self, lines: &[Line], is_first: bool, columns: &Columns) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Csv => return csv_bytes(lines, is_first, columns),
            Self::JsonLines => lines.iter().for_each(|line| columns.json(line, &mut bytes)),
            Self::Parquet => lines.iter().for_each(|line| {
                serde_json::to_writer(&mut bytes, line).expect("plain data");
                bytes.push(b'\n');
            }),
        }
        bytes
    }
}

fn csv_bytes(lines: &[Line], is_first: bool, columns: &Columns) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if is_first {
        let own = OWN.iter().copied().take(4 + usize::from(columns.words));
        let names = own.chain(columns.carried.iter().map(String::as_str));
        writer.write_record(names).expect("memory takes it");
    }
    for line in lines {
        let (row, probability) = (line.row.to_string(), line.probability.to_string());
        let words = line.words_in_one();
        let id = line.id.as_deref().unwrap_or_default();
        let fields = [&row, id, &line.label, &probability].into_iter();
        let carried = line.carried.iter().map(String::as_str);
        let fields = fields.chain(words.as_deref()).chain(carried);
        writer.write_record(fields).expect("memory takes it");
    }
    writer.into_inner().expect("memory takes it")
}

/// Makes a Parquet table of a file of JSON lines.
pub(crate) fn to_parquet(
    lines: &Path,
    table: &Path,
    columns: &Columns,
) -> Result<(), ArtifactError> {
    let failed = |error| ArtifactError::io("read", lines)(error);
    let mut reader = BufReader::new(File::open(lines).map_err(failed)?).lines();
    let batch = |lines: &[Line]| {
        let batch = columns.batch(lines);
        batch.map_err(ArtifactError::table("write", table))
    };
    let mut writer = TableWriter::create(table, batch(&[])?.schema())?;
    loop {
        let (mut some, mut bytes) = (Vec::new(), 0);
        while some.len() < BATCH.0 && bytes < BATCH.1 {
            let Some(line) = reader.next().transpose().map_err(failed)? else {
                break;
            };
            bytes += line.len();
            let line = serde_json::from_str::<Line>(&line);
            some.push(line.map_err(|error| ArtifactError::damaged(lines, error.to_string()))?);
        }
        if some.is_empty() {
            break;
        }
        writer.write(&batch(&some)?)?;
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
    fn no_two_columns_have_one_name() {
        let found = columns(&["label", "a", "", "a", "input_label", "a_4"]).carried;
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
    fn every_form_has_what_goes_along_behind_the_answer() {
        let line = Line {
            row: 7,
            id: None,
            label: "positive".to_owned(),
            probability: 0.5,
            words: None,
            carried: vec!["a \"b\"".to_owned(), String::new()],
        };
        let columns = columns(&["title", "label"]);
        let text = |form: Form| {
            let bytes = form.bytes(std::slice::from_ref(&line), true, &columns);
            String::from_utf8(bytes).expect("text")
        };
        assert_eq!(
            text(Form::Csv),
            "row,id,label,probability,title,input_label\n7,,positive,0.5,\"a \"\"b\"\"\",\n"
        );
        assert_eq!(
            text(Form::JsonLines),
            "{\"row\":7,\"label\":\"positive\",\"probability\":0.5,\"title\":\"a \\\"b\\\"\",\"input_label\":null}\n"
        );
        let batch = columns.batch(&[line]).expect("a batch");
        let names: Vec<&str> = batch
            .schema_ref()
            .fields()
            .iter()
            .map(|it| it.name().as_str())
            .collect();
        assert_eq!(names[5..], ["title", "input_label"]);
        assert_eq!(
            (batch.column(5).null_count(), batch.column(6).null_count()),
            (0, 1)
        );
    }
}
