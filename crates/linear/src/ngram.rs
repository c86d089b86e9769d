//! N-grams of token ids, each as one 64-bit number: exact, without hashing, and decodable.

use crate::LinearError;
use crate::ngram_table::NgramTable;

/// One or more token ids in one number, the last one in the lowest bits.
pub type Ngram = u64;

/// The maximum number of bits of an n-gram; one bit of the `u64` is reserved for the class while counting.
const MAX_BITS: u32 = 63;

/// How token ids are encoded as n-grams. Smaller vocabularies allow longer n-grams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NgramEncoding {
    /// Bits of a token. A token is stored as its id plus 1, so 0 means "no token" and the length is known.
    bits: u32,
    /// Tokens of the longest n-gram.
    /// Tokens in the longest n-gram.
    pub(crate) longest: u32,
}

impl NgramEncoding {
    /// The encoding for n-grams of up to `longest` tokens of a vocabulary.
    ///
    /// # Errors
    /// Such n-grams do not fit into a number.
    pub fn new(vocabulary_size: u32, longest: u32) -> Result<Self, LinearError> {
        let bits = (u32::BITS - vocabulary_size.leading_zeros()).max(1);
        if longest == 0 || bits.saturating_mul(longest) > MAX_BITS {
            return Err(LinearError::TooLong {
                longest,
                vocabulary_size,
                most: MAX_BITS / bits,
            });
        }
        Ok(Self { bits, longest })
    }

    pub(crate) fn saved([bits, longest]: [u32; 2]) -> Option<Self> {
        let fits = bits > 0 && longest > 0 && bits <= 32 && bits.checked_mul(longest)? <= MAX_BITS;
        fits.then_some(Self { bits, longest })
    }

    /// What [`NgramEncoding::saved`] reads.
    pub(crate) fn numbers(self) -> [u32; 2] {
        [self.bits, self.longest]
    }

    /// Writes the distinct n-grams of a text into `into`, in the order of their first occurrence. N-grams with a
    /// `skipped` id (padding, unknown words) are omitted.
    ///
    /// Each n-gram counts once per text: its presence is more informative than its number of occurrences
    /// (Wang and Manning 2012).
    pub fn collect_ngrams(self, ids: &[u32], skipped: &[u32], into: &mut Vec<Ngram>) {
        into.clear();
        let mut seen = NgramTable::with_capacity(ids.len() * self.longest as usize);
        self.for_each_ngram(ids, skipped, |ngram, _, _| {
            if seen.insert(ngram, ()) {
                into.push(ngram);
            }
        });
    }

    /// Calls `visit` with every n-gram, the position of its last token, and its number of tokens.
    pub(crate) fn for_each_ngram(
        self,
        ids: &[u32],
        skipped: &[u32],
        mut visit: impl FnMut(Ngram, usize, usize),
    ) {
        let first_invalid = (1_u64 << self.bits) - 1;
        let mut window: Ngram = 0;
        let mut known = 0;
        for (position, id) in ids.iter().enumerate() {
            if skipped.contains(id) || u64::from(*id) >= first_invalid {
                (window, known) = (0, 0);
                continue;
            }
            window = (window << self.bits) | Ngram::from(*id + 1);
            known = (known + 1).min(self.longest);
            for length in 1..=known {
                visit(window & self.mask(length), position, length as usize);
            }
            // Tokens further back are in no later n-gram.
            window &= self.mask(self.longest - 1);
        }
    }

    /// The token ids of an n-gram, in the order of the text.
    pub fn token_ids(self, ngram: Ngram) -> Vec<u32> {
        let positions = (0..self.longest).rev();
        let part = |position| ((ngram >> (self.bits * position)) & self.mask(1)) as u32;
        let parts = positions.map(part);
        parts.filter_map(|part| part.checked_sub(1)).collect()
    }

    /// A mask for the bits of this many tokens.
    fn mask(self, tokens: u32) -> u64 {
        (1 << (self.bits * tokens)) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: &[u32], vocabulary_size: u32, longest: u32) -> Vec<Vec<u32>> {
        let encoding = NgramEncoding::new(vocabulary_size, longest).expect("it fits");
        let mut ngrams = Vec::new();
        encoding.collect_ngrams(ids, &[0], &mut ngrams);
        let mut words: Vec<_> = ngrams
            .into_iter()
            .map(|ngram| encoding.token_ids(ngram))
            .collect();
        words.sort();
        words
    }

    #[test]
    fn every_ngram_is_found_once() {
        let two = [vec![7], vec![7, 8], vec![8], vec![8, 7]];
        assert_eq!(found(&[7, 8, 7, 8], 10, 2), two);
        let three = [
            vec![7],
            vec![7, 8],
            vec![7, 8, 9],
            vec![8],
            vec![8, 9],
            vec![9],
        ];
        assert_eq!(found(&[7, 8, 9], 10, 3), three);
        assert_eq!(found(&[1, 2, 3, 4, 5], 10, 5).len(), 15);
        assert_eq!(found(&[], 10, 3), [[0_u32; 0]; 0]);
    }

    #[test]
    fn an_unknown_token_ends_an_ngram() {
        assert_eq!(found(&[7, 0, 8], 10, 3), [vec![7], vec![8]]);
    }

    #[test]
    fn the_largest_ids_do_not_overlap() {
        for (vocabulary_size, longest) in [(255, 3), (256, 3), (32_767, 4), (2_097_151, 3)] {
            let last = vocabulary_size - 1;
            let mut expected = vec![
                vec![1],
                vec![1, last],
                vec![last],
                vec![last, 1],
                vec![last, 1, last],
            ];
            expected.sort();
            assert_eq!(found(&[last, 1, last], vocabulary_size, longest), expected);
        }
    }

    #[test]
    fn ngrams_that_are_too_long_are_an_error() {
        for (size, longest) in [(2_097_152, 3), (32_768, 4), (10, 0), (u32::MAX, 2)] {
            let error = NgramEncoding::new(size, longest)
                .expect_err("it is too long")
                .to_string();
            assert!(error.contains(&format!("{size} words")), "{error}");
        }
        assert!(NgramEncoding::saved([64, 1]).is_none() && NgramEncoding::saved([21, 4]).is_none());
        assert!(
            NgramEncoding::saved([u32::MAX, u32::MAX]).is_none()
                && NgramEncoding::saved([0, 3]).is_none()
        );
    }
}
