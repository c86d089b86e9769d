//! What a setting does: the final accuracy by its value, and the course of training for each value.

use crate::data::{SweepData, SweepPoint, TrialData, bounds};
use pages::Element;
use pages::round_range;
use pages::{Axis, Frame};

const WIDE: (f64, f64) = (480.0, 250.0);
const SMALL: (f64, f64) = (300.0, 200.0);

/// Values further apart than this are shown on a logarithmic axis.
const DECADE: f64 = 10.0;

/// Accuracy by the first setting. `None` where its values are no numbers.
pub(crate) fn effect(place: usize, sweep: &SweepData) -> Option<Element> {
    let numbers: Vec<f64> = sweep
        .points
        .iter()
        .filter_map(|point| *point.numbers.first()?)
        .collect();
    if numbers.len() != sweep.points.len() || numbers.len() < 2 {
        return None;
    }
    let (low, high) = bounds(numbers.iter().copied());
    let is_log = low > 0.0 && high / low >= DECADE;
    let across = |value: f64| if is_log { value.log10() } else { value };
    let accuracies = sweep.points.iter().flat_map(|point| &point.trials);
    let range = round_range(accuracies.map(|trial| 100.0 * trial.accuracy), 4)?;
    let room = (across(high) - across(low)) * 0.04;
    let frame = Frame::new(
        WIDE,
        (across(low) - room, across(high) + room),
        (range.0.max(0.0), range.1.min(100.0)),
    );
    let x = Axis {
        name: &sweep.over[0],
        ticks: 5,
        write: is_log.then_some(power as fn(f64) -> String),
    };
    let y = Axis::new("accuracy (%)", 4);
    let title = format!("{}: accuracy by {}", sweep.name, sweep.over[0]);
    let mut svg = frame.picture(
        &format!("effect-{place}"),
        &title,
        &description(sweep),
        &x,
        &y,
    );
    let mut means: Vec<(f64, f64)> = Vec::new();
    for (point, value) in sweep.points.iter().zip(&numbers) {
        for trial in &point.trials {
            svg = svg.child(
                frame
                    .dot((across(*value), 100.0 * trial.accuracy), 3.5)
                    .class("dot"),
            );
        }
        means.push((across(*value), accuracy(point)));
    }
    // With more settings than one there is no line to draw through the values of the first.
    if sweep.over.len() == 1 {
        means.sort_by(|one, two| one.0.total_cmp(&two.0));
        svg = svg.child(
            frame
                .path(means.into_iter().map(Some))
                .class("curve strong"),
        );
    }
    let best = sweep.best()?;
    let value = (*best.numbers.first()?)?;
    let at = (across(value), accuracy(best));
    Some(svg.child(frame.dot(at, 8.0).class("ring")))
}

fn accuracy(point: &SweepPoint) -> f64 {
    100.0 * point.mean(|trial| trial.accuracy)
}

/// A tick of a logarithmic axis.
pub(crate) fn power(tick: f64) -> String {
    let value = 10_f64.powf(tick);
    if (0.001..10_000.0).contains(&value) {
        let decimals = (1.0 - tick.floor()).max(0.0) as usize;
        let text = format!("{value:.decimals$}");
        let short = text.trim_end_matches('0').trim_end_matches('.');
        if text.contains('.') {
            short.to_owned()
        } else {
            text
        }
    } else {
        format!("{value:.0e}")
    }
}

/// The validation loss by epoch, a picture for each combination. Nothing where none has epochs.
pub(crate) fn curves(place: usize, sweep: &SweepData) -> Vec<Element> {
    let trials = || sweep.points.iter().flat_map(|point| &point.trials);
    let losses = trials()
        .flat_map(|trial| &trial.epochs)
        .filter_map(|epoch| epoch.validation_loss);
    let Some(range) = round_range(losses, 4) else {
        return Vec::new();
    };
    let last = trials()
        .flat_map(|trial| &trial.epochs)
        .map(|epoch| epoch.epoch)
        .max()
        .unwrap_or(2);
    let frame = Frame::new(SMALL, (1.0, f64::from(last.max(2))), range);
    let path = |trial: &TrialData| {
        let epochs = trial.epochs.iter();
        frame.path(epochs.map(|epoch| Some((f64::from(epoch.epoch), epoch.validation_loss?))))
    };
    let axes = |ticks| [Axis::new("epoch", ticks), Axis::new("loss", 4)];
    let draw = |(number, point): (usize, &SweepPoint)| {
        let title = point.values.join(", ");
        let words = format!("lowest loss {:.4}", point.mean(|trial| trial.loss));
        let [x, y] = axes(6.min(last as usize));
        let id = format!("course-{place}-{number}");
        let mut svg = frame.picture(&id, &title, &words, &x, &y);
        for trial in trials() {
            svg = svg.child(path(trial).class("curve others"));
        }
        for trial in &point.trials {
            svg = svg.child(path(trial).class("curve strong"));
        }
        let corner = (f64::from(last.max(2)), range.1);
        svg.child(
            frame
                .note(corner, (-4.0, 12.0), "end", &title)
                .class("value"),
        )
    };
    sweep.points.iter().enumerate().map(draw).collect()
}

fn description(sweep: &SweepData) -> String {
    let points = sweep.points.iter();
    let words =
        points.map(|point| format!("{}: {:.1} %", point.values.join(", "), accuracy(point)));
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_short() {
        for (tick, expected) in [
            (-3.0, "0.001"),
            (-2.5, "0.0032"),
            (0.0, "1"),
            (2.0, "100"),
            (-5.0, "1e-5"),
            (1.0, "10"),
        ] {
            assert_eq!(power(tick), expected);
        }
    }

    #[test]
    fn words_have_no_effect_picture() {
        let point = |value: &str| SweepPoint {
            values: vec![value.to_owned()],
            numbers: vec![None],
            trials: vec![TrialData::default()],
        };
        let sweep = SweepData {
            name: "pooling".to_owned(),
            over: vec!["pooling".to_owned()],
            rows: 10,
            points: vec![point("max"), point("mean")],
        };
        assert!(effect(0, &sweep).is_none() && curves(0, &sweep).is_empty());
    }
}
