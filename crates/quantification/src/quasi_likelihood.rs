//! The quasi-likelihood of the prevalence of few texts, which adds up over periods and topics.

use crate::Method;
use crate::bins::{logit, predicted_label, sigmoid};
use crate::labelled_rows::ClassDistributions;
use crate::prevalence::posterior_score;

/// Bisection steps; after these the bracket is as narrow as rounding.
const BISECTIONS: usize = 50;

/// Grid of the log-odds at which posterior scores are averaged: from -4 to 4.
const STEPS: i32 = 16;
const STEP: f64 = 0.25;

/// The quasi-likelihood (Wedderburn 1974) of a prevalence `s` under a [`Method`]. A method averages a score over
/// texts. This mean has the expectation `m_0 + s (m_1 - m_0)`, where `m_0` and `m_1` are the means over negative
/// and positive labelled rows, and the variance `((1 - s) v_0 + s v_1 + s (1 - s) (m_1 - m_0)^2) / n`.
///
/// For many texts a method solves the expectation for `s`. Few texts often give a prevalence of 0 or 1, which has
/// no finite log-odds; the quasi-likelihood has no such problem.
///
/// For the two maximum-likelihood methods the score is the posterior at the prevalence in question, so the slope
/// is that of the likelihood, corrected by the labelled rows.
#[derive(Clone, Debug)]
pub struct QuasiLikelihood {
    /// One score; or one for each log-odds of the grid, in ascending order.
    scores: Vec<ScoreMoments>,
}

/// The mean scores of the texts of a period or topic: the data that a [`QuasiLikelihood`] needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreMeans {
    /// Number of texts.
    pub texts: f64,
    /// One mean for each score of the quasi-likelihood.
    means: Vec<f64>,
}

/// A score with its moments.
#[derive(Clone, Copy, Debug)]
struct ScoreMoments {
    score: TextScore,
    /// Means over negative and over positive labelled rows.
    means: [f64; 2],
    variances: [f64; 2],
}

/// A score of a text.
#[derive(Clone, Copy, Debug)]
enum TextScore {
    PredictedLabel,
    Probability,
    /// See [`posterior_score`]; with the prevalence.
    Posterior(f64),
}

impl TextScore {
    fn score(self, probability: f64, ratio: f64) -> f64 {
        match self {
            Self::PredictedLabel => predicted_label(probability),
            Self::Probability => probability,
            Self::Posterior(prior) => posterior_score(ratio, prior),
        }
    }
}

impl ScoreMoments {
    fn new(score: TextScore, (means, variances): ([f64; 2], [f64; 2])) -> Self {
        Self {
            score,
            means,
            variances,
        }
    }

    fn gap(&self) -> f64 {
        self.means[1] - self.means[0]
    }

    /// The predicted label, with these rates of predicting each class positive.
    fn predicted_label(means: [f64; 2]) -> Self {
        let variances = means.map(|mean| mean * (1.0 - mean));
        Self::new(TextScore::PredictedLabel, (means, variances))
    }

    fn posterior(classes: &ClassDistributions, log_odds: f64) -> Self {
        let prior = sigmoid(log_odds);
        let moments = classes.means_and_variances(|ratio| posterior_score(ratio, prior));
        match moments.0[1] > moments.0[0] {
            true => Self::new(TextScore::Posterior(prior), moments),
            // At this prevalence the posterior does not separate the classes; the predicted label does.
            false => Self::predicted_label(classes.rates.positive_rates),
        }
    }

    /// See [`QuasiLikelihood::slope_and_information`].
    fn slope_and_information(&self, texts: f64, mean: f64, log_odds: f64) -> (f64, f64) {
        let prevalence = sigmoid(log_odds);
        let spread = prevalence * (1.0 - prevalence);
        let [negative, positive] = self.variances;
        let variance = (1.0 - prevalence) * negative
            + prevalence * positive
            + spread * self.gap() * self.gap();
        let expected = self.means[0] + prevalence * self.gap();
        let rise = self.gap() * spread;
        let scale = texts * rise / variance;
        (scale * (mean - expected), scale * rise)
    }
}

impl QuasiLikelihood {
    pub(crate) fn new(classes: &ClassDistributions, method: Method) -> Self {
        let (rates, of_labels) = (classes.rates, ScoreMoments::predicted_label);
        let scores = match method {
            Method::ClassifyAndCount => vec![of_labels([0.0, 1.0])],
            Method::AdjustedCount => vec![of_labels(rates.positive_rates)],
            Method::ProbabilisticAdjustedCount => {
                let moments = classes.means_and_variances(|ratio| sigmoid(rates.log_odds(ratio)));
                vec![ScoreMoments::new(TextScore::Probability, moments)]
            }
            Method::MaximumLikelihood | Method::AdjustedMaximumLikelihood => (-STEPS..=STEPS)
                .map(|step| ScoreMoments::posterior(classes, f64::from(step) * STEP))
                .collect(),
        };
        Self { scores }
    }

    /// The mean scores of texts with these probabilities and likelihood ratios; `None` without texts.
    pub(crate) fn score_means(&self, rows: impl Iterator<Item = (f64, f64)>) -> Option<ScoreMeans> {
        let mut sums = vec![0.0; self.scores.len()];
        let mut count = 0.0;
        for (probability, ratio) in rows {
            count += 1.0;
            for (sum, moments) in sums.iter_mut().zip(&self.scores) {
                *sum += moments.score.score(probability, ratio);
            }
        }
        (count > 0.0).then(|| ScoreMeans {
            texts: count,
            means: sums.iter().map(|sum| sum / count).collect(),
        })
    }

    /// The slope of the quasi-likelihood along the log-odds of the prevalence, and its Fisher information.
    pub fn slope_and_information(&self, score_means: &ScoreMeans, log_odds: f64) -> (f64, f64) {
        let last = self.scores.len() - 1;
        let position = (log_odds / STEP + f64::from(STEPS)).clamp(0.0, last as f64);
        let (before, fraction) = (position as usize, position.fract());
        let at = |index: usize| {
            let mean = score_means.means[index];
            self.scores[index].slope_and_information(score_means.texts, mean, log_odds)
        };
        let one = at(before);
        if before == last {
            return one;
        }
        let two = at(before + 1);
        let interpolated = |one: f64, two: f64| one + fraction * (two - one);
        (interpolated(one.0, two.0), interpolated(one.1, two.1))
    }

    /// The log-odds of the maximum, within [`Self::bounds`].
    pub fn log_odds(&self, score_means: &ScoreMeans) -> f64 {
        let (mut low, mut high) = self.bounds(score_means.texts);
        for _ in 0..BISECTIONS {
            let middle = (low + high) / 2.0;
            match self.slope_and_information(score_means, middle).0 > 0.0 {
                true => low = middle,
                false => high = middle,
            }
        }
        (low + high) / 2.0
    }

    /// The log-odds that this number of texts can distinguish from a prevalence of 0 and of 1: one standard error
    /// away, and at least half a text.
    pub fn bounds(&self, texts: f64) -> (f64, f64) {
        let ends = [(0, 0), (self.scores.len() - 1, 1)];
        let [low, high] = ends.map(|(index, class)| {
            let moments = self.scores[index];
            let error = (moments.variances[class] / texts).sqrt() / moments.gap();
            logit(error.max(0.5 / (texts + 1.0)).min(0.5))
        });
        (low, -high)
    }
}

impl ScoreMeans {
    /// The mean scores of all texts together; `None` without any.
    pub fn combine<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let texts: f64 = all.clone().map(|score_means| score_means.texts).sum();
        let scores = all.clone().next()?.means.len();
        let mean = |index: usize| {
            let sums = all.clone().map(|it| it.texts * it.means[index]);
            sums.sum::<f64>() / texts
        };
        Some(Self {
            texts,
            means: (0..scores).map(mean).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quantifier;

    /// A classifier that is correct in four of five cases, always with a confidence of 0.8.
    fn quantifier() -> Quantifier {
        let labels: Vec<u8> = (0..200).map(|row| u8::from(row % 2 == 0)).collect();
        let probability: Vec<f32> = (0..200)
            .map(|row| match (row % 2 == 0, (row / 2) % 5 == 0) {
                (true, false) | (false, true) => 0.8,
                _ => 0.2,
            })
            .collect();
        Quantifier::new(&labels, &probability, None, 50, 1).expect("both classes")
    }

    /// Probabilities of texts, of which this number is predicted positive.
    fn texts(count: usize, positives: usize) -> Vec<f32> {
        let probability = |row| if row < positives { 0.8 } else { 0.2 };
        (0..count).map(probability).collect()
    }

    #[test]
    fn the_slope_is_zero_at_the_prevalence_that_the_method_finds() {
        let quantifier = quantifier();
        // 140 of 400 are predicted positive: 0.35 = 0.2 + s * 0.6.
        let probability = texts(400, 140);
        for method in Method::ALL {
            let likelihood = quantifier.quasi_likelihood(method);
            let score_means = quantifier
                .score_means(&likelihood, &probability)
                .expect("texts");
            let prevalence = sigmoid(likelihood.log_odds(&score_means));
            let expected = if method == Method::ClassifyAndCount {
                0.35
            } else {
                0.25
            };
            assert!(
                (prevalence - expected).abs() < 1e-6,
                "{method:?}: {prevalence}"
            );
            let (slope, information) =
                likelihood.slope_and_information(&score_means, logit(prevalence));
            assert!(slope.abs() < 1e-6 && information > 0.0);
        }
        let likelihood = quantifier.quasi_likelihood(Method::default());
        assert!(quantifier.score_means(&likelihood, &[]).is_none());
    }

    #[test]
    fn without_errors_it_is_the_binomial_likelihood() {
        // The information along log-odds is n s (1 - s), the slope k - n s (McCullagh and Nelder 1989).
        let quantifier = quantifier();
        let likelihood = quantifier.quasi_likelihood(Method::ClassifyAndCount);
        let score_means = quantifier
            .score_means(&likelihood, &texts(10, 7))
            .expect("texts");
        let (slope, information) = likelihood.slope_and_information(&score_means, logit(0.4));
        assert!((slope - 3.0).abs() < 1e-9 && (information - 2.4).abs() < 1e-9);
        let (low, high) = likelihood.bounds(9.0);
        assert!((low - logit(0.05)).abs() < 1e-9 && (high + low).abs() < 1e-9);
    }

    #[test]
    fn errors_reduce_the_information_and_means_can_be_combined() {
        let quantifier = quantifier();
        let measure = |method| {
            let likelihood = quantifier.quasi_likelihood(method);
            let score_means = quantifier
                .score_means(&likelihood, &texts(10, 5))
                .expect("texts");
            let information = likelihood.slope_and_information(&score_means, 0.0).1;
            (information, likelihood.bounds(10.0).1)
        };
        let (perfect, erring) = (
            measure(Method::ClassifyAndCount),
            measure(Method::AdjustedCount),
        );
        assert!(erring.0 < 0.5 * perfect.0 && erring.1 < perfect.1);

        let likelihood = quantifier.quasi_likelihood(Method::default());
        let means =
            |count, positives| quantifier.score_means(&likelihood, &texts(count, positives));
        let parts = [means(10, 2), means(30, 21)].map(|it| it.expect("texts"));
        let whole = means(40, 23).expect("texts");
        let combined = ScoreMeans::combine(parts.iter()).expect("texts");
        assert!((likelihood.log_odds(&combined) - likelihood.log_odds(&whole)).abs() < 1e-9);
        assert!(ScoreMeans::combine([].iter()).is_none());
    }
}
