//! Counter-based random numbers: the n-th number is a function of the seed and n.
//!
//! There is no state to save in a checkpoint. Threads share no generator, so results do not depend on the number of
//! threads, and every device gets the same numbers.

use std::f64::consts::TAU;

/// The increment of SplitMix64: 2^64 divided by the golden ratio, rounded to an odd number.
pub const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Mixes the bits of a number: the finalizer of SplitMix64 (Steele, Lea and Flood 2014, variant 13 of
/// Stafford).
#[inline]
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// A sequence of random numbers with access to any position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterRng(u64);

impl CounterRng {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    /// The sequence of a seed and a sample number, for example for bootstrap resamples.
    pub fn for_sample(seed: u64, sample: u64) -> Self {
        let key = Self::new(seed).bits(sample.wrapping_add(1));
        Self(key.wrapping_add(GOLDEN))
    }

    /// An independent sequence, for example for an epoch, step or layer.
    pub fn child(self, number: u64) -> Self {
        let key = number.wrapping_add(1).wrapping_mul(GOLDEN);
        Self(mix(self.0 ^ mix(key)))
    }

    /// The n-th number: 64 random bits.
    #[inline]
    pub fn bits(self, n: u64) -> u64 {
        mix(self.0.wrapping_add(n.wrapping_mul(GOLDEN)))
    }

    /// The n-th number as an index below `count` (Lemire 2019, without rejection: the bias is below `count / 2^64`).
    #[inline]
    pub fn index(self, n: u64, count: usize) -> usize {
        ((u128::from(self.bits(n)) * count as u128) >> 64) as usize
    }

    /// The n-th number, uniform in [0, 1).
    #[inline]
    pub fn uniform(self, n: u64) -> f64 {
        (self.bits(n) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The n-th number of the standard normal distribution (Box and Muller 1958).
    pub fn normal(self, n: u64) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(2 * n)).ln()).sqrt();
        radius * (TAU * self.uniform(2 * n + 1)).cos()
    }

    /// Shuffles items (Fisher-Yates).
    pub fn shuffle<T>(self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.index(index as u64, index + 1));
        }
    }

    /// A mask of 0 and 1, in which each element is 0 with probability `drop` (rounded to a multiple of 2^-16).
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
mod tests;
