//! A tiny pretrained encoder for tests.

use std::fs;
use std::path::Path;

/// Writes a BERT encoder with two layers, width 8 and random weights (a golden file of `classifier`), and a
/// tokenizer with some words of reviews.
///
/// # Panics
/// If a file cannot be written.
pub fn write_tiny_encoder(folder: &Path) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../classifier/tests/golden/bert");
    fs::create_dir(folder).expect("a folder");
    for name in ["config.json", "model.safetensors"] {
        fs::copy(golden.join(name), folder.join(name)).expect("copied");
    }
    let words = [
        "[PAD]", "[UNK]", "film", "actor", "scene", "plot", "music", "ending", "camera", "story",
        "bad", "awful", "dull", "good", "great", "lovely", "[MASK]",
    ];
    let vocabulary: serde_json::Map<String, serde_json::Value> = words
        .iter()
        .enumerate()
        .map(|(id, word)| ((*word).to_owned(), serde_json::Value::from(id)))
        .collect();
    let special = |id: usize| {
        serde_json::json!({"id": id, "content": words[id], "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true})
    };
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0), special(1), special(16)],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).expect("written");
}
