//! N-grams of token ids as one number each: exact, without hashing, and readable backwards.

/// Tokens in the longest n-gram.
pub const LONGEST: u32 = 3;

/// Bits of a token in a key. A token is stored as its id and 1, so that a key says how many it has.
const BITS: u32 = 21;

/// Ids of a vocabulary that keys can be made of.
pub const MAX_IDS: u32 = (1 << BITS) - 1;

/// One to [`LONGEST`] token ids, the last one in the lowest bits.
pub type Ngram = u64;

/// The distinct n-grams of a text with up to `longest` tokens, in ascending order, into `into`, which
/// is cleared. Those with a `skipped` id (padding, what the vocabulary lacks) are left out.
///
/// Each counts once however often it is there: presence tells more about a review than its number
/// (Wang and Manning 2012).
pub fn ngrams_of(ids: &[u32], longest: u32, skipped: &[u32], into: &mut Vec<Ngram>) {
    into.clear();
    each_ngram(ids, longest, skipped, |ngram, _, _| into.push(ngram));
    into.sort_unstable();
    into.dedup();
}

/// Calls `visit` with every n-gram, the place of its last token, and its number of tokens.
pub(crate) fn each_ngram(
    ids: &[u32],
    longest: u32,
    skipped: &[u32],
    mut visit: impl FnMut(Ngram, usize, usize),
) {
    let longest = longest.clamp(1, LONGEST);
    let mut window: Ngram = 0;
    let mut known = 0;
    for (place, id) in ids.iter().enumerate() {
        if skipped.contains(id) || *id >= MAX_IDS {
            (window, known) = (0, 0);
            continue;
        }
        window = (window << BITS) | Ngram::from(*id + 1);
        known = (known + 1).min(longest);
        for length in 1..=known {
            let bits = BITS * length;
            let mask = if bits >= 64 {
                u64::MAX
            } else {
                (1 << bits) - 1
            };
            visit(window & mask, place, length as usize);
        }
        // What is further back is in no n-gram any more.
        window &= (1 << (BITS * (LONGEST - 1))) - 1;
    }
}

/// The token ids of an n-gram, in the order of the text.
pub fn words_of(ngram: Ngram) -> Vec<u32> {
    let parts = (0..LONGEST)
        .rev()
        .map(|place| (ngram >> (BITS * place)) as u32 & MAX_IDS);
    parts
        .filter(|part| *part > 0)
        .map(|part| part - 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: &[u32], longest: u32) -> Vec<Vec<u32>> {
        let mut ngrams = Vec::new();
        ngrams_of(ids, longest, &[0], &mut ngrams);
        let mut words: Vec<_> = ngrams.into_iter().map(words_of).collect();
        words.sort();
        words
    }

    #[test]
    fn every_sequence_is_found_once() {
        assert_eq!(
            found(&[7, 8, 7, 8], 2),
            [vec![7], vec![7, 8], vec![8], vec![8, 7]]
        );
        let three = [
            vec![7],
            vec![7, 8],
            vec![7, 8, 9],
            vec![8],
            vec![8, 9],
            vec![9],
        ];
        assert_eq!(found(&[7, 8, 9], 3), three);
        assert_eq!(found(&[], 3), [[0_u32; 0]; 0]);
    }

    #[test]
    fn what_is_unknown_ends_a_sequence() {
        assert_eq!(found(&[7, 0, 8], 3), [vec![7], vec![8]]);
    }

    #[test]
    fn the_largest_ids_do_not_run_into_each_other() {
        let last = MAX_IDS - 1;
        let all = [
            vec![1],
            vec![1, last],
            vec![last],
            vec![last, 1],
            vec![last, 1, last],
        ];
        assert_eq!(found(&[last, 1, last], 3), all);
    }
}
