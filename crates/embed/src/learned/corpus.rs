//! The texts to learn from, as ids: train rows and, where wanted, rows without a label. Never a row
//! of validation or test.

use arrow::array::{AsArray, ListArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, UInt32Type};
use artifact::{Artifact, ArtifactError, Failure, Split, map_arrays, schema};
use classifier::TokenContract;

use super::chance::Chance;

/// Texts one after the other.
#[derive(Default)]
pub(crate) struct Corpus {
    ids: Vec<u32>,
    /// Where each text ends.
    ends: Vec<usize>,
    /// Shares no factor with the number of texts.
    step: usize,
}

/// The ids of a split's texts as lists of UInt32, batch by batch; `size` is the vocabulary's.
///
/// # Errors
/// The file is damaged.
pub(crate) fn id_lists(
    tokens: &Artifact,
    split: Split,
    size: u32,
) -> Result<impl Iterator<Item = Result<ListArray, ArtifactError>>, ArtifactError> {
    let wide = size > u32::from(u16::MAX) + 1;
    let schema = match split {
        Split::Unlabelled => schema::unlabelled_tokens(wide),
        _ => schema::tokens(wide),
    };
    let path = tokens.file(&format!("{split}.arrow"))?;
    let batches = map_arrays(&path, &schema)?;
    let lists = DataType::List(Field::new_list_field(DataType::UInt32, false).into());
    Ok(batches.into_iter().map(move |batch| {
        let ids = batch
            .column_by_name("ids")
            .expect("opened with the columns of its contract");
        let ids = cast(ids, &lists).map_err(ArtifactError::table("read", &path))?;
        Ok(ids.as_list::<i32>().clone())
    }))
}

impl Corpus {
    /// Reads the training rows of a tokens artifact, and its unlabelled ones.
    ///
    /// # Errors
    /// A file is damaged.
    pub(crate) fn open(tokens: &Artifact, unlabelled: bool) -> Result<Self, Failure> {
        let size = TokenContract::of(tokens)?.vocabulary_size;
        let mut corpus = Self::default();
        let unlabelled = unlabelled.then_some(Split::Unlabelled);
        for split in [Split::Train].into_iter().chain(unlabelled) {
            for lists in id_lists(tokens, split, size)? {
                corpus.add(&lists?);
            }
        }
        corpus.step = step(corpus.ends.len());
        Ok(corpus)
    }

    #[cfg(test)]
    pub(super) fn of(texts: &[Vec<u32>]) -> Self {
        let list = |text: &Vec<u32>| Some(text.clone().into_iter().map(Some));
        let lists = texts.iter().map(list);
        let mut corpus = Self::default();
        corpus.add(&ListArray::from_iter_primitive::<UInt32Type, _, _>(lists));
        corpus.step = step(texts.len());
        corpus
    }

    fn add(&mut self, lists: &ListArray) {
        let offsets = lists.value_offsets();
        let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
        let start = self.ids.len();
        let ids = lists.values().as_primitive::<UInt32Type>().values();
        self.ids.extend_from_slice(&ids[first..last]);
        self.ends
            .extend(offsets[1..].iter().map(|end| start + *end as usize - first));
    }

    /// Number of texts.
    pub(crate) fn texts(&self) -> usize {
        self.ends.len()
    }

    /// Number of tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// The ids of a text.
    pub(crate) fn text(&self, number: usize) -> &[u32] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start..self.ends[number]]
    }

    /// The text at a place of an order that visits every text once and begins somewhere by chance.
    pub(super) fn in_order(&self, place: usize, mut order: Chance) -> usize {
        let count = self.texts();
        (order.below(count) + place * self.step) % count
    }

    /// Occurrences of every id below `rows`.
    pub(super) fn counts(&self, rows: u32) -> Vec<u64> {
        let mut counts = vec![0; rows as usize];
        for id in &self.ids {
            if let Some(count) = counts.get_mut(*id as usize) {
                *count += 1;
            }
        }
        counts
    }
}

/// A step near the golden section of a length that shares no factor with it: going round in such
/// steps mixes what stood together.
fn step(length: usize) -> usize {
    let golden = (length as f64 * 0.618_033_988_75) as usize;
    let mut steps = golden.max(1)..=golden.max(1) + length;
    steps.find(|step| divisor(*step, length) == 1).unwrap_or(1)
}

fn divisor(one: usize, two: usize) -> usize {
    if two == 0 {
        one
    } else {
        divisor(two, one % two)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_once() {
        for count in [1, 2, 7, 100, 1024] {
            let corpus = Corpus::of(&vec![vec![1]; count]);
            let mut seen: Vec<usize> = (0..count)
                .map(|place| corpus.in_order(place, Chance::new(1, 2, 3)))
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }
}
