//! The accuracy-coverage curve.

use std::iter;

use maud::{Markup, html};
use metrics::AbstentionFigures;
use pages::{Axis, Frame, round_range};

use crate::data::ModelData;
use crate::format;

const SIZE: (f64, f64) = (440.0, 280.0);

/// The curve of a model with its interval, in front of those of other models. `None` without a curve.
pub(crate) fn draw(model: &ModelData, others: &[&ModelData]) -> Option<Markup> {
    let point = |it: &AbstentionFigures| Some((100.0 * it.coverage, it.accuracy?));
    let points: Vec<_> = model.coverage_curve.iter().filter_map(point).collect();
    let all = iter::once(&model).chain(others);
    let all = all.flat_map(|model| model.coverage_curve.iter().filter_map(point));
    let (low, high) = round_range(all.map(|(_, accuracy)| 100.0 * accuracy.value), 5)?;
    let range = (low.max(0.0), high.min(100.0));
    let y = Axis::new("accuracy of answered reviews (%)", range);
    let frame = Frame::new(SIZE, Axis::new("reviews answered (%)", (0.0, 100.0)), y).broad();
    let upper = points.iter().map(|(x, it)| Some((*x, 100.0 * it.high)));
    let back = points.iter().rev();
    let lower = back.map(|(x, it)| Some((*x, 100.0 * it.low)));
    let line = |class, model: &ModelData| {
        let points = model.coverage_curve.iter().filter_map(point);
        frame.path(class, points.map(|(x, it)| Some((x, 100.0 * it.value))))
    };
    let content = html! {
        (frame.path("band", upper.chain(lower)))
        @for other in others { (line("curve others", other)) }
        (line("curve strong", model))
    };
    let description = model.abstention.iter().filter_map(|it| {
        let [coverage, accuracy] = [it.coverage, it.accuracy?.value].map(format::percent);
        Some(format!("{coverage} answered: accuracy {accuracy}"))
    });
    let title = format!("{}: accuracy by coverage", model.name);
    Some(frame.picture("coverage", &title, description, content))
}
