//! Small tables and files like those of the stages before the report.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, ListBuilder, RecordBatch, StringArray, UInt8Array, UInt16Builder,
    UInt32Array, UInt64Array, new_null_array,
};
use arrow::datatypes::{DataType, Field};
use artifact::files::write_json;
use artifact::{OutputFile, TableWriter, schema, write_arrays};
use metrics::{
    CalibrationFile, MetricsFile, ProbabilityFigures, ScoredRows, ValidationResult, compute_figures,
};

/// Number of test reviews.
pub(crate) const ROWS: u64 = 400;

/// One model's predictions: the number of wrong ones, which come first, the first row id, and its accuracy on validation.
#[derive(Clone, Copy)]
pub(crate) struct Model {
    pub(crate) wrong: u64,
    pub(crate) first_id: u64,
    pub(crate) validation: f64,
}

pub(crate) fn rejected(folder: &Path) -> OutputFile {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["reviews.tsv"; 2])),
        Arc::new(UInt64Array::from(vec![7, 9])),
        Arc::new(StringArray::from(vec!["rejected", "set_aside"])),
        Arc::new(StringArray::from(vec![
            "the text is empty",
            "the rating is near 0",
        ])),
        Arc::new(StringArray::from(vec!["", "<b>So & so</b>"])),
    ];
    table(folder, "rejected.parquet", schema::rejected(), columns)
}

pub(crate) fn removed(folder: &Path) -> OutputFile {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from(vec![3])),
        Arc::new(StringArray::from(vec!["duplicate"])),
        Arc::new(UInt64Array::from(vec![Some(1)])),
        Arc::new(StringArray::from(vec!["reviews.tsv:4"])),
        Arc::new(StringArray::from(vec!["Good film"])),
    ];
    table(folder, "removed.parquet", schema::removed(), columns)
}

pub(crate) fn predictions(folder: &Path, name: &str, model: Model) -> Vec<OutputFile> {
    let labels: Vec<u8> = (0..ROWS).map(|row| (row % 2) as u8).collect();
    let probability = |row: u64| {
        let confidence = 0.6 + 0.3 * (row % 7) as f32 / 7.0;
        if (row % 2 == 1) == (row >= model.wrong) {
            confidence
        } else {
            1.0 - confidence
        }
    };
    let probabilities: Vec<f32> = (0..ROWS).map(probability).collect();
    let rows = ROWS as usize;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(
            model.first_id..model.first_id + ROWS,
        )),
        Arc::new(StringArray::from(vec!["test"; rows])),
        Arc::new(UInt8Array::from(labels.clone())),
        Arc::new(Float32Array::from(probabilities.clone())),
        Arc::new(StringArray::from(vec![name; rows])),
    ];
    let tally = ScoredRows::new(&labels, &probabilities).expect("the rows are fine");
    let figures = compute_figures(&tally, 100, 0.95, 1).expect("there are samples");
    let validation = ValidationResult {
        rows: 50,
        loss: 0.5,
        accuracy: model.validation,
    };
    let file = MetricsFile {
        validation: [(name.to_owned(), validation)].into(),
        ..MetricsFile::of_model(name, ROWS, 0.95, figures)
    };
    write_json(&folder.join("metrics.json"), &file).expect("the disk has space");
    vec![
        table(
            folder,
            "predictions.parquet",
            schema::predictions(),
            columns,
        ),
        OutputFile::data("metrics.json"),
        challenge(folder),
        calibration(folder, &tally),
        json(folder, "speed.json", r#"{"rows": 450, "seconds": 0.5}"#),
        json(
            folder,
            "explanations.json",
            r#"[{"row_id": 7, "words": [[0, 4, 0.5], [32, 35, -1.5]]}]"#,
        ),
    ]
}

fn calibration(folder: &Path, tally: &ScoredRows) -> OutputFile {
    let figures = ProbabilityFigures::of(tally).expect("there are rows");
    let file = CalibrationFile {
        method: "logits divided by 1.250".to_owned(),
        rows: ROWS,
        before: figures.clone(),
        after: figures,
    };
    write_json(&folder.join("calibration.json"), &file).expect("the disk has space");
    OutputFile::data("calibration.json")
}

fn json(folder: &Path, name: &str, text: &str) -> OutputFile {
    fs::write(folder.join(name), text).expect("the disk has space");
    OutputFile::data(name)
}

fn challenge(folder: &Path) -> OutputFile {
    let text = r#"{"cases": [{"capability": "negation", "label": "negative", "text": "Not good.",
        "probability": 0.9, "seen": false, "failed": true}],
        "capabilities": [{"capability": "all", "cases": 1, "failed": 1}, {"capability": "negation", "cases": 1, "failed": 1}],
        "unseen": {"capability": "unseen", "cases": 1, "failed": 1}}"#;
    json(folder, "challenge.json", text)
}

/// The reviews. Every other one has a contrast and is longer.
pub(crate) fn clean(folder: &Path) -> OutputFile {
    let rows = ROWS as usize;
    let text = |row: usize| match row % 2 {
        0 => format!("Good film {row}"),
        _ => format!("Good actors, but a film that is not good, number {row}"),
    };
    let ratings = Float32Array::from_iter_values((0..rows).map(|row| (row % 3) as f32));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(0..ROWS)),
        Arc::new(StringArray::from_iter_values((0..rows).map(text))),
        Arc::new(UInt8Array::from_iter_values(
            (0..rows).map(|row| (row % 2) as u8),
        )),
        Arc::new(StringArray::from(vec!["test"; rows])),
        Arc::new(ratings),
        new_null_array(&DataType::Utf8, rows),
        new_null_array(&DataType::Utf8, rows),
        new_null_array(schema::clean().field(7).data_type(), rows),
    ];
    table(folder, "clean.parquet", schema::clean(), columns)
}

/// The reviews as token ids. Every other one is truncated.
pub(crate) fn tokens(folder: &Path) -> OutputFile {
    let rows = ROWS as usize;
    let mut ids = ListBuilder::new(UInt16Builder::new())
        .with_field(Field::new_list_field(DataType::UInt16, false));
    for _ in 0..rows {
        ids.append_value([2, 3, 4].map(Some));
    }
    let schema = schema::tokens(false);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(0..ROWS)),
        Arc::new(UInt8Array::from_iter_values(
            (0..rows).map(|row| (row % 2) as u8),
        )),
        Arc::new(UInt32Array::from_iter_values(
            (0..rows).map(|row| 3 + (row % 2) as u32),
        )),
        Arc::new(ids.finish()),
    ];
    let batch =
        RecordBatch::try_new(schema.clone(), columns).expect("the columns match the schema");
    let written = write_arrays(&folder.join("test.arrow"), &schema, [batch]);
    OutputFile::table("test.arrow", written.expect("the disk has space"))
}

fn table(
    folder: &Path,
    name: &str,
    schema: arrow::datatypes::SchemaRef,
    columns: Vec<ArrayRef>,
) -> OutputFile {
    let batch =
        RecordBatch::try_new(schema.clone(), columns).expect("the columns match the schema");
    let mut writer = TableWriter::create(&folder.join(name), schema).expect("the disk has space");
    writer.write(&batch).expect("the disk has space");
    OutputFile::table(name, writer.finish().expect("the disk has space"))
}
