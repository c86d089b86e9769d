//! A reliability diagram: bins of equal mass with intervals, and in grey before calibration.

use maud::{Markup, html};
use metrics::{ReliabilityBin, wilson_interval};
use pages::{Axis, Frame};

use crate::data::ModelData;

const SIZE: (f64, f64) = (300.0, 300.0);

/// The diagram of one model. `index` makes its id unique.
pub(crate) fn draw(model: &ModelData, index: usize) -> Markup {
    let axis = |name| Axis::new(name, (0.0, 100.0));
    let x = axis("predicted probability (%)");
    let frame = Frame::new(SIZE, x, axis("share of positive reviews (%)"));
    let point = |bin: &ReliabilityBin| (100.0 * bin.mean_probability, 100.0 * bin.positive_share);
    let bins = &model.reliability;
    let before = model.calibration.as_ref().map(|it| &it.before.reliability);
    let whiskers = bins.iter().filter_map(|bin| {
        let (x, _) = point(bin);
        let share = wilson_interval(bin.positives, bin.rows, 0.95)?;
        let (low, high) = (100.0 * share.low, 100.0 * share.high);
        Some(frame.segment("whisker thin", (x, low), (x, high)))
    });
    let content = html! {
        (frame.segment("diagonal", (0.0, 0.0), (100.0, 100.0)))
        @if let Some(before) = before {
            (frame.path("curve before", before.iter().map(|bin| Some(point(bin)))))
            @for bin in before { (frame.dot("dot before", point(bin), 3.0)) }
        }
        @for whisker in whiskers { (whisker) }
        (frame.path("curve faint", bins.iter().map(|bin| Some(point(bin)))))
        @for bin in bins { (frame.dot("dot", point(bin), 4.0)) }
    };
    let description = bins.iter().rev().map(|bin| {
        let (rows, (given, positive)) = (bin.rows, point(bin));
        format!("{rows} reviews with a mean probability of {given:.0}%: {positive:.0}% positive")
    });
    let name = &model.name;
    let title = format!("{name}: predicted and actual share of positive reviews");
    let id = format!("reliability-{index}");
    frame.picture(&id, &title, description, content)
}
