//! Quality against cost: which models are worth their time.

use artifact::format;
use metrics::Estimate;

use crate::data::{ModelData, bounds};
use pages::round_range;
use pages::{Axis, Frame};
use pages::{Element, element};

const SIZE: (f64, f64) = (440.0, 300.0);

/// The models that no other one beats or equals in accuracy with at most the same time, the quickest
/// first: the Pareto front.
pub(crate) fn front(models: &[ModelData]) -> Vec<usize> {
    let points: Vec<(usize, f64, f64)> = models
        .iter()
        .enumerate()
        .filter_map(|(place, model)| Some((place, model.total_seconds, model.accuracy()?.value)))
        .collect();
    let is_beaten = |(place, seconds, quality): &(usize, f64, f64)| {
        points.iter().any(|(other, time, value)| {
            other != place
                && time <= seconds
                && value >= quality
                && (time < seconds || value > quality || other < place)
        })
    };
    let mut kept: Vec<&(usize, f64, f64)> =
        points.iter().filter(|point| !is_beaten(point)).collect();
    kept.sort_by(|one, two| one.1.total_cmp(&two.1));
    kept.into_iter().map(|(place, ..)| *place).collect()
}

/// The picture. `None` for fewer than two models.
pub(crate) fn draw(models: &[ModelData]) -> Option<Element> {
    let front = front(models);
    let points: Vec<(usize, f64, Estimate)> = models
        .iter()
        .enumerate()
        .filter_map(|(place, model)| {
            let seconds = model.total_seconds.max(0.1).log10();
            Some((place, seconds, model.accuracy()?))
        })
        .collect();
    if points.len() < 2 {
        return None;
    }
    let (first, last) = bounds(points.iter().map(|(_, seconds, _)| *seconds));
    let (first, last) = (first.floor(), last.ceil());
    let ends = points
        .iter()
        .flat_map(|(_, _, share)| [100.0 * share.low, 100.0 * share.high]);
    let frame = Frame::new(SIZE, (first, last.max(first + 1.0)), round_range(ends, 5)?);
    let x = Axis {
        name: "time, ten times as long at each mark",
        ticks: (last - first).max(1.0) as usize,
        write: Some(time),
    };
    let y = Axis::new("accuracy (%)", 5);
    let words = points.iter().map(|(place, _, share)| {
        let model = &models[*place];
        let on_front = if front.contains(place) {
            ", on the front"
        } else {
            ""
        };
        format!(
            "{}: {} in {}{on_front}",
            model.name,
            format::percent(share.value),
            format::seconds(model.total_seconds)
        )
    });
    let description = words.collect::<Vec<_>>().join("; ");
    let mut svg = frame
        .picture(
            "pareto",
            "Accuracy against training time",
            &description,
            &x,
            &y,
        )
        .class("broad");
    let of = |place: usize| {
        points
            .iter()
            .find(|(other, ..)| *other == place)
            .map(|(_, seconds, share)| (*seconds, 100.0 * share.value))
    };
    svg = svg.child(
        frame
            .path(front.iter().map(|place| of(*place)))
            .class("curve faint"),
    );
    for (place, seconds, share) in &points {
        let on_front = front.contains(place);
        let value = (*seconds, 100.0 * share.value);
        let whisker = frame.segment(
            (*seconds, 100.0 * share.low),
            (*seconds, 100.0 * share.high),
        );
        svg = svg.child(whisker.class(if on_front {
            "whisker thin"
        } else {
            "whisker thin beaten"
        }));
        svg = svg.child(
            frame
                .dot(value, 5.0)
                .class(if on_front { "dot" } else { "dot beaten" }),
        );
    }
    Some(svg.child(element("g").children(labels(&frame, models, &points))))
}

/// Names beside the dots, on the side where there is room, moved apart where they would overlap.
fn labels(frame: &Frame, models: &[ModelData], points: &[(usize, f64, Estimate)]) -> Vec<Element> {
    const LINE: f64 = 15.0;
    const SIGN: f64 = 7.5;
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    let mut found = Vec::new();
    for (place, seconds, share) in points {
        let name = &models[*place].name;
        let (x, y) = (frame.x.place(*seconds), frame.y.place(100.0 * share.value));
        let width = SIGN * name.chars().count() as f64;
        let right = x + 10.0 + width < SIZE.0;
        let (from, to) = if right {
            (x + 10.0, x + 10.0 + width)
        } else {
            (x - 10.0 - width, x - 10.0)
        };
        // The nearest free line, above and below by turns.
        let free = |down: &f64| {
            let at = y + 4.0 + down;
            taken
                .iter()
                .all(|(left, end, line)| to < *left || *end < from || (at - line).abs() >= LINE)
        };
        let tries = (0..2 * points.len()).map(|number| {
            let step = LINE * number.div_ceil(2) as f64;
            if number % 2 == 0 { step } else { -step }
        });
        let down = tries.into_iter().find(free).unwrap_or(0.0);
        taken.push((from, to, y + 4.0 + down));
        let (shift, anchor) = if right {
            (10.0, "start")
        } else {
            (-10.0, "end")
        };
        found.push(
            frame
                .note(
                    (*seconds, 100.0 * share.value),
                    (shift, 4.0 + down),
                    anchor,
                    name,
                )
                .class("name"),
        );
    }
    found
}

/// A time by its logarithm: `1 s`, `10 s`, `100 s`, `17 min`, `2.8 h`.
fn time(power: f64) -> String {
    let seconds = 10_f64.powf(power);
    match seconds {
        _ if seconds < 0.95 => format!("{seconds:.1} s"),
        _ if seconds < 600.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
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
    fn the_front_is_what_no_other_beats() {
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
        let svg = draw(&models).expect("a picture").render();
        assert!(svg.contains("m100: 90.0 % in ") && svg.contains("on the front"));
        assert!(draw(&models[..1]).is_none());
    }

    #[test]
    fn times_are_short() {
        for (power, expected) in [
            (-1.0, "0.1 s"),
            (0.0, "1 s"),
            (2.0, "100 s"),
            (3.0, "17 min"),
            (4.0, "2.8 h"),
        ] {
            assert_eq!(time(power), expected);
        }
    }
}
