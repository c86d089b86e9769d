//! Rows of token ids, read from the memory-mapped artifact.

use std::borrow::Cow;
use std::fmt::Debug;
use std::path::Path;

use arrow::array::{AsArray, ListArray};
use arrow::datatypes::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use artifact::{Artifact, Contract, Digest, Normalization, Split, map_arrays, schema};
use bundle::ModelFile;
use settings::ModelSettings;

use crate::{ClassifierError, CounterRng, Result};

/// The purposes of two random number sequences of a seed: the selection of rows and the shuffling of labels.
const ROW_SELECTION: u64 = 1 << 40;
const LABEL_SHUFFLE: u64 = ROW_SELECTION + 1;

/// Selects `settings.reviews` of the training rows, and shuffles their labels if the settings say so. Returns the
/// positions of the selected rows in order, or `None` if all rows are used. The selection depends on the seed and the
/// row ids alone, so a smaller sample is part of a larger one.
pub(crate) fn select_rows(
    ids: &mut Vec<u64>,
    labels: &mut Vec<u8>,
    settings: &ModelSettings,
) -> Option<Vec<usize>> {
    let rng = CounterRng::new(settings.seed);
    let selected = (settings.reviews > 0).then(|| {
        let order = rng.child(ROW_SELECTION);
        let mut selected: Vec<usize> = (0..ids.len()).collect();
        selected.sort_unstable_by_key(|row| (order.bits(ids[*row]), *row));
        selected.truncate(settings.reviews as usize);
        selected.sort_unstable();
        *ids = selected.iter().map(|row| ids[*row]).collect();
        *labels = selected.iter().map(|row| labels[*row]).collect();
        selected
    });
    if settings.shuffled_labels {
        rng.child(LABEL_SHUFFLE).shuffle(labels);
    }
    selected
}

/// The contract of a tokens artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenContract {
    /// The fingerprint of the tokenizer.
    pub tokenizer: Digest,
    /// The size of the vocabulary: all ids are smaller.
    pub vocabulary_size: u32,
    /// The token id of padding.
    pub pad_id: u32,
    /// Maximum number of tokens of a row.
    pub max_length: u32,
    /// The class names, in the order of their ids.
    pub classes: Vec<String>,
    /// The normalisation of the texts.
    pub normalization: Option<Normalization>,
    /// Languages of at least 1% of the training reviews; empty if unknown.
    pub languages: Vec<String>,
}

impl TokenContract {
    /// The contract of a tokens artifact.
    ///
    /// # Errors
    /// The artifact has no tokens.
    pub fn of(artifact: &Artifact) -> Result<Self> {
        match artifact.manifest().contract.clone() {
            Contract::Tokens {
                tokenizer,
                vocabulary_size,
                pad_id,
                max_length,
                classes,
                normalization,
                languages,
                ..
            } => Ok(Self {
                tokenizer,
                vocabulary_size,
                pad_id,
                max_length,
                classes,
                normalization,
                languages,
            }),
            _ => {
                let reason = format!("`{}` has no tokens", artifact.folder().display());
                Err(ClassifierError::mismatch("tokens", "model")(reason))
            }
        }
    }

    /// Checks that an artifact was made for the ids of this tokenizer.
    ///
    /// # Errors
    /// `other` is another tokenizer.
    pub fn check_tokenizer(&self, artifact: &'static str, other: Digest) -> Result<()> {
        let own = self.tokenizer;
        if own == other {
            return Ok(());
        }
        let reason = format!(
            "the tokens were made by the tokenizer {own}, but the {artifact} was made for {other}"
        );
        Err(ClassifierError::mismatch("tokens", artifact)(reason))
    }
}

/// Rows of token ids, from which batches are made.
pub trait IdRows: Debug + Sync {
    /// Number of rows.
    fn len(&self) -> usize;

    /// Whether there is no row.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of tokens of a row.
    fn length(&self, row: usize) -> usize;

    /// The token ids of a row.
    fn ids(&self, row: usize) -> Cow<'_, [u32]>;

    /// The label of a row, as a class id; 0 if it has none.
    fn label(&self, _row: usize) -> u8 {
        0
    }

    /// The id of the review, as in `clean.parquet`.
    fn row_id(&self, row: usize) -> u64 {
        row as u64
    }
}

impl<T: AsRef<[u32]> + Debug + Sync> IdRows for &[T] {
    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn length(&self, row: usize) -> usize {
        self[row].as_ref().len()
    }

    fn ids(&self, row: usize) -> Cow<'_, [u32]> {
        Cow::Borrowed(self[row].as_ref())
    }
}

/// Checks the input rows of a model.
///
/// # Errors
/// A row is empty or too long, or has an id outside the vocabulary.
pub(crate) fn check_input_rows(rows: &dyn IdRows, model: &ModelFile) -> Result<()> {
    let (longest, classes) = (model.tokenizer.max_length, model.labels.len());
    let size = model.sizes.vocabulary_size as usize;
    let limits = [longest as usize, classes, size];
    check_rows(rows, Path::new("input texts"), limits)
}

/// Checks rows against the maximum length, the number of classes and the size of the vocabulary, because an index out
/// of range on a GPU ends the whole process.
///
/// # Errors
/// A row of `path` is empty or too long, or its label or one of its ids is out of range.
fn check_rows(rows: &dyn IdRows, path: &Path, limits: [usize; 3]) -> Result<()> {
    let [longest, classes, vocabulary_size] = limits;
    for row in 0..rows.len() {
        let length = rows.length(row);
        let label = usize::from(rows.label(row));
        let problem = if length == 0 || length > longest {
            format!("has {length} tokens, but must have 1 to {longest}")
        } else if label >= classes {
            format!("has the label {label}, but there are only {classes} classes")
        } else {
            let largest = rows.ids(row).iter().copied().max().unwrap_or(0);
            if (largest as usize) < vocabulary_size {
                continue;
            }
            format!("has the token id {largest}, but the vocabulary has only {vocabulary_size} ids")
        };
        let path = path.to_owned();
        return Err(ClassifierError::Row { path, row, problem });
    }
    Ok(())
}

/// The rows of a split, with memory-mapped ids that were checked against the contract.
#[derive(Debug, Default)]
pub struct TokenRows {
    lists: Vec<ListArray>,
    /// The location of each row's ids: list, and row within the list.
    locations: Vec<(u32, u32)>,
    /// The ids of all reviews, as in `clean.parquet`.
    pub row_ids: Vec<u64>,
    /// The labels of all rows, as class ids.
    pub labels: Vec<u8>,
}

impl TokenRows {
    /// Opens a split of a tokens artifact.
    ///
    /// # Errors
    /// The file is damaged, or a row breaks the contract.
    pub fn open(artifact: &Artifact, split: Split) -> Result<Self> {
        let contract = TokenContract::of(artifact)?;
        let path = artifact.file(&format!("{split}.arrow"))?;
        let wide = contract.vocabulary_size > u32::from(u16::MAX) + 1;
        let mut rows = Self::default();
        for (batch, list) in map_arrays(&path, &schema::tokens(wide))?.iter().zip(0..) {
            let locations = (0..batch.num_rows() as u32).map(|row| (list, row));
            rows.locations.extend(locations);
            let row_ids = batch.column(0).as_primitive::<UInt64Type>().values();
            rows.row_ids.extend_from_slice(row_ids);
            let labels = batch.column(1).as_primitive::<UInt8Type>().values();
            rows.labels.extend_from_slice(labels);
            rows.lists.push(batch.column(3).as_list().clone());
        }
        let (longest, size) = (contract.max_length, contract.vocabulary_size);
        let limits = [longest as usize, contract.classes.len(), size as usize];
        check_rows(&rows, &path, limits)?;
        Ok(rows)
    }

    /// Opens the training rows that a model uses, as its settings define their number and labels.
    ///
    /// # Errors
    /// As for [`TokenRows::open`].
    pub fn open_training_rows(artifact: &Artifact, settings: &ModelSettings) -> Result<Self> {
        let mut rows = Self::open(artifact, Split::Train)?;
        if let Some(chosen) = select_rows(&mut rows.row_ids, &mut rows.labels, settings) {
            rows.locations = chosen.into_iter().map(|row| rows.locations[row]).collect();
        }
        Ok(rows)
    }

    fn locate(&self, row: usize) -> (&ListArray, usize) {
        let (list, row) = self.locations[row];
        (&self.lists[list as usize], row as usize)
    }
}

impl IdRows for TokenRows {
    fn len(&self) -> usize {
        self.locations.len()
    }

    fn length(&self, row: usize) -> usize {
        let (list, row) = self.locate(row);
        list.value_length(row) as usize
    }

    fn ids(&self, row: usize) -> Cow<'_, [u32]> {
        let (list, row) = self.locate(row);
        let offsets = list.value_offsets();
        let span = offsets[row] as usize..offsets[row + 1] as usize;
        match list.values().as_primitive_opt::<UInt32Type>() {
            Some(wide) => Cow::Borrowed(&wide.values()[span]),
            None => {
                let narrow = list.values().as_primitive::<UInt16Type>().values();
                narrow[span].iter().map(|id| u32::from(*id)).collect()
            }
        }
    }

    fn label(&self, row: usize) -> u8 {
        self.labels[row]
    }

    fn row_id(&self, row: usize) -> u64 {
        self.row_ids[row]
    }
}
