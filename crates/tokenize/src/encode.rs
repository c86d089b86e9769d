//! Writes a split as an Arrow file of token ids.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, RecordBatch, UInt16Array, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, SchemaRef};
use artifact::{ArtifactError, Failure, Split, schema, write_arrays};
use rayon::prelude::*;
use settings::TokenizerSettings;
use stage::ProgressTask;
use text::{Encoded, TokenizerFile};

use crate::rows::{Rows, read_split};
use crate::statistics::SplitCounts;

/// Ids of vocabularies up to this size fit into two bytes.
const MAX_TWO_BYTE_VOCABULARY: u32 = 1 << 16;

/// Encodes the rows of a split in the order of the table and returns counts for the statistics. Only one batch of rows
/// and the length of every row are in memory.
///
/// # Errors
/// The table is damaged, a row cannot be encoded, or the file cannot be written.
pub(crate) fn encode_split(
    tokenizer: &TokenizerFile,
    settings: &TokenizerSettings,
    clean: &Path,
    split: Split,
    destination: &Path,
    task: &ProgressTask,
) -> Result<SplitCounts, Failure> {
    let wide = tokenizer.vocabulary_size() > MAX_TWO_BYTE_VOCABULARY;
    let schema = match split {
        Split::Unlabelled => schema::unlabelled_tokens(wide),
        _ => schema::tokens(wide),
    };
    let mut counts = SplitCounts::default();
    let mut failure = None;
    let batches = read_split(clean, split)?
        .map(|rows| {
            let rows = rows?;
            let encoded = encode_rows(tokenizer, settings, &rows, task)?;
            for row in &encoded {
                counts.add(row, tokenizer.unknown_id());
            }
            to_batch(rows, &encoded, &schema, wide)
                .map_err(|error| ArtifactError::table("write", destination)(error).into())
        })
        .map_while(|batch: Result<_, Failure>| batch.map_err(|error| failure = Some(error)).ok())
        .filter(|batch| batch.num_rows() > 0);
    write_arrays(destination, &schema, batches)?;
    failure.map_or(Ok(counts), Err)
}

fn encode_rows(
    tokenizer: &TokenizerFile,
    settings: &TokenizerSettings,
    rows: &Rows,
    task: &ProgressTask,
) -> Result<Vec<Encoded>, Failure> {
    let row_ids = rows.row_ids.values();
    rows.texts()
        .par_iter()
        .zip(row_ids.par_iter())
        .map(|(text, row_id)| {
            let encoded = tokenizer.encode(text, settings.max_length, settings.truncation);
            task.advance(1);
            encoded.map_err(|failure| {
                failure.context(format!("Failed to encode the review with row id {row_id}"))
            })
        })
        .collect()
}

fn to_batch(
    rows: Rows,
    encoded: &[Encoded],
    schema: &SchemaRef,
    wide: bool,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let all_ids = encoded.iter().flat_map(|row| row.ids.iter().copied());
    let ids: ArrayRef = if wide {
        Arc::new(UInt32Array::from_iter_values(all_ids))
    } else {
        // Ids are smaller than the vocabulary, which is small enough.
        Arc::new(UInt16Array::from_iter_values(all_ids.map(|id| id as u16)))
    };
    let item = Arc::new(Field::new_list_field(ids.data_type().clone(), false));
    let offsets = OffsetBuffer::from_lengths(encoded.iter().map(|row| row.ids.len()));
    let lists = ListArray::try_new(item, offsets, ids, None)?;
    let lengths = UInt32Array::from_iter_values(encoded.iter().map(|row| row.length));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(rows.row_ids)];
    columns.extend(rows.labels.map(|labels| Arc::new(labels) as ArrayRef));
    columns.extend([Arc::new(lengths) as ArrayRef, Arc::new(lists)]);
    RecordBatch::try_new(schema.clone(), columns)
}
