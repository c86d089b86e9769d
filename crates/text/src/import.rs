//! Imports a `tokenizer.json` without its truncation and padding, which would change ids unnoticed. `tokenize`
//! imports a tokenizer, and `embed` does the same to compare the tokenizer of an encoder with it.

use std::path::Path;

use artifact::Failure;
use serde_json::Value;

use crate::file::{read_bytes, unreadable};
use crate::{TokenizerFile, padding_params};

/// Returns the imported `tokenizer.json`: the same bytes if the file has neither truncation nor padding,
/// otherwise without truncation and with our padding section.
///
/// # Errors
/// The file cannot be read or used, see [`TokenizerFile::read`].
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
