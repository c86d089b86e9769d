//! The models side by side: accuracies as a picture, every figure in a table, paired tests, cost.

use maud::{Markup, html};
use metrics::{MIN_BOOTSTRAP_ROWS, Metric};
use pages::{Table, collapsed, figure_with_csv, paragraph, remark, with_detail};

use super::{pairs, repeats};
use crate::data::{ModelData, ReportData};
use crate::pictures::{cost, intervals};
use crate::{csv_downloads, format};

/// The figures of the table before the training time, and after it.
pub(crate) const KEY_FIGURES: [Metric; 4] = [
    Metric::Accuracy,
    Metric::F1,
    Metric::RocAuc,
    Metric::CalibrationError,
];
const OTHER_FIGURES: [Metric; 3] = [Metric::Mcc, Metric::LogLoss, Metric::Brier];

/// The section.
pub(crate) fn draw(data: &ReportData) -> Markup {
    html! {
        (remark("Which model is best, and how certain that is."))
        @if let Some(picture) = intervals::draw(data) {
            @let caption = format!("Accuracy on {} with {}.", data.test_reviews(), data.ci());
            (figure_with_csv(picture, caption, csv_downloads::figures(&data.models)))
        }
        (figures(data))
        (ensembles(data))
        @if !data.comparisons.is_empty() { (pairs::draw(data)) }
        @if !data.models.is_empty() { (collapsed("Cost of training and prediction", costs(data))) }
        @if !data.repeats.is_empty() { (collapsed("Repeated trainings", repeats::draw(data))) }
    }
}

fn figures(data: &ReportData) -> Markup {
    let (reviews, ci) = (data.test_reviews(), data.ci());
    let caption =
        format!("Figures on {reviews} with {ci}. The best model on validation comes first.");
    let models = data.by_accuracy().into_iter().map(|(_, model)| model);
    let name = |it: &ModelData| with_detail((&it.name, &it.architecture));
    let mut table = Table::new(caption, models).names("Model", name);
    for metric in KEY_FIGURES {
        table = table.numbers(metric.title(), |model| estimate(model, metric));
    }
    table = table.numbers("Training time", |it| format::seconds(it.total_seconds));
    for metric in OTHER_FIGURES {
        table = table.numbers(metric.title(), |model| estimate(model, metric));
    }
    let mut text = "F1 is for the positive class. MCC is 0 and ROC-AUC 0.5 for guessing, and both are 1 for a perfect model. \
                    ECE is the expected calibration error (15 bins of equal mass). For ECE, log loss and Brier score lower is \
                    better. Resampling raises ECE, so its interval lies mostly above its value. Training time includes the features and the ensemble members that a model needs."
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
    with_detail(format::figure(metric, figure))
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
        format!("`{name}` {share}")
    });
    (!model.member_shares.is_empty()).then(|| format::join(members, ", "))
}

fn ensembles(data: &ReportData) -> Markup {
    let ensembles = data.models.iter();
    let ensembles = ensembles.filter_map(|model| Some((&model.name, members(model)?)));
    let ensembles: Vec<_> = ensembles.collect();
    html! {
        @for (name, members) in &ensembles {
            (remark(format!("`{name}` combines {members}.")))
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
    let steps = front.iter().map(|index| &data.models[*index]);
    let time = |model: &ModelData| format::seconds(model.total_seconds);
    let steps = steps.filter_map(|it| Some((&it.name, time(it), it.accuracy()?.value)));
    let steps: Vec<_> = steps.collect();
    let (name, time, share) = steps.first()?;
    let share = format::percent(*share);
    let mut text = format!("The fastest model to train, `{name}`, took {time} and reached {share}");
    for pair in steps.windows(2) {
        let ((_, _, before), (name, time, share)) = (&pair[0], &pair[1]);
        let points = 100.0 * (share - before);
        let gain = format!("{points:.1} points more accurate than the one before");
        text += &format!("; `{name}` took {time} and was {gain}");
    }
    Some(text + ".")
}

fn costs(data: &ReportData) -> Markup {
    let known = |value: Option<String>| value.unwrap_or_else(|| "not recorded".to_owned());
    let speed = |speed: Option<f64>| known(speed.map(|it| format::count(it.round() as u64)));
    let caption = "Speed, size and memory of each model. The weights of a model that is trained in epochs are those of its best epoch. Memory of an ensemble: the largest of its members.";
    let models = data.by_accuracy().into_iter().map(|(_, model)| model);
    let epochs = |it: &ModelData| epochs(it).unwrap_or_else(|| "no epochs".to_owned());
    let predicted = |it: &ModelData| speed(it.prediction_speed);
    let trained = |it: &ModelData| speed(it.reviews_per_second);
    let table = Table::new(caption, models)
        .names("Model", |it| &it.name)
        .numbers("Reviews predicted per second", predicted)
        .numbers("Size", |it| known(it.bytes.map(format::bytes)))
        .numbers("Peak memory", |it| format::bytes(it.peak_memory))
        .numbers("Parameters", |it| known(it.parameters.map(format::count)))
        .numbers("Reviews trained per second", trained)
        .numbers("Best epoch of those trained", epochs);
    html! {
        @if let Some(picture) = cost::draw(&data.models) {
            @if let Some(text) = pareto_front(data) { (paragraph(text)) }
            @let caption =
                "Which model is worth its training time? No other model is both faster and better than one on the line.";
            (figure_with_csv(picture, caption, csv_downloads::costs(&data.models)))
        }
        (table)
    }
}

fn epochs(model: &ModelData) -> Option<String> {
    let last = model.epochs.last()?.epoch;
    let best = model.best_epoch.map(|best| format!("{best} of {last}"));
    Some(best.unwrap_or_else(|| last.to_string()))
}
