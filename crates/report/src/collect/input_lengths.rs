//! How much of a review each model reads and the time that takes, from the manifests of the steps behind it.

use artifact::{Artifact, Contract, StageName};
use serde::Deserialize;
use serde_json::Value;
use stage::Context;

use super::{Result, find, tokens};
use crate::data::InputLengthData;

#[derive(Deserialize)]
struct Windows {
    length: u64,
    overlap: u64,
}

/// The part of a review that a model reads; `train` is its training.
pub(super) fn collect(context: &Context, model: &str, train: &Artifact) -> Result<InputLengthData> {
    let manifest = train.manifest();
    let input_of = |artifact: &Artifact, stage| {
        let mut inputs = artifact.manifest().inputs.iter();
        let variant = inputs.find(|input| input.stage == stage)?.variant.clone();
        let found = find(context, stage, &variant)?;
        Some((variant, found))
    };
    let input = |stage| input_of(train, stage);
    let mut length = InputLengthData {
        model: model.to_owned(),
        training: manifest.run.seconds,
        ..InputLengthData::default()
    };
    let mut windows = windows_of(&manifest.settings);
    if let Some((_, mut embedding)) = input(StageName::Embed) {
        let made = embedding.manifest();
        let features = &made.settings["features"];
        if !features.is_null() {
            windows = windows_of(features);
            let rows = made.files.iter().filter_map(|file| file.rows).sum();
            length.encoding = Some((rows, made.run.seconds));
            embedding = input_of(embedding, StageName::Embed).map_or(embedding, |it| it.1);
        }
        length.longest_input = match embedding.manifest().contract {
            Contract::Encoder { longest, .. } if windows.is_none() => Some(longest.into()),
            _ => None,
        };
    }
    if let Some((name, tokens)) = input(StageName::Tokenize) {
        let data = tokens::tokenizer(&name, tokens)?;
        let truncation = tokens.manifest().settings["truncation"].as_str();
        length.part = describe_part(data.max_length, truncation, windows.as_ref());
        let mut splits = data.splits.iter();
        if let Some(test) = splits.find(|split| split.split == "test" && split.rows > 0) {
            length.truncated = Some(test.truncated as f64 / test.rows as f64);
            length.tokens = Some(test.tokens as f64 / test.rows as f64);
        }
        length.tokenizer = name;
    }
    Ok(length)
}

fn windows_of(settings: &Value) -> Option<Windows> {
    serde_json::from_value(settings.get("windows")?.clone()).ok()
}

fn describe_part(max_length: u64, truncation: Option<&str>, windows: Option<&Windows>) -> String {
    let part = match truncation {
        Some("tail") => "the last",
        Some("head_tail") => "the first and last",
        _ => "the first",
    };
    match windows {
        Some(Windows { length, overlap }) => format!(
            "windows of {length} tokens that overlap by {overlap}, over {part} {max_length} tokens"
        ),
        None => format!("{part} {max_length} tokens"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_described() {
        assert_eq!(
            describe_part(128, Some("head"), None),
            "the first 128 tokens"
        );
        let settings = serde_json::json!({"windows": {"length": 128, "overlap": 32}});
        let windows = windows_of(&settings);
        assert_eq!(
            describe_part(1024, Some("head_tail"), windows.as_ref()),
            "windows of 128 tokens that overlap by 32, over the first and last 1024 tokens"
        );
        assert!(windows_of(&serde_json::json!({"windows": null})).is_none());
    }
}
