//! What few texts say about their share, to be put together with what others say.

use crate::Method;
use crate::labelled::Known;
use crate::levels::{called, logit, share_of_odds};
use crate::share::posterior;

/// Halvings of a bracket: its width becomes that of rounding.
const HALVINGS: usize = 50;

/// Log-odds of shares at which posterior probabilities are averaged: from -4 to 4.
const STEPS: i32 = 16;
const STEP: f64 = 0.25;

/// How what a [`Method`] averages over texts follows from their share `s`: its mean is
/// `m_0 + s (m_1 - m_0)`, where `m_0` and `m_1` are its means over negative and positive labelled rows, and its
/// variance `((1 - s) v_0 + s v_1 + s (1 - s) (m_1 - m_0)^2) / n`.
///
/// This is what a method turns round for many texts. For few it must not be: a share of three texts is nothing
/// or all more often than not, and lies on the edge of what log-odds can say. Mean and variance are enough for a
/// quasi-likelihood (Wedderburn 1974), which adds up over periods and topics.
///
/// For the methods of the maximum the average is that of the posterior probability at the very share that is
/// asked about, which makes the slope that of the likelihood, made right by the labelled rows.
#[derive(Clone, Debug)]
pub struct Response {
    /// One; or one for each of the log-odds, from the lowest on.
    each: Vec<Averaged>,
}

/// What texts of a period or a topic say.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// How many there are.
    pub texts: f64,
    /// The means over them of what is averaged.
    means: Vec<f64>,
}

/// A function that is averaged over texts.
#[derive(Clone, Copy, Debug)]
struct Averaged {
    part: Part,
    /// Of negative and of positive labelled rows.
    means: [f64; 2],
    variances: [f64; 2],
}

/// The function of a text.
#[derive(Clone, Copy, Debug)]
enum Part {
    Called,
    Probability,
    /// The posterior probability at a share, but for a factor.
    Posterior(f64),
}

impl Part {
    fn of(self, probability: f64, ratio: f64) -> f64 {
        match self {
            Self::Called => called(probability),
            Self::Probability => probability,
            Self::Posterior(at) => posterior(ratio, at),
        }
    }
}

impl Averaged {
    fn new(part: Part, (means, variances): ([f64; 2], [f64; 2])) -> Self {
        Self {
            part,
            means,
            variances,
        }
    }

    fn gap(&self) -> f64 {
        self.means[1] - self.means[0]
    }

    /// Of a model with these rates of calling either class positive.
    fn of_calls(means: [f64; 2]) -> Self {
        Self::new(Part::Called, (means, means.map(|mean| mean * (1.0 - mean))))
    }

    fn posterior(known: &Known, odds: f64) -> Self {
        let at = share_of_odds(odds);
        let spread = known.spread(|ratio| posterior(ratio, at));
        match spread.0[1] > spread.0[0] {
            true => Self::new(Part::Posterior(at), spread),
            // At this share it tells nothing; what the model calls them does.
            false => Self::of_calls(known.rates.called()),
        }
    }

    /// See [`Response::slope_and_information`].
    fn slope_and_information(&self, texts: f64, mean: f64, odds: f64) -> (f64, f64) {
        let share = share_of_odds(odds);
        let spread = share * (1.0 - share);
        let [negative, positive] = self.variances;
        let variance =
            (1.0 - share) * negative + share * positive + spread * self.gap() * self.gap();
        let expected = self.means[0] + share * self.gap();
        let rise = self.gap() * spread;
        let scale = texts * rise / variance;
        (scale * (mean - expected), scale * rise)
    }
}

impl Response {
    pub(crate) fn new(known: &Known, method: Method) -> Self {
        let rates = known.rates;
        let each = match method {
            Method::ClassifyAndCount => vec![Averaged::of_calls([0.0, 1.0])],
            Method::AdjustedCount => vec![Averaged::of_calls(rates.called())],
            Method::ProbabilisticAdjustedCount => {
                let spread = known.spread(|ratio| share_of_odds(rates.odds(ratio)));
                vec![Averaged::new(Part::Probability, spread)]
            }
            Method::MaximumLikelihood | Method::AdjustedMaximumLikelihood => (-STEPS..=STEPS)
                .map(|step| Averaged::posterior(known, f64::from(step) * STEP))
                .collect(),
        };
        Self { each }
    }

    /// What texts say of which these are the probabilities and the ratios of how likely they are.
    pub(crate) fn of(&self, texts: impl Iterator<Item = (f64, f64)>) -> Option<Evidence> {
        let mut sums = vec![0.0; self.each.len()];
        let mut count = 0.0;
        for (probability, ratio) in texts {
            count += 1.0;
            for (sum, averaged) in sums.iter_mut().zip(&self.each) {
                *sum += averaged.part.of(probability, ratio);
            }
        }
        (count > 0.0).then(|| Evidence {
            texts: count,
            means: sums.iter().map(|sum| sum / count).collect(),
        })
    }

    /// The slope of the quasi-likelihood of a share along its log-odds, and its expected curvature (Fisher's
    /// information), where the share has these log-odds.
    pub fn slope_and_information(&self, evidence: &Evidence, odds: f64) -> (f64, f64) {
        let last = self.each.len() - 1;
        let place = (odds / STEP + f64::from(STEPS)).clamp(0.0, last as f64);
        let (before, beyond) = (place as usize, place.fract());
        let at = |place: usize| {
            let mean = evidence.means[place];
            self.each[place].slope_and_information(evidence.texts, mean, odds)
        };
        let one = at(before);
        if before == last {
            return one;
        }
        let two = at(before + 1);
        let mixed = |one: f64, two: f64| one + beyond * (two - one);
        (mixed(one.0, two.0), mixed(one.1, two.1))
    }

    /// The log-odds at which the slope is nothing, within [`Self::bounds`].
    pub fn odds(&self, evidence: &Evidence) -> f64 {
        let (mut low, mut high) = self.bounds(evidence.texts);
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            match self.slope_and_information(evidence, middle).0 > 0.0 {
                true => low = middle,
                false => high = middle,
            }
        }
        (low + high) / 2.0
    }

    /// Log-odds between which so many texts can tell shares apart: where a share of nothing or of all is a
    /// standard error away, or half a text where the model does not err.
    pub fn bounds(&self, texts: f64) -> (f64, f64) {
        let ends = [(0, 0), (self.each.len() - 1, 1)];
        let [low, high] = ends.map(|(place, class)| {
            let averaged = self.each[place];
            let error = (averaged.variances[class] / texts).sqrt() / averaged.gap();
            logit(error.max(0.5 / (texts + 1.0)).min(0.5))
        });
        (low, -high)
    }
}

impl Evidence {
    /// Of all together; `None` where there are none.
    pub fn together<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let texts: f64 = all.clone().map(|evidence| evidence.texts).sum();
        let places = all.clone().next()?.means.len();
        let mean = |place: usize| {
            let sums = all.clone().map(|it| it.texts * it.means[place]);
            sums.sum::<f64>() / texts
        };
        Some(Self {
            texts,
            means: (0..places).map(mean).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quantifier;

    /// A model that is right, and sure, in four of five cases.
    fn quantifier() -> Quantifier {
        let labels: Vec<u8> = (0..200).map(|row| u8::from(row % 2 == 0)).collect();
        let said: Vec<f32> = (0..200)
            .map(|row| match (row % 2 == 0, row / 2 % 5 == 0) {
                (true, false) | (false, true) => 0.8,
                _ => 0.2,
            })
            .collect();
        Quantifier::new(&labels, &said, 50, 1).expect("both classes")
    }

    /// So many texts of which so many are called positive.
    fn texts(count: usize, called: usize) -> Vec<f32> {
        let said = |row| if row < called { 0.8 } else { 0.2 };
        (0..count).map(said).collect()
    }

    #[test]
    fn the_slope_is_nothing_at_the_share_of_the_method() {
        let quantifier = quantifier();
        // 140 of 400 are called positive: 0.35 = 0.2 + s * 0.6.
        let said = texts(400, 140);
        for method in Method::ALL {
            let response = quantifier.response(method);
            let evidence = quantifier.evidence(&response, &said).expect("texts");
            let share = share_of_odds(response.odds(&evidence));
            let expected = if method == Method::ClassifyAndCount {
                0.35
            } else {
                0.25
            };
            assert!((share - expected).abs() < 1e-6, "{method:?}: {share}");
            let (slope, information) = response.slope_and_information(&evidence, logit(share));
            assert!(slope.abs() < 1e-6 && information > 0.0);
        }
        let response = quantifier.response(Method::default());
        assert!(quantifier.evidence(&response, &[]).is_none());
    }

    #[test]
    fn a_model_that_does_not_err_leaves_the_binomial() {
        // Its information along log-odds is n s (1 - s), its slope k - n s (McCullagh and Nelder 1989).
        let quantifier = quantifier();
        let response = quantifier.response(Method::ClassifyAndCount);
        let evidence = quantifier
            .evidence(&response, &texts(10, 7))
            .expect("texts");
        let (slope, information) = response.slope_and_information(&evidence, logit(0.4));
        assert!((slope - 3.0).abs() < 1e-9 && (information - 2.4).abs() < 1e-9);
        let (low, high) = response.bounds(9.0);
        assert!((low - logit(0.05)).abs() < 1e-9 && (high + low).abs() < 1e-9);
    }

    #[test]
    fn errors_leave_less_information_and_parts_add_up() {
        let quantifier = quantifier();
        let of = |method| {
            let response = quantifier.response(method);
            let evidence = quantifier
                .evidence(&response, &texts(10, 5))
                .expect("texts");
            let information = response.slope_and_information(&evidence, 0.0).1;
            (information, response.bounds(10.0).1)
        };
        let (perfect, erring) = (of(Method::ClassifyAndCount), of(Method::AdjustedCount));
        assert!(erring.0 < 0.5 * perfect.0 && erring.1 < perfect.1);

        let response = quantifier.response(Method::default());
        let of = |count, called| quantifier.evidence(&response, &texts(count, called));
        let parts = [of(10, 2), of(30, 21)].map(|it| it.expect("texts"));
        let whole = of(40, 23).expect("texts");
        let together = Evidence::together(parts.iter()).expect("texts");
        assert!((response.odds(&together) - response.odds(&whole)).abs() < 1e-9);
        assert!(Evidence::together([].iter()).is_none());
    }
}
