//! Random numbers for a text, negative samples, and the subsampling of frequent words.

use metrics::counter_rng::{GOLDEN, mix};

/// Random numbers for a text in an epoch, computed from the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextRng(u64);

impl TextRng {
    pub(super) fn new(seed: u64, epoch: u64, text: u64) -> Self {
        Self(mix(mix(mix(seed) ^ epoch) ^ text))
    }

    /// The next number: 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// The next number in [0, `below`).
    pub(super) fn below(&mut self, below: usize) -> usize {
        ((u128::from(self.bits()) * below as u128) >> 64) as usize
    }

    /// The next number in [0, 1).
    pub(super) fn uniform(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u32 << 24) as f32
    }
}

/// Draws words with probabilities proportional to their count to the power of 3/4 (Mikolov et al. 2013), by Vose's alias
/// method (1991): two random numbers and one table look-up per word.
pub(super) struct NegativeSampler {
    /// For each word the probability to keep it when it is drawn, and the word to use otherwise.
    table: Vec<(f32, u32)>,
}

impl NegativeSampler {
    pub(super) fn new(counts: &[u64]) -> Self {
        let weights = counts.iter().map(|count| (*count as f64).powf(0.75));
        let mean = weights.clone().sum::<f64>() / weights.len().max(1) as f64;
        let share = |weight| if mean > 0.0 { weight / mean } else { 1.0 };
        let mut shares: Vec<f64> = weights.map(share).collect();
        let mut table: Vec<(f32, u32)> = (0..counts.len()).map(|id| (1.0, id as u32)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..shares.len()).partition(|id| shares[*id] < 1.0);
        while let (Some(low), Some(high)) = (small.pop(), large.last().copied()) {
            table[low] = (shares[low] as f32, high as u32);
            shares[high] -= 1.0 - shares[low];
            if shares[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        Self { table }
    }

    pub(super) fn draw(&self, rng: &mut TextRng) -> usize {
        let word = rng.below(self.table.len());
        let (keep, other) = self.table[word];
        let is_kept = rng.uniform() < keep;
        if is_kept { word } else { other as usize }
    }
}

/// The probability that an occurrence of a word is used: frequent words are skipped more often, as in word2vec. If
/// `subsample` is 0, all are used.
pub(super) fn keep_probabilities(counts: &[u64], subsample: f64) -> Vec<f32> {
    let total = counts.iter().sum::<u64>() as f64;
    let keep = |count: &u64| {
        if subsample <= 0.0 || *count == 0 {
            return 1.0;
        }
        let share = *count as f64 / total / subsample;
        ((share.sqrt() + 1.0) / share).min(1.0) as f32
    };
    counts.iter().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_change() {
        let mut rng = TextRng::new(1, 2, 3);
        assert_eq!(
            [rng.bits(), rng.bits()],
            [12_560_079_469_515_091_432, 9_643_713_164_311_169_692]
        );
        assert_eq!((rng.below(1000), rng.uniform()), (227, 0.861_377));
    }

    #[test]
    fn words_are_drawn_by_their_count_to_three_quarters() {
        let counts = [0, 1, 16, 81];
        let sampler = NegativeSampler::new(&counts);
        let mut rng = TextRng::new(1, 2, 3);
        let mut drawn = [0_f64; 4];
        let draws = 40_000;
        (0..draws).for_each(|_| drawn[sampler.draw(&mut rng)] += 1.0);
        for (found, weight) in drawn.iter().zip([0.0, 1.0, 8.0, 27.0]) {
            let (found, expected) = (found / f64::from(draws), weight / 36.0);
            assert!((found - expected).abs() < 0.01, "{drawn:?}");
        }
    }

    #[test]
    fn frequent_words_are_skipped_more_often() {
        let keep = keep_probabilities(&[0, 10, 1000, 100_000], 1e-3);
        assert!(
            keep[0] == 1.0 && keep[1] == 1.0 && keep[2] > keep[3] && keep[3] < 0.1,
            "{keep:?}"
        );
        assert_eq!(keep_probabilities(&[5, 50], 0.0), [1.0, 1.0]);
    }
}
