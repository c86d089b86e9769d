//! Truncation of long rows.

use settings::Truncation;

/// Truncates a row of ids (or other values) to at most `limit`.
///
/// `head_tail` keeps the first quarter and the last three quarters of the limit: 128 + 382 of 510
/// did best on IMDB in Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?", table 2.
pub fn truncate<T: Clone>(ids: &[T], limit: usize, truncation: Truncation) -> Vec<T> {
    if ids.len() <= limit {
        return ids.to_vec();
    }
    let head = match truncation {
        Truncation::Head => limit,
        Truncation::Tail => 0,
        Truncation::HeadTail => limit / 4,
    };
    let tail = ids.len() - (limit - head);
    [&ids[..head], &ids[tail..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(length: u32, limit: usize, truncation: Truncation, expected: &[u32]) {
        let ids: Vec<u32> = (0..length).collect();
        assert_eq!(
            truncate(&ids, limit, truncation),
            expected,
            "{length} ids, {limit} kept, {truncation:?}"
        );
    }

    #[test]
    fn the_setting_decides_which_ids_are_kept() {
        use Truncation::{Head, HeadTail, Tail};
        check(3, 4, Head, &[0, 1, 2]);
        check(4, 4, HeadTail, &[0, 1, 2, 3]);
        check(10, 4, Head, &[0, 1, 2, 3]);
        check(10, 4, Tail, &[6, 7, 8, 9]);
        check(10, 4, HeadTail, &[0, 7, 8, 9]);
        check(10, 8, HeadTail, &[0, 1, 4, 5, 6, 7, 8, 9]);
        check(10, 1, HeadTail, &[9]);
        check(0, 4, Tail, &[]);
    }
}
