//! Writes the tables and the profile.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, StringBuilder, UInt64Array};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use artifact::{ArtifactError, Failure, OutputFile, Split, TableWriter, read_columns, schema};
use settings::CleanSettings;
use stage::Context;

use crate::profile_builder::Decisions;
use crate::text_store::store_failed;

/// The table of kept rows.
const CLEAN: &str = "clean.parquet";

/// The table of removed rows.
const REMOVED: &str = "removed.parquet";

/// The data profile, see [`crate::profile::Profile`].
const PROFILE: &str = "profile.json";

/// Number of characters by which a removed row can be recognised.
const EXCERPT: usize = 200;

/// Indices of the columns that are copied unchanged: all except text and split.
const UNTOUCHED: [usize; 7] = [0, 2, 4, 5, 6, 7, 8];

/// Writes both tables, with the unchanged columns of the source, and the profile.
///
/// # Errors
/// The source is damaged, or a file cannot be written.
pub(crate) fn write_tables(
    context: &Context,
    settings: &CleanSettings,
    source: &Path,
    decisions: &Decisions<'_>,
) -> Result<Vec<OutputFile>, Failure> {
    let folder = context.output();
    let rows = decisions.reviews.rows.len() as u64;
    let task = context.progress().task("writing", Some(rows), "reviews");
    let mut clean = TableWriter::create(&folder.join(CLEAN), schema::clean())?;
    let mut removed = TableWriter::create(&folder.join(REMOVED), schema::removed())?;
    let mut start = 0;
    for batch in read_columns(source, &schema::reviews(), &UNTOUCHED)? {
        let batch = batch?;
        let range = start..start + batch.num_rows();
        start = range.end;
        let texts = kept_texts(decisions, &range).map_err(store_failed(folder))?;
        let parts = split_batch(decisions, range, &batch, texts);
        let (kept, excluded) = parts.map_err(ArtifactError::table("write", folder))?;
        clean.write(&kept)?;
        removed.write(&excluded)?;
        task.advance(batch.num_rows() as u64);
    }
    let tables = [(CLEAN, clean.finish()?), (REMOVED, removed.finish()?)];
    let path = folder.join(PROFILE);
    let profile = decisions.profile(settings).map_err(store_failed(folder))?;
    artifact::files::write_json(&path, &profile)?;
    let [clean, removed] = tables.map(|(name, rows)| OutputFile::table(name, rows));
    Ok(vec![clean, removed, OutputFile::data(PROFILE)])
}

/// The texts of the kept rows in a range, and excerpts of the removed ones.
fn kept_texts(decisions: &Decisions<'_>, range: &Range<usize>) -> io::Result<[StringArray; 2]> {
    let mut kept = StringBuilder::new();
    let mut excerpts = StringBuilder::new();
    let store = &decisions.reviews.texts;
    for range in store.chunks_of(range.clone()) {
        let chunk = store.read(range.clone())?;
        for (split, text) in decisions.row_splits[range].iter().zip(chunk.iter()) {
            match split {
                Some(_) => kept.append_value(text),
                None => excerpts.append_value(text.chars().take(EXCERPT).collect::<String>()),
            }
        }
    }
    Ok([kept.finish(), excerpts.finish()])
}

/// Divides a batch into the kept rows for `clean.parquet` and the removed rows for `removed.parquet`.
fn split_batch(
    decisions: &Decisions<'_>,
    range: Range<usize>,
    batch: &RecordBatch,
    [texts, excerpts]: [StringArray; 2],
) -> Result<(RecordBatch, RecordBatch), ArrowError> {
    let row_splits = &decisions.row_splits[range.clone()];
    let kept: BooleanArray = row_splits.iter().map(|it| Some(it.is_some())).collect();
    let splits = row_splits.iter().flatten().copied().map(Split::as_str);
    let splits = StringArray::from_iter_values(splits);
    let removals = || decisions.audit.removals[range.clone()].iter().flatten();
    let reasons = removals().map(|removal| removal.reason.as_str());
    let row_ids = &decisions.reviews.row_ids;
    let duplicate_ids = removals().map(|removal| removal.original.map(|row| row_ids[row]));
    let duplicate_ids: UInt64Array = duplicate_ids.collect();
    let new: [(_, ArrayRef); 2] = [("text", Arc::new(texts)), ("split", Arc::new(splits))];
    let clean = with_columns(&filter_record_batch(batch, &kept)?, schema::clean(), &new)?;
    let new: [(_, ArrayRef); 3] = [
        ("reason", Arc::new(StringArray::from_iter_values(reasons))),
        ("kept", Arc::new(duplicate_ids)),
        ("excerpt", Arc::new(excerpts)),
    ];
    let removed = filter_record_batch(batch, &not(&kept)?)?;
    Ok((clean, with_columns(&removed, schema::removed(), &new)?))
}

/// A table with this schema: the new columns, and all others from the batch.
fn with_columns(
    batch: &RecordBatch,
    schema: SchemaRef,
    new: &[(&str, ArrayRef)],
) -> Result<RecordBatch, ArrowError> {
    let column = |name: &String| {
        let new = new.iter().find(|(new, _)| new == name);
        let found = new.map(|(_, column)| column);
        let found = found.or_else(|| batch.column_by_name(name)).cloned();
        found.ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
    };
    let columns = schema.fields().iter().map(|field| column(field.name()));
    let columns = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema, columns)
}
