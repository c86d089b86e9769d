//! Writes the files, besides weights and tokenizer, with which `transformers` can load a bundle as an
//! `AutoModelForSequenceClassification` with an `AutoTokenizer`.

use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use serde_json::{Map, Value, json};

use crate::{ClassifierError, Encoder, Result};
use bundle::ModelFile;

/// The files that [`save_for_transformers`] writes.
pub const TRANSFORMERS_FILES: [&str; 2] = ["config.json", "tokenizer_config.json"];

/// Writes `config.json`, that of the encoder with our classes, and `tokenizer_config.json`.
///
/// # Errors
/// The encoder's `config.json` cannot be read, or a file cannot be written.
pub fn save_for_transformers(folder: &Path, encoder: &Path, model: &ModelFile) -> Result<()> {
    let family = Encoder::read_config(encoder)?.family;
    let path = encoder.join("config.json");
    let text = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
    let mut config: Map<String, Value> = serde_json::from_slice(&text).map_err(|error| {
        ClassifierError::encoder(encoder)(format!("its `config.json` cannot be read: {error}"))
    })?;
    let numbered = || model.labels.iter().enumerate();
    let names = numbered().map(|(id, name)| (id.to_string(), json!(name)));
    let ids = numbered().map(|(id, name)| (name.clone(), json!(id)));
    for (name, value) in [
        ("architectures", json!([family.classifier])),
        ("id2label", names.collect::<Map<_, _>>().into()),
        ("label2id", ids.collect::<Map<_, _>>().into()),
        ("problem_type", json!("single_label_classification")),
        ("torch_dtype", json!("float32")),
    ] {
        config.insert(name.to_owned(), value);
    }
    write(&folder.join(TRANSFORMERS_FILES[0]), &Value::Object(config))?;
    let tokenizer = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": model.tokenizer.max_length,
        "pad_token": pad_token(folder, model.tokenizer.pad_id)?,
    });
    write(&folder.join(TRANSFORMERS_FILES[1]), &tokenizer)
}

/// The padding token in the tokenizer of the bundle.
fn pad_token(folder: &Path, pad_id: u32) -> Result<Option<String>> {
    let path = folder.join("tokenizer.json");
    let text = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
    let tokenizer: Value = serde_json::from_slice(&text).unwrap_or_default();
    let added = tokenizer["added_tokens"].as_array().into_iter().flatten();
    Ok(added
        .filter(|token| token["id"] == json!(pad_id))
        .find_map(|token| token["content"].as_str().map(str::to_owned)))
}

fn write(path: &Path, value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).expect("a configuration is plain data");
    fs::write(path, text + "\n").map_err(ArtifactError::io("write", path))?;
    Ok(())
}
