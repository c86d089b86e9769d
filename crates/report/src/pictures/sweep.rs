//! A sweep: accuracy by the value of a setting, and the validation loss by epoch. A range test: loss by learning rate.

use artifact::files::RangeTestStep;
use maud::{Markup, html};
use pages::{Axis, Frame, round_range};

use crate::data::{RangeTestData, SweepData, SweepPoint, TrialData, bounds};

const WIDE: (f64, f64) = (480.0, 250.0);
const SMALL: (f64, f64) = (300.0, 200.0);

/// The axis is logarithmic if the largest value is at least this multiple of the smallest.
const LOGARITHMIC_FROM: f64 = 10.0;

/// Losses above this multiple of the first one are cut off: they only show that the loss diverges.
const CEILING: f64 = 1.5;

/// Accuracy by the first setting. `None` where its values are not numbers.
pub(crate) fn effect(index: usize, sweep: &SweepData) -> Option<Markup> {
    let numbers = sweep.points.iter().map(|it| *it.numbers.first()?);
    let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
    if numbers.len() < 2 {
        return None;
    }
    let (low, high) = bounds(numbers.iter().copied());
    let is_log = low > 0.0 && high / low >= LOGARITHMIC_FROM;
    let across = |value: f64| if is_log { value.log10() } else { value };
    let accuracies = sweep.trials().map(|trial| 100.0 * trial.accuracy);
    let range = round_range(accuracies, 4)?;
    let room = (across(high) - across(low)) * 0.04;
    let x = Axis::new(&sweep.over[0], (across(low) - room, across(high) + room));
    let y = Axis::new("accuracy (%)", (range.0.max(0.0), range.1.min(100.0))).ticks(4);
    let frame = Frame::new(WIDE, x.with_tick_format(is_log.then_some(power)), y);
    let positions = || {
        let points = sweep.points.iter().zip(&numbers);
        points.map(|(point, value)| (point, across(*value)))
    };
    let means = positions().map(|(point, x)| (x, 100.0 * point.accuracy()));
    let mut means: Vec<(f64, f64)> = means.collect();
    means.sort_by(|one, two| one.0.total_cmp(&two.0));
    let best = sweep.best()?;
    let (_, best_x) = positions().find(|(point, _)| std::ptr::eq(*point, best))?;
    let content = html! {
        @for (point, x) in positions() {
            @for trial in &point.trials { (frame.dot("dot", (x, 100.0 * trial.accuracy), 3.5)) }
        }
        // With several settings, a line through the values of the first one would mix the others.
        @if sweep.over.len() == 1 { (frame.path("curve strong", means.into_iter().map(Some))) }
        (frame.dot("ring", (best_x, 100.0 * best.accuracy()), 8.0))
    };
    let title = format!("{}: accuracy by {}", sweep.name, sweep.over[0]);
    let description = sweep.points.iter();
    let description = description.map(|point| {
        let (values, percent) = (point.values.join(", "), 100.0 * point.accuracy());
        format!("{values}: {percent:.1}%")
    });
    Some(frame.picture(&format!("effect-{index}"), &title, description, content))
}

/// A tick of a logarithmic axis.
pub(crate) fn power(tick: f64) -> String {
    let value = 10_f64.powf(tick);
    if !(0.001..10_000.0).contains(&value) {
        return format!("{value:.0e}");
    }
    let decimals = (1.0 - tick.floor()).max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    match decimals {
        0 => text,
        _ => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// The validation loss by epoch, one picture per combination. Empty without epochs.
pub(crate) fn curves(index: usize, sweep: &SweepData) -> Vec<Markup> {
    let epochs = || sweep.trials().flat_map(|trial| &trial.epochs);
    let Some(range) = round_range(epochs().filter_map(|epoch| epoch.validation_loss), 4) else {
        return Vec::new();
    };
    let last = epochs().map(|epoch| epoch.epoch).max().unwrap_or(2);
    let end = f64::from(last.max(2));
    let x = Axis::new("epoch", (1.0, end)).ticks(6.min(last as usize));
    let frame = Frame::new(SMALL, x, Axis::new("loss", range).ticks(4));
    let path = |class, trial: &TrialData| {
        let epochs = trial.epochs.iter();
        let points = epochs.map(|epoch| Some((f64::from(epoch.epoch), epoch.validation_loss?)));
        frame.path(class, points)
    };
    let draw = |(number, point): (usize, &SweepPoint)| {
        let title = point.values.join(", ");
        let content = html! {
            @for trial in sweep.trials() { (path("curve others", trial)) }
            @for trial in &point.trials { (path("curve strong", trial)) }
            (frame.note("value", (end, range.1), (-4.0, 12.0), "end", &title))
        };
        let description = format!("lowest loss {:.4}", point.loss());
        let id = format!("curve-{index}-{number}");
        frame.picture(&id, &title, [description], content)
    };
    sweep.points.iter().enumerate().map(draw).collect()
}

/// A learning-rate range test: the loss at rising rates. `None` without steps.
pub(crate) fn range_test(index: usize, test: &RangeTestData) -> Option<Markup> {
    let (first, last) = (test.points.first()?, test.points.last()?);
    let ceiling = CEILING * first.smoothed_loss;
    let losses = test.points.iter().map(|point| point.smoothed_loss);
    let range = round_range(losses.map(|loss| loss.min(ceiling)), 4)?;
    let ends = (first.learning_rate.log10(), last.learning_rate.log10());
    let x = Axis::new("learning rate", ends).with_tick_format(Some(power));
    let frame = Frame::new(WIDE, x, Axis::new("loss", range));
    let points = |loss: fn(&RangeTestStep) -> f64| {
        let points = test.points.iter();
        points.map(move |it| Some((it.learning_rate.log10(), loss(it))))
    };
    let mark = |rate: Option<f64>, text: &str| {
        let x = rate?.log10();
        let (side, anchor) = match x > (ends.0 + ends.1) / 2.0 {
            true => (-4.0, "end"),
            false => (4.0, "start"),
        };
        Some(html! {
            (frame.segment("best", (x, range.0), (x, range.1)))
            (frame.note("note", (x, range.1), (side, 10.0), anchor, text))
        })
    };
    let content = html! {
        (frame.path("curve others", points(|it| it.loss)))
        (frame.path("curve strong", points(|it| it.smoothed_loss)))
        (mark(test.suggested, "falls fastest").unwrap_or_default())
        (mark(test.diverged, "diverges").unwrap_or_default())
    };
    let description = match test.suggested {
        Some(rate) => format!("The loss falls fastest at a rate of {rate:.1e}."),
        None => "The loss does not fall.".to_owned(),
    };
    let title = format!("{}: loss by learning rate", test.name);
    Some(frame.picture(&format!("range-{index}"), &title, [description], content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_labels_of_a_logarithmic_axis() {
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
    fn settings_without_numbers_have_no_picture() {
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
