//! The columns of every table that crosses a stage boundary, each said once.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::ArtifactError;

fn table(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

fn vector(width: u32) -> DataType {
    let item = Arc::new(Field::new_list_field(DataType::Float32, false));
    DataType::FixedSizeList(item, i32::try_from(width).unwrap_or(i32::MAX))
}

/// `reviews.parquet` of ingest: one row per accepted review; what a source lacks is null.
/// `split` is the source's own ("train", "test"), `group` what must not stand on both sides of a
/// split (the film), `source` where the row stood (file and line, or archive member).
pub fn reviews() -> SchemaRef {
    table(vec![
        required("row_id", DataType::UInt64),
        required("text", DataType::Utf8),
        optional("label", DataType::UInt8),
        optional("split", DataType::Utf8),
        optional("rating", DataType::Float32),
        optional("group", DataType::Utf8),
        optional("topic", DataType::Utf8),
        optional("timestamp", time()),
        required("source", DataType::Utf8),
    ])
}

/// `rejected.parquet` of ingest: rows that could not be read or were set aside. `kind` is
/// "rejected" (counts towards `max_reject_rate`) or "set_aside" (asked for by a setting).
pub fn rejected() -> SchemaRef {
    table(vec![
        required("source", DataType::Utf8),
        required("line", DataType::UInt64),
        required("kind", DataType::Utf8),
        required("reason", DataType::Utf8),
        required("excerpt", DataType::Utf8),
    ])
}

/// `clean.parquet`: like `reviews.parquet` with normalised text and a split on every row.
pub fn clean() -> SchemaRef {
    table(vec![
        required("row_id", DataType::UInt64),
        required("text", DataType::Utf8),
        optional("label", DataType::UInt8),
        required("split", DataType::Utf8),
        optional("rating", DataType::Float32),
        optional("group", DataType::Utf8),
        optional("topic", DataType::Utf8),
        optional("timestamp", time()),
    ])
}

/// `removed.parquet` of clean: what it left out and why. `kept` is the row that stands for it.
pub fn removed() -> SchemaRef {
    table(vec![
        required("row_id", DataType::UInt64),
        required("reason", DataType::Utf8),
        optional("kept", DataType::UInt64),
        required("source", DataType::Utf8),
        required("excerpt", DataType::Utf8),
    ])
}

/// `train.arrow`, `validation.arrow`, `test.arrow` of tokenize. `ids` is a list of UInt16 where
/// the vocabulary fits, else of UInt32; no padding and at least one id in every row.
/// `length` is the number of tokens before truncation.
pub fn tokens(wide: bool) -> SchemaRef {
    let id = match wide {
        true => DataType::UInt32,
        false => DataType::UInt16,
    };
    table(vec![
        required("row_id", DataType::UInt64),
        required("label", DataType::UInt8),
        required("length", DataType::UInt32),
        required("ids", DataType::new_list(id, false)),
    ])
}

/// `unlabelled.arrow` of tokenize: the same without a label.
pub fn unlabelled_tokens(wide: bool) -> SchemaRef {
    let labelled = tokens(wide);
    let columns = labelled
        .fields()
        .iter()
        .filter(|field| field.name() != "label");
    table(columns.map(|field| field.as_ref().clone()).collect())
}

/// `embedding.arrow`: one vector of f32 per vocabulary entry, in the order of ids.
pub fn embedding(width: u32) -> SchemaRef {
    table(vec![required("vector", vector(width))])
}

/// A shard of an encoder's features: reviews in the order of the tokens, with their labels.
pub fn features(width: u32) -> SchemaRef {
    table(vec![
        required("row_id", DataType::UInt64),
        required("label", DataType::UInt8),
        required("features", vector(width)),
    ])
}

/// `predictions.parquet` of evaluate: the calibrated probability that a review is positive.
pub fn predictions() -> SchemaRef {
    table(vec![
        required("row_id", DataType::UInt64),
        required("split", DataType::Utf8),
        required("label", DataType::UInt8),
        required("probability", DataType::Float32),
        required("model", DataType::Utf8),
    ])
}

/// Compares the columns of a file with those of its contract, by name, order and type.
///
/// # Errors
/// The first difference, with both sides.
pub fn check(path: &Path, expected: &Schema, found: &Schema) -> Result<(), ArtifactError> {
    let describe = |field: Option<&Arc<Field>>| match field {
        Some(field) => format!("`{}` of type {}", field.name(), field.data_type()),
        None => "nothing".to_owned(),
    };
    let columns = expected.fields().len().max(found.fields().len());
    for column in 0..columns {
        let (wanted, present) = (expected.fields().get(column), found.fields().get(column));
        let same = matches!((wanted, present), (Some(wanted), Some(present))
            if wanted.name() == present.name() && wanted.data_type() == present.data_type());
        if !same {
            let (wanted, present) = (describe(wanted), describe(present));
            let column = column + 1;
            let problem = format!(
                "has other columns than its contract: column {column} should be {wanted} and is {present}"
            );
            return Err(ArtifactError::unusable(path, &problem));
        }
    }
    Ok(())
}
