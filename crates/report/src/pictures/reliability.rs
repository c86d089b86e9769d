//! Do 80 % mean 80 %? Bins of equal mass against the diagonal, each with the interval that its
//! number of reviews allows; in grey what the logits say as they are.

use metrics::{Estimate, ReliabilityBin, share_of};

use crate::data::ModelData;
use pages::Element;
use pages::{Axis, Frame};

const SIZE: (f64, f64) = (300.0, 300.0);

/// The diagram of one model. `place` makes its id unique.
pub(crate) fn draw(model: &ModelData, place: usize) -> Element {
    let range = (0.0, 100.0);
    let frame = Frame::new(SIZE, range, range);
    let axis = |name| Axis::new(name, 5);
    let description = model.reliability.iter().rev().map(|bin| {
        format!(
            "{} reviews given {:.0} % on average: {:.0} % positive",
            bin.rows,
            100.0 * bin.mean_probability,
            100.0 * bin.positive_share
        )
    });
    let title = format!(
        "{}: given and observed share of positive reviews",
        model.name
    );
    let mut svg = frame.picture(
        &format!("reliability-{place}"),
        &title,
        &description.collect::<Vec<_>>().join("; "),
        &axis("probability given (%)"),
        &axis("positive in fact (%)"),
    );
    svg = svg.child(frame.segment((0.0, 0.0), (100.0, 100.0)).class("diagonal"));
    let place = |bin: &ReliabilityBin| (100.0 * bin.mean_probability, 100.0 * bin.positive_share);
    if let Some(calibration) = &model.calibration {
        let before = calibration.before.reliability.iter().map(place);
        svg = svg
            .child(frame.path(before.clone().map(Some)).class("curve before"))
            .children(before.map(|point| frame.dot(point, 3.0).class("dot before")));
    }
    for bin in &model.reliability {
        let x = 100.0 * bin.mean_probability;
        let Some(Estimate { low, high, .. }) = share_of(bin.positives, bin.rows, 0.95) else {
            continue;
        };
        svg = svg.child(
            frame
                .segment((x, 100.0 * low), (x, 100.0 * high))
                .class("whisker thin"),
        );
    }
    let points = model.reliability.iter().map(place);
    svg = svg.child(frame.path(points.clone().map(Some)).class("curve faint"));
    svg.children(points.map(|point| frame.dot(point, 4.0).class("dot")))
}
