//! Loss and accuracy of every net by epoch, on shared axes so that nets can be compared at a glance.

use crate::data::{Epoch, ModelData};
use pages::round_range;
use pages::{Axis, Frame};
use pages::{Element, element};

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
    fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy (%)",
        }
    }

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

/// One picture per model that has epochs, all with the same axes.
pub(crate) fn draw(models: &[ModelData], measure: Measure) -> Vec<(&ModelData, Element)> {
    let trained: Vec<(usize, &ModelData)> = models
        .iter()
        .enumerate()
        .filter(|(_, model)| !model.epochs.is_empty())
        .collect();
    let epochs = || trained.iter().flat_map(|(_, model)| &model.epochs);
    let values = epochs()
        .flat_map(|epoch| [measure.train(epoch), measure.validation(epoch)])
        .flatten();
    let last = epochs().map(|epoch| epoch.epoch).max().unwrap_or(1);
    let Some(range) = round_range(values, 4) else {
        return Vec::new();
    };
    let range = if measure == Measure::Accuracy {
        (range.0.max(0.0), range.1.min(100.0))
    } else {
        range
    };
    let frame = Frame::new(SIZE, (1.0, f64::from(last.max(2))), range);
    trained
        .iter()
        .map(|(place, model)| (*model, curve(&frame, model, measure, *place, range)))
        .collect()
}

fn curve(
    frame: &Frame,
    model: &ModelData,
    measure: Measure,
    place: usize,
    range: (f64, f64),
) -> Element {
    let (short, name) = (
        if measure == Measure::Loss {
            "loss"
        } else {
            "accuracy"
        },
        &model.name,
    );
    let x = Axis::new("epoch", 8.min((frame.x.high - 1.0) as usize));
    let y = Axis::new(measure.name(), 4);
    let points = |read: fn(Measure, &Epoch) -> Option<f64>| {
        model
            .epochs
            .iter()
            .map(move |epoch| read(measure, epoch).map(|value| (f64::from(epoch.epoch), value)))
    };
    let title = format!("{name}: {short} by epoch");
    let mut svg = frame.picture(
        &format!("{short}-{place}"),
        &title,
        &description(model, measure),
        &x,
        &y,
    );
    svg = svg.children(best(frame, model, measure, range));
    svg = svg.child(frame.path(points(Measure::train)).class("curve train"));
    svg = svg.child(
        frame
            .path(points(Measure::validation))
            .class("curve validation"),
    );
    // A single epoch has no line, so every epoch has its dot.
    let dots = |read, radius| {
        points(read)
            .flatten()
            .map(move |point| frame.dot(point, radius))
            .collect::<Vec<_>>()
    };
    svg.child(
        element("g")
            .class("train")
            .children(dots(Measure::train, 2.0)),
    )
    .child(
        element("g")
            .class("validation")
            .children(dots(Measure::validation, 2.5)),
    )
}

/// The epoch whose weights were kept: a line, and a ring around its validation value.
fn best(frame: &Frame, model: &ModelData, measure: Measure, range: (f64, f64)) -> Vec<Element> {
    let Some(epoch) = model
        .epochs
        .iter()
        .find(|epoch| Some(epoch.epoch) == model.best_epoch)
    else {
        return Vec::new();
    };
    let x = f64::from(epoch.epoch);
    let line = frame.segment((x, range.0), (x, range.1)).class("best");
    let is_right = frame.x.place(x) > SIZE.0 * 0.7;
    let (shift, anchor) = if is_right {
        (-5.0, "end")
    } else {
        (5.0, "start")
    };
    // Losses fall and accuracies rise, so the corner that is free differs.
    let (y, down) = if measure == Measure::Loss {
        (range.1, 10.0)
    } else {
        (range.0, -6.0)
    };
    let note = frame
        .note(
            (x, y),
            (shift, down),
            anchor,
            &format!("kept: epoch {}", epoch.epoch),
        )
        .class("note");
    let ring = measure
        .validation(epoch)
        .map(|value| frame.dot((x, value), 6.0).class("ring"));
    [line, note].into_iter().chain(ring).collect()
}

fn description(model: &ModelData, measure: Measure) -> String {
    let value =
        |value: Option<f64>| value.map_or("not recorded".to_owned(), |value| format!("{value:.3}"));
    let lines = model.epochs.iter().map(|epoch| {
        let (train, validation) = (
            value(measure.train(epoch)),
            value(measure.validation(epoch)),
        );
        format!(
            "epoch {}: train {train}, validation {validation}",
            epoch.epoch
        )
    });
    lines.collect::<Vec<_>>().join("; ")
}
