//! The models side by side: accuracies as a picture, every figure in a table, every pair tested.

use artifact::format;
use metrics::{ENOUGH_ROWS, Estimate, Metric};

use super::repeats;
use crate::data::{ModelData, ReportData};
use crate::numbers;
use crate::pictures::{intervals, pareto};
use crate::words;
use pages::{Element, element};
use pages::{
    cell, heading, number, number_heading, numbered, paragraph, row_heading, section, table,
};

/// The figures of the table, in its order.
const SHOWN: [Metric; 7] = [
    Metric::Accuracy,
    Metric::F1,
    Metric::Mcc,
    Metric::RocAuc,
    Metric::LogLoss,
    Metric::Brier,
    Metric::CalibrationError,
];

/// The section.
pub(crate) fn draw(data: &ReportData) -> Element {
    let rows = format::count(data.rows);
    let confidence = words::confidence(data.confidence);
    let mut part = section("models", "Models");
    if let Some(picture) = intervals::draw(data) {
        let caption = format!(
            "Accuracy on {rows} test reviews. A dot is what was measured, its whisker Wilson's {confidence} interval"
        );
        part = part.child(numbered(picture, caption, &numbers::figures(&data.models)));
    }
    part = part
        .child(figures(data, &rows, &confidence))
        .child(explanation(data));
    part = part
        .children(repeats::draw(data))
        .children(worth(data))
        .child(costs(data));
    if data.comparisons.is_empty() {
        return part;
    }
    part.child(element("h3").text("Could it be chance?")).child(pairs(data, &rows, &confidence)).child(paragraph(
        "Both models judge the same reviews, so the test is paired: McNemar's exact test on the reviews \
         that only one of the two got right, p-values corrected by Holm for all pairs of the table.",
    ))
}

fn figures(data: &ReportData, rows: &str, confidence: &str) -> Element {
    let headings = [heading("Model")]
        .into_iter()
        .chain(SHOWN.map(|metric| number_heading(metric.title())));
    let best = SHOWN.map(|metric| best_value(data, metric));
    let lines = data.models.iter().map(|model| {
        let mut cells = vec![name(model)];
        for (metric, best) in SHOWN.into_iter().zip(best) {
            cells.push(estimate(model, metric, best));
        }
        cells
    });
    let caption = format!(
        "Figures on {rows} test reviews with their {confidence} intervals; the best value of a column is bold"
    );
    table(&caption, headings, lines)
}

fn name(model: &ModelData) -> Element {
    row_heading(&model.name).child(element("span").class("range").text(&model.architecture))
}

fn estimate(model: &ModelData, metric: Metric, best: Option<f64>) -> Element {
    let Some(estimate) = model.figures.get(metric.name()) else {
        return number("not defined").class("muted");
    };
    let (value, range) = words::figure(metric, *estimate);
    let value = element(if best == Some(estimate.value()) {
        "b"
    } else {
        "span"
    })
    .text(value);
    element("td")
        .class("number")
        .child(value)
        .child(element("span").class("range").text(range))
}

fn best_value(data: &ReportData, metric: Metric) -> Option<f64> {
    let values = data
        .models
        .iter()
        .filter_map(|model| Some(model.figures.get(metric.name())?.value()));
    values.reduce(|one, two| {
        if metric.lower_is_better() {
            one.min(two)
        } else {
            one.max(two)
        }
    })
}

fn explanation(data: &ReportData) -> Element {
    let mut text = "F1 is of the positive class. MCC runs from -1 to 1 with 0 for guessing, ROC-AUC from 0.5 for guessing to 1. \
                    For log loss, Brier score and calibration error (ECE, 15 bins of equal mass) lower is better."
        .to_owned();
    if data.models.iter().any(lacks_intervals) {
        text += &format!(" {}", no_interval());
    }
    paragraph(text).class("muted")
}

/// Whether a figure of it has none.
pub(crate) fn lacks_intervals(model: &ModelData) -> bool {
    model.figures.values().any(|it| it.estimate().is_none())
}

/// Why a figure has no interval.
pub(crate) fn no_interval() -> String {
    format!(
        "Figures that are no share of reviews have no interval where fewer than {ENOUGH_ROWS} test reviews are positive, negative, \
         judged rightly or judged wrongly, or where all resamples of them give the same: that tells too little of other reviews."
    )
}

/// Quality against cost.
fn worth(data: &ReportData) -> Vec<Element> {
    let Some(picture) = pareto::draw(&data.models) else {
        return Vec::new();
    };
    let caption = "Accuracy against the time that training took, with whatever had to be computed first. A model on the line \
                   is the best for its time; a pale one is beaten by another that took no longer.";
    let mut parts = vec![element("h3").text("What is worth its time?")];
    parts.extend(front_in_words(data).map(paragraph));
    parts.push(numbered(picture, caption, &numbers::costs(&data.models)));
    parts
}

/// What each step along the Pareto front gains and costs.
pub(crate) fn front_in_words(data: &ReportData) -> Option<String> {
    let front = pareto::front(&data.models);
    let mut steps = front.iter().map(|place| &data.models[*place]);
    let share = |model: &ModelData| {
        model
            .accuracy()
            .map_or(0.0, |estimate| 100.0 * estimate.value)
    };
    let first = steps.next()?;
    let mut text = format!(
        "The quickest of the best, {}, took {} and reaches {:.1} %",
        first.name,
        format::seconds(first.total_seconds),
        share(first)
    );
    let mut last = first;
    for model in steps {
        text += &format!(
            "; {} gains {:.1} points for {}",
            model.name,
            share(model) - share(last),
            format::seconds(model.total_seconds)
        );
        last = model;
    }
    Some(text + ".")
}

fn costs(data: &ReportData) -> Element {
    let lines = data.models.iter().map(|model| {
        let optional =
            |value: Option<String>| number(value.unwrap_or_else(|| "not recorded".to_owned()));
        let speed = |speed: f64| format::count(speed.round() as u64);
        vec![
            row_heading(&model.name),
            number(format::seconds(model.total_seconds)),
            number(epochs(model)),
            optional(model.reviews_per_second.map(speed)),
            optional(model.prediction_speed.map(speed)),
            optional(model.parameters.map(format::count)),
            optional(model.bytes.map(format::bytes)),
            number(format::bytes(model.peak_memory)),
        ]
    });
    let headings = [
        heading("Model"),
        number_heading("Training time"),
        number_heading("Epochs"),
        number_heading("Reviews/s in training"),
        number_heading("when judging"),
        number_heading("Parameters"),
        number_heading("Size"),
        number_heading("Peak memory"),
    ];
    table(
        "What the models took, features and members included; epochs as kept of those run",
        headings,
        lines,
    )
}

fn epochs(model: &ModelData) -> String {
    match (model.best_epoch, model.epochs.last()) {
        (Some(best), Some(last)) => format!("{best} of {}", last.epoch),
        (None, Some(last)) => last.epoch.to_string(),
        (_, None) => "not recorded".to_owned(),
    }
}

fn pairs(data: &ReportData, rows: &str, confidence: &str) -> Element {
    let alpha = words::alpha(data.confidence);
    let lines = data.comparisons.iter().map(|pair| {
        let Estimate { value, low, high } = pair.difference;
        let verdict = match pair.verdict(alpha) {
            Some((better, _, _)) => format!("{better} is better"),
            None => "cannot be told apart".to_owned(),
        };
        vec![
            row_heading(format!("{} and {}", pair.first, pair.second)),
            element("td")
                .class("number")
                .text(words::signed(value))
                .child(element("span").class("range").text(format!(
                    "{} to {}",
                    words::signed(low),
                    words::signed(high)
                ))),
            number(format!(
                "{} : {}",
                format::count(pair.first_only),
                format::count(pair.second_only)
            )),
            number(words::p_value(pair.adjusted_p_value)),
            cell(verdict),
        ]
    });
    let caption = format!(
        "Every pair on the same {rows} test reviews: first minus second, in points with {confidence} interval"
    );
    table(
        &caption,
        [
            heading("Pair"),
            number_heading("Difference"),
            number_heading("Only one right"),
            number_heading("p"),
            heading("Verdict"),
        ],
        lines,
    )
}
