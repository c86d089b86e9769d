//! ROC curves: one drawing per model with the others in the background, so that neither colours nor
//! a legend have to be told apart.

use metrics::{Metric, RocPoint};

use super::frame::{Axis, Frame};
use crate::data::ModelData;
use crate::markup::Element;

const SIZE: (f64, f64) = (300.0, 300.0);

/// The drawing of the model at `place`. `None` where its curve is not defined.
pub(crate) fn draw(models: &[ModelData], place: usize) -> Option<Element> {
    let model = &models[place];
    if model.roc.is_empty() {
        return None;
    }
    let range = (0.0, 100.0);
    let frame = Frame::new(SIZE, range, range);
    let axis = |name| Axis {
        name,
        ticks: 5,
        write: None,
    };
    let area = model
        .figures
        .get(Metric::RocAuc.name())
        .map(|area| format!("Area {:.3}", area.value));
    let title = format!("{}: ROC curve", model.name);
    let mut svg = frame.picture(
        &format!("roc-{place}"),
        &title,
        area.as_deref().unwrap_or("The area is not defined"),
        &axis("negatives called positive (%)"),
        &axis("positives found (%)"),
    );
    svg = svg.child(frame.segment((0.0, 0.0), (100.0, 100.0)).class("diagonal"));
    for (other, model) in models.iter().enumerate() {
        if other != place {
            svg = svg.child(path(&frame, &model.roc).class("curve others"));
        }
    }
    svg = svg.child(path(&frame, &model.roc).class("curve strong"));
    Some(svg.children(area.map(|area| {
        frame
            .note((100.0, 0.0), (-6.0, -10.0), "end", &area)
            .class("value")
    })))
}

fn path(frame: &Frame, curve: &[RocPoint]) -> Element {
    let points = thinned(curve).into_iter();
    frame.path(points.map(|point| {
        Some((
            100.0 * point.false_positive_rate,
            100.0 * point.true_positive_rate,
        ))
    }))
}

/// The points that can be seen: each at least half a pixel from the one before, and both corners.
/// A curve of 25,000 points becomes one of some hundred.
fn thinned(curve: &[RocPoint]) -> Vec<RocPoint> {
    const STEP: f64 = 0.002;
    let mut kept: Vec<RocPoint> = Vec::new();
    for (index, point) in curve.iter().enumerate() {
        let is_far = kept.last().is_none_or(|last| {
            point.false_positive_rate - last.false_positive_rate + point.true_positive_rate
                - last.true_positive_rate
                >= 2.0 * STEP
        });
        if is_far || index + 1 == curve.len() {
            kept.push(*point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_becomes_short_and_keeps_its_corners() {
        let curve: Vec<RocPoint> = (0..=20_000)
            .map(|step| f64::from(step) / 20_000.0)
            .map(|share| RocPoint {
                false_positive_rate: share,
                true_positive_rate: share.sqrt(),
            })
            .collect();
        let found = thinned(&curve);
        assert!(found.len() < 600, "{}", found.len());
        assert_eq!((found.first(), found.last()), (curve.first(), curve.last()));
        assert!(thinned(&[]).is_empty());
    }
}
