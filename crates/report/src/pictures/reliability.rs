//! Do 80 % mean 80 %? Bins of equal mass against the diagonal, each with the interval that its
//! number of reviews allows; in grey what the logits say as they are.

use maud::{Markup, html};
use metrics::{ReliabilityBin, wilson_interval};
use pages::{Axis, Frame};

use crate::data::ModelData;

const SIZE: (f64, f64) = (300.0, 300.0);

/// The diagram of one model. `place` makes its id unique.
pub(crate) fn draw(model: &ModelData, place: usize) -> Markup {
    let axis = |name| Axis::new(name, (0.0, 100.0));
    let x = axis("probability given (%)");
    let frame = Frame::new(SIZE, x, axis("positive in fact (%)"));
    let at = |bin: &ReliabilityBin| (100.0 * bin.mean_probability, 100.0 * bin.positive_share);
    let bins = &model.reliability;
    let before = model.calibration.as_ref().map(|it| &it.before.reliability);
    let whiskers = bins.iter().filter_map(|bin| {
        let (x, share) = (at(bin).0, wilson_interval(bin.positives, bin.rows, 0.95)?);
        let (low, high) = (100.0 * share.low, 100.0 * share.high);
        Some(frame.segment("whisker thin", (x, low), (x, high)))
    });
    let content = html! {
        (frame.segment("diagonal", (0.0, 0.0), (100.0, 100.0)))
        @if let Some(before) = before {
            (frame.path("curve before", before.iter().map(|bin| Some(at(bin)))))
            @for bin in before { (frame.dot("dot before", at(bin), 3.0)) }
        }
        @for whisker in whiskers { (whisker) }
        (frame.path("curve faint", bins.iter().map(|bin| Some(at(bin)))))
        @for bin in bins { (frame.dot("dot", at(bin), 4.0)) }
    };
    let description = bins.iter().rev().map(|bin| {
        let (rows, (given, positive)) = (bin.rows, at(bin));
        format!("{rows} reviews given {given:.0} % on average: {positive:.0} % positive")
    });
    let name = &model.name;
    let title = format!("{name}: given and observed share of positive reviews");
    let id = format!("reliability-{place}");
    frame.picture(&id, &title, description, content)
}
