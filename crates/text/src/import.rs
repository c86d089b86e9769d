//! A finished `tokenizer.json`, taken over with its own vocabulary and splitting, and without its
//! own truncation and padding: those would change ids behind the back of whoever loads it. `tokenize`
//! takes one over, and `embed` does the same to compare an encoder's own with it.

use std::path::Path;

use artifact::Failure;
use serde_json::Value;

use crate::file::{read_bytes, unreadable};
use crate::{TokenizerFile, padding_params};

/// The content of our `tokenizer.json` for a given one: the same bytes where that has neither
/// truncation nor padding, else with ours in their place.
///
/// # Errors
/// The file cannot be read, or not be used: see [`TokenizerFile::read`].
pub fn import_tokenizer(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read_bytes(path)?;
    let file = TokenizerFile::from_bytes(&bytes, path)?;
    let mut json: Value = serde_json::from_slice(&bytes).map_err(unreadable(path))?;
    let is_set = |section: &str| json.get(section).is_some_and(|value| !value.is_null());
    if !is_set("truncation") && !is_set("padding") {
        return Ok(bytes);
    }
    let padding = padding_params(file.pad_id(), file.pad_token());
    json["truncation"] = Value::Null;
    json["padding"] = serde_json::to_value(padding).map_err(unreadable(path))?;
    serde_json::to_vec_pretty(&json).map_err(unreadable(path))
}
