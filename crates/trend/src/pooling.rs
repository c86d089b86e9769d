//! Topics lean on each other: a share of few texts is drawn towards those of the other topics by as much as
//! it is unsure (empirical Bayes, Efron and Morris 1975).
//!
//! Log-odds of topics are normal around a mean, with a spread. What the texts of one topic say is taken as it is,
//! along a grid of log-odds, and not as a normal error: of three texts none or all are positive more often than
//! not. How far topics lie apart is known from them alone, and of a few of them hardly: answers are averaged over
//! spreads, by how likely each makes all texts and by the prior that levels have, too (Simpson et al. 2017).

use quantification::{Evidence, Response};

use crate::linearised::observation;
use crate::odds::mixed;

/// Log-odds that topics may have, and the distance of two on the grid.
const LARGEST: f64 = 8.0;
const STEP: f64 = 0.05;

/// Spreads that are averaged over: the least standard deviation, how many, each this much larger than the last.
/// The least is a step wide: what is narrower the grid cannot tell from a point.
const LEAST: f64 = STEP;
const SPREADS: i32 = 14;
const FACTOR: f64 = 1.5;

/// Rate of the exponential prior of the spread: one of 3, beyond which topics are all good or all bad, is
/// exceeded once in twenty times.
const RATE: f64 = 1.0;

/// Topics from which on it can be told how far they lie apart.
const FEWEST: usize = 3;

/// Newton steps at most to the mean of topics, and one that is none.
const STEPS: usize = 20;
const NOTHING: f64 = 1e-4;

/// What the texts of a topic say of its log-odds.
enum Said {
    /// So many texts that they say it within a narrow band: its middle and variance.
    Normal(f64, f64),
    /// The quasi-likelihood (Wedderburn 1974) along the grid, 1 where it is largest.
    Along(Vec<f64>),
}

/// What a topic's log-odds are.
#[derive(Clone, Copy)]
struct Moments {
    mean: f64,
    variance: f64,
    /// Logarithm of the density of what its texts say, but for a constant of the topic.
    density: f64,
}

/// Means and variances of the log-odds of topics, `[K]`. `None` for one or two: they say too little about how
/// topics differ, and stand alone.
pub fn pooled(topics: &[&Evidence], response: &Response) -> Option<Vec<(f64, f64)>> {
    if topics.len() < FEWEST {
        return None;
    }
    let count = (LARGEST / STEP).round() as i32;
    let grid: Vec<f64> = (-count..=count).map(|at| f64::from(at) * STEP).collect();
    let said = topics.iter().map(|topic| Said::of(topic, response, &grid));
    let said: Vec<Said> = said.collect();
    let deviations = (0..SPREADS).map(|step| LEAST * FACTOR.powi(step));
    let spreads = deviations.map(|deviation| Spread::of(&said, &grid, deviation));
    let spreads: Vec<Spread> = spreads.collect();
    let weights = spreads.iter().map(|it| it.weight);
    let largest = weights.clone().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = weights.map(|weight| (weight - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let of_topic = |topic: usize| {
        let parts = spreads.iter().zip(&weights);
        mixed(parts.map(|(spread, weight)| (spread.topics[topic], weight / total)))
    };
    Some((0..topics.len()).map(of_topic).collect())
}

impl Said {
    fn of(evidence: &Evidence, response: &Response, grid: &[f64]) -> Self {
        let (middle, variance) = observation(response, evidence, response.odds(evidence));
        if variance < (2.0 * STEP).powi(2) {
            return Self::Normal(middle, variance);
        }
        // Its slope, summed up.
        let slope = |odds: &f64| response.slope_and_information(evidence, *odds).0;
        let slopes: Vec<f64> = grid.iter().map(slope).collect();
        let mut height = 0.0;
        let mut heights = vec![0.0];
        for pair in slopes.windows(2) {
            height += STEP * (pair[0] + pair[1]) / 2.0;
            heights.push(height);
        }
        let largest = heights.iter().copied().fold(f64::MIN, f64::max);
        Self::Along(heights.iter().map(|it| (it - largest).exp()).collect())
    }

    /// With a prior: its weights along the grid, and its mean and variance.
    fn with(&self, prior: &[f64], grid: &[f64], (mean, spread): (f64, f64)) -> Moments {
        let (mean, variance, density) = match self {
            Self::Normal(middle, variance) => {
                let total = variance + spread;
                let density = -0.5 * (total.ln() + (middle - mean).powi(2) / total);
                let mean = (middle * spread + mean * variance) / total;
                (mean, variance * spread / total, density)
            }
            Self::Along(likelihood) => {
                let weighed = || {
                    let places = grid.iter().zip(likelihood.iter().zip(prior));
                    places.map(|(odds, (likelihood, prior))| (*odds, likelihood * prior))
                };
                let total: f64 = weighed().map(|(_, weight)| weight).sum();
                if total < f64::MIN_POSITIVE {
                    // They lie where the prior has nothing: so narrow a spread is none of theirs.
                    (mean, spread, f64::MIN_POSITIVE.ln())
                } else {
                    let middle = weighed().map(|(odds, weight)| weight * odds).sum::<f64>() / total;
                    let squares = weighed().map(|(odds, weight)| weight * (odds - middle).powi(2));
                    (middle, squares.sum::<f64>() / total, total.ln())
                }
            }
        };
        Moments {
            mean,
            variance,
            density,
        }
    }
}

/// What all topics say where their spread is this one.
struct Spread {
    /// Logarithm of how likely it is, but for a constant.
    weight: f64,
    /// Mean and variance of the log-odds of each topic, the mean of all being known from them, too.
    topics: Vec<(f64, f64)>,
}

impl Spread {
    fn of(said: &[Said], grid: &[f64], deviation: f64) -> Self {
        let spread = deviation * deviation;
        let at = |mean: f64| -> Vec<Moments> {
            let prior = normal(grid, mean, spread);
            let topic = |it: &Said| it.with(&prior, grid, (mean, spread));
            said.iter().map(topic).collect()
        };
        // Newton's method on the likelihood of the mean of all topics.
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
            if step.abs() < NOTHING || steps > STEPS {
                break;
            }
            mean = (mean + step).clamp(-LARGEST, LARGEST);
            topics = at(mean);
        }
        let prior = deviation.ln() - RATE * deviation;
        let densities: f64 = topics.iter().map(|it| it.density).sum();
        let with_mean = |it: &Moments| {
            // By how much a topic leans on the mean.
            let leans = (it.variance / spread).min(1.0);
            (it.mean, it.variance + leans * leans / information)
        };
        Self {
            // The mean of all topics is averaged over, too (Laplace).
            weight: prior + densities - 0.5 * information.ln(),
            topics: topics.iter().map(with_mean).collect(),
        }
    }
}

/// Normal weights along the grid; they sum to 1.
fn normal(grid: &[f64], mean: f64, variance: f64) -> Vec<f64> {
    let density = |odds: &f64| (-0.5 * (odds - mean).powi(2) / variance).exp();
    let weights: Vec<f64> = grid.iter().map(density).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::perfect;
    use metrics::CounterRng;

    /// What is found of topics of so many texts, so many of them positive.
    fn found(topics: &[(usize, usize)]) -> Vec<(f64, f64)> {
        let (quantifier, response) = perfect();
        let evidence: Vec<Evidence> = topics
            .iter()
            .filter_map(|(texts, positives)| {
                let said = |row| if row < *positives { 0.9 } else { 0.1 };
                let said: Vec<f32> = (0..*texts).map(said).collect();
                quantifier.evidence(&response, &said)
            })
            .collect();
        pooled(&evidence.iter().collect::<Vec<_>>(), &response).expect("there are enough")
    }

    fn share(odds: f64) -> f64 {
        1.0 / (1.0 + (-odds).exp())
    }

    #[test]
    fn unsure_topics_lean_on_the_others_and_sure_ones_stand() {
        let found = found(&[(400, 200), (400, 280), (400, 120), (2, 2)]);
        for (expected, (odds, _)) in [0.5, 0.7, 0.3].iter().zip(&found) {
            assert!((share(*odds) - expected).abs() < 0.02, "{found:?}");
        }
        assert!((0.5..0.85).contains(&share(found[3].0)), "{found:?}");
        assert!(found[3].1 > 10.0 * found[0].1, "{found:?}");
    }

    #[test]
    fn topics_that_do_not_differ_nearly_become_one() {
        for (odds, variance) in found(&[(20, 14); 40]) {
            assert!((share(odds) - 0.7).abs() < 0.01, "{odds}");
            // One topic alone: 1 / (20 * 0.7 * 0.3) = 0.24.
            assert!(variance < 0.05, "{variance}");
        }
    }

    /// Every topic is all good or all bad, and has three texts: log-odds of each alone say little of that.
    #[test]
    fn intervals_hold_topics_of_three_texts() {
        let draws = CounterRng::for_sample(5, 0);
        let unit = |place: u64| draws.bits(place) as f64 / u64::MAX as f64;
        let truths: Vec<f64> = (0..600).map(|at| unit(4 * at)).collect();
        let topics: Vec<(usize, usize)> = (0..600_u64)
            .map(|at| {
                let positives = (1..4).filter(|text| unit(4 * at + text) < truths[at as usize]);
                (3, positives.count())
            })
            .collect();
        let found = found(&topics);
        let holds = found
            .iter()
            .zip(&truths)
            .filter(|((odds, variance), truth)| {
                let half = 1.96 * variance.sqrt();
                (share(odds - half)..=share(odds + half)).contains(truth)
            });
        let part = holds.count() as f64 / 600.0;
        assert!((0.92..=0.99).contains(&part), "{part}");
        let mean = found.iter().map(|(odds, _)| share(*odds)).sum::<f64>() / 600.0;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }

    #[test]
    fn one_topic_and_none_stand_alone() {
        assert!(pooled(&[], &perfect().1).is_none());
        let (quantifier, response) = perfect();
        let evidence = quantifier.evidence(&response, &[0.9; 3]).expect("texts");
        assert!(pooled(&[&evidence], &response).is_none());
        // Three that are all good are as good as that makes them.
        for (odds, variance) in found(&[(3, 3); 3]) {
            assert!(share(odds) > 0.8 && variance > 0.3, "{odds} {variance}");
        }
    }
}
