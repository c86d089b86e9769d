//! The n-grams that the model uses, with their log-count ratios.

use std::cmp::Reverse;

use rayon::prelude::*;

use crate::LinearError;
use crate::ngram::{Ngram, NgramEncoding};

/// Maximum number of keys that are sorted at once: 64 Mi of eight bytes.
const KEYS_AT_ONCE: usize = 1 << 26;

/// The n-grams that are in enough training rows, the most frequent first: the columns that nearly every row uses
/// are then close together in memory, and memory access dominates the time of a fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Vocabulary {
    /// The n-grams.
    pub ngrams: Vec<Ngram>,
    /// The log-count ratio of each n-gram: above 0 if it is more frequent in the positive class.
    pub ratios: Vec<f32>,
    /// How token ids are encoded as n-grams.
    pub encoding: NgramEncoding,
    /// Ids that no n-gram contains.
    pub skipped: Vec<u32>,
}

impl Vocabulary {
    /// Counts the n-grams of `count` rows, each given as token ids and whether it is positive. Keeps the n-grams that
    /// are in at least `min_count` rows. `smoothing` is added to every count, so that an n-gram of one class has a
    /// finite ratio.
    ///
    /// Memory is bounded: if there are more n-grams than [`KEYS_AT_ONCE`], the rows are read several times, each time
    /// for another part of the n-grams.
    ///
    /// # Errors
    /// The n-grams are too long for a key, or none is in enough rows.
    pub fn count(
        rows: &(impl Fn(usize) -> (Vec<u32>, bool) + Sync),
        count: usize,
        (longest, min_count, smoothing): (u32, u32, f64),
        (vocabulary_size, skipped): (u32, Vec<u32>),
    ) -> Result<Self, LinearError> {
        let encoding = NgramEncoding::new(vocabulary_size, longest)?;
        Self::count_with_encoding(rows, count, (min_count, smoothing), (encoding, skipped))
    }

    /// [`Vocabulary::count`] with an existing encoding.
    ///
    /// # Errors
    /// No n-gram is in enough rows.
    pub(crate) fn count_with_encoding(
        rows: &(impl Fn(usize) -> (Vec<u32>, bool) + Sync),
        count: usize,
        (min_count, smoothing): (u32, f64),
        (encoding, skipped): (NgramEncoding, Vec<u32>),
    ) -> Result<Self, LinearError> {
        let keys_of = |row: usize, keep: &dyn Fn(Ngram) -> bool| {
            let (ids, is_positive) = rows(row);
            let mut ngrams = Vec::new();
            encoding.collect_ngrams(&ids, &skipped, &mut ngrams);
            // The class is the lowest bit, so that one sort counts both classes.
            let keys = ngrams.into_iter().filter(|ngram| keep(*ngram));
            keys.map(|ngram| (ngram << 1) | u64::from(is_positive))
                .collect::<Vec<u64>>()
        };
        let most_ngrams = |row| rows(row).0.len() * encoding.longest as usize;
        let maximum: usize = (0..count).into_par_iter().map(most_ngrams).sum();
        let parts = maximum.div_ceil(KEYS_AT_ONCE).max(1) as u64;
        let mut counted: Vec<(Ngram, [u32; 2])> = Vec::new();
        for part in 0..parts {
            let keep = |ngram: Ngram| parts == 1 || part_of(ngram, parts) == part;
            let mut keys: Vec<u64> = (0..count)
                .into_par_iter()
                .flat_map_iter(|row| keys_of(row, &keep))
                .collect();
            keys.par_sort_unstable();
            let groups = keys.chunk_by(|one, two| one >> 1 == two >> 1);
            let frequent = groups.filter(|group| group.len() >= min_count as usize);
            counted.extend(frequent.map(|group| {
                let positive = group.iter().filter(|key| *key & 1 == 1).count() as u32;
                (group[0] >> 1, [group.len() as u32 - positive, positive])
            }));
        }
        counted.par_sort_unstable_by_key(|(ngram, [negative, positive])| {
            (Reverse(negative + positive), *ngram)
        });
        if counted.is_empty() {
            return Err(LinearError::NoFeatures(min_count));
        }
        let (ngrams, counts): (Vec<Ngram>, Vec<[u32; 2]>) = counted.into_iter().unzip();
        Ok(Self {
            ratios: ratios(&counts, min_count, smoothing),
            ngrams,
            encoding,
            skipped,
        })
    }
}

/// The log-count ratio of each n-gram, from the number of negative and of positive rows that contain it; 0 for
/// n-grams in fewer than `min_count` rows, which are ignored.
pub(crate) fn ratios(counts: &[[u32; 2]], min_count: u32, smoothing: f64) -> Vec<f32> {
    let is_frequent = |counts: &[u32; 2]| counts[0] + counts[1] >= min_count;
    let frequent = counts.iter().filter(|counts| is_frequent(counts));
    let (totals, number) = frequent.fold(([0_u64; 2], 0_u64), |(totals, number), counts| {
        let totals = [0, 1].map(|class| totals[class] + u64::from(counts[class]));
        (totals, number + 1)
    });
    let sums = totals.map(|total| total as f64 + smoothing * number as f64);
    let ratio = |counts: &[u32; 2]| {
        if !is_frequent(counts) {
            return 0.0;
        }
        let share = |class: usize| (f64::from(counts[class]) + smoothing) / sums[class];
        (share(1) / share(0)).ln() as f32
    };
    counts.iter().map(ratio).collect()
}

/// The part that an n-gram is counted in (multiplicative hashing, Knuth 1998, section 6.4).
fn part_of(ngram: Ngram, parts: u64) -> u64 {
    (ngram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ratios_match_a_calculation_by_hand() {
        // Token 1 is in two positive rows, 2 in one row of each class, 3 in one row only.
        let rows = [(vec![1, 2, 2], true), (vec![1], true), (vec![2, 3], false)];
        let read = |row: usize| rows[row].clone();
        let found =
            Vocabulary::count(&read, 3, (1, 2, 1.0), (10, vec![0])).expect("there are some");
        let words: Vec<_> = found
            .ngrams
            .iter()
            .map(|ngram| found.encoding.token_ids(*ngram))
            .collect();
        assert_eq!(words, [[1], [2]]);
        // Positive: 2 + 1 and 1 + 1 of 5; negative: 0 + 1 and 1 + 1 of 3.
        let expected = [
            (3.0_f64 / 5.0 / (1.0 / 3.0)).ln(),
            (2.0_f64 / 5.0 / (2.0 / 3.0)).ln(),
        ];
        for (ratio, expected) in found.ratios.iter().zip(expected) {
            assert!(
                (f64::from(*ratio) - expected).abs() < 1e-6,
                "{ratio} {expected}"
            );
        }
        let none = Vocabulary::count(&read, 3, (1, 4, 1.0), (10, vec![0])).expect_err("too rare");
        assert!(none.to_string().contains("4 training reviews"), "{none}");
        let many =
            Vocabulary::count(&read, 3, (3, 1, 1.0), (u32::MAX, vec![])).expect_err("too many");
        assert!(many.to_string().contains("4294967295 words"), "{many}");
    }

    #[test]
    fn every_ngram_is_in_one_part() {
        for parts in [2, 3, 7] {
            let of = |part| {
                (0..1000_u64)
                    .filter(move |ngram| part_of(*ngram, parts) == part)
                    .count()
            };
            let counts: Vec<usize> = (0..parts).map(of).collect();
            assert_eq!(counts.iter().sum::<usize>(), 1000);
            assert!(
                counts
                    .iter()
                    .all(|count| *count > 1000 / (2 * parts as usize)),
                "{counts:?}"
            );
        }
    }
}
