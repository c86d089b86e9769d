//! Counter-based random numbers: the n-th number of a stream is a function of the seed and n.
//!
//! There is no state to save, so a checkpoint is tensors and a step number; there is no shared
//! generator, so threads never disturb each other; and every device sees the same numbers.
//! The mixing function is the finalizer of SplitMix64 (Steele, Lea and Flood 2014).

/// A stream of random numbers, named by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

impl Stream {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    /// A stream of its own for one purpose, epoch, step or layer.
    pub fn child(self, number: u64) -> Self {
        Self(mix(
            self.0 ^ mix(number.wrapping_add(1).wrapping_mul(GOLDEN))
        ))
    }

    /// The n-th number: 64 random bits.
    pub fn bits(self, n: u64) -> u64 {
        mix(self.0.wrapping_add(n.wrapping_mul(GOLDEN)))
    }

    /// The n-th number from 0 up to 1.
    pub fn uniform(self, n: u64) -> f64 {
        (self.bits(n) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The n-th number of the standard normal distribution (Box and Muller 1958).
    pub fn normal(self, n: u64) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(2 * n)).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform(2 * n + 1)).cos()
    }

    /// Puts items into a random order (Fisher and Yates).
    pub fn shuffle<T>(self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            // The bias of the multiplication is below 2^-32 for any list that fits in memory.
            let other = (u128::from(self.bits(index as u64)) * (index as u128 + 1)) >> 64;
            items.swap(index, other as usize);
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
    fn moments_are_those_of_the_distributions() {
        let stream = Stream::new(7);
        let count = 40_000;
        let mean = (0..count).map(|n| stream.uniform(n)).sum::<f64>() / count as f64;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let normals: Vec<f64> = (0..count).map(|n| stream.normal(n)).collect();
        let mean = normals.iter().sum::<f64>() / count as f64;
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
        assert!(
            mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03,
            "{mean} {variance}"
        );
        let kept = stream
            .keep_mask(count as usize, 0.3)
            .iter()
            .map(|&bit| u64::from(bit))
            .sum::<u64>();
        assert!((kept as f64 / count as f64 - 0.7).abs() < 0.01, "{kept}");
    }

    #[test]
    fn streams_differ_and_repeat() {
        let stream = Stream::new(7);
        assert_eq!(stream.child(1).bits(5), Stream::new(7).child(1).bits(5));
        assert_ne!(stream.child(1).bits(5), stream.child(2).bits(5));
        assert_ne!(stream.bits(5), Stream::new(8).bits(5));
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Stream::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
