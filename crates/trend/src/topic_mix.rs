//! Topics over time: the smoothed trend of each topic, and that of all reviews at a constant mix of topics (direct
//! standardisation, Kitagawa 1955). Where the mix changes, the share of all reviews changes without any change of
//! opinion (Simpson's paradox).

use std::collections::BTreeMap;

use artifact::format;
use rayon::prelude::*;

use crate::data::{ConstantMix, ScoredReview, TopicMix, TopicTrend};
use crate::estimator::Estimator;
use crate::linearisation::linearise;
use crate::log_odds::sigmoid;
use crate::state_space::{FittedModel, Observation, fit_best};

/// The largest topics are smoothed one by one until they have this share of the reviews ...
const SMOOTHED_SHARE: f64 = 0.9;

/// ... but not more than this number; the others are smoothed together.
const MAX_SMOOTHED: usize = 30;

/// Maximum of smoothed topics times periods, so that long series have fewer of them.
const MAX_WORK: usize = 20_000;

/// Minimum share of topics that are smoothed one by one. With less, a changing mix of the others could look like a
/// change of opinion.
const MIN_SMOOTHED_SHARE: f64 = 2.0 / 3.0;

/// Maximum width of the interval of a change at a constant mix; it is wider if the topics overlap little in time.
const MAX_WIDTH: f64 = 0.5;

/// Maximum number of rounds to find the trend at a constant mix, and the step of log-odds that counts as convergence.
const MAX_ROUNDS: usize = 10;
const TOLERANCE: f64 = 1e-3;

/// Maximum number of topics with their own line, and minimum number of reviews of such a topic. The others share one.
const MAX_LINES: usize = 5;
const MIN_LINE_ROWS: usize = 30;

/// One topic, or the small topics together.
struct SmoothedTopic {
    name: String,
    /// Number of reviews in each period.
    rows: Vec<usize>,
    /// Mean and variance of the log-odds of each period.
    levels: Vec<(f64, f64)>,
    /// Mean and variance of the last share minus the first.
    rise: (f64, f64),
}

/// The trends of topics from the reviews of each period, and from the observations of all topics together; `None` with
/// a single topic or period.
pub(crate) fn topic_mix(
    (periods, observed): (&[Vec<ScoredReview>], &[Observation]),
    names: &[String],
    estimator: &Estimator<'_>,
) -> Option<TopicMix> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for row in periods.iter().flatten() {
        *counts.entry(row.topic).or_default() += 1;
    }
    if counts.len() < 2 || periods.len() < 2 {
        return None;
    }
    let mut order: Vec<(usize, usize)> = counts.into_iter().collect();
    order.sort_by(|(one, few), (two, many)| many.cmp(few).then(names[*one].cmp(&names[*two])));
    let all: usize = order.iter().map(|(_, rows)| rows).sum();
    let most = (MAX_WORK / periods.len()).clamp(MAX_LINES + 1, MAX_SMOOTHED);
    let (mut alone, mut rows) = (0, 0);
    while alone < order.len().min(most) && (rows as f64) < SMOOTHED_SHARE * all as f64 {
        rows += order[alone].1;
        alone += 1;
    }
    let (largest, others) = order.split_at(alone);
    let mut group_of = vec![alone; names.len()];
    let mut groups: Vec<String> = Vec::new();
    for (group, (topic, _)) in largest.iter().enumerate() {
        group_of[*topic] = group;
        groups.push(names[*topic].clone());
    }
    match others {
        [] => {}
        [(topic, _)] => groups.push(names[*topic].clone()),
        _ => groups.push(other_topics(others.len())),
    }
    let smooth = |(group, name): (usize, String)| {
        let score = |rows: &Vec<ScoredReview>| {
            let own = rows.iter().filter(|row| group_of[row.topic] == group);
            (own.clone().count(), estimator.score_means(own))
        };
        let (rows, means): (Vec<usize>, Vec<_>) = periods.iter().map(score).unzip();
        let (fitted, _) = fit_best(&linearise(&means, &estimator.likelihood));
        SmoothedTopic {
            name,
            rows,
            levels: fitted.levels,
            rise: fitted.rise,
        }
    };
    let smoothed: Vec<SmoothedTopic> = groups.into_par_iter().enumerate().map(smooth).collect();
    let has_line = |(_, rows): &&(usize, usize)| *rows >= MIN_LINE_ROWS;
    let mut lines = largest.iter().filter(has_line).count();
    if smoothed.len() > MAX_LINES + 1 {
        lines = lines.min(MAX_LINES);
    }
    let (alone, rest) = smoothed.split_at(lines);
    let parts = alone.chunks(1).chain([rest]).filter(|it| !it.is_empty());
    let topics = parts.map(|it| line(it, order.len() - lines, estimator));
    let topics: Vec<TopicTrend> = topics.collect();
    let is_separable = rows as f64 >= MIN_SMOOTHED_SHARE * all as f64;
    let constant_mix = is_separable.then(|| constant_mix(observed, smoothed, estimator));
    Some(TopicMix {
        topics,
        constant_mix: constant_mix.filter(|it| it.rise.high - it.rise.low <= MAX_WIDTH),
    })
}

fn other_topics(count: usize) -> String {
    format::plural(count as u64, "other topic", "other topics")
}

/// The line of topics at a constant mix; a period without any of their reviews has no value. Several topics are named
/// `count` others.
fn line(topics: &[SmoothedTopic], count: usize, estimator: &Estimator<'_>) -> TopicTrend {
    let weights = weights(topics);
    let rows = |period: usize| topics.iter().map(|it| it.rows[period]).sum::<usize>();
    let level = |period: usize| {
        let level = weighted_level(topics, period, &weights);
        (rows(period) > 0).then(|| estimator.interval(level))
    };
    TopicTrend {
        topic: match topics {
            [one] => one.name.clone(),
            _ => other_topics(count),
        },
        rows: topics.iter().flat_map(|it| &it.rows).sum(),
        levels: (0..topics[0].levels.len()).map(level).collect(),
        rise: estimator.difference(weighted_rise(topics, &weights)),
    }
}

/// The trend that remains if the observations of all reviews are corrected for the mix of topics in their period.
/// Without a change of the mix it is the trend of all reviews.
fn constant_mix(
    observed: &[Observation],
    mut topics: Vec<SmoothedTopic>,
    estimator: &Estimator<'_>,
) -> ConstantMix {
    let weights = weights(&topics);
    let mut fitted = fit_best(observed).0;
    for _ in 0..MAX_ROUNDS {
        fill_gaps(&mut topics, &fitted);
        let next = fit_best(&correct(observed, &topics, &weights)).0;
        let pairs = fitted.levels.iter().zip(&next.levels);
        let step = pairs.fold(0.0_f64, |step, (one, two)| step.max((one.0 - two.0).abs()));
        fitted = next;
        if step < TOLERANCE {
            break;
        }
    }
    // The corrections of periods have common errors, where a topic is rare in many periods. So the variance is at
    // least that of the weighted topics.
    let at_least =
        |(value, variance): (f64, f64), other: (f64, f64)| (value, other.1.max(variance));
    let level = |(at, level): (usize, &(f64, f64))| {
        estimator.interval(at_least(*level, weighted_level(&topics, at, &weights)))
    };
    let rise = at_least(fitted.rise, weighted_rise(&topics, &weights));
    ConstantMix {
        levels: fitted.levels.iter().enumerate().map(level).collect(),
        rise: estimator.difference(rise),
    }
}

/// Where a topic has no reviews, its level is assumed to move like that of all topics.
fn fill_gaps(topics: &mut [SmoothedTopic], common: &FittedModel) {
    for topic in topics {
        let levels = topic.levels.iter().zip(&common.levels).zip(&topic.rows);
        let differences = levels.map(|((own, common), rows)| (own.0 - common.0) * *rows as f64);
        let difference = differences.sum::<f64>() / topic.rows.iter().sum::<usize>() as f64;
        let levels = topic.levels.iter_mut().zip(&common.levels).zip(&topic.rows);
        for ((own, common), _) in levels.filter(|(_, rows)| **rows == 0) {
            own.0 = common.0 + difference;
        }
    }
}

/// The observations without the effect of the mix of topics.
fn correct(
    observed: &[Observation],
    topics: &[SmoothedTopic],
    weights: &[f64],
) -> Vec<Observation> {
    let correct = |(period, observation): (usize, &Observation)| {
        let (value, error) = (*observation)?;
        let all: usize = topics.iter().map(|it| it.rows[period]).sum();
        let own = topics.iter().map(|it| it.rows[period] as f64 / all as f64);
        let own: Vec<f64> = own.collect();
        let [actual, constant] = [&own[..], weights].map(|it| weighted_level(topics, period, it).0);
        let excess = own.iter().zip(weights).map(|(own, weight)| own - weight);
        let (_, variance) = weighted_share(topics, period, &excess.collect::<Vec<f64>>());
        let variance = variance / slope(sigmoid(constant)).powi(2);
        Some((value - (actual - constant), error + variance))
    };
    observed.iter().enumerate().map(correct).collect()
}

/// The share of each topic in the reviews of all periods.
fn weights(topics: &[SmoothedTopic]) -> Vec<f64> {
    let rows = topics.iter().map(|it| it.rows.iter().sum::<usize>() as f64);
    let all: f64 = rows.clone().sum();
    rows.map(|rows| rows / all).collect()
}

/// Weighted sum of independent values, each given by mean and variance.
fn weighted_sum(values: impl Iterator<Item = (f64, f64)>, weights: &[f64]) -> (f64, f64) {
    let add = |sum: (f64, f64), (value, weight): ((f64, f64), &f64)| {
        (sum.0 + weight * value.0, sum.1 + weight * weight * value.1)
    };
    values.zip(weights).fold((0.0, 0.0), add)
}

fn weighted_rise(topics: &[SmoothedTopic], weights: &[f64]) -> (f64, f64) {
    weighted_sum(topics.iter().map(|it| it.rise), weights)
}

/// Mean and variance of the weighted shares of a period, by the delta method.
fn weighted_share(topics: &[SmoothedTopic], period: usize, weights: &[f64]) -> (f64, f64) {
    let shares = topics.iter().map(|it| {
        let (log_odds, variance) = it.levels[period];
        let share = sigmoid(log_odds);
        (share, slope(share).powi(2) * variance)
    });
    weighted_sum(shares, weights)
}

/// The same as log-odds.
fn weighted_level(topics: &[SmoothedTopic], period: usize, weights: &[f64]) -> (f64, f64) {
    let (share, variance) = weighted_share(topics, period, weights);
    let log_odds = (share / (1.0 - share)).ln();
    (log_odds, variance / slope(share).powi(2))
}

/// The derivative of a share by its log-odds.
fn slope(share: f64) -> f64 {
    share * (1.0 - share)
}

#[cfg(test)]
mod tests {
    use quantification::Method;

    use super::*;
    use crate::data::TextOrigin;
    use crate::options::Options;
    use crate::tests::perfect_classifier;

    /// The trends of topics, each given by its number of reviews and of positive ones in each period; and the smoothed
    /// trend of all reviews.
    fn of(topics: &[&[(usize, usize)]]) -> (TopicMix, Vec<f64>) {
        let (quantifier, _) = perfect_classifier();
        let mut periods = vec![Vec::new(); topics[0].len()];
        for (topic, counts) in topics.iter().enumerate() {
            for (period, (rows, positives)) in counts.iter().enumerate() {
                periods[period].extend((0..*rows).map(|row| ScoredReview {
                    topic,
                    day: 0,
                    probability: if row < *positives { 0.9 } else { 0.1 },
                    author_label: None,
                    words: 0,
                    origin: TextOrigin::New,
                }));
            }
        }
        let options = Options {
            method: Method::ClassifyAndCount,
            ..Options::default()
        };
        let estimator = Estimator::new(&quantifier, &options, &|| false);
        let means = periods.iter().map(|rows| estimator.score_means(rows));
        let observed = linearise(&means.collect::<Vec<_>>(), &estimator.likelihood);
        let names: Vec<String> = (0..topics.len()).map(|topic| format!("t{topic}")).collect();
        let found = topic_mix((&periods, &observed), &names, &estimator);
        let levels = fit_best(&observed).0.levels.into_iter();
        let levels = levels.map(|(level, _)| sigmoid(level)).collect();
        (found.expect("several topics"), levels)
    }

    #[test]
    fn a_changing_mix_of_constant_topics_is_no_change_of_opinion() {
        let falls: Vec<(usize, usize)> = (0..12)
            .map(|at| 20 * (14 - at))
            .map(|it| (it, it / 5))
            .collect();
        let grows: Vec<(usize, usize)> = (0..12)
            .map(|at| 20 * (2 + at))
            .map(|it| (it, it * 4 / 5))
            .collect();
        let (found, overall) = of(&[&falls, &grows]);
        assert!(overall[11] - overall[0] > 0.3, "{overall:?}");
        let constant = found.constant_mix.expect("two large topics");
        assert!(
            constant.rise.low < 0.0 && constant.rise.high > 0.0,
            "{constant:?}"
        );
        for level in &constant.levels {
            assert!((level.value - 0.487).abs() < 0.02, "{level:?}");
        }
        for (topic, expected) in found.topics.iter().zip([0.2, 0.8]) {
            let levels = topic.levels.iter().flatten();
            assert!(levels.clone().count() == 12, "{topic:?}");
            assert!(
                levels
                    .into_iter()
                    .all(|it| (it.value - expected).abs() < 0.02),
                "{topic:?}"
            );
        }
    }

    #[test]
    fn opinions_that_change_behind_a_constant_share_are_found() {
        // Both topics rise by 22 points, and the worse one grows: the share of all reviews stays at about 46%.
        let good: Vec<(usize, usize)> = (0..12)
            .map(|at| (240 - 20 * at, (240 - 20 * at) * (50 + 2 * at) / 100))
            .collect();
        let bad: Vec<(usize, usize)> = (0..12)
            .map(|at| (20 + 20 * at, (20 + 20 * at) * (20 + 2 * at) / 100))
            .collect();
        let rise = of(&[&good, &bad])
            .0
            .constant_mix
            .expect("two large topics")
            .rise;
        assert!(rise.low > 0.02 && rise.high > 0.22, "{rise:?}");
    }

    #[test]
    fn topics_that_come_and_go_are_assumed_to_move_like_the_others() {
        // All topics fall by 2 points in each period; the first one ends and the second one begins.
        let of_topic = |start: usize, periods: std::ops::Range<usize>| -> Vec<(usize, usize)> {
            let count = |at| match periods.contains(&at) {
                true => (200, 2 * start - 4 * at),
                false => (0, 0),
            };
            (0..15).map(count).collect()
        };
        let (ends, begins, stays) = (of_topic(70, 0..9), of_topic(50, 6..15), of_topic(60, 0..15));
        let (found, _) = of(&[&ends, &begins, &stays]);
        let rise = found.constant_mix.expect("they overlap").rise;
        assert!(
            (rise.value + 0.28).abs() < 0.05 && rise.high < 0.0,
            "{rise:?}"
        );
    }

    #[test]
    fn without_a_change_of_the_mix_the_trend_stays_the_same() {
        let first: Vec<(usize, usize)> = (0..12).map(|at| (90, 20 + 3 * at)).collect();
        let second: Vec<(usize, usize)> = (0..12).map(|at| (30, 3 + at)).collect();
        let (found, overall) = of(&[&first, &second]);
        let constant = found.constant_mix.expect("two large topics");
        for (level, overall) in constant.levels.iter().zip(&overall) {
            assert!((level.value - overall).abs() < 1e-9, "{level:?} {overall}");
        }
    }

    #[test]
    fn small_topics_share_a_line_and_many_small_ones_hide_the_mix() {
        let large = [(100, 50), (0, 0), (100, 50)];
        let small = [(2, 1), (2, 1), (2, 1)];
        let mut topics: Vec<&[(usize, usize)]> = vec![&large; 4];
        topics.extend(vec![&small[..]; 12]);
        let (found, _) = of(&topics);
        let names: Vec<&str> = found.topics.iter().map(|it| it.topic.as_str()).collect();
        assert_eq!(names, ["t0", "t1", "t2", "t3", "12 other topics"]);
        // A period without reviews of a topic has no value.
        assert!(found.topics[0].levels[1].is_none() && found.topics[4].levels[1].is_some());
        assert!(found.constant_mix.is_some());
        assert_eq!(found.topics.iter().map(|it| it.rows).sum::<usize>(), 872);

        let (many, _) = of(&vec![&small[..]; 60]);
        assert!(many.constant_mix.is_none(), "{many:?}");
        assert_eq!(many.topics[0].topic, "60 other topics");
    }
}
