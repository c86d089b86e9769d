//! Shingles of five words as hashes, and a filter for shingles that occur more than once.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::counter_rng::mix;

/// Number of words per shingle.
const SHINGLE_WORDS: usize = 5;

/// Bits of the smallest and of the largest table. The largest takes 512 MiB for both bits. With a billion
/// shingles, a third of those that occur once are taken for repeated, which is few enough.
const TABLE_BITS: [usize; 2] = [1 << 16, 1 << 31];

/// The 64-bit hashes of a text's shingles, sorted and without duplicates. Among a billion shingles, the
/// probability of any collision is 1 in 40. Words consist of letters and digits, and case is ignored. A text of
/// fewer than five words has no shingles, because the similarity of such short texts means nothing.
pub(super) fn shingles(text: &str) -> Vec<u64> {
    let mut last_words = [0_u64; SHINGLE_WORDS];
    let mut shingles = Vec::with_capacity(text.len() / 5);
    let words = text.split(|character: char| !character.is_alphanumeric());
    for (word, number) in words.filter(|word| !word.is_empty()).zip(1..) {
        last_words.rotate_left(1);
        last_words[SHINGLE_WORDS - 1] = hash_word(word);
        if number >= SHINGLE_WORDS {
            let mixed = |sum: u64, word| mix(sum.rotate_left(5) ^ word);
            shingles.push(last_words.iter().fold(0, mixed));
        }
    }
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

/// FNV-1a hash (Fowler, Noll and Vo) of the lower-case letters, with mixed bits.
fn hash_word(word: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    if word.is_ascii() {
        word.bytes().for_each(|byte| add(byte.to_ascii_lowercase()));
    } else {
        for letter in word.chars().flat_map(char::to_lowercase) {
            let bytes = u32::from(letter).to_le_bytes();
            bytes.into_iter().for_each(&mut add);
        }
    }
    mix(hash)
}

/// Records which hashes were added more than once: two bits per slot of a hash table without collision
/// handling, shared by all threads. It may report a hash that was added once, which costs a comparison, but
/// never misses a repeated one.
pub(super) struct RepeatFilter {
    once: Vec<AtomicU64>,
    twice: Vec<AtomicU64>,
    shift: u32,
}

impl RepeatFilter {
    /// Creates a table for about this number of hashes.
    pub(super) fn with_room_for(count: usize) -> Self {
        let bits = count.saturating_mul(8).clamp(TABLE_BITS[0], TABLE_BITS[1]);
        let bits = bits.next_power_of_two();
        let words = || (0..bits / 64).map(|_| AtomicU64::new(0)).collect();
        Self {
            once: words(),
            twice: words(),
            shift: 64 - bits.trailing_zeros(),
        }
    }

    /// Adds a hash.
    pub(super) fn add(&self, number: u64) {
        let (word, bit) = self.slot(number);
        if self.once[word].fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            self.twice[word].fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether a hash may have been added more than once.
    pub(super) fn may_repeat(&self, number: u64) -> bool {
        let (word, bit) = self.slot(number);
        self.twice[word].load(Ordering::Relaxed) & bit != 0
    }

    fn slot(&self, number: u64) -> (usize, u64) {
        let slot = (number >> self.shift) as usize;
        (slot / 64, 1 << (slot % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_punctuation_are_ignored() {
        let one = shingles("It's a Film, that I'd see again.");
        assert_eq!(one, shingles("it s a film that i d see AGAIN"));
        assert_eq!(
            one,
            [
                3_535_805_516_528_587_484,
                7_857_953_669_746_706_526,
                10_354_125_890_477_301_021,
                13_587_044_149_003_119_472,
                16_699_710_661_200_404_123
            ]
        );
        assert_eq!(shingles("four words are few"), Vec::<u64>::new());
        assert_eq!(shingles("\u{c9}t\u{e9} \u{c9} b c d").len(), 1);
        assert_eq!(
            shingles("\u{c9}t\u{e9} a b c d"),
            shingles("\u{e9}T\u{c9} a b c d")
        );
    }

    #[test]
    fn a_repeated_shingle_counts_once() {
        assert_eq!(shingles(&"a b c d e ".repeat(9)).len(), 5);
    }

    #[test]
    fn repeated_hashes_are_found() {
        let repeats = RepeatFilter::with_room_for(1000);
        let numbers: Vec<u64> = (0..1000).map(mix).collect();
        numbers.iter().for_each(|number| repeats.add(*number));
        numbers[..10].iter().for_each(|number| repeats.add(*number));
        assert!(
            numbers[..10]
                .iter()
                .all(|number| repeats.may_repeat(*number))
        );
        let mistaken = numbers[10..]
            .iter()
            .filter(|number| repeats.may_repeat(**number))
            .count();
        assert!(mistaken < 100, "{mistaken}");
    }
}
