//! Calibration: whether the probabilities can be trusted, before and after it.

use maud::{Markup, html};
use metrics::{CalibrationFile, Metric, ProbabilityFigures};
use pages::{Table, figure, grid, paragraph, remark, with_detail};

use super::Collapsed;
use crate::data::{ModelData, ReportData};
use crate::pictures::reliability;
use crate::{csv_downloads, format};

/// Reads one figure of the probabilities.
type ReadFigure = fn(&ProbabilityFigures) -> f64;

/// The section; `None` without predictions.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let models = data.by_accuracy().into_iter();
    let models = models.filter(|(_, model)| !model.reliability.is_empty());
    let diagrams = models.map(|(index, model)| {
        let ece = model.figure(Metric::CalibrationError).map(|it| it.value());
        let ece = ece.map_or_else(String::new, |ece| format!(", ECE {ece:.3}"));
        let caption = format!("{}{ece}", model.name);
        figure(reliability::draw(model, index), caption)
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
            "Each dot is a tenth of the {}: their mean predicted probability and the share of them that is \
             positive, with 95% CI. Dots on the dashed line are perfectly calibrated. Hollow grey dots are before calibration.",
            data.test_reviews()
        )))
        (grid("three", diagrams))
        (csv_downloads::reliability(&data.models))
    };
    let answer = "Whether reviews with a probability of 80% are positive in 80% of the cases.";
    Some((answer.into(), content))
}

fn calibrated(data: &ReportData) -> impl Iterator<Item = (&ModelData, &CalibrationFile)> {
    let models = data.by_accuracy().into_iter();
    models.filter_map(|(_, model)| Some((model, model.calibration.as_ref()?)))
}

/// Where calibration made the probabilities better, and where worse.
fn effects(data: &ReportData) -> Vec<String> {
    let change = |metric: Metric, read: ReadFigure| {
        let worse = calibrated(data).filter_map(move |(model, file)| {
            let [before, after] = [&file.before, &file.after].map(|it| format!("{:.3}", read(it)));
            let interval = model.figure(metric).and_then(|it| it.estimate());
            let unclear = interval.filter(|it| it.low <= read(&file.before));
            let note = unclear.map_or("", |_| ", whose interval contains both: no clear change");
            (before < after)
                .then(|| format!("`{}` ({before} before, {after} after{note})", model.name))
        });
        format::list(&worse.collect::<Vec<_>>())
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
        "Probabilities on {} before and after calibration, which is fitted on validation. Lower is better.",
        data.test_reviews()
    );
    let name = |it: (&ModelData, &CalibrationFile)| with_detail((&it.0.name, &it.1.method));
    let mut table = Table::new(caption, calibrated(data)).names("Model", name);
    let figures: [(&str, ReadFigure); 3] = [
        ("ECE", |it| it.ece),
        ("Log loss", |it| it.log_loss),
        ("Brier", |it| it.brier),
    ];
    for (name, read) in figures {
        let value = |it: &ProbabilityFigures| format!("{:.3}", read(it));
        table = table
            .numbers(&format!("{name} before"), |(_, it)| value(&it.before))
            .numbers(&format!("{name} after"), |(_, it)| value(&it.after));
    }
    table
}
