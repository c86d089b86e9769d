//! `metrics.jsonl`: the log of a training, with one line per event.

use std::collections::BTreeMap;
use std::fs;

use artifact::{Artifact, ArtifactError, Failure};
use serde::Deserialize;

use super::Result;
use crate::data::Epoch;

/// One line. A loss that is not finite is null.
#[derive(Deserialize)]
struct Line {
    event: String,
    #[serde(flatten)]
    epoch: Epoch,
}

/// The epochs of a training in order.
pub(super) fn read(artifact: &Artifact) -> Result<Vec<Epoch>> {
    let path = artifact.file("metrics.jsonl")?;
    let text = fs::read_to_string(&path).map_err(ArtifactError::io("read", &path))?;
    parse(&text).map_err(|(line, source)| {
        let path = path.display();
        let message =
            format!("Failed to read line {line} of `{path}`: it is not an event of a training");
        let hint = "Train again with `ressenti run --only train --force`".to_owned();
        Failure::new(message).with_cause(source).with_hint(hint)
    })
}

/// A resumed training may log an epoch twice; the last entry is used.
fn parse(text: &str) -> Result<Vec<Epoch>, (usize, serde_json::Error)> {
    let mut epochs = BTreeMap::new();
    let lines = text.lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|error| (index + 1, error))?;
        if line.event == "epoch" {
            epochs.insert(line.epoch.epoch, line.epoch);
        }
    }
    Ok(epochs.into_values().collect())
}

/// Mean speed over epochs.
pub(super) fn reviews_per_second(epochs: &[Epoch]) -> Option<f64> {
    let speeds = epochs.iter().filter_map(|epoch| epoch.reviews_per_second);
    let speeds: Vec<f64> = speeds.collect();
    (!speeds.is_empty()).then(|| speeds.iter().sum::<f64>() / speeds.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_entries_of_an_epoch_is_used() {
        let text = r#"{"event":"step","epoch":1,"step":20,"loss":0.7}
{"event":"epoch","epoch":1,"train_loss":0.6,"validation_loss":0.5,"validation_accuracy":0.7,"reviews_per_second":100}

{"event":"epoch","epoch":2,"train_loss":0.4,"validation_loss":null,"reviews_per_second":300}
{"event":"epoch","epoch":2,"train_loss":0.3,"validation_loss":0.45,"reviews_per_second":200}
"#;
        let record = parse(text).expect("it is a record");
        let found: Vec<_> = record
            .iter()
            .map(|epoch| (epoch.epoch, epoch.train_loss, epoch.validation_loss))
            .collect();
        assert_eq!(
            found,
            [(1, Some(0.6), Some(0.5)), (2, Some(0.3), Some(0.45))]
        );
        assert_eq!(reviews_per_second(&record), Some(150.0));
        assert!(parse("").expect("an empty record").is_empty());
        assert_eq!(
            parse("{\"event\":\"step\"}\nnot json")
                .expect_err("it is damaged")
                .0,
            2
        );
    }
}
