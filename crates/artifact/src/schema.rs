//! The columns of every table that one stage writes and another reads.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::{ArtifactError, Result};

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

/// `reviews.parquet` of ingest: one row per accepted review; missing values are null. `split` is the split of the
/// source ("train", "test"), reviews of one `group` (for example a film) must be in the same split, and `source` is the
/// file and line, or the archive member.
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

/// `rejected.parquet` of ingest: skipped rows. `kind` is "rejected" for rows that cannot be used (they count towards
/// `max_reject_rate`), or "set_aside" for rows that a setting excludes.
pub fn rejected() -> SchemaRef {
    table(vec![
        required("source", DataType::Utf8),
        required("line", DataType::UInt64),
        required("kind", DataType::Utf8),
        required("reason", DataType::Utf8),
        required("excerpt", DataType::Utf8),
    ])
}

/// `clean.parquet` of clean: normalised texts, and a split for every row.
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

/// `removed.parquet` of clean: removed rows and the reasons. `kept` is the id of the kept row with the same text.
pub fn removed() -> SchemaRef {
    table(vec![
        required("row_id", DataType::UInt64),
        required("reason", DataType::Utf8),
        optional("kept", DataType::UInt64),
        required("source", DataType::Utf8),
        required("excerpt", DataType::Utf8),
    ])
}

/// `train.arrow`, `validation.arrow` and `test.arrow` of tokenize. `ids` is a list of UInt16, or of UInt32 for a
/// vocabulary of more than 65,536 entries (`wide`), without padding and with at least one id. `length` is the number of
/// tokens before truncation.
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

/// `unlabelled.arrow` of tokenize: as [`tokens`], without labels.
pub fn unlabelled_tokens(wide: bool) -> SchemaRef {
    let labelled = tokens(wide);
    let fields = labelled.fields().iter();
    let columns = fields.filter(|field| field.name() != "label");
    table(columns.map(|field| field.as_ref().clone()).collect())
}

/// `embedding.arrow`: one vector of f32 per vocabulary entry, in the order of ids.
pub fn embedding(width: u32) -> SchemaRef {
    table(vec![required("vector", vector(width))])
}

/// A shard of the features of an encoder: reviews in the order of the tokens, with labels.
pub fn features(width: u32) -> SchemaRef {
    table(vec![
        required("row_id", DataType::UInt64),
        required("label", DataType::UInt8),
        required("features", vector(width)),
    ])
}

/// `predictions.parquet` of evaluate. `probability` is the calibrated probability of the positive class.
pub fn predictions() -> SchemaRef {
    table(vec![
        required("row_id", DataType::UInt64),
        required("split", DataType::Utf8),
        required("label", DataType::UInt8),
        required("probability", DataType::Float32),
        required("model", DataType::Utf8),
    ])
}

/// Compares the columns of a file with the expected columns, by name, order and type.
///
/// # Errors
/// Names the first different column, expected and found.
pub fn check(path: &Path, expected: &Schema, found: &Schema) -> Result<()> {
    let describe = |field: &Field| format!("`{}` of type {}", field.name(), field.data_type());
    for index in 0..expected.fields().len().max(found.fields().len()) {
        let number = index + 1;
        let problem = match (expected.fields().get(index), found.fields().get(index)) {
            (Some(one), Some(two))
                if one.name() == two.name() && one.data_type() == two.data_type() =>
            {
                continue;
            }
            (Some(one), Some(two)) => {
                let (one, two) = (describe(one), describe(two));
                format!("{number} should be {one} and is {two}")
            }
            (Some(field), None) => format!("{number}, {}, is missing", describe(field)),
            (None, field) => {
                let field = field.map(|field| describe(field)).unwrap_or_default();
                format!("{number}, {field}, should not exist")
            }
        };
        let problem = format!("has unexpected columns: column {problem}");
        return Err(ArtifactError::unusable(path, &problem));
    }
    Ok(())
}
