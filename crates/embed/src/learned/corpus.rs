//! The texts to learn from, as token ids: the training rows and, optionally, the unlabelled rows, but never rows of
//! validation or test.

use arrow::array::{AsArray, ListArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, UInt32Type};
use artifact::{Artifact, ArtifactError, Failure, Split, map_arrays, schema};
use classifier::TokenContract;

use super::sampling::TextRng;

/// The token ids of all texts.
#[derive(Default)]
pub(crate) struct Corpus {
    ids: Vec<u32>,
    /// The end of each text in `ids`.
    ends: Vec<usize>,
    /// The step of [`Corpus::in_order`], coprime to the number of texts.
    step: usize,
}

/// Reads the token ids of a split as lists of UInt32, batch by batch; `size` is the size of the vocabulary.
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
        let ids = batch.column_by_name("ids");
        let ids = ids.expect("opened with the columns of its contract");
        let ids = cast(ids, &lists).map_err(ArtifactError::table("read", &path))?;
        Ok(ids.as_list::<i32>().clone())
    }))
}

impl Corpus {
    /// Reads the training rows of a tokens artifact, and optionally its unlabelled rows.
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
        corpus.step = coprime_step(corpus.ends.len());
        Ok(corpus)
    }

    fn add(&mut self, lists: &ListArray) {
        let offsets = lists.value_offsets();
        let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
        let start = self.ids.len();
        let ids = lists.values().as_primitive::<UInt32Type>().values();
        self.ids.extend_from_slice(&ids[first..last]);
        let ends = offsets[1..].iter().map(|end| start + *end as usize - first);
        self.ends.extend(ends);
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

    /// The text at a position of an order that visits every text once and starts at a random text.
    pub(super) fn in_order(&self, position: usize, mut order: TextRng) -> usize {
        let count = self.texts();
        (order.below(count) + position * self.step) % count
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

/// A step near the golden section of `length` and coprime to it: an order with such steps separates neighbouring texts.
fn coprime_step(length: usize) -> usize {
    let golden = ((length as f64 * 0.618_033_988_75) as usize).max(1);
    let is_coprime = |step: &usize| greatest_common_divisor(*step, length) == 1;
    (golden..=golden + length).find(is_coprime).unwrap_or(1)
}

fn greatest_common_divisor(mut one: usize, mut two: usize) -> usize {
    while two > 0 {
        (one, two) = (two, one % two);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Corpus {
        pub(in crate::learned) fn of(texts: &[Vec<u32>]) -> Self {
            let list = |text: &Vec<u32>| Some(text.clone().into_iter().map(Some));
            let lists = texts.iter().map(list);
            let mut corpus = Self::default();
            corpus.add(&ListArray::from_iter_primitive::<UInt32Type, _, _>(lists));
            corpus.step = coprime_step(texts.len());
            corpus
        }
    }

    #[test]
    fn every_text_is_visited_once() {
        for count in [1, 2, 7, 100, 1024] {
            let corpus = Corpus::of(&vec![vec![1]; count]);
            let mut seen: Vec<usize> = (0..count)
                .map(|position| corpus.in_order(position, TextRng::new(1, 2, 3)))
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }
}
