//! Accuracy against training time, with the Pareto front.

use maud::{Markup, html};
use metrics::Estimate;
use pages::{Axis, Frame, round_range};

use crate::data::{ModelData, bounds};
use crate::format;

const SIZE: (f64, f64) = (440.0, 300.0);

/// The Pareto front: the models with a higher accuracy than every model that takes at most the same time, the fastest
/// first.
pub(crate) fn front(models: &[ModelData]) -> Vec<usize> {
    /// The index of a model, its training time in seconds, and its accuracy.
    type Cost = (usize, f64, f64);
    let costs = models.iter().enumerate();
    let costs = costs.filter_map(|(at, it)| Some((at, it.total_seconds, it.accuracy()?.value)));
    let mut costs: Vec<Cost> = costs.collect();
    // The fastest first, and of equally fast ones the most accurate.
    costs.sort_by(|one, two| one.1.total_cmp(&two.1).then(two.2.total_cmp(&one.2)));
    let mut best = f64::NEG_INFINITY;
    costs.retain(|(_, _, accuracy)| {
        let is_better = *accuracy > best;
        best = best.max(*accuracy);
        is_better
    });
    costs.into_iter().map(|(index, ..)| index).collect()
}

/// The picture. `None` for fewer than two models.
pub(crate) fn draw(models: &[ModelData]) -> Option<Markup> {
    let front = front(models);
    let points = models.iter().enumerate().filter_map(|(index, model)| {
        Some(Point {
            model,
            log_seconds: model.total_seconds.max(0.1).log10(),
            accuracy: model.accuracy()?,
            on_front: front.contains(&index),
        })
    });
    let points: Vec<Point<'_>> = points.collect();
    if points.len() < 2 {
        return None;
    }
    let (first, last) = bounds(points.iter().map(|point| point.log_seconds));
    let (first, last) = (first.floor(), last.ceil().max(first.floor() + 1.0));
    let shares = points.iter().map(|point| point.accuracy);
    let ends = shares.flat_map(|it| [100.0 * it.low, 100.0 * it.high]);
    let x = Axis::new("training time", (first, last)).ticks((last - first) as usize);
    let y = Axis::new("accuracy (%)", round_range(ends, 5)?);
    let frame = Frame::new(SIZE, x.with_tick_format(Some(time)), y).broad();
    let mut line: Vec<&Point<'_>> = points.iter().filter(|point| point.on_front).collect();
    line.sort_by(|one, two| one.log_seconds.total_cmp(&two.log_seconds));
    let content = html! {
        (frame.path("curve faint", line.iter().map(|point| Some(point.position()))))
        @for point in &points {
            @let beaten = if point.on_front { "" } else { " beaten" };
            @let Estimate { low, high, .. } = point.accuracy;
            (frame.segment(&format!("whisker thin{beaten}"), (point.log_seconds, 100.0 * low), (point.log_seconds, 100.0 * high)))
            (frame.dot(&format!("dot{beaten}"), point.position(), 5.0))
        }
        g { (labels(&frame, &points)) }
    };
    let description = points.iter().map(|point| {
        let share = format::percent(point.accuracy.value);
        let time = format::seconds(point.model.total_seconds);
        let front = point.on_front;
        let front = if front { ", on the Pareto front" } else { "" };
        format!("{}: {share} in {time}{front}", point.model.name)
    });
    let title = "Accuracy against training time";
    Some(frame.picture("pareto", title, description, content))
}

/// A model in the picture.
struct Point<'a> {
    model: &'a ModelData,
    /// The decimal logarithm of the training time in seconds.
    log_seconds: f64,
    accuracy: Estimate,
    on_front: bool,
}

impl Point<'_> {
    fn position(&self) -> (f64, f64) {
        (self.log_seconds, 100.0 * self.accuracy.value)
    }
}

/// Names next to the dots, on the side with enough space, moved apart where they would overlap.
fn labels(frame: &Frame<'_>, points: &[Point<'_>]) -> Markup {
    const LINE: f64 = 15.0;
    const CHARACTER: f64 = 7.5;
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    let mut label = |point: &Point<'_>| {
        let (x, y) = point.position();
        let (x, y) = (frame.x.position(x), frame.y.position(y));
        let width = CHARACTER * point.model.name.chars().count() as f64;
        let (from, shift, anchor) = match x + 10.0 + width < SIZE.0 {
            true => (x + 10.0, 10.0, "start"),
            false => (x - 10.0 - width, -10.0, "end"),
        };
        let to = from + width;
        // The nearest free line, alternately above and below.
        let is_free = |down: &f64| {
            let at = y + 4.0 + down;
            let apart = |(left, right, line): &(f64, f64, f64)| {
                to < *left || *right < from || (at - line).abs() >= LINE
            };
            taken.iter().all(apart)
        };
        let tries = (0..2 * points.len()).map(|number| {
            let step = LINE * number.div_ceil(2) as f64;
            if number % 2 == 0 { step } else { -step }
        });
        let down = tries.into_iter().find(is_free).unwrap_or(0.0);
        taken.push((from, to, y + 4.0 + down));
        let (shift, name) = ((shift, 4.0 + down), &point.model.name);
        frame.note("name", point.position(), shift, anchor, name)
    };
    html! { @for point in points { (label(point)) } }
}

/// A time from its logarithm: `0.1 s`, `10 s`, `1,000 s`.
fn time(log_seconds: f64) -> String {
    let seconds = 10_f64.powf(log_seconds);
    match seconds {
        _ if seconds < 0.95 => format!("{seconds:.1} s"),
        _ => format!("{} s", format::count(seconds.round() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indexmap::IndexMap;
    use metrics::Figure;

    fn model(accuracy: f64, seconds: f64) -> ModelData {
        let estimate = Estimate {
            value: accuracy,
            low: accuracy - 0.01,
            high: accuracy + 0.01,
        };
        ModelData {
            name: format!("m{seconds}"),
            figures: IndexMap::from([("accuracy".to_owned(), Figure::Estimate(estimate))]),
            total_seconds: seconds,
            ..ModelData::default()
        }
    }

    #[test]
    fn no_model_is_better_and_faster_than_one_on_the_front() {
        let models = [
            model(0.90, 100.0),
            model(0.85, 5.0),
            model(0.84, 50.0),
            model(0.90, 200.0),
            ModelData::default(),
            model(0.93, 900.0),
            model(0.93, 900.0),
        ];
        assert_eq!(front(&models), [1, 0, 5]);
        assert!(front(&[]).is_empty());
        let svg = draw(&models).expect("a picture").into_string();
        assert!(svg.contains("m100: 90.0% in ") && svg.contains("on the Pareto front"));
        assert!(draw(&models[..1]).is_none());
    }

    #[test]
    fn times_are_formatted() {
        for (power, expected) in [
            (-1.0, "0.1 s"),
            (0.0, "1 s"),
            (2.0, "100 s"),
            (3.0, "1,000 s"),
            (4.0, "10,000 s"),
        ] {
            assert_eq!(time(power), expected);
        }
    }
}
