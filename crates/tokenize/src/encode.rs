//! One split as an Arrow file of ids.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ListArray, RecordBatch, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, SchemaRef};
use artifact::{ArtifactError, Split, schema, write_arrays};
use rayon::prelude::*;
use settings::TokenizerSettings;
use stage::Task;
use text::{Encoded, TokenizerFile};

use crate::TokenizeError;
use crate::rows::{Rows, rows_of};
use crate::statistics::Figures;

/// Vocabularies up to this size fit ids into two bytes.
const NARROW: u32 = 1 << 16;

/// Encodes the rows of a split, in the order of the table, and counts what it did. Memory holds one
/// batch of rows and the length of every row.
///
/// # Errors
/// The table is damaged, a row cannot be encoded, or the disk refuses.
pub(crate) fn encode_split(
    tokenizer: &TokenizerFile,
    settings: &TokenizerSettings,
    clean: &Path,
    split: Split,
    destination: &Path,
    task: &Task,
) -> Result<Figures, TokenizeError> {
    let wide = tokenizer.vocabulary_size() > NARROW;
    let mut figures = Figures::default();
    let mut failure = None;
    let batches = rows_of(clean, split)?
        .map(|rows| {
            let rows = rows?;
            let encoded = encode_rows(tokenizer, settings, &rows, task)?;
            encoded
                .iter()
                .for_each(|row| figures.add(row, tokenizer.unknown_id()));
            to_batch(&rows, &encoded, split, wide)
                .map_err(|error| ArtifactError::table("write", destination)(error).into())
        })
        .map_while(|batch: Result<RecordBatch, TokenizeError>| {
            batch.map_err(|error| failure = Some(error)).ok()
        })
        .filter(|batch| batch.num_rows() > 0);
    write_arrays(destination, &schema_of(split, wide), batches)?;
    match failure {
        Some(error) => Err(error),
        None => Ok(figures),
    }
}

fn encode_rows(
    tokenizer: &TokenizerFile,
    settings: &TokenizerSettings,
    rows: &Rows,
    task: &Task,
) -> Result<Vec<Encoded>, TokenizeError> {
    let row_ids = rows.row_ids.values();
    rows.texts()
        .par_iter()
        .zip(row_ids.par_iter())
        .map(|(text, row_id)| {
            let encoded = tokenizer.encode(text, settings.max_length, settings.truncation);
            task.advance(1);
            encoded.map_err(|source| TokenizeError::Row {
                row_id: *row_id,
                source,
            })
        })
        .collect()
}

fn schema_of(split: Split, wide: bool) -> SchemaRef {
    match split {
        Split::Unlabelled => schema::unlabelled_tokens(wide),
        _ => schema::tokens(wide),
    }
}

fn to_batch(
    rows: &Rows,
    encoded: &[Encoded],
    split: Split,
    wide: bool,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = schema_of(split, wide);
    let all_ids = || encoded.iter().flat_map(|row| row.ids.iter().copied());
    let (id_type, ids): (DataType, ArrayRef) = if wide {
        (
            DataType::UInt32,
            Arc::new(UInt32Array::from_iter_values(all_ids())),
        )
    } else {
        // Ids are below the vocabulary's size, which was seen to fit.
        (
            DataType::UInt16,
            Arc::new(UInt16Array::from_iter_values(all_ids().map(|id| id as u16))),
        )
    };
    let offsets = OffsetBuffer::from_lengths(encoded.iter().map(|row| row.ids.len()));
    let lists = ListArray::try_new(
        Arc::new(Field::new_list_field(id_type, false)),
        offsets,
        ids,
        None,
    )?;
    let lengths = UInt32Array::from_iter_values(encoded.iter().map(|row| row.length));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::clone(&rows.row_ids))];
    if let Some(labels) = &rows.labels {
        columns.push(Arc::new(UInt8Array::clone(labels)));
    }
    columns.extend([Arc::new(lengths) as ArrayRef, Arc::new(lists)]);
    RecordBatch::try_new(schema, columns)
}
