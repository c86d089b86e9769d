//! A learning-rate range test: the loss at rising rates.

use artifact::files::RangeTestStep;
use maud::{Markup, html};
use pages::{Axis, Frame, round_range};

use super::sweep::power;
use crate::data::RangeTestData;

const SIZE: (f64, f64) = (480.0, 250.0);

/// Losses above this multiple of the first one are cut off: they only show that the loss diverges.
const CEILING: f64 = 1.5;

/// The picture; `None` without steps.
pub(crate) fn draw(index: usize, test: &RangeTestData) -> Option<Markup> {
    let (first, last) = (test.points.first()?, test.points.last()?);
    let ceiling = CEILING * first.smoothed_loss;
    let losses = test.points.iter().map(|point| point.smoothed_loss);
    let range = round_range(losses.map(|loss| loss.min(ceiling)), 4)?;
    let ends = (first.learning_rate.log10(), last.learning_rate.log10());
    let x = Axis::new("learning rate", ends).with_tick_format(Some(power));
    let frame = Frame::new(SIZE, x, Axis::new("loss", range));
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
