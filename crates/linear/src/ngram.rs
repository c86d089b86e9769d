//! N-grams of token ids as one number each: exact, without hashing, and readable backwards.

use crate::LinearError;
use crate::ngram_table::NgramTable;

/// One or more token ids, the last one in the lowest bits.
pub type Ngram = u64;

/// Bits of an n-gram at most: one of a `u64` is left to count classes with.
const ROOM: u32 = 63;

/// How token ids become n-grams: the smaller the vocabulary, the longer they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NgramEncoding {
    /// Bits of a token, which is stored as its id and 1: so an n-gram says how many it has.
    bits: u32,
    /// Tokens in the longest.
    longest: u32,
}

impl NgramEncoding {
    /// The encoding for sequences of up to `longest` of so many ids.
    ///
    /// # Errors
    /// They do not fit into a number.
    pub fn new(vocabulary_size: u32, longest: u32) -> Result<Self, LinearError> {
        let bits = (u32::BITS - vocabulary_size.leading_zeros()).max(1);
        if longest == 0 || bits.saturating_mul(longest) > ROOM {
            return Err(LinearError::TooLong {
                longest,
                vocabulary_size,
                most: ROOM / bits,
            });
        }
        Ok(Self { bits, longest })
    }

    /// A encoding as it was saved; `None` where there can be no such encoding.
    pub(crate) fn saved([bits, longest]: [u32; 2]) -> Option<Self> {
        let fits = bits > 0 && longest > 0 && bits <= 32 && bits.checked_mul(longest)? <= ROOM;
        fits.then_some(Self { bits, longest })
    }

    /// What [`NgramEncoding::saved`] reads.
    pub(crate) fn numbers(self) -> [u32; 2] {
        [self.bits, self.longest]
    }

    /// Tokens in the longest n-gram.
    pub fn longest(self) -> u32 {
        self.longest
    }

    /// The distinct n-grams of a text, in the order of their first places, into `into`, which is cleared. Those with
    /// a `skipped` id (padding, what the vocabulary lacks) are left out.
    ///
    /// Each counts once however often it is there: presence tells more about a review than its number
    /// (Wang and Manning 2012).
    pub fn collect_ngrams(self, ids: &[u32], skipped: &[u32], into: &mut Vec<Ngram>) {
        into.clear();
        let mut seen = NgramTable::with_room(ids.len() * self.longest as usize);
        self.each(ids, skipped, |ngram, _, _| {
            if seen.insert(ngram, ()) {
                into.push(ngram);
            }
        });
    }

    /// Calls `visit` with every n-gram, the place of its last token, and its number of tokens.
    pub(crate) fn each(
        self,
        ids: &[u32],
        skipped: &[u32],
        mut visit: impl FnMut(Ngram, usize, usize),
    ) {
        let beyond = (1_u64 << self.bits) - 1;
        let mut window: Ngram = 0;
        let mut known = 0;
        for (place, id) in ids.iter().enumerate() {
            if skipped.contains(id) || u64::from(*id) >= beyond {
                (window, known) = (0, 0);
                continue;
            }
            window = (window << self.bits) | Ngram::from(*id + 1);
            known = (known + 1).min(self.longest);
            for length in 1..=known {
                visit(window & self.mask(length), place, length as usize);
            }
            // What is further back is in no n-gram any more.
            window &= self.mask(self.longest - 1);
        }
    }

    /// The token ids of an n-gram, in the order of the text.
    pub fn token_ids(self, ngram: Ngram) -> Vec<u32> {
        let places = (0..self.longest).rev();
        let parts = places.map(|place| ((ngram >> (self.bits * place)) & self.mask(1)) as u32);
        parts
            .filter(|part| *part > 0)
            .map(|part| part - 1)
            .collect()
    }

    /// The bits of so many tokens.
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
    fn every_sequence_is_found_once() {
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
    fn what_is_unknown_ends_a_sequence() {
        assert_eq!(found(&[7, 0, 8], 10, 3), [vec![7], vec![8]]);
    }

    #[test]
    fn the_largest_ids_do_not_run_into_each_other() {
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
    fn too_long_for_so_many_words_is_said() {
        for (size, longest) in [(2_097_152, 3), (32_768, 4), (10, 0), (u32::MAX, 2)] {
            let error = NgramEncoding::new(size, longest)
                .expect_err("it does not fit")
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
