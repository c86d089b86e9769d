//! A model: its figures, its decisions, and the record of its training.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use artifact::files::Speed;
use artifact::{Artifact, ArtifactError, FileRole};
use metrics::{MetricsFile, RocPoint, Tally, confusion, reliability, roc_curve};
use serde::Deserialize;
use serde_json::Value;

use super::read_json;
use crate::ReportError;
use crate::data::{Epoch, ModelData, ReadingData};
use crate::merge::Judged;

/// Bins of a reliability diagram: enough to see a shape, few enough for narrow intervals.
const BINS: u64 = 10;

/// What the page shows of `model.json`.
#[derive(Deserialize)]
struct ModelView {
    #[serde(default)]
    parameters: Option<u64>,
    #[serde(default)]
    best_epoch: Option<u32>,
    #[serde(default)]
    architecture: Value,
}

/// A model by its training, its evaluation and its judged reviews.
pub(super) fn collect(
    name: &str,
    (artifact, evaluation): (&Artifact, &Artifact),
    judged: &Judged,
    metrics: &MetricsFile,
) -> Result<ModelData, ReportError> {
    let view: ModelView = read_json(&artifact.file("model.json")?)?;
    let record = read_record(&artifact.file("metrics.jsonl")?)?;
    let run = &artifact.manifest().run;
    let speed = record.reviews_per_second();
    let judging: Speed = read_json(&evaluation.file("speed.json")?)?;
    let mut model = ModelData {
        name: name.to_owned(),
        architecture: in_words(&artifact.manifest().settings, &view.architecture),
        figures: metrics.models.get(name).cloned().unwrap_or_default(),
        reviews_per_second: speed,
        epochs: record.epochs(),
        best_epoch: view.best_epoch,
        parameters: view.parameters,
        prediction_speed: (judging.seconds > 0.0).then(|| judging.rows as f64 / judging.seconds),
        calibration: Some(read_json(&evaluation.file("calibration.json")?)?),
        seconds: run.seconds,
        total_seconds: run.seconds,
        bytes: Some(bundle_size(artifact)),
        peak_memory: run.peak_memory,
        ..ModelData::default()
    };
    judge(&mut model, judged)?;
    Ok(model)
}

/// Bytes of the files that a bundle needs.
fn bundle_size(artifact: &Artifact) -> u64 {
    let files = artifact.manifest().files.iter();
    let data = files.filter(|file| file.role == FileRole::Data);
    data.map(|file| file.bytes).sum()
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
        model.prediction_speed = model
            .prediction_speed
            .map(|speed| 1.0 / (1.0 / speed + seconds / rows.max(1) as f64));
    }
    let known = models.to_vec();
    for model in models.iter_mut().filter(|model| !model.members.is_empty()) {
        let members = known
            .iter()
            .filter(|other| model.members.contains(&other.name));
        let members: Vec<&ModelData> = members.collect();
        let sum = |count: fn(&ModelData) -> Option<u64>| -> Option<u64> {
            members.iter().map(|member| count(member)).sum()
        };
        model.total_seconds += members
            .iter()
            .map(|member| member.total_seconds)
            .sum::<f64>();
        model.parameters = sum(|member| member.parameters);
        model.bytes = sum(|member| member.bytes);
        // One after the other.
        let each: Option<Vec<f64>> = members
            .iter()
            .map(|member| Some(1.0 / member.prediction_speed?))
            .collect();
        model.prediction_speed = each.map(|seconds| 1.0 / seconds.iter().sum::<f64>());
    }
}

/// What the page shows of `ensemble.json`.
#[derive(Deserialize)]
struct EnsembleView {
    members: Vec<(String, f64)>,
}

/// An ensemble, which was not trained but weighed.
pub(super) fn ensemble(
    name: &str,
    artifact: &Artifact,
    judged: &Judged,
    metrics: &MetricsFile,
) -> Result<ModelData, ReportError> {
    let mut view: EnsembleView = read_json(&artifact.file("ensemble.json")?)?;
    let members = view.members.iter();
    let members: Vec<String> = members
        .map(|(member, weight)| format!("{member} {weight:.2}"))
        .collect();
    view.members.sort_by(|one, two| two.1.total_cmp(&one.1));
    let run = &artifact.manifest().run;
    let mut model = ModelData {
        name: name.to_owned(),
        architecture: format!("ensemble of {}", members.join(", ")),
        figures: metrics.models.get(name).cloned().unwrap_or_default(),
        seconds: run.seconds,
        total_seconds: run.seconds,
        peak_memory: run.peak_memory,
        members: view.members.into_iter().map(|(member, _)| member).collect(),
        ..ModelData::default()
    };
    judge(&mut model, judged)?;
    Ok(model)
}

/// What follows from the judged reviews.
fn judge(model: &mut ModelData, judged: &Judged) -> Result<(), ReportError> {
    if let Some(probabilities) = judged.probabilities.get(&model.name) {
        let tally = Tally::new(&judged.labels, probabilities)?;
        model.confusion = confusion(&tally);
        model.reliability = reliability(&tally, BINS);
        model.roc = thinned(&roc_curve(&tally).unwrap_or_default());
    }
    Ok(())
}

/// The points that can be seen: each at least half a pixel from the one before in a picture
/// of 300, and both corners.
/// A curve of 25,000 points becomes one of some hundred.
pub fn thinned(curve: &[RocPoint]) -> Vec<RocPoint> {
    const STEP: f64 = 0.002;
    let mut kept: Vec<RocPoint> = Vec::new();
    for (index, point) in curve.iter().enumerate() {
        let is_far = kept.last().is_none_or(|last| {
            point.false_positive_rate - last.false_positive_rate + point.true_positive_rate
                - last.true_positive_rate
                >= 2.0 * STEP
        });
        if is_far || index + 1 == curve.len() {
            kept.push(*point);
        }
    }
    kept
}

/// The network in a few words, from the settings that made it: `lstm, 128 states, two directions`.
fn in_words(settings: &Value, architecture: &Value) -> String {
    let text = |name: &str| {
        settings
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let number = |name: &str| {
        settings
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
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
            if settings.get("bidirectional").and_then(Value::as_bool) == Some(true) {
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
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

/// What the page shows of `metrics.jsonl`: one entry per epoch, the last one where training was
/// resumed and an epoch stands there twice.
#[derive(Debug, Default)]
pub(super) struct Record {
    epochs: BTreeMap<u32, (Epoch, Option<f64>)>,
}

impl Record {
    /// The epochs in order.
    pub(super) fn epochs(self) -> Vec<Epoch> {
        self.epochs.into_values().map(|(epoch, _)| epoch).collect()
    }

    /// Mean speed over epochs.
    fn reviews_per_second(&self) -> Option<f64> {
        let speeds: Vec<f64> = self
            .epochs
            .values()
            .filter_map(|(_, speed)| *speed)
            .collect();
        (!speeds.is_empty()).then(|| speeds.iter().sum::<f64>() / speeds.len() as f64)
    }
}

/// A line of `metrics.jsonl`. JSON has no word for what is no number, so such a loss is null.
#[derive(Deserialize)]
struct LineView {
    event: String,
    #[serde(default)]
    epoch: u32,
    #[serde(default)]
    train_loss: Option<f64>,
    #[serde(default)]
    train_accuracy: Option<f64>,
    #[serde(default)]
    validation_loss: Option<f64>,
    #[serde(default)]
    validation_accuracy: Option<f64>,
    #[serde(default)]
    reviews_per_second: Option<f64>,
}

/// Reads `metrics.jsonl`.
pub(super) fn read_record(path: &Path) -> Result<Record, ReportError> {
    let text = fs::read_to_string(path).map_err(ArtifactError::io("read", path))?;
    parse_record(&text).map_err(|(line, source)| ReportError::Line {
        path: path.to_owned(),
        line,
        source,
    })
}

fn parse_record(text: &str) -> Result<Record, (usize, serde_json::Error)> {
    let mut record = Record::default();
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let view: LineView = serde_json::from_str(line).map_err(|error| (index + 1, error))?;
        if view.event != "epoch" {
            continue;
        }
        let epoch = Epoch {
            epoch: view.epoch,
            train_loss: view.train_loss,
            train_accuracy: view.train_accuracy,
            validation_loss: view.validation_loss,
            validation_accuracy: view.validation_accuracy,
        };
        record
            .epochs
            .insert(view.epoch, (epoch, view.reviews_per_second));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_read_and_the_last_of_two_counts() {
        let text = r#"{"event":"step","epoch":1,"step":20,"loss":0.7}
{"event":"epoch","epoch":1,"train_loss":0.6,"validation_loss":0.5,"validation_accuracy":0.7,"reviews_per_second":100}

{"event":"epoch","epoch":2,"train_loss":0.4,"validation_loss":null,"reviews_per_second":300}
{"event":"epoch","epoch":2,"train_loss":0.3,"validation_loss":0.45,"reviews_per_second":200}
"#;
        let record = parse_record(text).expect("it is a record");
        let found: Vec<_> = record
            .epochs
            .values()
            .map(|(epoch, _)| (epoch.epoch, epoch.train_loss, epoch.validation_loss))
            .collect();
        assert_eq!(
            found,
            [(1, Some(0.6), Some(0.5)), (2, Some(0.3), Some(0.45))]
        );
        assert_eq!(record.reviews_per_second(), Some(150.0));
        assert!(parse_record("").expect("an empty record").epochs.is_empty());
        assert_eq!(
            parse_record("{\"event\":\"step\"}\nnot json")
                .expect_err("it is damaged")
                .0,
            2
        );
    }

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
