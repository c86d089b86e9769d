//! A trend in sentences, for the terminal and for the page.

use artifact::format;
use metrics::Estimate;

use crate::data::Trend;

/// Words that are named of a change, on either side.
const NAMED: usize = 8;

/// What there is to say, the conclusion first.
pub(crate) fn sentences(trend: &Trend, model: &str) -> Vec<String> {
    let mut probabilities = Vec::new();
    if let Some(distance) = trend.misfit {
        probabilities.push(format!(
            "Beware: these reviews are unlike the {} labelled ones from which it is known how {model} errs (distance {distance:.2}; \
             chance makes less). Trust no figure below; a few hundred labelled reviews of this kind mend it: `--adapt 300` or `--labelled FILE`.",
            format::count(trend.labelled as u64)
        ));
    }
    let overall = trend.overall;
    let shares = [overall.value, overall.high, trend.overall_counted];
    let [value, high, counted] = shares.map(format::percent);
    let (low, confidence) = (100.0 * overall.low, round(100.0 * trend.confidence));
    let rows = format::count(trend.rows as u64);
    probabilities.push(format!(
        "{value} of {rows} reviews are positive ({low:.1} to {high}, {confidence} % interval); {model} calls {counted} so."
    ));
    let rise = trend.model.rise;
    if let [first, .., last] = trend.periods.as_slice() {
        let what = match (rise.low > 0.0, rise.high < 0.0) {
            (true, _) => "rose",
            (_, true) => "fell",
            _ => "cannot be probabilities to have moved",
        };
        let (first, last) = (&first.label, &last.label);
        let [points, low, high] = [rise.value, rise.low, rise.high].map(signed);
        probabilities.push(format!(
            "From {first} to {last} the level {what}: {points} points ({low} to {high})."
        ));
    }
    if let Some(change) = &trend.largest_change {
        let [before, after] = [change.before, change.after].map(|it| format::percent(it.value));
        let mut sentence = format!(
            "The largest change came before {}: from {before} to {after} (probability of a change {:.2})",
            change.label, change.probability
        );
        if let (Some(within), Some(mix)) = (change.within_topics, change.mix_of_topics) {
            let (within, mix) = (signed(within), signed(mix));
            sentence.push_str(&format!(
                ", {within} points by other opinions about the same topics and {mix} by other topics"
            ));
        }
        for (what, sign) in [("More often then", 1.0), ("Less often", -1.0)] {
            let moved = change.words.iter().filter(|it| sign * it.z > 4.0);
            let words: Vec<&str> = moved.take(NAMED).map(|it| it.word.as_str()).collect();
            if !words.is_empty() {
                sentence.push_str(&format!(". {what}: {}", words.join(", ")));
            }
        }
        probabilities.push(sentence + ".");
    }
    if let Some(judged) = &trend.judged {
        probabilities.push(format!(
            "Against what {} authors say themselves, a {}'s share is off by {:.1} points on average (counting: {:.1}, \
             the level: {:.1}); {:.0} % of {} intervals hold theirs.",
            format::count(judged.rows as u64),
            trend.period.name(),
            100.0 * judged.mean_absolute_error,
            100.0 * judged.mean_absolute_error_counted,
            100.0 * judged.mean_absolute_error_of_level,
            100.0 * judged.coverage,
            judged.periods
        ));
    }
    probabilities.extend(backtest(trend));
    let groups = trend.labelled_groups.map_or_else(String::new, |groups| {
        format!(" in {} groups", format::count(groups as u64))
    });
    let folds = match trend.labelled_cross_fitted {
        0 => String::new(),
        rows => format!(
            "; {} of them are training reviews, read by models that had not learned from them",
            format::count(rows as u64)
        ),
    };
    probabilities.push(format!(
        "How the model errs is known from {} labelled reviews{groups}{folds}.",
        format::count(trend.labelled as u64)
    ));
    probabilities.extend(trend.left_out.iter().map(|what| format!("{what}.")));
    probabilities
}

fn backtest(trend: &Trend) -> Option<String> {
    let of: Vec<_> = trend.backtest.iter().filter(|it| it.horizon == 1).collect();
    let [model, last, mean] = of.try_into().ok()?;
    Some(format!(
        "Forecasts of the next {} had an interval score of {:.1} points over {} origins (last value {:.1}, overall mean {:.1}; less is better), and their intervals held {:.0} %.",
        trend.period.name(),
        100.0 * model.interval_score,
        model.forecasts,
        100.0 * last.interval_score,
        100.0 * mean.interval_score,
        100.0 * model.coverage
    ))
}

/// A difference of shares in points, with its sign; nothing has none.
fn signed(difference: f64) -> String {
    match format!("{:+.1}", 100.0 * difference).as_str() {
        "+0.0" | "-0.0" => "0.0".to_owned(),
        signed => signed.to_owned(),
    }
}

/// To a hundredth, without what rounding adds.
fn round(value: f64) -> f64 {
    (100.0 * value).round() / 100.0
}

/// An interval in percent: `37.4 to 54.6`.
pub(crate) fn range(estimate: Estimate) -> String {
    let (low, high) = (100.0 * estimate.low, 100.0 * estimate.high);
    format!("{low:.1} to {high:.1}")
}
