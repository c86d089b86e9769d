//! Token rows, straight from the mapped artifact.

use std::borrow::Cow;
use std::fmt::Debug;
use std::path::Path;

use arrow::array::{AsArray, ListArray};
use arrow::datatypes::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use artifact::{Artifact, Contract, Digest, Normalization, Split, map_arrays, schema};
use bundle::ModelFile;
use settings::ModelSettings;

use crate::{ClassifierError, CounterRng, Result};

/// Children of a seed's rng: the order in which rows are drawn, and that of shuffled labels.
const ROW_SELECTION: u64 = 1 << 40;
const LABEL_SHUFFLE: u64 = ROW_SELECTION + 1;

/// Keeps `settings.reviews` of the training rows, and shuffles their labels if the settings say so. Returns the
/// positions of the kept rows in order, or `None` if all are kept. The choice depends on the seed and the rows'
/// ids alone, so that a smaller sample is part of a larger one.
pub(crate) fn select_training_rows(
    ids: &mut Vec<u64>,
    labels: &mut Vec<u8>,
    settings: &ModelSettings,
) -> Option<Vec<usize>> {
    let rng = CounterRng::new(settings.seed);
    let kept = (settings.reviews > 0).then(|| {
        let drawn = rng.child(ROW_SELECTION);
        let mut kept: Vec<usize> = (0..ids.len()).collect();
        kept.sort_unstable_by_key(|row| (drawn.bits(ids[*row]), *row));
        kept.truncate(settings.reviews as usize);
        kept.sort_unstable();
        *ids = kept.iter().map(|row| ids[*row]).collect();
        *labels = kept.iter().map(|row| labels[*row]).collect();
        kept
    });
    if settings.shuffled_labels {
        rng.child(LABEL_SHUFFLE).shuffle(labels);
    }
    kept
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
    /// The contract of a tokens artifact.
    ///
    /// # Errors
    /// The artifact is of another kind.
    pub fn of(artifact: &Artifact) -> Result<Self> {
        match artifact.manifest().contract.clone() {
            Contract::Tokens {
                tokenizer,
                vocabulary_size,
                pad_id,
                max_length,
                classes,
                normalization,
                ..
            } => Ok(Self {
                tokenizer,
                vocabulary_size,
                pad_id,
                max_length,
                classes,
                normalization,
            }),
            other => {
                let reason = format!("`{}` holds {other:?}", artifact.folder().display());
                Err(ClassifierError::mismatch("tokens", "model")(reason))
            }
        }
    }

    /// Refuses what was made for the ids of another tokenizer.
    ///
    /// # Errors
    /// `other` is not the tokenizer of these tokens.
    pub fn check_tokenizer(&self, made: &'static str, other: Digest) -> Result<()> {
        let own = self.tokenizer;
        if own == other {
            return Ok(());
        }
        let reason =
            format!("the tokens come from the tokenizer {own} and the {made} from {other}");
        Err(ClassifierError::mismatch("tokens", made)(reason))
    }
}

/// Rows of token ids, of which batches are made.
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

    /// The class id of a row; 0 where nobody asks for it.
    fn label(&self, _row: usize) -> u8 {
        0
    }

    /// The review's id, as in `clean.parquet`.
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

/// Proves rows that a model is asked about.
///
/// # Errors
/// A row is empty or too long, or the vocabulary does not have one of its ids.
pub(crate) fn check_input_rows(rows: &dyn IdRows, model: &ModelFile) -> Result<()> {
    let (longest, classes) = (model.tokenizer.max_length, model.labels.len());
    let limits = [
        longest as usize,
        classes,
        model.sizes.vocabulary_size as usize,
    ];
    check_rows(rows, Path::new("the texts asked about"), limits)
}

/// Proves rows against the longest length, the number of classes and the size of the vocabulary, because on a GPU an id out of range is a fault that takes the whole
/// process down.
///
/// # Errors
/// A row of `path` is empty or too long, or its label or one of its ids is out of range.
fn check_rows(
    rows: &dyn IdRows,
    path: &Path,
    [longest, classes, vocabulary_size]: [usize; 3],
) -> Result<()> {
    for row in 0..rows.len() {
        let length = rows.length(row);
        let label = usize::from(rows.label(row));
        let problem = if length == 0 || length > longest {
            format!("has {length} tokens, and its contract allows 1 to {longest}")
        } else if label >= classes {
            format!("has the label {label}, and there are {classes} classes")
        } else {
            let largest = rows.ids(row).iter().copied().max().unwrap_or(0);
            if (largest as usize) < vocabulary_size {
                continue;
            }
            format!("has the id {largest}, and the vocabulary has {vocabulary_size}")
        };
        return Err(ClassifierError::Row {
            path: path.to_owned(),
            row,
            problem,
        });
    }
    Ok(())
}

/// The rows of one split, their ids mapped into memory, all checked against the contract.
#[derive(Debug)]
pub struct TokenRows {
    lists: Vec<ListArray>,
    /// Where the ids of each row are: (list, row within it).
    places: Vec<(u32, u32)>,
    row_ids: Vec<u64>,
    labels: Vec<u8>,
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
        let mut rows = Self {
            lists: Vec::new(),
            places: Vec::new(),
            row_ids: Vec::new(),
            labels: Vec::new(),
        };
        for (batch, list) in map_arrays(&path, &schema::tokens(wide))?.iter().zip(0..) {
            let places = (0..batch.num_rows() as u32).map(|row| (list, row));
            rows.places.extend(places);
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

    /// The training rows that a model learns from: as many as its settings ask for, with the labels they ask for.
    ///
    /// # Errors
    /// As for [`TokenRows::open`].
    pub fn open_training_rows(artifact: &Artifact, settings: &ModelSettings) -> Result<Self> {
        let mut rows = Self::open(artifact, Split::Train)?;
        if let Some(kept) = select_training_rows(&mut rows.row_ids, &mut rows.labels, settings) {
            rows.places = kept.into_iter().map(|row| rows.places[row]).collect();
        }
        Ok(rows)
    }

    /// The class ids of all rows.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The ids of all reviews, as in `clean.parquet`.
    pub fn row_ids(&self) -> &[u64] {
        &self.row_ids
    }

    fn place(&self, row: usize) -> (&ListArray, usize) {
        let (list, row) = self.places[row];
        (&self.lists[list as usize], row as usize)
    }
}

impl IdRows for TokenRows {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn length(&self, row: usize) -> usize {
        let (list, row) = self.place(row);
        list.value_length(row) as usize
    }

    fn ids(&self, row: usize) -> Cow<'_, [u32]> {
        let (list, row) = self.place(row);
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
