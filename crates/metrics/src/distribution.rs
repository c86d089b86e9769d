//! Distributions for tests and intervals: binomial with p = 1/2, hypergeometric, and normal.

use std::ops::RangeInclusive;

/// `P(X <= k)` for a binomial `X` with `trials` and p = 1/2, exact up to rounding.
///
/// The largest term comes from logarithms of factorials, the smaller ones from ratios of consecutive terms, so nothing
/// overflows. Probabilities below the smallest f64 become 0.
pub(crate) fn binomial_at_most(k: u64, trials: u64) -> f64 {
    if k >= trials {
        return 1.0;
    }
    if 2 * k >= trials {
        // By symmetry P(X <= k) = 1 - P(X <= trials - k - 1), which is a shorter sum.
        return 1.0 - binomial_at_most(trials - k - 1, trials);
    }
    let largest = log_choose(trials, k) - trials as f64 * std::f64::consts::LN_2;
    sum_downward(largest, 1..=k, |i| i as f64 / (trials - i + 1) as f64)
}

/// The sum of terms in descending order, starting with the logarithm of the largest. The term of `i - 1` is that of `i`
/// times `ratio(i)`.
fn sum_downward(largest: f64, indices: RangeInclusive<u64>, ratio: impl Fn(u64) -> f64) -> f64 {
    let mut term = largest.exp();
    let mut sum = term;
    for i in indices.rev() {
        term *= ratio(i);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum.min(1.0)
}

/// `P(X <= k)` for a hypergeometric `X`: the number of marked items among `drawn` items, of `all` items of which
/// `marked` are marked. Exact up to rounding for a `k` of at most the expectation; computed as [`binomial_at_most`].
pub(crate) fn hypergeometric_at_most(k: u64, drawn: u64, marked: u64, all: u64) -> f64 {
    let (unmarked, remaining) = (all - marked, all - drawn);
    // At least this many marked items are drawn, because the others do not fit into the remaining items.
    let minimum = marked.saturating_sub(remaining);
    if k < minimum {
        return 0.0;
    }
    if k >= drawn.min(marked) {
        return 1.0;
    }
    let log = log_choose(marked, k) + log_choose(unmarked, drawn - k) - log_choose(all, drawn);
    // The ratio of the terms of i - 1 and i.
    sum_downward(log, minimum + 1..=k, |i| {
        let less = i as f64 / (marked - i + 1) as f64;
        less * ((unmarked + i - drawn) as f64 / (drawn - i + 1) as f64)
    })
}

/// The logarithm of the number of ways to choose `k` of `n`.
fn log_choose(n: u64, k: u64) -> f64 {
    let k = k.min(n - k);
    (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum()
}

/// `P(Z > z)` for a standard normal `Z`, with a relative error below 1.2e-7 (complementary error function of Press et
/// al., Numerical Recipes, section 6.2).
pub(crate) fn normal_above(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    const COEFFICIENTS: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let highest_first = COEFFICIENTS.iter().rev();
    let polynomial = highest_first.fold(0.0, |sum, coefficient| sum * t + coefficient);
    let tail = 0.5 * t * (-x * x + polynomial).exp();
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// The `z` with `P(Z > z)` equal to this probability, from 0 to 0.5, for a standard normal `Z`. By bisection.
pub fn normal_quantile_above(probability: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if normal_above(middle) > probability {
            low = middle
        } else {
            high = middle
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomial_tails_match_tables() {
        let check = |k, trials, expected: f64| {
            let found = binomial_at_most(k, trials);
            assert!(
                (found - expected).abs() < 1e-12,
                "{k} of {trials}: {found} {expected}"
            );
        };
        check(0, 0, 1.0);
        check(0, 5, 1.0 / 32.0);
        check(1, 5, 6.0 / 32.0);
        check(2, 5, 0.5);
        check(4, 5, 31.0 / 32.0);
        check(5, 5, 1.0);
        check(2, 10, 56.0 / 1024.0);
    }

    #[test]
    fn large_binomials_agree_with_the_normal_approximation() {
        // 10,000 trials: mean 5,000, deviation 50; k = 4,900 is 1.99 deviations below with the half step.
        let found = binomial_at_most(4900, 10_000);
        assert!((found / normal_above(1.99) - 1.0).abs() < 0.01, "{found}");
        assert_eq!(binomial_at_most(0, 100_000), 0.0);
    }

    #[test]
    fn hypergeometric_tails_match_tables() {
        let check = |k, drawn, marked, all, expected: f64| {
            let found = hypergeometric_at_most(k, drawn, marked, all);
            assert!(
                (found - expected).abs() < 1e-12,
                "{k} of {drawn}, {marked} of {all}: {found} {expected}"
            );
        };
        // The lady tasting tea (Fisher 1935): 1 of 70 and 17 of 70.
        check(0, 4, 4, 8, 1.0 / 70.0);
        check(1, 4, 4, 8, 17.0 / 70.0);
        check(4, 4, 4, 8, 1.0);
        // None or all marked; more marked than remaining items.
        check(0, 3, 0, 9, 1.0);
        check(3, 3, 9, 9, 1.0);
        check(0, 3, 8, 9, 0.0);
        check(2, 3, 8, 9, 1.0 / 3.0);
        // 24,000 and 23,000 of 25,000 each: far in the tail, without overflow.
        let tail = hypergeometric_at_most(23_000, 25_000, 47_000, 50_000);
        assert!((0.0..1e-70).contains(&tail), "{tail}");
    }

    #[test]
    fn normal_tails_match_tables() {
        for (z, expected) in [
            (0.0, 0.5),
            (1.0, 0.158_655_25),
            (1.959_964, 0.025),
            (-1.0, 0.841_344_75),
            (5.0, 2.866_5e-7),
        ] {
            let found = normal_above(z);
            assert!((found / expected - 1.0).abs() < 1e-4, "{z}: {found}");
        }
        for (probability, expected) in [(0.5, 0.0), (0.025, 1.959_964), (0.01, 2.326_348)] {
            let found = normal_quantile_above(probability);
            assert!((found - expected).abs() < 1e-5, "{probability}: {found}");
        }
    }
}
