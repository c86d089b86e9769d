//! Counter-based random numbers: the value of a draw follows from its place alone, so results do
//! not depend on how many threads share the work.

/// The odd constant of SplitMix64, 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014, variant 13 of Stafford).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The draws of one sample, as of a bootstrap.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    key: u64,
}

impl Draws {
    /// The draws of a sample under a seed.
    pub fn new(seed: u64, sample: u64) -> Self {
        Self {
            key: mix(mix(seed.wrapping_add(GOLDEN)).wrapping_add(GOLDEN.wrapping_mul(sample + 1))),
        }
    }

    /// The draw at a place: 64 random bits.
    pub fn bits(self, place: u64) -> u64 {
        mix(self.key.wrapping_add(GOLDEN.wrapping_mul(place + 1)))
    }

    /// The draw at a place as an index below `rows` (Lemire 2019, without rejection: the bias is
    /// below `rows` in 2^64).
    pub fn index(self, place: u64, rows: usize) -> usize {
        ((u128::from(self.bits(place)) * rows as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_evenly_and_differ_between_samples() {
        let rows = 10;
        let mut counts = vec![0_i64; rows];
        for place in 0..100_000 {
            counts[Draws::new(7, 3).index(place, rows)] += 1;
        }
        // A count is binomial with a standard deviation of 95; 5 of them are never reached by chance.
        assert!(
            counts.iter().all(|count| (count - 10_000).abs() < 475),
            "{counts:?}"
        );
        let first: Vec<u64> = (0..4).map(|sample| Draws::new(7, sample).bits(0)).collect();
        let other: Vec<u64> = (0..4).map(|sample| Draws::new(8, sample).bits(0)).collect();
        assert!(first.iter().all(|bits| !other.contains(bits)));
        assert_ne!(first[0], first[1]);
    }
}
