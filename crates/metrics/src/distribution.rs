//! The two distributions that tests need: binomial with even odds, and normal.

/// `P(X <= k)` for `X` binomial of `trials` and one half, exact up to rounding.
///
/// The largest term is taken from logarithms of factorials, the ones below it by the ratio of
/// neighbours, so nothing overflows; probabilities below the smallest f64 come out as 0.
pub(crate) fn binomial_at_most(k: u64, trials: u64) -> f64 {
    if k >= trials {
        return 1.0;
    }
    if 2 * k >= trials {
        // By symmetry P(X <= k) = 1 - P(X <= trials - k - 1), where the sum is the shorter one.
        return 1.0 - binomial_at_most(trials - k - 1, trials);
    }
    let log_choose: f64 = (1..=k)
        .map(|i| ((trials - k + i) as f64 / i as f64).ln())
        .sum();
    let mut term = (log_choose - trials as f64 * std::f64::consts::LN_2).exp();
    let mut sum = term;
    for i in (1..=k).rev() {
        term *= i as f64 / (trials - i + 1) as f64;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum.min(1.0)
}

/// `P(Z > z)` for a standard normal `Z`, with a relative error below 1.2e-7 (the complementary
/// error function of Press et al., Numerical Recipes, section 6.2).
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
    let polynomial = COEFFICIENTS
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum * t + coefficient);
    let tail = 0.5 * t * (-x * x + polynomial).exp();
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// The `z` above which a standard normal lies with this probability, from 0 to 0.5, by bisection.
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
    fn large_binomials_agree_with_the_normal() {
        // 10,000 trials: mean 5,000, deviation 50; k = 4,900 is 1.99 deviations below with the half step.
        let found = binomial_at_most(4900, 10_000);
        assert!((found / normal_above(1.99) - 1.0).abs() < 0.01, "{found}");
        assert_eq!(binomial_at_most(0, 100_000), 0.0);
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
