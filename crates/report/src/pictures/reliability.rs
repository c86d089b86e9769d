//! Do 80 % mean 80 %? Bins of equal mass against the diagonal, each with the interval that its
//! number of reviews allows.

use metrics::ReliabilityBin;

use super::frame::{Axis, Frame};
use crate::data::ModelData;
use crate::markup::Element;

const SIZE: (f64, f64) = (300.0, 300.0);

/// The diagram of one model. `place` makes its id unique.
pub(crate) fn draw(model: &ModelData, place: usize) -> Element {
    let range = (0.0, 100.0);
    let frame = Frame::new(SIZE, range, range);
    let axis = |name| Axis {
        name,
        ticks: 5,
        write: None,
    };
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
    for bin in &model.reliability {
        let (x, (low, high)) = (100.0 * bin.mean_probability, wilson(bin));
        svg = svg.child(
            frame
                .segment((x, 100.0 * low), (x, 100.0 * high))
                .class("whisker thin"),
        );
    }
    let points = model
        .reliability
        .iter()
        .map(|bin| (100.0 * bin.mean_probability, 100.0 * bin.positive_share));
    svg = svg.child(frame.path(points.clone().map(Some)).class("curve faint"));
    svg.children(points.map(|point| frame.dot(point, 4.0).class("dot")))
}

/// The 95 % interval of a share (Wilson 1927).
fn wilson(bin: &ReliabilityBin) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    let (rows, share) = (bin.rows as f64, bin.positive_share);
    let scale = 1.0 + Z * Z / rows;
    let centre = (share + Z * Z / (2.0 * rows)) / scale;
    let half = Z / scale * (share * (1.0 - share) / rows + Z * Z / (4.0 * rows * rows)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_match_a_table() {
        let bin = |rows, positives| ReliabilityBin {
            rows,
            positives,
            mean_probability: 0.5,
            positive_share: positives as f64 / rows as f64,
        };
        let check = |rows, positives, low: f64, high: f64| {
            let found = wilson(&bin(rows, positives));
            assert!(
                (found.0 - low).abs() < 5e-4 && (found.1 - high).abs() < 5e-4,
                "{found:?}"
            );
        };
        check(10, 5, 0.2366, 0.7634);
        check(10, 0, 0.0, 0.2775);
        check(100, 90, 0.8256, 0.9448);
    }
}
