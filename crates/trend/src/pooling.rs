//! Partial pooling of topics: the share of a topic with few texts is pulled towards the mean of all topics, the more
//! so the more uncertain it is (empirical Bayes, Efron and Morris 1975).
//!
//! The log-odds of topics are normal around a mean, with an unknown spread. The quasi-likelihood of a topic is
//! evaluated along a grid of log-odds, because a normal approximation fails for a few texts. Results are averaged over
//! a grid of spreads, weighted by likelihood and by the same kind of prior as in [`crate::state_space`] (Simpson et
//! al. 2017).

use quantification::{QuasiLikelihood, ScoreMeans};

use crate::linearisation::observation;
use crate::log_odds::mixture;

/// Maximum absolute log-odds of a topic, and the step of the grid.
const MAX_LOG_ODDS: f64 = 8.0;
const STEP: f64 = 0.05;

/// The grid of spreads, as standard deviations: the smallest one, their number, and the factor between two. The
/// smallest one is a grid step, which is the resolution of the grid.
const MIN_SPREAD: f64 = STEP;
const SPREADS: i32 = 14;
const SPREAD_FACTOR: f64 = 1.5;

/// Rate of the exponential prior of the spread. The prior probability of a spread above 3 is 5%; with such a spread
/// nearly all topics have a share close to 0 or 1.
const PRIOR_RATE: f64 = 1.0;

/// Minimum number of topics to estimate their spread.
const MIN_TOPICS: usize = 3;

/// Maximum number of Newton steps for the mean of the topics, and the step that counts as convergence.
const MAX_STEPS: usize = 20;
const TOLERANCE: f64 = 1e-4;

/// The quasi-likelihood of the log-odds of a topic.
enum TopicLikelihood {
    /// A normal approximation, for many texts: mean and variance.
    Normal(f64, f64),
    /// The quasi-likelihood (Wedderburn 1974) along the grid, scaled to a maximum of 1.
    Grid(Vec<f64>),
}

/// The posterior of the log-odds of a topic.
#[derive(Clone, Copy)]
struct Moments {
    mean: f64,
    variance: f64,
    /// Log marginal likelihood of its texts, up to a constant of the topic.
    log_likelihood: f64,
}

/// Posterior means and variances of the log-odds of topics, `[K]`. `None` for fewer than three topics, whose spread
/// cannot be estimated.
pub fn pool_topics(means: &[&ScoreMeans], likelihood: &QuasiLikelihood) -> Option<Vec<(f64, f64)>> {
    if means.len() < MIN_TOPICS {
        return None;
    }
    let count = (MAX_LOG_ODDS / STEP).round() as i32;
    let grid: Vec<f64> = (-count..=count).map(|at| f64::from(at) * STEP).collect();
    let topic = |means: &&ScoreMeans| TopicLikelihood::new(means, likelihood, &grid);
    let likelihoods: Vec<TopicLikelihood> = means.iter().map(topic).collect();
    let deviations = (0..SPREADS).map(|step| MIN_SPREAD * SPREAD_FACTOR.powi(step));
    let spread = |deviation| TopicsGivenSpread::new(&likelihoods, &grid, deviation);
    let spreads: Vec<TopicsGivenSpread> = deviations.map(spread).collect();
    let weights = spreads.iter().map(|it| it.log_weight);
    let largest = weights.clone().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = weights.map(|weight| (weight - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let of_topic = |topic: usize| {
        let parts = spreads.iter().zip(&weights);
        mixture(parts.map(|(spread, weight)| (spread.topics[topic], weight / total)))
    };
    Some((0..means.len()).map(of_topic).collect())
}

impl TopicLikelihood {
    fn new(means: &ScoreMeans, likelihood: &QuasiLikelihood, grid: &[f64]) -> Self {
        let (middle, variance) = observation(likelihood, means, likelihood.log_odds(means));
        if variance < (2.0 * STEP).powi(2) {
            return Self::Normal(middle, variance);
        }
        // The integral of the slope.
        let slope = |log_odds: &f64| likelihood.slope_and_information(means, *log_odds).0;
        let slopes: Vec<f64> = grid.iter().map(slope).collect();
        let mut height = 0.0;
        let mut heights = vec![0.0];
        for pair in slopes.windows(2) {
            height += STEP * (pair[0] + pair[1]) / 2.0;
            heights.push(height);
        }
        let largest = heights.iter().copied().fold(f64::MIN, f64::max);
        Self::Grid(heights.iter().map(|it| (it - largest).exp()).collect())
    }

    /// The posterior with a normal prior, given by its weights along the grid and by its mean and variance.
    fn posterior(&self, prior: &[f64], grid: &[f64], (mean, spread): (f64, f64)) -> Moments {
        let (mean, variance, log_likelihood) = match self {
            Self::Normal(middle, variance) => {
                let total = variance + spread;
                let log_likelihood = -0.5 * (total.ln() + (middle - mean).powi(2) / total);
                let mean = (middle * spread + mean * variance) / total;
                (mean, variance * spread / total, log_likelihood)
            }
            Self::Grid(likelihood) => {
                let weighted = || {
                    let indices = grid.iter().zip(likelihood.iter().zip(prior));
                    indices.map(|(log_odds, (likelihood, prior))| (*log_odds, likelihood * prior))
                };
                let total: f64 = weighted().map(|(_, weight)| weight).sum();
                if total < f64::MIN_POSITIVE {
                    // The prior has no mass where the likelihood has, so this spread is too small.
                    (mean, spread, f64::MIN_POSITIVE.ln())
                } else {
                    let sum: f64 = weighted().map(|(it, weight)| weight * it).sum();
                    let middle = sum / total;
                    let squares = weighted().map(|(it, weight)| weight * (it - middle).powi(2));
                    (middle, squares.sum::<f64>() / total, total.ln())
                }
            }
        };
        Moments {
            mean,
            variance,
            log_likelihood,
        }
    }
}

/// The posterior of all topics for one spread.
struct TopicsGivenSpread {
    /// Log posterior weight of the spread, up to a constant.
    log_weight: f64,
    /// Mean and variance of the log-odds of each topic, including the uncertainty of the common mean.
    topics: Vec<(f64, f64)>,
}

impl TopicsGivenSpread {
    fn new(likelihoods: &[TopicLikelihood], grid: &[f64], deviation: f64) -> Self {
        let spread = deviation * deviation;
        let at = |mean: f64| -> Vec<Moments> {
            let prior = normal(grid, mean, spread);
            let topic = |it: &TopicLikelihood| it.posterior(&prior, grid, (mean, spread));
            likelihoods.iter().map(topic).collect()
        };
        // Newton's method for the mean of all topics.
        let mut mean = 0.0;
        let mut information;
        let mut topics = at(mean);
        let mut steps = 0;
        loop {
            let slope: f64 = topics.iter().map(|it| (it.mean - mean) / spread).sum();
            let known = topics.iter().map(|it| 1.0 - it.variance / spread);
            information = known.sum::<f64>().max(1e-3) / spread;
            let step = (slope / information).clamp(-1.0, 1.0);
            steps += 1;
            if step.abs() < TOLERANCE || steps > MAX_STEPS {
                break;
            }
            mean = (mean + step).clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS);
            topics = at(mean);
        }
        let prior = deviation.ln() - PRIOR_RATE * deviation;
        let log_likelihoods: f64 = topics.iter().map(|it| it.log_likelihood).sum();
        let with_mean = |it: &Moments| {
            // How much the topic is pulled towards the mean, from 0 to 1.
            let shrinkage = (it.variance / spread).min(1.0);
            (it.mean, it.variance + shrinkage * shrinkage / information)
        };
        Self {
            // Laplace approximation of the integral over the mean.
            log_weight: prior + log_likelihoods - 0.5 * information.ln(),
            topics: topics.iter().map(with_mean).collect(),
        }
    }
}

/// Weights of a normal distribution along the grid, with a sum of 1.
fn normal(grid: &[f64], mean: f64, variance: f64) -> Vec<f64> {
    let density = |log_odds: &f64| (-0.5 * (log_odds - mean).powi(2) / variance).exp();
    let weights: Vec<f64> = grid.iter().map(density).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::perfect_classifier;
    use metrics::CounterRng;

    /// Pooled topics, each given by its number of texts and of positive texts.
    fn pool(topics: &[(usize, usize)]) -> Vec<(f64, f64)> {
        let (quantifier, likelihood) = perfect_classifier();
        let means: Vec<ScoreMeans> = topics
            .iter()
            .filter_map(|(texts, positives)| {
                let probability = |row| if row < *positives { 0.9 } else { 0.1 };
                let probabilities: Vec<f32> = (0..*texts).map(probability).collect();
                quantifier.score_means(&likelihood, &probabilities)
            })
            .collect();
        pool_topics(&means.iter().collect::<Vec<_>>(), &likelihood).expect("there are enough")
    }

    fn share(log_odds: f64) -> f64 {
        1.0 / (1.0 + (-log_odds).exp())
    }

    #[test]
    fn only_uncertain_topics_are_pulled_towards_the_mean() {
        let found = pool(&[(400, 200), (400, 280), (400, 120), (2, 2)]);
        for (expected, (log_odds, _)) in [0.5, 0.7, 0.3].iter().zip(&found) {
            assert!((share(*log_odds) - expected).abs() < 0.02, "{found:?}");
        }
        assert!((0.5..0.85).contains(&share(found[3].0)), "{found:?}");
        assert!(found[3].1 > 10.0 * found[0].1, "{found:?}");
    }

    #[test]
    fn equal_topics_are_pooled_almost_completely() {
        for (log_odds, variance) in pool(&[(20, 14); 40]) {
            assert!((share(log_odds) - 0.7).abs() < 0.01, "{log_odds}");
            // The variance of one topic alone is 1 / (20 * 0.7 * 0.3) = 0.24.
            assert!(variance < 0.05, "{variance}");
        }
    }

    /// Topics with three texts each; the estimate from one topic alone would be almost useless.
    #[test]
    fn intervals_cover_topics_of_three_texts() {
        let rng = CounterRng::for_sample(5, 0);
        let unit = |index: u64| rng.bits(index) as f64 / u64::MAX as f64;
        let truths: Vec<f64> = (0..600).map(|at| unit(4 * at)).collect();
        let topics: Vec<(usize, usize)> = (0..600_u64)
            .map(|at| {
                let positives = (1..4).filter(|text| unit(4 * at + text) < truths[at as usize]);
                (3, positives.count())
            })
            .collect();
        let found = pool(&topics);
        let covered = found
            .iter()
            .zip(&truths)
            .filter(|((log_odds, variance), truth)| {
                let half = 1.96 * variance.sqrt();
                (share(log_odds - half)..=share(log_odds + half)).contains(truth)
            });
        let coverage = covered.count() as f64 / 600.0;
        assert!((0.92..=0.99).contains(&coverage), "{coverage}");
        let mean = found
            .iter()
            .map(|(log_odds, _)| share(*log_odds))
            .sum::<f64>()
            / 600.0;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }

    #[test]
    fn fewer_than_three_topics_are_not_pooled() {
        assert!(pool_topics(&[], &perfect_classifier().1).is_none());
        let (quantifier, likelihood) = perfect_classifier();
        let means = quantifier
            .score_means(&likelihood, &[0.9; 3])
            .expect("texts");
        assert!(pool_topics(&[&means], &likelihood).is_none());
        // Three topics with only positive texts stay clearly positive.
        for (log_odds, variance) in pool(&[(3, 3); 3]) {
            assert!(
                share(log_odds) > 0.8 && variance > 0.3,
                "{log_odds} {variance}"
            );
        }
    }
}
