//! Counter-based random numbers: the n-th number is a function of the seed and n.
//!
//! There is no state to save, so a checkpoint is tensors and a step number. Threads share no generator, so
//! results do not depend on their number, and every device gets the same numbers.

use std::f64::consts::TAU;

/// The increment of SplitMix64: 2^64 divided by the golden ratio, as an odd number.
pub const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Mixes the bits of a number: the finalizer of SplitMix64 (Steele, Lea and Flood 2014, variant 13 of
/// Stafford).
#[inline]
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// A sequence of random numbers for one purpose, read at any position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterRng(u64);

impl CounterRng {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    /// The sequence of one sample under a seed, for example of a bootstrap.
    pub fn of_sample(seed: u64, sample: u64) -> Self {
        let key = Self::new(seed).bits(sample.wrapping_add(1));
        Self(key.wrapping_add(GOLDEN))
    }

    /// A sequence for one purpose, epoch, step or layer.
    pub fn child(self, number: u64) -> Self {
        Self(mix(
            self.0 ^ mix(number.wrapping_add(1).wrapping_mul(GOLDEN))
        ))
    }

    /// The n-th number: 64 random bits.
    #[inline]
    pub fn bits(self, n: u64) -> u64 {
        mix(self.0.wrapping_add(n.wrapping_mul(GOLDEN)))
    }

    /// The n-th number as an index below `count` (Lemire 2019, without rejection: the bias is below
    /// `count` in 2^64).
    #[inline]
    pub fn index(self, n: u64, count: usize) -> usize {
        ((u128::from(self.bits(n)) * count as u128) >> 64) as usize
    }

    /// The n-th number from 0 to below 1.
    #[inline]
    pub fn uniform(self, n: u64) -> f64 {
        (self.bits(n) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The n-th number of the standard normal distribution (Box and Muller 1958).
    pub fn normal(self, n: u64) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(2 * n)).ln()).sqrt();
        radius * (TAU * self.uniform(2 * n + 1)).cos()
    }

    /// Puts items into a random order (Fisher and Yates).
    pub fn shuffle<T>(self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.index(index as u64, index + 1));
        }
    }

    /// A mask of 0 and 1 in which each element is 0 with this probability (to within 2^-16).
    pub fn keep_mask(self, length: usize, drop: f64) -> Vec<u8> {
        let threshold = (drop * 65_536.0).round() as u64;
        let mut mask = Vec::with_capacity(length + 3);
        for group in 0..length.div_ceil(4) as u64 {
            let bits = self.bits(group);
            for lane in 0..4 {
                mask.push(u8::from((bits >> (16 * lane)) & 0xFFFF >= threshold));
            }
        }
        mask.truncate(length);
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_change() {
        // The first outputs of SplitMix64 from the state 1234567, as its reference program prints them.
        let state = 1_234_567_u64.wrapping_add(GOLDEN);
        assert_eq!(
            [mix(state), mix(state.wrapping_add(GOLDEN))],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
        // As the generators printed them that this one replaces: `Stream` of classifier, `Draws` of metrics.
        let rng = CounterRng::new(7);
        assert_eq!(
            [0, 1, 41].map(|n| rng.bits(n)),
            [
                8_409_816_773_569_330_625,
                13_309_476_754_707_697_221,
                15_050_242_101_242_939_135
            ]
        );
        assert_eq!(
            [rng.child(0).bits(0), rng.child(9).bits(2)],
            [13_467_693_955_262_030_826, 12_481_198_324_386_828_043]
        );
        assert_eq!(rng.uniform(3), 0.549_374_324_919_323_9);
        assert_eq!(rng.normal(3), 0.547_438_138_877_719_9);
        let mut items: Vec<u32> = (0..8).collect();
        rng.shuffle(&mut items);
        assert_eq!(items, [0, 4, 6, 5, 3, 2, 1, 7]);
        assert_eq!(rng.keep_mask(10, 0.5), [1, 0, 1, 0, 1, 0, 1, 1, 1, 0]);
        let sample = CounterRng::of_sample(7, 3);
        assert_eq!(
            [0, 1, 41].map(|n| sample.bits(n)),
            [
                6_875_110_694_074_790_513,
                8_291_948_987_866_145_469,
                14_493_520_397_872_867_393
            ]
        );
        assert_eq!(sample.index(5, 1000), 814);
        assert_eq!(
            CounterRng::of_sample(0, 0).bits(0),
            2_558_736_989_570_252_433
        );
    }

    #[test]
    fn indices_are_spread_evenly() {
        let rows = 10;
        let mut counts = vec![0_i64; rows];
        for place in 0..100_000 {
            counts[CounterRng::of_sample(7, 3).index(place, rows)] += 1;
        }
        // A count is binomial with a standard deviation of 95; 5 of them are never reached by chance.
        assert!(
            counts.iter().all(|count| (count - 10_000).abs() < 475),
            "{counts:?}"
        );
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let rng = CounterRng::new(7);
        let count = 40_000;
        let mean = (0..count).map(|n| rng.uniform(n)).sum::<f64>() / count as f64;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let normals: Vec<f64> = (0..count).map(|n| rng.normal(n)).collect();
        let mean = normals.iter().sum::<f64>() / count as f64;
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
        assert!(
            mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03,
            "{mean} {variance}"
        );
        let kept = rng
            .keep_mask(count as usize, 0.3)
            .iter()
            .map(|&bit| u64::from(bit))
            .sum::<u64>();
        assert!((kept as f64 / count as f64 - 0.7).abs() < 0.01, "{kept}");
    }

    #[test]
    fn sequences_differ() {
        let rng = CounterRng::new(7);
        assert_ne!(rng.child(1).bits(5), rng.child(2).bits(5));
        assert_ne!(rng.bits(5), CounterRng::new(8).bits(5));
        let first: Vec<u64> = (0..4)
            .map(|sample| CounterRng::of_sample(7, sample).bits(0))
            .collect();
        let other: Vec<u64> = (0..4)
            .map(|sample| CounterRng::of_sample(8, sample).bits(0))
            .collect();
        assert!(first.iter().all(|bits| !other.contains(bits)));
        assert_ne!(first[0], first[1]);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        CounterRng::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
