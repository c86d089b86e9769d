//! A model: its figures, its predictions by class, and its cost.

use artifact::files::Speed;
use artifact::{Artifact, Failure, FileRole};
use metrics::{MetricsFile, RocPoint, ScoredRows, confusion_matrix, reliability, roc_curve};
use serde::Deserialize;
use serde_json::Value;

use super::{Result, decisions, read, training_record};
use crate::data::{InputLengthData, ModelData};
use crate::predictions::TestPredictions;

/// Bins of a reliability diagram: more would make the interval of each bin too wide to read.
const BINS: u64 = 10;

/// The part of `model.json` that the report shows.
#[derive(Deserialize)]
struct ModelView {
    parameters: Option<u64>,
    best_epoch: Option<u32>,
    #[serde(default)]
    architecture: Value,
}

/// The part of `ensemble.json` that the report shows.
#[derive(Deserialize)]
struct EnsembleView {
    members: Vec<(String, f64)>,
}

/// A model from its training, its evaluation and its predictions. A model without a training is an ensemble.
pub(super) fn collect(
    name: &str,
    trained: Option<&Artifact>,
    evaluation: &Artifact,
    predictions: &TestPredictions,
    metrics: &MetricsFile,
) -> Result<ModelData> {
    let run = &trained.unwrap_or(evaluation).manifest().run;
    let (labels, confidence) = (&predictions.labels, metrics.confidence);
    let values = &predictions.probabilities[name];
    let validation = predictions.validation.get(name);
    let tally = ScoredRows::new(labels, values).map_err(Failure::from_error)?;
    let model = ModelData {
        name: name.to_owned(),
        figures: metrics.models.get(name).cloned().unwrap_or_default(),
        confusion: confusion_matrix(&tally),
        classes: decisions::classes(labels, values, confidence),
        validation: metrics.validation.get(name).copied(),
        abstention: decisions::abstention(labels, values, confidence),
        abstain: validation.and_then(|(labels, values)| {
            decisions::abstain_threshold(&decisions::abstention(labels, values, confidence))
        }),
        coverage_curve: decisions::coverage_curve(labels, values, confidence),
        reliability: reliability(&tally, BINS),
        roc: thin_roc_curve(&roc_curve(&tally).unwrap_or_default()),
        seconds: run.seconds,
        total_seconds: run.seconds,
        peak_memory: run.peak_memory,
        ..ModelData::default()
    };
    match trained {
        Some(trained) => add_training(model, trained, evaluation),
        None => add_ensemble(model, evaluation),
    }
}

fn add_training(model: ModelData, trained: &Artifact, evaluation: &Artifact) -> Result<ModelData> {
    let view: ModelView = read(trained, "model.json")?;
    let speed: Speed = read(evaluation, "speed.json")?;
    let epochs = training_record::read(trained)?;
    let manifest = trained.manifest();
    // Only data files belong to the bundle.
    let bundle = manifest.files.iter();
    let bundle = bundle.filter(|file| file.role == FileRole::Data);
    Ok(ModelData {
        architecture: describe_architecture(&manifest.settings, &view.architecture),
        reviews_per_second: training_record::reviews_per_second(&epochs),
        epochs,
        best_epoch: view.best_epoch,
        parameters: view.parameters,
        prediction_speed: (speed.seconds > 0.0).then(|| speed.rows as f64 / speed.seconds),
        calibration: Some(read(evaluation, "calibration.json")?),
        bytes: Some(bundle.map(|file| file.bytes).sum()),
        ..model
    })
}

fn add_ensemble(model: ModelData, evaluation: &Artifact) -> Result<ModelData> {
    let mut members = read::<EnsembleView>(evaluation, "ensemble.json")?.members;
    members.sort_by(|one, two| two.1.total_cmp(&one.1));
    let total: f64 = members.iter().map(|(_, weight)| weight.abs()).sum();
    let share = |weight: f64| if total > 0.0 { weight / total } else { 0.0 };
    Ok(ModelData {
        architecture: format!("ensemble of {} models", members.len()),
        member_shares: members.iter().map(|(_, weight)| share(*weight)).collect(),
        members: members.into_iter().map(|(member, _)| member).collect(),
        ..model
    })
}

/// Adds the cost of prerequisites to every model: the features that it reads, or the members of an ensemble.
pub(super) fn add_costs(models: &mut [ModelData], lengths: &[InputLengthData]) {
    for model in models.iter_mut() {
        let length = lengths.iter().find(|length| length.model == model.name);
        if let Some((rows, seconds)) = length.and_then(|length| length.encoding) {
            model.total_seconds += seconds;
            // A new review is encoded before it is predicted.
            let encoding = seconds / rows.max(1) as f64;
            let speed = model.prediction_speed;
            model.prediction_speed = speed.map(|speed| 1.0 / (1.0 / speed + encoding));
        }
    }
    let all = models.to_vec();
    for model in models.iter_mut().filter(|model| !model.members.is_empty()) {
        let names = model.members.clone();
        let members = || all.iter().filter(|other| names.contains(&other.name));
        model.total_seconds += members().map(|it| it.total_seconds).sum::<f64>();
        // The members predict one after another.
        let each: Option<f64> = members().map(|it| Some(1.0 / it.prediction_speed?)).sum();
        model.prediction_speed = each.map(|seconds| 1.0 / seconds);
        model.parameters = members().map(|it| it.parameters).sum();
        model.bytes = members().map(|it| it.bytes).sum();
        let memory = members().map(|it| it.peak_memory).max();
        model.peak_memory = model.peak_memory.max(memory.unwrap_or_default());
    }
}

/// The points that can be seen in a picture of 300 pixels: each at least half a pixel from the one before, and
/// both ends. Of 25,000 points a few hundred remain.
pub fn thin_roc_curve(curve: &[RocPoint]) -> Vec<RocPoint> {
    const STEP: f64 = 0.002;
    let mut visible: Vec<RocPoint> = Vec::new();
    for (index, point) in curve.iter().enumerate() {
        let is_far = visible.last().is_none_or(|last| {
            let across = point.false_positive_rate - last.false_positive_rate;
            across + point.true_positive_rate - last.true_positive_rate >= 2.0 * STEP
        });
        if is_far || index + 1 == curve.len() {
            visible.push(*point);
        }
    }
    visible
}

/// The kind of model in a few words, from its settings: `lstm, 128 states, bidirectional`.
fn describe_architecture(settings: &Value, architecture: &Value) -> String {
    let number = |name: &str| settings[name].as_u64().unwrap_or_default();
    let kind = settings["kind"].as_str().or(architecture.as_str());
    let kind = kind.unwrap_or_default();
    let hidden = number("hidden");
    match kind {
        "naive" => format!("naive, {hidden} hidden units"),
        "cnn" => format!("cnn, {} filters per width", number("filters")),
        "rnn" | "lstm" | "gru" => {
            let layers = match number("layers") {
                0 | 1 => String::new(),
                layers => format!(", {layers} layers"),
            };
            let both = settings["bidirectional"] == true;
            let both = if both { ", bidirectional" } else { "" };
            let pooling = settings["pooling"].as_str().unwrap_or_default();
            format!("{kind}, {hidden} states{layers}{both}, {pooling} pooling")
        }
        "linear" => "linear, logistic regression on word n-grams".to_owned(),
        "probe" => "probe, logistic regression on encoder features".to_owned(),
        "transformer" => match number("frozen_layers") {
            0 => "transformer, fine-tuned pretrained encoder".to_owned(),
            frozen => format!("transformer, fine-tuned pretrained encoder, {frozen} layers frozen"),
        },
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_are_described() {
        let check = |settings: Value, expected: &str| {
            assert_eq!(describe_architecture(&settings, &Value::Null), expected)
        };
        check(
            serde_json::json!({"kind": "naive", "hidden": 64}),
            "naive, 64 hidden units",
        );
        check(
            serde_json::json!({"kind": "gru", "hidden": 128, "layers": 2, "bidirectional": true, "pooling": "max"}),
            "gru, 128 states, 2 layers, bidirectional, max pooling",
        );
        check(
            serde_json::json!({"kind": "rnn", "hidden": 8, "layers": 1, "pooling": "last"}),
            "rnn, 8 states, last pooling",
        );
        check(serde_json::json!({}), "");
    }

    #[test]
    fn a_long_roc_curve_is_thinned_and_keeps_its_ends() {
        let curve: Vec<RocPoint> = (0..=20_000)
            .map(|step| f64::from(step) / 20_000.0)
            .map(|share| RocPoint {
                false_positive_rate: share,
                true_positive_rate: share.sqrt(),
            })
            .collect();
        let found = thin_roc_curve(&curve);
        assert!(found.len() < 600, "{}", found.len());
        assert_eq!((found.first(), found.last()), (curve.first(), curve.last()));
        assert!(thin_roc_curve(&[]).is_empty());
    }
}
