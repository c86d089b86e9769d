//! The models side by side: accuracies as a picture, every figure in a table, every pair tested.

use artifact::format;
use maud::{Markup, html};
use metrics::{Comparison, ENOUGH_ROWS, Metric};
use pages::{Table, figure_with_csv, paragraph, remark, section, with_detail};

use super::repeats;
use crate::data::{ModelData, ReportData};
use crate::numbers;
use crate::pictures::{intervals, pareto};
use crate::words;

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
pub(crate) fn draw(data: &ReportData) -> Markup {
    let rows = format::count(data.rows);
    let confidence = words::confidence(data.confidence);
    let content = html! {
        @if let Some(picture) = intervals::draw(data) {
            @let caption = format!(
                "Accuracy on {rows} test reviews. A dot is what was measured, its whisker Wilson's {confidence} interval"
            );
            (figure_with_csv(picture, caption, numbers::figures(&data.models)))
        }
        (figures(data, &rows, &confidence))
        (explanation(data))
        @if !data.repeats.is_empty() { (repeats::draw(data)) }
        @if let Some(picture) = pareto::draw(&data.models) {
            h3 { "What is worth its time?" }
            @if let Some(text) = front_in_words(data) { (paragraph(text)) }
            (figure_with_csv(
                picture,
                "Accuracy against the time that training took, with whatever had to be computed first. A model on the \
                 line is the best for its time; a pale one is beaten by another that took no longer.",
                numbers::costs(&data.models),
            ))
        }
        (costs(data))
        @if !data.comparisons.is_empty() {
            h3 { "Could it be chance?" }
            (pairs(data, &rows, &confidence))
            (paragraph(
                "Both models judge the same reviews, so the test is paired: McNemar's exact test on the reviews \
                 that only one of the two got right, p-values corrected by Holm for all pairs of the table.",
            ))
        }
    };
    section("models", "Models", content)
}

fn figures<'a>(data: &'a ReportData, rows: &str, confidence: &str) -> Table<&'a ModelData> {
    let caption = format!(
        "Figures on {rows} test reviews with their {confidence} intervals; the best value of a column is bold"
    );
    let mut table = Table::new(caption, &data.models).names("Model", |model| {
        with_detail((&model.name, &model.architecture))
    });
    for metric in SHOWN {
        let best = best_value(data, metric);
        table = table.numbers(metric.title(), |model| estimate(model, metric, best));
    }
    table
}

fn estimate(model: &ModelData, metric: Metric, best: Option<f64>) -> Markup {
    let Some(figure) = model.figure(metric) else {
        return html! { span.muted { "not defined" } };
    };
    let (value, range) = words::figure(metric, figure);
    match best == Some(figure.value()) {
        true => with_detail((html! { b { (value) } }, range)),
        false => with_detail((value, range)),
    }
}

fn best_value(data: &ReportData, metric: Metric) -> Option<f64> {
    let models = data.models.iter();
    let values = models.filter_map(|model| Some(model.figure(metric)?.value()));
    values.reduce(match metric.lower_is_better() {
        true => f64::min,
        false => f64::max,
    })
}

fn explanation(data: &ReportData) -> Markup {
    let mut text = "F1 is of the positive class. MCC runs from -1 to 1 with 0 for guessing, ROC-AUC from 0.5 for guessing to 1. \
                    For log loss, Brier score and calibration error (ECE, 15 bins of equal mass) lower is better."
        .to_owned();
    if data.models.iter().any(lacks_intervals) {
        text += &format!(" {}", no_interval());
    }
    remark(text)
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

/// What each step along the Pareto front gains and costs.
pub(crate) fn front_in_words(data: &ReportData) -> Option<String> {
    let front = pareto::front(&data.models);
    let steps = front.iter().filter_map(|place| {
        let model = &data.models[*place];
        let time = format::seconds(model.total_seconds);
        Some((&model.name, time, 100.0 * model.accuracy()?.value))
    });
    let steps: Vec<_> = steps.collect();
    let (name, time, share) = steps.first()?;
    let mut text =
        format!("The quickest of the best, {name}, took {time} and reaches {share:.1} %");
    for pair in steps.windows(2) {
        let ((_, _, before), (name, time, share)) = (&pair[0], &pair[1]);
        text += &format!("; {name} gains {:.1} points for {time}", share - before);
    }
    Some(text + ".")
}

fn costs(data: &ReportData) -> Table<&ModelData> {
    let known = |value: Option<String>| value.unwrap_or_else(|| "not recorded".to_owned());
    let speed = |speed: Option<f64>| known(speed.map(|it| format::count(it.round() as u64)));
    let caption =
        "What the models took, features and members included; epochs as kept of those run";
    Table::new(caption, &data.models)
        .names("Model", |it| &it.name)
        .numbers("Training time", |it| format::seconds(it.total_seconds))
        .numbers("Epochs", |it| known(epochs(it)))
        .numbers("Reviews/s in training", |it| speed(it.reviews_per_second))
        .numbers("when judging", |it| speed(it.prediction_speed))
        .numbers("Parameters", |it| known(it.parameters.map(format::count)))
        .numbers("Size", |it| known(it.bytes.map(format::bytes)))
        .numbers("Peak memory", |it| format::bytes(it.peak_memory))
}

fn epochs(model: &ModelData) -> Option<String> {
    let last = model.epochs.last()?.epoch;
    Some(match model.best_epoch {
        Some(best) => format!("{best} of {last}"),
        None => last.to_string(),
    })
}

fn pairs<'a>(data: &'a ReportData, rows: &str, confidence: &str) -> Table<&'a Comparison> {
    let caption = format!(
        "Every pair on the same {rows} test reviews: first minus second, in points with {confidence} interval"
    );
    let only = |pair: &Comparison| {
        let [first, second] = [pair.first_only, pair.second_only].map(format::count);
        format!("{first} : {second}")
    };
    Table::new(caption, &data.comparisons)
        .names("Pair", |it| format!("{} and {}", it.first, it.second))
        .numbers("Difference", |it| {
            with_detail(words::difference(it.difference))
        })
        .numbers("Only one right", only)
        .numbers("p", |it| words::p_value(it.adjusted_p_value))
        .words("Verdict", |it| words::verdict(it, data.confidence))
}
