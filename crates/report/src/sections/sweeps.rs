//! What the settings do: every sweep, by its validation figures.

use artifact::format;

use crate::data::{RangeTestData, ReportData, SweepData, SweepPoint};
use crate::numbers;
use crate::pictures::{range, sweep};
use pages::{Element, element};
use pages::{
    cell, figure, grid, heading, number, number_heading, numbered, paragraph, row_heading, section,
    table,
};

/// The section; nothing where no sweep was run.
pub(crate) fn draw(data: &ReportData) -> Option<Element> {
    let is_empty = data.sweeps.iter().all(|sweep| sweep.points.is_empty());
    if is_empty && data.range_tests.is_empty() {
        return None;
    }
    let parts = data
        .sweeps
        .iter()
        .enumerate()
        .flat_map(|(place, sweep)| part(place, sweep));
    let tests = data.range_tests.iter().enumerate();
    let tests = tests.flat_map(|(place, test)| range_test(place, test));
    Some(section("settings", "Settings compared").children(parts.chain(tests).collect::<Vec<_>>()))
}

/// A learning-rate range test.
fn range_test(place: usize, test: &RangeTestData) -> Vec<Element> {
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
    let mut parts = vec![
        element("h3").text(&test.name),
        paragraph(format!(
            "{learned}, and {end}. It says where to look; a sweep says what to take."
        )),
    ];
    if let Some(picture) = range::draw(place, test) {
        let caption = format!(
            "Training loss over {} steps at rising learning rates (Smith 2017): smoothed, and of each batch in grey",
            format::count(test.points.len() as u64)
        );
        parts.push(numbered(picture, caption, &numbers::range_test(test)));
    }
    parts
}

fn part(place: usize, sweep: &SweepData) -> Vec<Element> {
    let mut parts = vec![element("h3").text(&sweep.name), paragraph(finding(sweep))];
    let rows = format::plural(sweep.rows, "validation review", "validation reviews");
    if let Some(picture) = sweep::effect(place, sweep) {
        let caption = format!(
            "Accuracy on {rows} by {}: a dot for each training, the line through their means. The ring is what the lowest \
             mean loss chooses.",
            sweep.over[0]
        );
        parts.push(numbered(picture, caption, &numbers::sweep(sweep)));
    }
    let curves = sweep::curves(place, sweep);
    if !curves.is_empty() {
        let caption = "Loss by epoch on validation, for each value with the others in grey behind it, all on the same axes.";
        parts.push(figure(grid("three", curves), caption));
    }
    parts.push(all(sweep, &rows));
    parts
}

/// The conclusion in a sentence or two.
pub(crate) fn finding(sweep: &SweepData) -> String {
    let Some(best) = sweep.best() else {
        return "No trial is there yet.".to_owned();
    };
    let trials: usize = sweep.points.iter().map(|point| point.trials.len()).sum();
    let worst = sweep
        .points
        .iter()
        .map(|point| point.mean(|trial| trial.accuracy))
        .fold(1.0, f64::min);
    let seeds = best.trials.len();
    let spread = if seeds > 1 {
        let (low, high) = best.range(|trial| trial.accuracy);
        format!(
            ", the mean of {seeds} seeds ({:.1} to {:.1} %)",
            100.0 * low,
            100.0 * high
        )
    } else {
        String::new()
    };
    format!(
        "Of {} in {}, {} does best on validation: loss {:.4}, accuracy {:.1} %{spread}. The worst of them has {:.1} %. \
         No test review was looked at.",
        format::plural(sweep.points.len() as u64, "combination", "combinations"),
        format::plural(trials as u64, "training", "trainings"),
        named(sweep, best),
        best.mean(|trial| trial.loss),
        100.0 * best.mean(|trial| trial.accuracy),
        100.0 * worst,
    )
}

fn named(sweep: &SweepData, point: &SweepPoint) -> String {
    let pairs = sweep.over.iter().zip(&point.values);
    pairs
        .map(|(setting, value)| format!("{setting} = {value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn all(sweep: &SweepData, rows: &str) -> Element {
    let mut order: Vec<&SweepPoint> = sweep.points.iter().collect();
    let loss = |point: &SweepPoint| point.mean(|trial| trial.loss);
    order.sort_by(|one, two| loss(one).total_cmp(&loss(two)));
    let headings = sweep.over.iter().map(|setting| heading(setting));
    let figures = ["accuracy (%)", "loss", "trainings", "seconds each"].map(number_heading);
    let lines = order.into_iter().map(|point| {
        let (first, others) = point.values.split_first().expect("a setting is swept over");
        let mut cells = vec![row_heading(first)];
        cells.extend(others.iter().map(cell));
        let (low, high) = point.range(|trial| 100.0 * trial.accuracy);
        let mean = number(format!("{:.1}", 100.0 * point.mean(|trial| trial.accuracy)));
        cells.push(if point.trials.len() > 1 {
            mean.child(
                element("span")
                    .class("range")
                    .text(format!("{low:.1} to {high:.1}")),
            )
        } else {
            mean
        });
        cells.push(number(format!("{:.4}", loss(point))));
        let stopped = point
            .trials
            .iter()
            .filter_map(|trial| trial.stopped_after)
            .max();
        let trained = number(point.trials.len());
        cells.push(match stopped {
            Some(epochs) => trained.child(element("span").class("range").text(format!(
                "stopped after {}",
                format::plural(epochs.into(), "epoch", "epochs")
            ))),
            None => trained,
        });
        cells.push(number(format!("{:.1}", point.mean(|trial| trial.seconds))));
        cells
    });
    let caption = format!("{}: all combinations on {rows}, the best first", sweep.name);
    table(
        &caption,
        headings.chain(figures).collect::<Vec<_>>(),
        lines.collect::<Vec<_>>(),
    )
}
