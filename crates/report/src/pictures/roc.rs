//! ROC curves: one picture per model with the other models in the background, which needs no legend.

use maud::{Markup, html};
use metrics::Metric;
use pages::{Axis, Frame};

use crate::data::ModelData;

const SIZE: (f64, f64) = (300.0, 300.0);

/// The picture of the model at `index`. `None` where its curve is not defined.
pub(crate) fn draw(models: &[ModelData], index: usize) -> Option<Markup> {
    let model = &models[index];
    if model.roc.is_empty() {
        return None;
    }
    let axis = |name| Axis::new(name, (0.0, 100.0));
    let x = axis("false positive rate (%)");
    let frame = Frame::new(SIZE, x, axis("true positive rate (%)"));
    let path = |class, model: &ModelData| {
        let points = model.roc.iter();
        let points = points.map(|it| (it.false_positive_rate, it.true_positive_rate));
        frame.path(class, points.map(|(x, y)| Some((100.0 * x, 100.0 * y))))
    };
    let area = model.figure(Metric::RocAuc);
    let area = area.map(|area| format!("AUC {:.3}", area.value()));
    let others = models.iter().enumerate();
    let others = others.filter(|(other, _)| *other != index);
    let content = html! {
        (frame.segment("diagonal", (0.0, 0.0), (100.0, 100.0)))
        @for (_, other) in others { (path("curve others", other)) }
        (path("curve strong", model))
        @if let Some(area) = &area { (frame.note("value", (100.0, 0.0), (-6.0, -10.0), "end", area)) }
    };
    let description = area.as_deref().unwrap_or("The AUC is not defined");
    let title = format!("{}: ROC curve", model.name);
    Some(frame.picture(&format!("roc-{index}"), &title, [description], content))
}
