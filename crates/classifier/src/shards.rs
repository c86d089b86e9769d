//! Features in shards: files with a fixed number of rows, written one after the other, so that an interrupted run loses
//! only the current one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, FixedSizeListArray, Float32Array, RecordBatch, UInt8Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, UInt8Type, UInt64Type};
use artifact::{Artifact, ArtifactError, Contract, Split, map_arrays, schema, write_arrays};
use settings::ModelSettings;
use tch::Tensor;

use crate::embedding::vectors_of;
use crate::tokens::select_rows;
use crate::{ClassifierError, IdRows, Result, TokenContract, TokenRows};

/// Number of rows of a shard: less than a minute of work on a CPU.
pub const SHARD_ROWS: usize = 1024;

/// The file name of a shard.
pub fn shard_name(split: Split, number: usize) -> String {
    format!("{split}-{number:05}.arrow")
}

/// Writes a shard. `values` has `width` numbers for each row of tokens from row `first`.
///
/// # Errors
/// The file cannot be written.
pub fn write_shard(
    path: &Path,
    rows: &TokenRows,
    first: usize,
    width: usize,
    values: Vec<f32>,
) -> Result<u64, ArtifactError> {
    let span = first..first + values.len() / width;
    let schema = schema::features(width as u32);
    let row_ids: UInt64Array = span.clone().map(|row| rows.row_id(row)).collect();
    let labels: UInt8Array = span.map(|row| rows.label(row)).collect();
    let item = Arc::new(Field::new_list_field(DataType::Float32, false));
    let values = Arc::new(Float32Array::from(values));
    let features = FixedSizeListArray::new(item, width as i32, values, None);
    let columns: Vec<ArrayRef> = vec![Arc::new(row_ids), Arc::new(labels), Arc::new(features)];
    let batch = RecordBatch::try_new(schema.clone(), columns)
        .map_err(ArtifactError::table("write", path))?;
    write_arrays(path, &schema, [batch])
}

/// The features of a split, with row ids and labels.
#[derive(Debug)]
pub struct FeatureRows {
    /// `[N, F]` f32.
    pub values: Tensor,
    /// The ids of the reviews, as in `clean.parquet`.
    pub row_ids: Vec<u64>,
    /// The labels of the reviews, as class ids.
    pub labels: Vec<u8>,
}

impl FeatureRows {
    /// Opens the training rows that a model uses: see [`TokenRows::open_training_rows`].
    ///
    /// # Errors
    /// As for [`FeatureRows::open`].
    pub fn open_training_rows(
        artifact: &Artifact,
        tokens: &TokenContract,
        settings: &ModelSettings,
    ) -> Result<Self> {
        let mut rows = Self::open(artifact, tokens, Split::Train)?;
        if let Some(selected) = select_rows(&mut rows.row_ids, &mut rows.labels, settings) {
            let indices: Vec<i64> = selected.into_iter().map(|row| row as i64).collect();
            rows.values = rows.values.index_select(0, &Tensor::from_slice(&indices));
        }
        Ok(rows)
    }

    /// Reads all shards of a split.
    ///
    /// # Errors
    /// The artifact has no features or features of another tokenizer, a shard is damaged, or a feature is not finite.
    pub fn open(artifact: &Artifact, tokens: &TokenContract, split: Split) -> Result<Self> {
        let mismatch = ClassifierError::mismatch("tokens", "features");
        let Contract::Features {
            tokenizer, width, ..
        } = artifact.manifest().contract
        else {
            let folder = artifact.folder().display();
            return Err(mismatch(format!("`{folder}` has no features")));
        };
        tokens.check_tokenizer("features", tokenizer)?;
        let mut values = Vec::new();
        let (mut row_ids, mut labels) = (Vec::new(), Vec::new());
        for path in shards(artifact, split)? {
            for batch in map_arrays(&path, &schema::features(width))? {
                row_ids.extend_from_slice(batch.column(0).as_primitive::<UInt64Type>().values());
                labels.extend_from_slice(batch.column(1).as_primitive::<UInt8Type>().values());
                values.extend_from_slice(vectors_of(batch.column(2)));
            }
        }
        if let Some(index) = values.iter().position(|value: &f32| !value.is_finite()) {
            let row = index / width as usize;
            let reason = format!("the features of row {row} of the {split} split are not finite");
            return Err(mismatch(reason));
        }
        let classes = tokens.classes.len();
        if let Some(label) = labels.iter().find(|label| usize::from(**label) >= classes) {
            return Err(mismatch(format!(
                "a row of the {split} split has the label {label}, but there are only {classes} classes"
            )));
        }
        Ok(Self {
            values: Tensor::from_slice(&values).view([row_ids.len() as i64, i64::from(width)]),
            row_ids,
            labels,
        })
    }
}

/// The paths of the shards of a split, in order, with their digests checked.
fn shards(artifact: &Artifact, split: Split) -> Result<Vec<PathBuf>, ArtifactError> {
    let prefix = format!("{split}-");
    let names = artifact.manifest().files.iter().map(|file| &file.name);
    let names = names.filter(|name| name.starts_with(&prefix));
    names.map(|name| artifact.file(name)).collect()
}
