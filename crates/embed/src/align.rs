//! Fills the matrix of a vocabulary from a file of word vectors.

use std::collections::HashMap;
use std::path::Path;

use artifact::{Failure, format};
use settings::vectors::VectorLayout;
use stage::ProgressTask;

use crate::lookup::{Spelling, spellings};
use crate::matrix::Matrix;
use crate::random::normal;
use crate::vector_file::{ReadReport, VectorSink, read_vectors, unusable};
use crate::vocabulary::{Entry, Vocabulary};

/// The matrix of a vocabulary, and how its rows were found.
pub(crate) struct Aligned {
    /// The vectors, by id.
    pub(crate) matrix: Matrix,
    /// The spelling under which each entry was found, by id; `None` for missing and special entries.
    pub(crate) found: Vec<Option<Spelling>>,
    /// Standard deviation of the components found; random vectors for missing entries have the same.
    pub(crate) deviation: f64,
    /// Statistics of the file.
    pub(crate) file: ReadReport,
}

/// Fills the matrix: each entry of the vocabulary gets the vector of its best spelling in the file, the others those of
/// [`WantedSpellings::fill_missing`]. The vectors of other words are not in memory.
///
/// # Errors
/// The file cannot be used, its vectors have another width than in the settings, or it has no vector for this
/// vocabulary.
pub(crate) fn align(
    vocabulary: &Vocabulary,
    path: &Path,
    width: Option<u32>,
    seed: u64,
    task: &ProgressTask,
) -> Result<Aligned, Failure> {
    let found = VectorLayout::read(path).map_err(unusable)?.width;
    if let Some(wanted) = width.filter(|wanted| *wanted != found) {
        let path = path.display();
        let problem =
            format!("`width` is {wanted}, but the vectors in `{path}` have {found} components");
        return Err(Failure::new(problem).with_hint(format!(
            "Remove `width` from the table of the embedding, or set `source` to a file of vectors with {wanted} components"
        )));
    }
    let mut wanted = WantedSpellings::new(vocabulary, found);
    let file = read_vectors(path, &mut wanted, task)?;
    let Some(deviation) = wanted.deviation() else {
        let is_word = |entry: &&Entry| matches!(entry, Entry::Word { .. });
        let entries = vocabulary.entries.iter().filter(is_word).count();
        let (path, count) = (path.display(), format::count(entries as u64));
        let problem =
            format!("`{path}` has no vector for any of the {count} entries of the vocabulary");
        let hint = "Set `source` to word vectors in the language of the reviews, or use a tokenizer of kind `word`";
        return Err(Failure::new(problem).with_hint(hint.to_owned()));
    };
    wanted.fill_missing(&vocabulary.entries, deviation, seed);
    Ok(Aligned {
        matrix: wanted.matrix,
        found: wanted.found,
        deviation,
        file,
    })
}

/// The spellings to look up, and the vectors found so far.
struct WantedSpellings {
    uses: HashMap<String, Uses>,
    matrix: Matrix,
    found: Vec<Option<Spelling>>,
}

/// The entries that a spelling belongs to.
#[derive(Default)]
struct Uses {
    ids: Vec<(usize, Spelling)>,
    is_found: bool,
}

impl WantedSpellings {
    fn new(vocabulary: &Vocabulary, width: u32) -> Self {
        let mut uses: HashMap<String, Uses> = HashMap::new();
        for (id, entry) in vocabulary.entries.iter().enumerate() {
            let Entry::Word {
                surface,
                starts_word,
                ..
            } = entry
            else {
                continue;
            };
            for (spelling, text) in spellings(surface, *starts_word) {
                uses.entry(text).or_default().ids.push((id, spelling));
            }
        }
        let matrix = Matrix::zeros(vocabulary.size(), width);
        Self {
            uses,
            matrix,
            found: vec![None; vocabulary.entries.len()],
        }
    }

    /// The rows that were found.
    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        let ids = (0..self.found.len()).filter(|id| self.found[*id].is_some());
        ids.map(|id| self.matrix.row(id))
    }

    /// Standard deviation of all components of the rows found, `None` if there are none.
    fn deviation(&self) -> Option<f64> {
        let components = (self.rows().count() * self.matrix.width as usize) as f64;
        let values = || self.rows().flatten().copied().map(f64::from);
        let mean = values().sum::<f64>() / components;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / components;
        (components > 0.0).then(|| variance.sqrt())
    }

    /// Fills the rows of entries that were not found.
    ///
    /// Missing words get random vectors with the variance of the words found, so that they differ from each other and
    /// have a typical length (Kim 2014, section 4.2, found this to help). The unknown token represents many words and
    /// gets the mean of all vectors found, as Pennington, the author of GloVe, recommends. Special tokens other than
    /// padding get random vectors too.
    fn fill_missing(&mut self, entries: &[Entry], deviation: f64, seed: u64) {
        let mean = self.mean();
        let missing = |(id, _): &(usize, &Entry)| self.found[*id].is_none();
        for (id, entry) in entries.iter().enumerate().filter(missing) {
            let row = self.matrix.row_mut(id);
            match entry {
                Entry::Padding => {}
                Entry::Unknown => row.copy_from_slice(&mean),
                Entry::Special | Entry::Word { .. } => {
                    for (column, value) in row.iter_mut().enumerate() {
                        *value = normal(seed, id, column, deviation);
                    }
                }
            }
        }
    }

    fn mean(&self) -> Vec<f32> {
        let mut sums = vec![0.0_f64; self.matrix.width as usize];
        for row in self.rows() {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        let rows = self.rows().count() as f64;
        sums.into_iter().map(|sum| (sum / rows) as f32).collect()
    }
}

impl VectorSink for WantedSpellings {
    fn wants(&self, word: &str) -> bool {
        self.uses.contains_key(word)
    }

    fn accept(&mut self, word: &str, vector: &[f32]) -> bool {
        let Some(uses) = self.uses.get_mut(word) else {
            return true;
        };
        if std::mem::replace(&mut uses.is_found, true) {
            return false;
        }
        for (id, spelling) in &uses.ids {
            if self.found[*id].is_none_or(|present| *spelling < present) {
                self.found[*id] = Some(*spelling);
                self.matrix.row_mut(*id).copy_from_slice(vector);
            }
        }
        true
    }
}
