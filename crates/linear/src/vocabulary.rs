//! Which n-grams count, and what each says by itself.

use std::cmp::Reverse;

use rayon::prelude::*;

use crate::LinearError;
use crate::ngram::{Ngram, NgramEncoding};

/// Keys sorted at a time: 64 Mi of eight bytes.
const KEYS_AT_ONCE: usize = 1 << 26;

/// The n-grams of the training rows that are frequent enough, the most frequent first: what nearly every row has then
/// lies side by side in memory, and fitting is a matter of memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Vocabulary {
    /// The n-grams.
    pub ngrams: Vec<Ngram>,
    /// The log-count ratio of each: above 0 where it stands rather in the positive class.
    pub ratios: Vec<f32>,
    /// How they are made of token ids.
    pub encoding: NgramEncoding,
    /// Ids that are in none.
    pub skipped: Vec<u32>,
}

impl Vocabulary {
    /// Counts the n-grams of `count` rows, each of them token ids and whether they are positive, and
    /// keeps those that stand in `min_count` rows or more.
    /// `smoothing` is added to every count, so that one seen in one class alone has a finite ratio.
    ///
    /// Memory is bounded: where there are more n-grams than [`KEYS_AT_ONCE`], the rows are read
    /// several times, for another part of them each time.
    ///
    /// # Errors
    /// The ids are too large for a key, or no n-gram is frequent enough.
    pub fn of(
        rows: &(impl Fn(usize) -> (Vec<u32>, bool) + Sync),
        count: usize,
        (longest, min_count, smoothing): (u32, u32, f64),
        (vocabulary_size, skipped): (u32, Vec<u32>),
    ) -> Result<Self, LinearError> {
        let encoding = NgramEncoding::new(vocabulary_size, longest)?;
        Self::counted(rows, count, (min_count, smoothing), (encoding, skipped))
    }

    /// The same with a encoding that is there already.
    ///
    /// # Errors
    /// No n-gram is frequent enough.
    pub(crate) fn counted(
        rows: &(impl Fn(usize) -> (Vec<u32>, bool) + Sync),
        count: usize,
        (min_count, smoothing): (u32, f64),
        (encoding, skipped): (NgramEncoding, Vec<u32>),
    ) -> Result<Self, LinearError> {
        let keys_of = |row: usize, keep: &dyn Fn(Ngram) -> bool| {
            let (ids, is_positive) = rows(row);
            let mut ngrams = Vec::new();
            encoding.collect_ngrams(&ids, &skipped, &mut ngrams);
            // The class in the lowest bit: one sort counts both.
            let keys = ngrams.into_iter().filter(|ngram| keep(*ngram));
            keys.map(|ngram| (ngram << 1) | u64::from(is_positive))
                .collect::<Vec<u64>>()
        };
        let all: usize = (0..count)
            .into_par_iter()
            .map(|row| rows(row).0.len() * encoding.longest() as usize)
            .sum();
        let parts = all.div_ceil(KEYS_AT_ONCE).max(1) as u64;
        let mut counted: Vec<(Ngram, [u32; 2])> = Vec::new();
        for part in 0..parts {
            let keep = |ngram: Ngram| parts == 1 || part_of(ngram, parts) == part;
            let mut keys: Vec<u64> = (0..count)
                .into_par_iter()
                .flat_map_iter(|row| keys_of(row, &keep))
                .collect();
            keys.par_sort_unstable();
            let groups = keys.chunk_by(|one, two| one >> 1 == two >> 1);
            let kept = groups.filter(|group| group.len() >= min_count as usize);
            counted.extend(kept.map(|group| {
                let positive = group.iter().filter(|key| *key & 1 == 1).count() as u32;
                (group[0] >> 1, [group.len() as u32 - positive, positive])
            }));
        }
        let rarity = |(ngram, counts): &(Ngram, [u32; 2])| (Reverse(counts[0] + counts[1]), *ngram);
        counted.par_sort_unstable_by_key(rarity);
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

/// The log-count ratio of each n-gram, from the rows of either class that have it, negative ones first; 0 for
/// those in fewer rows than `min_count`, which count for nothing.
pub(crate) fn ratios(counts: &[[u32; 2]], min_count: u32, smoothing: f64) -> Vec<f32> {
    let is_kept = |counts: &[u32; 2]| counts[0] + counts[1] >= min_count;
    let kept = counts.iter().filter(|counts| is_kept(counts));
    let (seen, number) = kept.fold(([0_u64; 2], 0_u64), |(seen, number), counts| {
        let seen = [0, 1].map(|class| seen[class] + u64::from(counts[class]));
        (seen, number + 1)
    });
    let sums = seen.map(|seen| seen as f64 + smoothing * number as f64);
    let ratio = |counts: &[u32; 2]| {
        if !is_kept(counts) {
            return 0.0;
        }
        let share = |class: usize| (f64::from(counts[class]) + smoothing) / sums[class];
        (share(1) / share(0)).ln() as f32
    };
    counts.iter().map(ratio).collect()
}

/// Which part an n-gram is counted in (multiplicative hashing, Knuth 1998, section 6.4).
fn part_of(ngram: Ngram, parts: u64) -> u64 {
    (ngram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ratios_are_those_worked_by_hand() {
        // 1 stands twice in the positive class, 2 once in each, 3 in one row alone.
        let rows = [(vec![1, 2, 2], true), (vec![1], true), (vec![2, 3], false)];
        let read = |row: usize| rows[row].clone();
        let found = Vocabulary::of(&read, 3, (1, 2, 1.0), (10, vec![0])).expect("there are some");
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
        let none = Vocabulary::of(&read, 3, (1, 4, 1.0), (10, vec![0])).expect_err("too rare");
        assert!(none.to_string().contains("4 training reviews"), "{none}");
        let many = Vocabulary::of(&read, 3, (3, 1, 1.0), (u32::MAX, vec![])).expect_err("too many");
        assert!(many.to_string().contains("4294967295 words"), "{many}");
    }

    #[test]
    fn all_parts_together_are_the_whole() {
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
