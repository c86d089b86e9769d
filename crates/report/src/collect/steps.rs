//! The steps behind the report, from their manifests.

use artifact::Manifest;
use serde_json::Value;

use crate::data::Step;

/// Digits of a key or digest that the report shows.
const DIGITS: usize = 12;

/// A step from its manifest.
pub(super) fn step(variant: &str, manifest: &Manifest) -> Step {
    let run = &manifest.run;
    let shortened = |hex: String| hex.chars().take(DIGITS).collect::<String>();
    let sources = manifest.sources.iter();
    let sources = sources.map(|it| (it.name.clone(), shortened(it.digest.to_hex())));
    let inputs = manifest.inputs.iter();
    let inputs = inputs.map(|it| (it.stage.to_string(), it.variant.clone()));
    let mut settings = Vec::new();
    flatten("", &manifest.settings, &mut settings);
    Step {
        stage: manifest.stage.to_string(),
        variant: variant.to_owned(),
        summary: run.summary.clone(),
        key: shortened(manifest.key.to_hex()),
        identity: shortened(manifest.identity().to_hex()),
        stage_version: manifest.stage_version,
        settings,
        sources: sources.collect(),
        inputs: inputs.collect(),
        started: run.started,
        seconds: run.seconds,
        peak_memory: run.peak_memory,
        cores: run.cores,
        device: run.device.clone(),
        versions: run.versions.clone().into_iter().collect(),
    }
}

/// Settings by the dotted names of `--set`, without those that are not set.
fn flatten(prefix: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let dot = if prefix.is_empty() { "" } else { "." };
                flatten(&format!("{prefix}{dot}{name}"), value, found);
            }
        }
        Value::Null => {}
        Value::String(text) => found.push((prefix.to_owned(), text.clone())),
        other => found.push((prefix.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_dotted_names() {
        let settings = serde_json::json!({
            "kind": "lstm", "hidden": 64, "seed": null, "training": {"epochs": 3, "rates": [0.1, 0.2]}, "on": true
        });
        let mut found = Vec::new();
        flatten("", &settings, &mut found);
        let found: Vec<String> = found
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            found,
            [
                "kind=lstm",
                "hidden=64",
                "training.epochs=3",
                "training.rates=[0.1,0.2]",
                "on=true"
            ]
        );
    }
}
