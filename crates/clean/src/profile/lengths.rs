//! Statistics of review lengths.

use super::{Bin, Lengths};

/// Approximate number of histogram bins.
const BINS: u32 = 30;

/// Statistics of lengths in words; `None` if there are no lengths.
pub(crate) fn lengths(mut words: Vec<u32>) -> Option<Lengths> {
    words.sort_unstable();
    let (min, max) = (*words.first()?, *words.last()?);
    let count = words.len() as f64;
    let sum: u64 = words.iter().map(|words| u64::from(*words)).sum();
    // The smallest length that at least this share of the reviews does not exceed.
    let quantile = |share: f64| words[((share * count).ceil() as usize).clamp(1, words.len()) - 1];
    Some(Lengths {
        min,
        median: quantile(0.5),
        mean: sum as f64 / count,
        p90: quantile(0.9),
        p99: quantile(0.99),
        max,
    })
}

/// Creates bins of equal, round width, up to about the 99th percentile of the training split. The last bin has
/// no upper limit.
pub(crate) fn bins(train: Option<&Lengths>) -> Vec<Bin> {
    let reach = train.map_or(BINS, |lengths| lengths.p99.max(1));
    let widths = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000];
    let width = widths.into_iter().find(|width| width * BINS >= reach);
    let width = width.unwrap_or(reach.div_ceil(BINS));
    let count = reach.div_ceil(width);
    let bin = |number| Bin {
        from: number * width,
        to: (number < count).then(|| (number + 1) * width),
        rows: 0,
    };
    (0..=count).map(bin).collect()
}

/// Counts lengths in bins of equal width.
pub(crate) fn count_into(mut bins: Vec<Bin>, words: &[u32]) -> Vec<Bin> {
    let last = bins.len() - 1;
    let width = bins[0].to.unwrap_or(u32::MAX).max(1);
    for words in words {
        bins[((words / width) as usize).min(last)].rows += 1;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics() {
        let found = lengths((1..=100).rev().collect()).expect("a hundred lengths");
        assert_eq!(
            found,
            Lengths {
                min: 1,
                median: 50,
                mean: 50.5,
                p90: 90,
                p99: 99,
                max: 100
            }
        );
        let one = lengths(vec![7]).expect("one length");
        assert_eq!(
            one,
            Lengths {
                min: 7,
                median: 7,
                mean: 7.0,
                p90: 7,
                p99: 7,
                max: 7
            }
        );
        assert_eq!(lengths(vec![]), None);
    }

    #[test]
    fn every_length_has_a_bin() {
        for p99 in [0, 1, 29, 30, 31, 49, 897, 100_000] {
            let train = Lengths {
                min: 0,
                median: 0,
                mean: 0.0,
                p90: 0,
                p99,
                max: p99 * 3,
            };
            let bins = bins(Some(&train));
            assert!(bins.len() <= BINS as usize + 1, "{p99}");
            assert!(
                bins.windows(2).all(|pair| pair[0].to == Some(pair[1].from)),
                "{p99}"
            );
            assert_eq!((bins[0].from, bins[bins.len() - 1].to), (0, None));
            let words = [0, 1, p99, p99 * 3, u32::MAX];
            let counted = count_into(bins, &words);
            for (bin, words) in counted
                .iter()
                .flat_map(|bin| words.iter().map(move |words| (bin, *words)))
            {
                let inside = bin.from <= words && bin.to.is_none_or(|to| words < to);
                assert!(!inside || bin.rows > 0, "{p99}: {words} is not in its bin");
            }
            assert_eq!(counted.iter().map(|bin| bin.rows).sum::<u64>(), 5);
        }
    }
}
