//! What `transformers` needs beside the weights and the tokenizer to load a bundle with
//! `AutoModelForSequenceClassification` and `AutoTokenizer`.

use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use serde_json::{Map, Value, json};

use crate::{ClassifierError, Encoder, Family};
use bundle::ModelFile;

/// The files that [`save_for_transformers`] writes.
pub const TRANSFORMERS_FILES: [&str; 2] = ["config.json", "tokenizer_config.json"];

/// Writes `config.json`, the encoder's own with our classes in it, and `tokenizer_config.json`.
///
/// # Errors
/// The encoder's `config.json` cannot be read, or the disk refuses.
pub fn save_for_transformers(
    folder: &Path,
    encoder: &Path,
    model: &ModelFile,
) -> Result<(), ClassifierError> {
    let shape = Encoder::config_of(encoder)?;
    let path = encoder.join("config.json");
    let text = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
    let mut config: Map<String, Value> =
        serde_json::from_slice(&text).map_err(|error| ClassifierError::Encoder {
            folder: encoder.to_owned(),
            problem: format!("its `config.json` cannot be read: {error}"),
        })?;
    let numbered = || model.labels.iter().enumerate();
    let names: Map<String, Value> = numbered()
        .map(|(id, name)| (id.to_string(), json!(name)))
        .collect();
    let ids: Map<String, Value> = numbered()
        .map(|(id, name)| (name.clone(), json!(id)))
        .collect();
    config.insert(
        "architectures".to_owned(),
        json!([architecture(shape.family)]),
    );
    config.insert("id2label".to_owned(), Value::Object(names));
    config.insert("label2id".to_owned(), Value::Object(ids));
    config.insert(
        "problem_type".to_owned(),
        json!("single_label_classification"),
    );
    config.insert("torch_dtype".to_owned(), json!("float32"));
    write(&folder.join(TRANSFORMERS_FILES[0]), &Value::Object(config))?;
    let tokenizer = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": model.tokenizer.max_length,
        "pad_token": pad_token(folder, model.tokenizer.pad_id)?,
    });
    write(&folder.join(TRANSFORMERS_FILES[1]), &tokenizer)
}

fn architecture(family: Family) -> &'static str {
    match family {
        Family::Bert => "BertForSequenceClassification",
        Family::Roberta => "RobertaForSequenceClassification",
        Family::DistilBert => "DistilBertForSequenceClassification",
        Family::Mpnet => "MPNetForSequenceClassification",
    }
}

/// The padding token as the bundle's tokenizer spells it.
fn pad_token(folder: &Path, pad_id: u32) -> Result<Option<String>, ClassifierError> {
    let path = folder.join("tokenizer.json");
    let text = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
    let tokenizer: Value = serde_json::from_slice(&text).unwrap_or_default();
    let added = tokenizer["added_tokens"].as_array().into_iter().flatten();
    Ok(added
        .filter(|token| token["id"] == json!(pad_id))
        .find_map(|token| token["content"].as_str().map(str::to_owned)))
}

fn write(path: &Path, value: &Value) -> Result<(), ClassifierError> {
    let text = serde_json::to_string_pretty(value).expect("a configuration is plain data");
    fs::write(path, text + "\n").map_err(ArtifactError::io("write", path))?;
    Ok(())
}
