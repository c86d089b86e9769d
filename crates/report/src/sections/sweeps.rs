//! What the settings do: every sweep, by its validation figures.

use artifact::format;
use maud::{Markup, html};
use pages::{Table, figure, figure_with_csv, grid, paragraph, section, with_detail};

use crate::data::{RangeTestData, ReportData, SweepData, SweepPoint};
use crate::numbers;
use crate::pictures::{range, sweep};
use crate::words;

/// The section; nothing where no sweep was run.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let is_empty = data.sweeps.iter().all(|sweep| sweep.points.is_empty());
    if is_empty && data.range_tests.is_empty() {
        return None;
    }
    let content = html! {
        @for (place, sweep) in data.sweeps.iter().enumerate() { (part(place, sweep)) }
        @for (place, test) in data.range_tests.iter().enumerate() { (range_test(place, test)) }
    };
    Some(section("settings", "Settings compared", content))
}

/// A learning-rate range test.
fn range_test(place: usize, test: &RangeTestData) -> Markup {
    let learned = match test.suggested {
        Some(rate) => format!("The loss falls fastest at a learning rate of {rate:.1e}"),
        None => "The loss does not fall at any learning rate".to_owned(),
    };
    let end = match test.diverged {
        Some(rate) => format!(
            "diverges at {rate:.1e}, a tenth of which is a careful choice: {:.1e}",
            rate / 10.0
        ),
        None => "does not diverge".to_owned(),
    };
    html! {
        h3 { (test.name) }
        (paragraph(format!("{learned}, and {end}. It says where to look; a sweep says what to take.")))
        @if let Some(picture) = range::draw(place, test) {
            @let caption = format!(
                "Training loss over {} steps at rising learning rates (Smith 2017): smoothed, and of each batch in grey",
                format::count(test.points.len() as u64)
            );
            (figure_with_csv(picture, caption, numbers::range_test(test)))
        }
    }
}

fn part(place: usize, sweep: &SweepData) -> Markup {
    let rows = format::plural(sweep.rows, "validation review", "validation reviews");
    let curves = sweep::curves(place, sweep);
    html! {
        h3 { (sweep.name) }
        (paragraph(finding(sweep)))
        @if let Some(picture) = sweep::effect(place, sweep) {
            @let caption = format!(
                "Accuracy on {rows} by {}: a dot for each training, the line through their means. The ring is what the \
                 lowest mean loss chooses.",
                sweep.over[0]
            );
            (figure_with_csv(picture, caption, numbers::sweep(sweep)))
        }
        @if !curves.is_empty() {
            (figure(
                grid("three", curves),
                "Loss by epoch on validation, for each value with the others in grey behind it, all on the same axes.",
            ))
        }
        (all(sweep, &rows))
    }
}

/// The conclusion in a sentence or two.
fn finding(sweep: &SweepData) -> String {
    let Some(best) = sweep.best() else {
        return "No trial is there yet.".to_owned();
    };
    let accuracies = sweep.points.iter().map(SweepPoint::accuracy);
    let worst = accuracies.fold(1.0, f64::min);
    let seeds = best.trials.len();
    let spread = if seeds > 1 {
        let (low, high) = best.range(|trial| 100.0 * trial.accuracy);
        format!(", the mean of {seeds} seeds ({low:.1} to {high:.1} %)")
    } else {
        String::new()
    };
    let pairs = sweep.over.iter().zip(&best.values);
    let named = pairs.map(|(setting, value)| format!("{setting} = {value}"));
    format!(
        "Of {} in {}, {} does best on validation: loss {:.4}, accuracy {:.1} %{spread}. The worst of them has {:.1} %. \
         No test review was looked at.",
        format::plural(sweep.points.len() as u64, "combination", "combinations"),
        format::plural(sweep.trials().count() as u64, "training", "trainings"),
        words::join(named, ", "),
        best.loss(),
        100.0 * best.accuracy(),
        100.0 * worst,
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
        with_detail((mean, format!("{low:.1} to {high:.1}")))
    };
    let trainings = |point: &SweepPoint| {
        let stopped = point.trials.iter().filter_map(|trial| trial.stopped_after);
        let Some(epochs) = stopped.max() else {
            return html! { (point.trials.len()) };
        };
        let epochs = format::plural(epochs.into(), "epoch", "epochs");
        with_detail((point.trials.len(), format!("stopped after {epochs}")))
    };
    let caption = format!("{}: all combinations on {rows}, the best first", sweep.name);
    let mut table = Table::new(caption, order);
    for (place, setting) in sweep.over.iter().enumerate() {
        let value = |point: &'a SweepPoint| &point.values[place];
        table = match place {
            0 => table.names(setting, value),
            _ => table.words(setting, value),
        };
    }
    table
        .numbers("accuracy (%)", accuracy)
        .numbers("loss", |it| format!("{:.4}", it.loss()))
        .numbers("trainings", trainings)
        .numbers("seconds each", |it| {
            format!("{:.1}", it.mean(|trial| trial.seconds))
        })
}
