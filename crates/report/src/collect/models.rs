//! A model: its figures, its decisions, and what it cost.

use artifact::files::Speed;
use artifact::{Artifact, Failure, FileRole};
use metrics::{MetricsFile, RocPoint, ScoredRows, confusion_matrix, reliability, roc_curve};
use serde::Deserialize;
use serde_json::Value;

use super::{read, record};
use crate::data::{ModelData, ReadingData};
use crate::merge::Judged;
use crate::words;

/// Bins of a reliability diagram: enough to see a shape, few enough for narrow intervals.
const BINS: u64 = 10;

/// What the page shows of `model.json`.
#[derive(Deserialize)]
struct ModelView {
    parameters: Option<u64>,
    best_epoch: Option<u32>,
    #[serde(default)]
    architecture: Value,
}

/// What the page shows of `ensemble.json`.
#[derive(Deserialize)]
struct EnsembleView {
    members: Vec<(String, f64)>,
}

/// A model by its training, its evaluation and its judged reviews. One without a training is an
/// ensemble, which was not trained but weighed.
pub(super) fn collect(
    name: &str,
    trained: Option<&Artifact>,
    evaluation: &Artifact,
    judged: &Judged,
    metrics: &MetricsFile,
) -> Result<ModelData, Failure> {
    let run = &trained.unwrap_or(evaluation).manifest().run;
    let tally = ScoredRows::new(&judged.labels, &judged.probabilities[name]);
    let tally = tally.map_err(Failure::from_error)?;
    let model = ModelData {
        name: name.to_owned(),
        figures: metrics.models.get(name).cloned().unwrap_or_default(),
        confusion: confusion_matrix(&tally),
        reliability: reliability(&tally, BINS),
        roc: thinned(&roc_curve(&tally).unwrap_or_default()),
        seconds: run.seconds,
        total_seconds: run.seconds,
        peak_memory: run.peak_memory,
        ..ModelData::default()
    };
    match trained {
        Some(trained) => of_training(model, trained, evaluation),
        None => of_ensemble(model, evaluation),
    }
}

fn of_training(
    model: ModelData,
    trained: &Artifact,
    evaluation: &Artifact,
) -> Result<ModelData, Failure> {
    let view: ModelView = read(trained, "model.json")?;
    let speed: Speed = read(evaluation, "speed.json")?;
    let epochs = record::read(trained)?;
    let manifest = trained.manifest();
    // The files that a bundle needs.
    let bundle = manifest.files.iter();
    let bundle = bundle.filter(|file| file.role == FileRole::Data);
    Ok(ModelData {
        architecture: in_words(&manifest.settings, &view.architecture),
        reviews_per_second: record::reviews_per_second(&epochs),
        epochs,
        best_epoch: view.best_epoch,
        parameters: view.parameters,
        prediction_speed: (speed.seconds > 0.0).then(|| speed.rows as f64 / speed.seconds),
        calibration: Some(read(evaluation, "calibration.json")?),
        bytes: Some(bundle.map(|file| file.bytes).sum()),
        ..model
    })
}

fn of_ensemble(model: ModelData, evaluation: &Artifact) -> Result<ModelData, Failure> {
    let mut members = read::<EnsembleView>(evaluation, "ensemble.json")?.members;
    let weighed = members.iter();
    let weighed = weighed.map(|(member, weight)| format!("{member} {weight:.2}"));
    let architecture = format!("ensemble of {}", words::join(weighed, ", "));
    members.sort_by(|one, two| two.1.total_cmp(&one.1));
    Ok(ModelData {
        architecture,
        members: members.into_iter().map(|(member, _)| member).collect(),
        ..model
    })
}

/// Adds to every model what had to be computed first: the features that it reads, or its members.
pub(super) fn add_costs(models: &mut [ModelData], readings: &[ReadingData]) {
    for model in models.iter_mut() {
        let reading = readings.iter().find(|reading| reading.model == model.name);
        let Some((rows, seconds)) = reading.and_then(|reading| reading.encoding) else {
            continue;
        };
        model.total_seconds += seconds;
        // A new review is encoded first.
        let encoding = seconds / rows.max(1) as f64;
        let speed = model.prediction_speed;
        model.prediction_speed = speed.map(|speed| 1.0 / (1.0 / speed + encoding));
    }
    let known = models.to_vec();
    for model in models.iter_mut().filter(|model| !model.members.is_empty()) {
        let is_member = |other: &&ModelData| model.members.contains(&other.name);
        let members = || known.iter().filter(is_member);
        let members_seconds: f64 = members().map(|member| member.total_seconds).sum();
        // One after the other.
        let each: Option<f64> = members().map(|it| Some(1.0 / it.prediction_speed?)).sum();
        let parameters = members().map(|member| member.parameters).sum();
        let bytes = members().map(|member| member.bytes).sum();
        model.total_seconds += members_seconds;
        model.prediction_speed = each.map(|seconds| 1.0 / seconds);
        (model.parameters, model.bytes) = (parameters, bytes);
    }
}

/// The points that can be seen: each at least half a pixel from the one before in a picture
/// of 300, and both corners.
/// A curve of 25,000 points becomes one of some hundred.
pub fn thinned(curve: &[RocPoint]) -> Vec<RocPoint> {
    const STEP: f64 = 0.002;
    let mut kept: Vec<RocPoint> = Vec::new();
    for (index, point) in curve.iter().enumerate() {
        let is_far = kept.last().is_none_or(|last| {
            let across = point.false_positive_rate - last.false_positive_rate;
            across + point.true_positive_rate - last.true_positive_rate >= 2.0 * STEP
        });
        if is_far || index + 1 == curve.len() {
            kept.push(*point);
        }
    }
    kept
}

/// The network in a few words, from the settings that made it: `lstm, 128 states, two directions`.
fn in_words(settings: &Value, architecture: &Value) -> String {
    let text = |name: &str| settings[name].as_str().unwrap_or_default();
    let number = |name: &str| settings[name].as_u64().unwrap_or_default();
    let kind = match text("kind") {
        "" => architecture.as_str().unwrap_or_default(),
        kind => kind,
    };
    let mut words = vec![kind.to_owned()];
    match kind {
        "naive" => words.push(format!("{} hidden units", number("hidden"))),
        "cnn" => words.push(format!("{} filters per width", number("filters"))),
        "rnn" | "lstm" | "gru" => {
            words.push(format!("{} states", number("hidden")));
            if number("layers") > 1 {
                words.push(format!("{} layers", number("layers")));
            }
            if settings["bidirectional"] == true {
                words.push("two directions".to_owned());
            }
            words.push(format!("{} pooling", text("pooling")));
        }
        "linear" => words.push("logistic regression on word sequences".to_owned()),
        "probe" => words.push("logistic regression on an encoder's features".to_owned()),
        "transformer" => {
            words.push("a pretrained encoder, tuned".to_owned());
            if number("frozen_layers") > 0 {
                words.push(format!("{} layers frozen", number("frozen_layers")));
            }
        }
        _ => {}
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_told_in_a_few_words() {
        let check = |settings: Value, expected: &str| {
            assert_eq!(in_words(&settings, &Value::Null), expected)
        };
        check(
            serde_json::json!({"kind": "naive", "hidden": 64}),
            "naive, 64 hidden units",
        );
        check(
            serde_json::json!({"kind": "gru", "hidden": 128, "layers": 2, "bidirectional": true, "pooling": "max"}),
            "gru, 128 states, 2 layers, two directions, max pooling",
        );
        check(
            serde_json::json!({"kind": "rnn", "hidden": 8, "layers": 1, "pooling": "last"}),
            "rnn, 8 states, last pooling",
        );
        check(serde_json::json!({}), "");
    }

    #[test]
    fn a_long_curve_becomes_short_and_keeps_its_corners() {
        let curve: Vec<RocPoint> = (0..=20_000)
            .map(|step| f64::from(step) / 20_000.0)
            .map(|share| RocPoint {
                false_positive_rate: share,
                true_positive_rate: share.sqrt(),
            })
            .collect();
        let found = thinned(&curve);
        assert!(found.len() < 600, "{}", found.len());
        assert_eq!((found.first(), found.last()), (curve.first(), curve.last()));
        assert!(thinned(&[]).is_empty());
    }
}
