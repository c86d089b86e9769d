//! ROC curves: one drawing per model with the others in the background, so that neither colours nor
//! a legend have to be told apart.

use maud::{Markup, html};
use metrics::Metric;
use pages::{Axis, Frame};

use crate::data::ModelData;

const SIZE: (f64, f64) = (300.0, 300.0);

/// The drawing of the model at `place`. `None` where its curve is not defined.
pub(crate) fn draw(models: &[ModelData], place: usize) -> Option<Markup> {
    let model = &models[place];
    if model.roc.is_empty() {
        return None;
    }
    let axis = |name| Axis::new(name, (0.0, 100.0));
    let x = axis("negatives called positive (%)");
    let frame = Frame::new(SIZE, x, axis("positives found (%)"));
    let path = |class, model: &ModelData| {
        let points = model.roc.iter();
        let points = points.map(|it| (it.false_positive_rate, it.true_positive_rate));
        frame.path(class, points.map(|(x, y)| Some((100.0 * x, 100.0 * y))))
    };
    let area = model.figure(Metric::RocAuc);
    let area = area.map(|area| format!("Area {:.3}", area.value()));
    let others = models.iter().enumerate();
    let others = others.filter(|(other, _)| *other != place);
    let content = html! {
        (frame.segment("diagonal", (0.0, 0.0), (100.0, 100.0)))
        @for (_, other) in others { (path("curve others", other)) }
        (path("curve strong", model))
        @if let Some(area) = &area { (frame.note("value", (100.0, 0.0), (-6.0, -10.0), "end", area)) }
    };
    let description = area.as_deref().unwrap_or("The area is not defined");
    let title = format!("{}: ROC curve", model.name);
    Some(frame.picture(&format!("roc-{place}"), &title, [description], content))
}
