//! The models side by side: accuracies as a picture, every figure in a table, paired tests, cost.

use artifact::format;
use maud::{Markup, html};
use metrics::{MIN_BOOTSTRAP_ROWS, Metric};
use pages::{Table, collapsed, figure_with_csv, paragraph, remark, section, with_detail};

use super::{pairs, repeats};
use crate::csv_downloads;
use crate::data::{ModelData, ReportData};
use crate::formatting;
use crate::pictures::{cost, intervals};

/// The figures of the table before the training time, and after it.
const KEY_FIGURES: [Metric; 4] = [
    Metric::Accuracy,
    Metric::F1,
    Metric::RocAuc,
    Metric::CalibrationError,
];
const OTHER_FIGURES: [Metric; 3] = [Metric::Mcc, Metric::LogLoss, Metric::Brier];

/// The section.
pub(crate) fn draw(data: &ReportData) -> Markup {
    let rows = format::count(data.rows);
    let content = html! {
        (remark("Which model is best, and how certain that is."))
        @if let Some(picture) = intervals::draw(data) {
            @let caption = format!(
                "Accuracy on {rows} test reviews with {}.",
                formatting::ci(data.confidence)
            );
            (figure_with_csv(picture, caption, csv_downloads::figures(&data.models)))
        }
        (figures(data))
        (ensembles(data))
        @if !data.comparisons.is_empty() { (pairs::draw(data)) }
        @if !data.models.is_empty() { (collapsed("Cost of training and prediction", costs(data))) }
        @if !data.repeats.is_empty() { (collapsed("Repeated trainings", repeats::draw(data))) }
    };
    section("models", "Models", content)
}

fn figures(data: &ReportData) -> Markup {
    let (rows, ci) = (format::count(data.rows), formatting::ci(data.confidence));
    let caption = format!("Figures on {rows} test reviews with {ci}. The best model comes first.");
    let models = data.by_accuracy().into_iter().map(|(_, model)| model);
    let mut table = Table::new(caption, models).names("Model", |model| {
        with_detail((&model.name, &model.architecture))
    });
    for metric in KEY_FIGURES {
        table = table.numbers(metric.title(), |model| estimate(model, metric));
    }
    let time = |model: &ModelData| format::seconds(model.total_seconds);
    table = table.numbers("Training time", time);
    for metric in OTHER_FIGURES {
        table = table.numbers(metric.title(), |model| estimate(model, metric));
    }
    let mut text = "F1 is for the positive class. MCC is 0 and ROC-AUC 0.5 for guessing, and both are 1 for a perfect model. \
                    ECE is the expected calibration error (15 bins of equal mass). For ECE, log loss and Brier score lower is \
                    better. Training time includes the features and the ensemble members that a model needs."
        .to_owned();
    if data.models.iter().any(lacks_intervals) {
        text += &format!(" {}", no_interval());
    }
    html! { (table) (remark(text)) }
}

fn estimate(model: &ModelData, metric: Metric) -> Markup {
    let Some(figure) = model.figure(metric) else {
        return html! { span.muted { "not defined" } };
    };
    with_detail(formatting::figure(metric, figure))
}

/// Whether one of the model's figures has no interval.
pub(crate) fn lacks_intervals(model: &ModelData) -> bool {
    model.figures.values().any(|it| it.estimate().is_none())
}

/// Why a figure has no interval.
pub(crate) fn no_interval() -> String {
    format!(
        "Figures other than accuracy, precision, recall and F1 have no interval where there are fewer than {MIN_BOOTSTRAP_ROWS} \
         positive, negative, correct or wrong test reviews, or where all bootstrap samples give the same value."
    )
}

/// The members of every ensemble with their weights.
pub(crate) fn members(model: &ModelData) -> Option<String> {
    let members = model.members.iter().zip(&model.member_shares);
    let members = members.map(|(name, share)| {
        let share = format!("{:.0}%", 100.0 * share).replace('-', "−");
        format!("{name} {share}")
    });
    (!model.member_shares.is_empty()).then(|| formatting::join(members, ", "))
}

fn ensembles(data: &ReportData) -> Markup {
    let ensembles = data.models.iter();
    let ensembles = ensembles.filter_map(|model| Some((&model.name, members(model)?)));
    let ensembles: Vec<_> = ensembles.collect();
    html! {
        @for (name, members) in &ensembles {
            (remark(format!("{name} combines {members}.")))
        }
        @if !ensembles.is_empty() {
            (remark(
                "The percentage of a member is the weight of its log-odds, divided by the sum of the absolute values of all \
                 weights. The weights are fitted on validation. The log-odds of a member with a negative weight are subtracted.",
            ))
        }
    }
}

/// The models on the Pareto front, each with its gain over the one before.
pub(crate) fn pareto_front(data: &ReportData) -> Option<String> {
    let front = cost::front(&data.models);
    let steps = front.iter().filter_map(|index| {
        let model = &data.models[*index];
        let time = format::seconds(model.total_seconds);
        Some((&model.name, time, model.accuracy()?.value))
    });
    let steps: Vec<_> = steps.collect();
    let (name, time, share) = steps.first()?;
    let mut text = format!(
        "The fastest model to train, {name}, took {time} and reached {}",
        formatting::percent(*share)
    );
    for pair in steps.windows(2) {
        let ((_, _, before), (name, time, share)) = (&pair[0], &pair[1]);
        text += &format!(
            "; {name} was {:.1} points more accurate in {time}",
            100.0 * (share - before)
        );
    }
    Some(text + ".")
}

fn costs(data: &ReportData) -> Markup {
    let known = |value: Option<String>| value.unwrap_or_else(|| "not recorded".to_owned());
    let speed = |speed: Option<f64>| known(speed.map(|it| format::count(it.round() as u64)));
    let caption = "Speed, size and memory of each model. The weights are those of the best epoch. Memory of an ensemble: the largest of its members.";
    let table = Table::new(
        caption,
        data.by_accuracy().into_iter().map(|(_, model)| model),
    )
    .names("Model", |it| &it.name)
    .numbers("Reviews predicted per second", |it| {
        speed(it.prediction_speed)
    })
    .numbers("Size", |it| known(it.bytes.map(format::bytes)))
    .numbers("Peak memory", |it| format::bytes(it.peak_memory))
    .numbers("Parameters", |it| known(it.parameters.map(format::count)))
    .numbers("Reviews trained per second", |it| {
        speed(it.reviews_per_second)
    })
    .numbers("Best epoch of those trained", |it| known(epochs(it)));
    html! {
        @if let Some(picture) = cost::draw(&data.models) {
            @if let Some(text) = pareto_front(data) { (paragraph(text)) }
            (figure_with_csv(
                picture,
                "Which model is worth its training time? No other model is both faster and better than one on the line.",
                csv_downloads::costs(&data.models),
            ))
        }
        (table)
    }
}

fn epochs(model: &ModelData) -> Option<String> {
    let last = model.epochs.last()?.epoch;
    Some(match model.best_epoch {
        Some(best) => format!("{best} of {last}"),
        None => last.to_string(),
    })
}
