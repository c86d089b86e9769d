//! ROC curves: one drawing per model with the others in the background, so that neither colours nor
//! a legend have to be told apart.

use metrics::{Metric, RocPoint};

use crate::data::ModelData;
use pages::Element;
use pages::{Axis, Frame};

const SIZE: (f64, f64) = (300.0, 300.0);

/// The drawing of the model at `place`. `None` where its curve is not defined.
pub(crate) fn draw(models: &[ModelData], place: usize) -> Option<Element> {
    let model = &models[place];
    if model.roc.is_empty() {
        return None;
    }
    let range = (0.0, 100.0);
    let frame = Frame::new(SIZE, range, range);
    let axis = |name| Axis::new(name, 5);
    let area = model
        .figures
        .get(Metric::RocAuc.name())
        .map(|area| format!("Area {:.3}", area.value()));
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
    frame.path(curve.iter().map(|point| {
        Some((
            100.0 * point.false_positive_rate,
            100.0 * point.true_positive_rate,
        ))
    }))
}
