//! Token rows, straight from the mapped artifact.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, ListArray, RecordBatch, UInt8Array, UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use artifact::{Artifact, Contract, Digest, Normalization, Split, map_arrays, schema};
use bundle::ModelFile;
use settings::ModelSettings;

use crate::{ClassifierError, Stream};

/// Children of a seed's stream: the order in which rows are drawn, and that of shuffled labels.
const DRAWN: u64 = 1 << 40;
pub(crate) const SHUFFLED: u64 = DRAWN + 1;

/// The places of `count` of these ids, drawn at random, in the order they stand in.
pub(crate) fn drawn(ids: &[u64], count: usize, seed: u64) -> Vec<usize> {
    let stream = Stream::new(seed).child(DRAWN);
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_unstable_by_key(|row| (stream.bits(ids[*row]), *row));
    order.truncate(count);
    order.sort_unstable();
    order
}

/// What a tokens artifact promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenContract {
    /// Fingerprint of the tokenizer.
    pub tokenizer: Digest,
    /// Every id is below it.
    pub vocabulary_size: u32,
    /// The id that fills short rows of a batch.
    pub pad_id: u32,
    /// Longest row.
    pub max_length: u32,
    /// Class names in the order of their ids.
    pub classes: Vec<String>,
    /// How the texts were normalised.
    pub normalization: Option<Normalization>,
}

impl TokenContract {
    /// What the tokens promise that a model reads.
    pub fn of_model(model: &ModelFile) -> Self {
        Self {
            tokenizer: model.tokenizer.fingerprint,
            vocabulary_size: model.sizes.vocabulary_size,
            pad_id: model.tokenizer.pad_id,
            max_length: model.tokenizer.max_length,
            classes: model.labels.clone(),
            normalization: model.normalization,
        }
    }

    /// The contract of a tokens artifact.
    ///
    /// # Errors
    /// The artifact is of another kind.
    pub fn of(artifact: &Artifact) -> Result<Self, ClassifierError> {
        match &artifact.manifest().contract {
            Contract::Tokens {
                tokenizer,
                vocabulary_size,
                pad_id,
                max_length,
                classes,
                normalization,
                ..
            } => Ok(Self {
                tokenizer: *tokenizer,
                vocabulary_size: *vocabulary_size,
                pad_id: *pad_id,
                max_length: *max_length,
                classes: classes.clone(),
                normalization: *normalization,
            }),
            other => Err(ClassifierError::Misfit {
                left: "tokens",
                right: "model",
                reason: format!("`{}` holds {other:?}", artifact.folder().display()),
            }),
        }
    }
}

/// The rows of one split, mapped into memory. Every id and label has been checked against the
/// contract, because on a GPU an id out of range is a fault that takes the whole process down.
#[derive(Debug)]
pub struct TokenRows {
    batches: Vec<RecordBatch>,
    /// Where each row is: (batch, row within it).
    places: Vec<(u32, u32)>,
    /// What takes the place of the labels, by row; none for the true ones.
    labels: Option<Vec<u8>>,
    wide: bool,
}

impl TokenRows {
    /// Opens a split of a tokens artifact.
    ///
    /// # Errors
    /// The file is damaged, or a row breaks the contract.
    pub fn open(artifact: &Artifact, split: Split) -> Result<Self, ClassifierError> {
        let contract = TokenContract::of(artifact)?;
        let path = artifact.file(&format!("{split}.arrow"))?;
        let wide = contract.vocabulary_size > u32::from(u16::MAX) + 1;
        let batches = map_arrays(&path, &schema::tokens(wide))?.batches()?;
        let mut places = Vec::new();
        for (index, batch) in batches.iter().enumerate() {
            for row in 0..batch.num_rows() {
                places.push((index as u32, row as u32));
            }
        }
        let rows = Self {
            batches,
            places,
            labels: None,
            wide,
        };
        rows.check(&path, &contract)?;
        Ok(rows)
    }

    /// The training rows that a model learns from: as many as its settings ask for, with the labels they ask for.
    ///
    /// # Errors
    /// As for [`TokenRows::open`].
    pub fn to_learn_from(
        artifact: &Artifact,
        settings: &ModelSettings,
    ) -> Result<Self, ClassifierError> {
        let mut rows = Self::open(artifact, Split::Train)?;
        if settings.reviews > 0 {
            rows.keep(settings.reviews as usize, settings.seed);
        }
        if settings.shuffled_labels {
            rows.shuffle_labels(settings.seed);
        }
        Ok(rows)
    }

    /// Rows that are in no artifact, without labels. Every id must be below the vocabulary's size.
    ///
    /// # Errors
    /// A row is empty, or has an id that the vocabulary does not.
    pub fn from_ids(rows: &[Vec<u32>], contract: &TokenContract) -> Result<Self, ClassifierError> {
        let schema = schema::tokens(true);
        let ids = UInt32Array::from_iter_values(rows.iter().flatten().copied());
        let field = Arc::new(Field::new_list_field(DataType::UInt32, false));
        let offsets = OffsetBuffer::from_lengths(rows.iter().map(Vec::len));
        let lengths = rows.iter().map(|row| row.len() as u32);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(0..rows.len() as u64)),
            Arc::new(UInt8Array::from_iter_values(rows.iter().map(|_| 0))),
            Arc::new(UInt32Array::from_iter_values(lengths)),
            Arc::new(ListArray::new(field, offsets, Arc::new(ids), None)),
        ];
        let batch = RecordBatch::try_new(schema, columns).expect("columns of one length");
        let rows = Self {
            places: (0..batch.num_rows() as u32).map(|row| (0, row)).collect(),
            batches: vec![batch],
            labels: None,
            wide: true,
        };
        rows.check(Path::new("the texts asked about"), contract)?;
        Ok(rows)
    }

    /// The same rows with these labels, one for each.
    pub fn with_labels(mut self, labels: Vec<u8>) -> Self {
        assert_eq!(labels.len(), self.len(), "a label for each row");
        self.labels = Some(labels);
        self
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether the split has no row.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Number of tokens of a row.
    pub fn length(&self, row: usize) -> usize {
        let (batch, row) = self.place(row);
        self.ids_of(batch).value_length(row) as usize
    }

    /// The class id of a row.
    pub fn label(&self, row: usize) -> u8 {
        if let Some(labels) = &self.labels {
            return labels[row];
        }
        let (batch, row) = self.place(row);
        self.batches[batch]
            .column(1)
            .as_primitive::<UInt8Type>()
            .value(row)
    }

    /// The review's id, as in `clean.parquet`.
    pub fn row_id(&self, row: usize) -> u64 {
        let (batch, row) = self.place(row);
        self.batches[batch]
            .column(0)
            .as_primitive::<UInt64Type>()
            .value(row)
    }

    /// Calls `visit` with each token id of a row, in order.
    pub fn for_each_id(&self, row: usize, mut visit: impl FnMut(usize, u32)) {
        let (batch, row) = self.place(row);
        let list = self.ids_of(batch);
        let (start, end) = (
            list.value_offsets()[row] as usize,
            list.value_offsets()[row + 1] as usize,
        );
        if self.wide {
            let ids = &list.values().as_primitive::<UInt32Type>().values()[start..end];
            ids.iter()
                .enumerate()
                .for_each(|(position, &id)| visit(position, id));
        } else {
            let ids = &list.values().as_primitive::<UInt16Type>().values()[start..end];
            ids.iter()
                .enumerate()
                .for_each(|(position, &id)| visit(position, u32::from(id)));
        }
    }

    /// All token ids of a row.
    pub fn ids(&self, row: usize) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.length(row));
        self.for_each_id(row, |_, id| ids.push(id));
        ids
    }

    /// Keeps some rows, drawn at random: which ones follows from the seed and their ids alone, and
    /// fewer of them are among more.
    pub fn keep(&mut self, count: usize, seed: u64) {
        let ids: Vec<u64> = (0..self.len()).map(|row| self.row_id(row)).collect();
        let kept = drawn(&ids, count, seed);
        self.places = kept.iter().map(|row| self.places[*row]).collect();
        if let Some(labels) = &mut self.labels {
            *labels = kept.iter().map(|row| labels[*row]).collect();
        }
    }

    /// Deals the labels out anew, at random.
    pub fn shuffle_labels(&mut self, seed: u64) {
        let mut labels: Vec<u8> = (0..self.len()).map(|row| self.label(row)).collect();
        Stream::new(seed).child(SHUFFLED).shuffle(&mut labels);
        self.labels = Some(labels);
    }

    fn place(&self, row: usize) -> (usize, usize) {
        let (batch, row) = self.places[row];
        (batch as usize, row as usize)
    }

    fn ids_of(&self, batch: usize) -> &ListArray {
        self.batches[batch].column(3).as_list::<i32>()
    }

    fn check(&self, path: &Path, contract: &TokenContract) -> Result<(), ClassifierError> {
        for row in 0..self.len() {
            let failed = |problem: String| ClassifierError::Row {
                path: path.to_owned(),
                row,
                problem,
            };
            let length = self.length(row);
            if length == 0 || length > contract.max_length as usize {
                return Err(failed(format!(
                    "has {length} tokens, and its contract allows 1 to {}",
                    contract.max_length
                )));
            }
            let label = usize::from(self.label(row));
            if label >= contract.classes.len() {
                return Err(failed(format!(
                    "has the label {label}, and there are {} classes",
                    contract.classes.len()
                )));
            }
            let mut largest = 0;
            self.for_each_id(row, |_, id| largest = largest.max(id));
            if largest >= contract.vocabulary_size {
                return Err(failed(format!(
                    "has the id {largest}, and the vocabulary has {}",
                    contract.vocabulary_size
                )));
            }
        }
        Ok(())
    }
}
