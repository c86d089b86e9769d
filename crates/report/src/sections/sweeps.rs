//! Hyperparameter sweeps by their validation figures, and learning-rate range tests.

use maud::{Markup, html};
use pages::{Table, figure, figure_with_csv, grid, paragraph, with_detail};

use super::Collapsed;
use crate::data::{RangeTestData, ReportData, SweepData, SweepPoint};
use crate::pictures::sweep;
use crate::{csv_downloads, format};

/// The section; `None` without sweeps and range tests.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let is_empty = data.sweeps.iter().all(|sweep| sweep.points.is_empty());
    if is_empty && data.range_tests.is_empty() {
        return None;
    }
    let content = html! {
        @for (index, sweep) in data.sweeps.iter().enumerate() { (part(data, index, sweep)) }
        @for (index, test) in data.range_tests.iter().enumerate() { (draw_range_test(index, test)) }
    };
    let answer = "Which values of the hyperparameters give the lowest validation loss.";
    Some((answer.into(), content))
}

/// A learning-rate range test.
fn draw_range_test(index: usize, test: &RangeTestData) -> Markup {
    let fastest = match test.suggested {
        Some(rate) => format!("The loss falls fastest at a learning rate of {rate:.1e}"),
        None => "The loss does not fall at any learning rate".to_owned(),
    };
    let end = match test.diverged {
        Some(rate) => {
            let tenth = rate / 10.0;
            format!("it diverges at {rate:.1e}; a tenth of that, {tenth:.1e}, is a cautious choice")
        }
        None => "it does not diverge".to_owned(),
    };
    html! {
        h3 { (test.name) }
        (paragraph(format!("{fastest}; {end}. A sweep over rates near these finds the best one.")))
        @if let Some(picture) = sweep::range_test(index, test) {
            @let caption = format!(
                "Training loss by learning rate over {} steps (Smith 2017): smoothed, and of single batches in grey.",
                format::count(test.points.len() as u64)
            );
            (figure_with_csv(picture, caption, csv_downloads::range_test(test)))
        }
    }
}

fn part(data: &ReportData, index: usize, sweep: &SweepData) -> Markup {
    let rows = format::plural(sweep.rows, "validation review", "validation reviews");
    let curves = sweep::curves(index, sweep);
    let caption = "Validation loss by epoch for each value. The other values are grey.";
    html! {
        h3 { (sweep.name) @if let Some(kind) = kind(data, sweep) { " (" (kind) ")" } }
        (paragraph(best_combination(sweep)))
        @if let Some(picture) = sweep::effect(index, sweep) {
            @let caption = format!(
                "Accuracy on {rows} by {}: a dot per trial. The ring has the lowest loss.",
                sweep.over[0]
            );
            (figure_with_csv(picture, caption, csv_downloads::sweep(sweep)))
        }
        @if !curves.is_empty() { (figure(grid("three", curves), caption)) }
        (all(sweep, &rows))
    }
}

/// The kind of model that the sweep trains.
fn kind<'a>(data: &'a ReportData, sweep: &SweepData) -> Option<&'a str> {
    let trial = &sweep.points.first()?.trials.first()?.name;
    let step = data.steps.iter().find(|step| step.variant == *trial)?;
    Some(&step.settings.iter().find(|(name, _)| name == "kind")?.1)
}

fn best_combination(sweep: &SweepData) -> String {
    let Some(best) = sweep.best() else {
        return "There are no trials yet.".to_owned();
    };
    let accuracies = sweep.points.iter().map(SweepPoint::accuracy);
    let worst = 100.0 * accuracies.fold(1.0, f64::min);
    let (loss, accuracy) = (best.loss(), 100.0 * best.accuracy());
    let (low, high) = best.range(|trial| 100.0 * trial.accuracy);
    let spread = match best.trials.len() {
        0 | 1 => String::new(),
        seeds => format!(", the mean of {seeds} seeds ({low:.1}–{high:.1})"),
    };
    let candidates = format::plural(sweep.points.len() as u64, "candidate", "candidates");
    let trials = format::plural(sweep.trials().count() as u64, "trial", "trials");
    let pairs = sweep.over.iter().zip(&best.values);
    let values = pairs.map(|(setting, value)| format!("{setting} = {value}"));
    let values = format::join(values, ", ");

    format!(
        "The best of {candidates} ({trials}) is {values}: validation loss {loss:.4}, accuracy {accuracy:.1}%{spread}. The \
         lowest accuracy is {worst:.1}%. Test reviews are not used."
    )
}

fn all<'a>(sweep: &'a SweepData, rows: &str) -> Table<&'a SweepPoint> {
    let mut order: Vec<&SweepPoint> = sweep.points.iter().collect();
    order.sort_by(|one, two| one.loss().total_cmp(&two.loss()));
    let accuracy = |point: &SweepPoint| {
        let mean = format!("{:.1}", 100.0 * point.accuracy());
        if point.trials.len() < 2 {
            return html! { (mean) };
        }
        let (low, high) = point.range(|trial| 100.0 * trial.accuracy);
        with_detail((mean, format!("{low:.1}–{high:.1}")))
    };
    let trials = |point: &SweepPoint| {
        let stopped = point.trials.iter().filter_map(|trial| trial.stopped_after);
        let Some(epochs) = stopped.max() else {
            return html! { (point.trials.len()) };
        };
        let epochs = format::plural(epochs.into(), "epoch", "epochs");
        with_detail((point.trials.len(), format!("stopped after {epochs}")))
    };
    let seconds = |point: &SweepPoint| format!("{:.1}", point.mean(|trial| trial.seconds));
    let name = &sweep.name;
    let caption = format!("{name}: figures on {rows}, the lowest loss first.");
    let mut table = Table::new(caption, order);
    for (index, setting) in sweep.over.iter().enumerate() {
        let value = |point: &'a SweepPoint| &point.values[index];
        table = match index {
            0 => table.names(setting, value),
            _ => table.words(setting, value),
        };
    }
    table
        .numbers("Accuracy (%)", accuracy)
        .numbers("Loss", |it| format!("{:.4}", it.loss()))
        .numbers("Trials", trials)
        .numbers("Seconds per trial", seconds)
}
