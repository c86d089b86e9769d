//! Loss and accuracy of every net by epoch, on shared axes so that nets can be compared at a glance.

use maud::{Markup, html};
use pages::{Axis, Frame, round_range};

use crate::data::{Epoch, ModelData};

const SIZE: (f64, f64) = (400.0, 240.0);

/// What a curve shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Mean loss.
    Loss,
    /// Share judged right.
    Accuracy,
}

impl Measure {
    fn train(self, epoch: &Epoch) -> Option<f64> {
        match self {
            Self::Loss => epoch.train_loss,
            Self::Accuracy => epoch.train_accuracy.map(|share| 100.0 * share),
        }
    }

    fn validation(self, epoch: &Epoch) -> Option<f64> {
        match self {
            Self::Loss => epoch.validation_loss,
            Self::Accuracy => epoch.validation_accuracy.map(|share| 100.0 * share),
        }
    }
}

/// One picture per model, by its place, all with the same axes; nothing for a model without epochs.
pub(crate) fn draw(models: &[ModelData], measure: Measure) -> Vec<Option<Markup>> {
    let epochs = || models.iter().flat_map(|model| &model.epochs);
    let values = epochs().flat_map(|epoch| [measure.train(epoch), measure.validation(epoch)]);
    let last = epochs().map(|epoch| epoch.epoch).max().unwrap_or(1).max(2);
    let Some(range) = round_range(values.flatten(), 4) else {
        return vec![None; models.len()];
    };
    let (name, range) = match measure {
        Measure::Loss => ("loss", range),
        Measure::Accuracy => ("accuracy (%)", (range.0.max(0.0), range.1.min(100.0))),
    };
    let x = Axis::new("epoch", (1.0, f64::from(last))).ticks(8.min(last as usize - 1));
    let frame = Frame::new(SIZE, x, Axis::new(name, range).ticks(4));
    let draw = |(place, model): (usize, &ModelData)| {
        (!model.epochs.is_empty()).then(|| curve(&frame, model, measure, place))
    };
    models.iter().enumerate().map(draw).collect()
}

fn curve(frame: &Frame<'_>, model: &ModelData, measure: Measure, place: usize) -> Markup {
    let short = match measure {
        Measure::Loss => "loss",
        Measure::Accuracy => "accuracy",
    };
    let points = |read: fn(Measure, &Epoch) -> Option<f64>| {
        let point = move |it: &Epoch| Some((f64::from(it.epoch), read(measure, it)?));
        model.epochs.iter().map(point)
    };
    let content = html! {
        (kept(frame, model, measure))
        (frame.path("curve train", points(Measure::train)))
        (frame.path("curve validation", points(Measure::validation)))
        // A single epoch has no line, so every epoch has its dot.
        g.train { @for point in points(Measure::train).flatten() { (frame.dot("", point, 2.0)) } }
        g.validation {
            @for point in points(Measure::validation).flatten() { (frame.dot("", point, 2.5)) }
        }
    };
    let value = |value: Option<f64>| match value {
        Some(value) => format!("{value:.3}"),
        None => "not recorded".to_owned(),
    };
    let description = model.epochs.iter().map(|epoch| {
        format!(
            "epoch {}: train {}, validation {}",
            epoch.epoch,
            value(measure.train(epoch)),
            value(measure.validation(epoch))
        )
    });
    let title = format!("{}: {short} by epoch", model.name);
    frame.picture(&format!("{short}-{place}"), &title, description, content)
}

/// The epoch whose weights were kept: a line, and a ring around its validation value.
fn kept(frame: &Frame<'_>, model: &ModelData, measure: Measure) -> Markup {
    let mut epochs = model.epochs.iter();
    let Some(epoch) = epochs.find(|epoch| Some(epoch.epoch) == model.best_epoch) else {
        return Markup::default();
    };
    let (x, low, high) = (f64::from(epoch.epoch), frame.y.low, frame.y.high);
    let (shift, anchor) = if frame.x.place(x) > SIZE.0 * 0.7 {
        (-5.0, "end")
    } else {
        (5.0, "start")
    };
    // Losses fall and accuracies rise, so the corner that is free differs.
    let (y, down) = match measure {
        Measure::Loss => (high, 10.0),
        Measure::Accuracy => (low, -6.0),
    };
    let text = format!("kept: epoch {}", epoch.epoch);
    html! {
        (frame.segment("best", (x, low), (x, high)))
        (frame.note("note", (x, y), (shift, down), anchor, &text))
        @if let Some(value) = measure.validation(epoch) { (frame.dot("ring", (x, value), 6.0)) }
    }
}
