//! Calibration: whether the probabilities can be trusted, before and after it.

use artifact::format;
use maud::{Markup, html};
use metrics::{CalibrationFile, Metric, ProbabilityFigures};
use pages::{Table, collapsed_section, figure, grid, paragraph, remark, with_detail};

use crate::csv_downloads;
use crate::data::{ModelData, ReportData};
use crate::formatting;
use crate::pictures::reliability;

/// Reads one figure of the probabilities.
type ReadFigure = fn(&ProbabilityFigures) -> f64;

/// The section; `None` without predictions.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let models = data.by_accuracy().into_iter();
    let models = models.filter(|(_, model)| !model.reliability.is_empty());
    let diagrams = models.map(|(index, model)| {
        let error = model.figure(Metric::CalibrationError);
        let error = error.map(|it| formatting::figure(Metric::CalibrationError, it).0);
        let error = error.map_or_else(String::new, |error| format!(", ECE {error}"));
        figure(
            reliability::draw(model, index),
            format!("{}{error}", model.name),
        )
    });
    let diagrams: Vec<Markup> = diagrams.collect();
    if diagrams.is_empty() {
        return None;
    }
    let content = html! {
        @if data.models.iter().any(|model| model.calibration.is_some()) {
            @for sentence in effects(data) { (paragraph(sentence)) }
            (before_and_after(data))
            @if data.models.iter().any(|model| model.calibration.is_none()) {
                (remark("Ensembles have no separate calibration step. The weights of their members are fitted on validation."))
            }
        }
        (paragraph(format!(
            "Each dot is a tenth of the {} test reviews: their mean predicted probability and the share of them that is \
             positive, with 95% CI. Dots on the dashed line are perfectly calibrated. Hollow grey dots are before calibration.",
            format::count(data.rows)
        )))
        (grid("three", diagrams))
        (csv_downloads::reliability(&data.models))
    };
    let answer = "Whether reviews with a probability of 80% are positive in 80% of the cases.";
    Some(collapsed_section(
        "calibration",
        "Calibration",
        answer,
        content,
    ))
}

fn calibrated(data: &ReportData) -> impl Iterator<Item = (&ModelData, &CalibrationFile)> {
    let models = data.by_accuracy().into_iter();
    models.filter_map(|(_, model)| Some((model, model.calibration.as_ref()?)))
}

/// Where calibration made the probabilities better, and where worse.
fn effects(data: &ReportData) -> Vec<String> {
    let change = |metric: Metric, read: ReadFigure| {
        let worse = calibrated(data).filter_map(move |(model, file)| {
            let [before, after] =
                [read(&file.before), read(&file.after)].map(|it| format!("{it:.3}"));
            let interval = model.figure(metric).and_then(|it| it.estimate());
            let unclear = interval.filter(|it| it.low <= read(&file.before));
            let note = unclear.map_or("", |_| ", whose interval contains both: no clear change");
            (before < after)
                .then(|| format!("{} ({before} before, {after} after{note})", model.name))
        });
        formatting::list(&worse.collect::<Vec<_>>())
    };
    let ece = change(Metric::CalibrationError, |it| it.ece);
    let loss = change(Metric::LogLoss, |it| it.log_loss);
    if ece.is_empty() && loss.is_empty() {
        return vec!["Calibration made neither ECE nor log loss worse for any model.".to_owned()];
    }
    let sentence = |name: &str, models: String| {
        (!models.is_empty()).then(|| format!("Calibration made the {name} worse for {models}."))
    };
    let sentences = [sentence("ECE", ece), sentence("log loss", loss)];
    sentences.into_iter().flatten().collect()
}

fn before_and_after(data: &ReportData) -> Table<(&ModelData, &CalibrationFile)> {
    let caption = format!(
        "Probabilities on {} test reviews before and after calibration, which is fitted on validation. Lower is better.",
        format::count(data.rows)
    );
    let mut table = Table::new(caption, calibrated(data)).names("Model", |(model, file)| {
        with_detail((&model.name, &file.method))
    });
    let figures: [(&str, ReadFigure); 3] = [
        ("ECE", |it| it.ece),
        ("Log loss", |it| it.log_loss),
        ("Brier", |it| it.brier),
    ];
    for (name, read) in figures {
        table = table
            .numbers(&format!("{name} before"), |(_, it)| {
                format!("{:.3}", read(&it.before))
            })
            .numbers(&format!("{name} after"), |(_, it)| {
                format!("{:.3}", read(&it.after))
            });
    }
    table
}
