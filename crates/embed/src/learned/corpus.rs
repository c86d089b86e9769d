//! The texts to learn from, as ids: train rows and, where wanted, rows without a label. Never a row
//! of validation or test.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{UInt16Type, UInt32Type};
use artifact::{Artifact, Contract, Split, map_arrays, schema};

use super::chance::Chance;
use crate::EmbedError;

/// Texts one after the other.
pub(crate) struct Corpus {
    ids: Vec<u32>,
    /// Where each text ends.
    ends: Vec<usize>,
    /// Shares no factor with the number of texts.
    step: usize,
}

impl Corpus {
    /// Reads the training rows of a tokens artifact, and its unlabelled ones.
    ///
    /// # Errors
    /// A file is damaged.
    pub(crate) fn open(tokens: &Artifact, unlabelled: bool) -> Result<Self, EmbedError> {
        let wide = match &tokens.manifest().contract {
            Contract::Tokens {
                vocabulary_size, ..
            } => *vocabulary_size > u32::from(u16::MAX) + 1,
            _ => false,
        };
        let mut corpus = Self {
            ids: Vec::new(),
            ends: Vec::new(),
            step: 1,
        };
        let mut splits = vec![(Split::Train, schema::tokens(wide))];
        splits.extend(unlabelled.then(|| (Split::Unlabelled, schema::unlabelled_tokens(wide))));
        for (split, schema) in splits {
            let path = tokens.file(&format!("{split}.arrow"))?;
            for batch in map_arrays(&path, &schema)?.batches()? {
                corpus.add(&batch, wide);
            }
        }
        corpus.step = step(corpus.ends.len());
        Ok(corpus)
    }

    #[cfg(test)]
    pub(super) fn of(texts: &[Vec<u32>]) -> Self {
        let mut corpus = Self {
            ids: Vec::new(),
            ends: Vec::new(),
            step: step(texts.len()),
        };
        for text in texts {
            corpus.ids.extend(text);
            corpus.ends.push(corpus.ids.len());
        }
        corpus
    }

    fn add(&mut self, batch: &RecordBatch, wide: bool) {
        let lists = batch
            .column_by_name("ids")
            .expect("opened with the columns of its contract")
            .as_list::<i32>();
        let offsets = lists.value_offsets();
        let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
        let start = self.ids.len();
        if wide {
            self.ids.extend_from_slice(
                &lists.values().as_primitive::<UInt32Type>().values()[first..last],
            );
        } else {
            let ids = &lists.values().as_primitive::<UInt16Type>().values()[first..last];
            self.ids.extend(ids.iter().map(|id| u32::from(*id)));
        }
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
        let start = if number == 0 {
            0
        } else {
            self.ends[number - 1]
        };
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
    (golden.max(1)..=golden.max(1) + length)
        .find(|step| divisor(*step, length) == 1)
        .unwrap_or(1)
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
