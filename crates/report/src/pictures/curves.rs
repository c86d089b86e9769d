//! Loss and accuracy of every neural network by epoch, all on the same axes.

use maud::{Markup, html};
use pages::{Axis, Frame, round_range};

use crate::data::{Epoch, ModelData};

const SIZE: (f64, f64) = (400.0, 240.0);

/// The quantity of a curve.
pub(crate) struct Measure {
    name: &'static str,
    axis: &'static str,
    train: fn(&Epoch) -> Option<f64>,
    validation: fn(&Epoch) -> Option<f64>,
    /// Whether it falls during training; this decides where a label has space.
    falls: bool,
}

/// Mean loss.
pub(crate) const LOSS: Measure = Measure {
    name: "loss",
    axis: "loss",
    train: |epoch| epoch.train_loss,
    validation: |epoch| epoch.validation_loss,
    falls: true,
};

/// Accuracy in percent.
pub(crate) const ACCURACY: Measure = Measure {
    name: "accuracy",
    axis: "accuracy (%)",
    train: |epoch| Some(100.0 * epoch.train_accuracy?),
    validation: |epoch| Some(100.0 * epoch.validation_accuracy?),
    falls: false,
};

/// One picture per model; `None` for a model without epochs.
pub(crate) fn draw(models: &[ModelData], measure: &Measure) -> Vec<Option<Markup>> {
    let epochs = || models.iter().flat_map(|model| &model.epochs);
    let values = epochs().flat_map(|epoch| [(measure.train)(epoch), (measure.validation)(epoch)]);
    let last = epochs().map(|epoch| epoch.epoch).max().unwrap_or(1).max(2);
    let Some((low, high)) = round_range(values.flatten(), 4) else {
        return vec![None; models.len()];
    };
    let range = match measure.falls {
        true => (low, high),
        false => (low.max(0.0), high.min(100.0)),
    };
    let x = Axis::new("epoch", (1.0, f64::from(last))).ticks(8.min(last as usize - 1));
    let frame = Frame::new(SIZE, x, Axis::new(measure.axis, range).ticks(4));
    let draw = |(index, model): (usize, &ModelData)| {
        (!model.epochs.is_empty()).then(|| curve(&frame, model, measure, index))
    };
    models.iter().enumerate().map(draw).collect()
}

fn curve(frame: &Frame<'_>, model: &ModelData, measure: &Measure, index: usize) -> Markup {
    let points = |read: fn(&Epoch) -> Option<f64>| {
        let point = move |it: &Epoch| Some((f64::from(it.epoch), read(it)?));
        model.epochs.iter().map(point)
    };
    let (train, validation) = (points(measure.train), points(measure.validation));
    let content = html! {
        (best_epoch(frame, model, measure))
        (frame.path("curve train", train.clone()))
        (frame.path("curve validation", validation.clone()))
        // A single epoch has no line, so every epoch also has a dot.
        g.train { @for point in train.flatten() { (frame.dot("", point, 2.0)) } }
        g.validation { @for point in validation.flatten() { (frame.dot("", point, 2.5)) } }
    };
    let format_value = |value: f64| format!("{value:.3}");
    let value = |value: Option<f64>| value.map_or("not recorded".to_owned(), format_value);
    let description = model.epochs.iter().map(|it| {
        let (train, validation) = (value((measure.train)(it)), value((measure.validation)(it)));
        format!("epoch {}: train {train}, validation {validation}", it.epoch)
    });
    let title = format!("{}: {} by epoch", model.name, measure.name);
    let id = format!("{}-{index}", measure.name);
    frame.picture(&id, &title, description, content)
}

/// A line at the epoch whose weights are used, and a ring around its validation value.
fn best_epoch(frame: &Frame<'_>, model: &ModelData, measure: &Measure) -> Markup {
    let mut epochs = model.epochs.iter();
    let Some(epoch) = epochs.find(|epoch| Some(epoch.epoch) == model.best_epoch) else {
        return Markup::default();
    };
    let (x, low, high) = (f64::from(epoch.epoch), frame.y.low, frame.y.high);
    let (shift, anchor) = match frame.x.position(x) > SIZE.0 * 0.7 {
        true => (-5.0, "end"),
        false => (5.0, "start"),
    };
    let falls = measure.falls;
    let (y, down) = if falls { (high, 10.0) } else { (low, -6.0) };
    let text = format!("best: epoch {}", epoch.epoch);
    html! {
        (frame.segment("best", (x, low), (x, high)))
        (frame.note("note", (x, y), (shift, down), anchor, &text))
        @if let Some(value) = (measure.validation)(epoch) { (frame.dot("ring", (x, value), 6.0)) }
    }
}
