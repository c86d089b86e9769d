//! A learning-rate range test: the loss at rising rates.

use pages::{Axis, Element, Frame, round_range};

use super::sweep::power;
use crate::data::RangeTestData;

const SIZE: (f64, f64) = (480.0, 250.0);

/// How far above its start a loss is still drawn: beyond that it only says that it diverges.
const ABOVE: f64 = 1.5;

/// The picture; `None` where nothing was tried.
pub(crate) fn draw(place: usize, test: &RangeTestData) -> Option<Element> {
    let (first, last) = (test.points.first()?, test.points.last()?);
    let ceiling = ABOVE * first.smoothed_loss;
    let shown = test
        .points
        .iter()
        .map(|point| point.smoothed_loss.min(ceiling));
    let range = round_range(shown, 4)?;
    let ends = (first.learning_rate.log10(), last.learning_rate.log10());
    let frame = Frame::new(SIZE, ends, range);
    let axis = |name, write| Axis {
        name,
        ticks: 5,
        write,
    };
    let description = match test.suggested {
        Some(rate) => format!("The loss falls fastest at a rate of {rate:.1e}."),
        None => "The loss does not fall.".to_owned(),
    };
    let mut svg = frame.picture(
        &format!("range-{place}"),
        &format!("{}: loss by learning rate", test.name),
        &description,
        &axis("learning rate", Some(power as fn(f64) -> String)),
        &axis("loss", None),
    );
    let points = |loss: fn(&crate::data::RangePoint) -> f64| {
        let points = test.points.iter();
        points.map(move |it| Some((it.learning_rate.log10(), loss(it))))
    };
    svg = svg
        .child(frame.path(points(|it| it.loss)).class("curve others"))
        .child(
            frame
                .path(points(|it| it.smoothed_loss))
                .class("curve strong"),
        );
    for (rate, text) in [
        (test.suggested, "falls fastest"),
        (test.diverged, "diverges"),
    ] {
        let Some(at) = rate.map(f64::log10) else {
            continue;
        };
        let anchor = if at > (ends.0 + ends.1) / 2.0 {
            "end"
        } else {
            "start"
        };
        let side = if anchor == "end" { -4.0 } else { 4.0 };
        svg = svg
            .child(frame.segment((at, range.0), (at, range.1)).class("best"))
            .child(
                frame
                    .note((at, range.1), (side, 10.0), anchor, text)
                    .class("note"),
            );
    }
    Some(svg)
}
