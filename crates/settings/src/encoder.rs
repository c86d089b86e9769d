//! Checks that the folder of an encoder, its tokenizer, and the model that uses it match.
//!
//! These checks run while planning, because a wrong tokenizer is an easy mistake that only shows as a lower
//! accuracy.

use std::fs;
use std::path::Path;

use artifact::{Digest, Failure};
use serde_json::Value;

use crate::names::list_known;
use crate::setting_path::{CheckResult, SettingPath};
use crate::{
    EmbeddingKind, EmbeddingSettings, ModelKind, ModelSettings, Pipeline, TokenizerKind,
    TokenizerSettings, WindowSettings,
};

/// Name of the tokenizer file in the folder of an encoder.
const TOKENIZER: &str = "tokenizer.json";

/// Name of the configuration file in the folder of an encoder.
const CONFIG: &str = "config.json";

/// Checks `[embedding.NAME]` of an encoder against its folder and against its tokenizer.
pub(crate) fn check(
    key: &SettingPath,
    embedding: &EmbeddingSettings,
    tokenizer: &TokenizerSettings,
) -> CheckResult {
    let source = key.join("source");
    let missing = || source.error("must name the folder of the encoder");
    let folder = embedding.source.as_ref().ok_or_else(missing)?;
    let width = [("width", embedding.width.is_some())];
    let problem = "cannot be set for an encoder, which has a fixed width";
    key.require_absent(&width, problem)?;
    if !folder.exists() {
        return Ok(());
    }
    read_config(key, folder)?;
    check_tokenizer(key, folder, embedding, tokenizer)
}

/// The embedding of `kind = "encoder"` that an embedding of `kind = "features"` names.
pub(crate) fn resolve_encoder<'a>(
    pipeline: &'a Pipeline,
    key: &SettingPath,
    embedding: &EmbeddingSettings,
) -> Result<&'a EmbeddingSettings, Failure> {
    let name = embedding.encoder.as_deref().unwrap_or_default();
    let is_encoder = |it: &EmbeddingSettings| it.kind == EmbeddingKind::Encoder;
    if let Some(found) = pipeline.embeddings.get(name).filter(|it| is_encoder(it)) {
        return Ok(found);
    }
    let known = pipeline.embeddings.iter().filter(|(_, it)| is_encoder(it));
    let known: Vec<&String> = known.map(|(name, _)| name).collect();
    let problem = "must name an embedding of `kind = \"encoder\"`";
    let hint = match known.is_empty() {
        true => "Add one, for example `[embedding.minilm]` of the default `pipeline.toml`".into(),
        false => list_known(&known),
    };
    Err(key.join("encoder").error(problem).with_hint(hint))
}

/// Checks `[embedding.NAME]` of `kind = "features"` against the encoder that it names.
pub(crate) fn check_features(
    pipeline: &Pipeline,
    key: &SettingPath,
    embedding: &EmbeddingSettings,
) -> CheckResult {
    let encoder = resolve_encoder(pipeline, key, embedding)?;
    let name = embedding.encoder.as_deref().unwrap_or_default();
    let tokenizer = &pipeline.tokenizers[&embedding.tokenizer];
    let folder = encoder.source.as_deref().unwrap_or(Path::new(""));
    let features = embedding.features.clone().unwrap_or_default();
    let owner = key;
    let key = key.join("features");
    let is_empty = features.layers.is_empty() || features.pooling.is_empty();
    key.require(!is_empty, "must have at least one layer and one pooling")?;
    check_windows(&key, features.windows)?;
    if !folder.exists() {
        return Ok(());
    }
    check_tokenizer(owner, folder, embedding, tokenizer)?;
    let config = read_config(&SettingPath::new("embedding").join(name), folder)?;
    let names = ["num_hidden_layers", "n_layers"];
    let count = names.iter().find_map(|name| config.get(name)?.as_i64());
    let mut layers = features.layers.iter().map(|layer| i64::from(*layer));
    if let Some(count) = count
        && let Some(wrong) = layers.find(|layer| !(-count - 1..=count).contains(layer))
    {
        let problem = format!("contains {wrong}, but the encoder has {count} layers");
        let hint = "0 is the embedding layer, 1 the first layer, -1 the last layer".to_owned();
        return Err(key.join("layers").error(problem).with_hint(hint));
    }
    check_length(pipeline, &key, name, &embedding.tokenizer, features.windows)
}

/// Checks that every window adds at least one token to the previous one, besides the two special tokens.
pub(crate) fn check_windows(key: &SettingPath, windows: Option<WindowSettings>) -> CheckResult {
    let is_valid = windows.is_none_or(|it| it.length >= 4 && it.overlap <= it.length - 3);
    let problem = "must have a `length` of at least 4 and an `overlap` of at most `length` minus 3";
    key.join("windows").require(is_valid, problem)
}

/// Reads the `config.json` of an encoder.
pub(crate) fn read_config(key: &SettingPath, folder: &Path) -> Result<Value, Failure> {
    let (path, folder) = (folder.join(CONFIG), folder.display());
    let key = key.join("source");
    let unusable = |problem: String| {
        let problem = format!("names the encoder `{folder}`, whose `{CONFIG}` {problem}");
        key.error(problem).with_hint(format!(
            "Fetch the default encoder into `data/encoders` with `cargo xtask setup`, name a folder from the Hugging Face hub with `--set {key}=FOLDER`, or select models that do not need it with `--model NAME`"
        ))
    };
    let unreadable = |error| unusable(format!("cannot be read: {error}"));
    let bytes = fs::read(&path).map_err(unreadable)?;
    serde_json::from_slice(&bytes).map_err(|error| unusable(format!("is damaged: {error}")))
}

/// Checks that the tokenizer is the one that the encoder was trained with.
fn check_tokenizer(
    key: &SettingPath,
    folder: &Path,
    embedding: &EmbeddingSettings,
    tokenizer: &TokenizerSettings,
) -> CheckResult {
    let expected_path = folder.join(TOKENIZER);
    let name = &embedding.tokenizer;
    let is_pretrained = tokenizer.kind == TokenizerKind::Pretrained;
    let source = tokenizer.source.as_ref().filter(|_| is_pretrained);
    let expected = read_tokenizer(&expected_path);
    let found = source.map(|it| read_tokenizer(it));
    if expected.is_some() && found.as_ref() == Some(&expected) {
        return Ok(());
    }
    let size = tokenizer.vocabulary_size;
    let size = size.unwrap_or(TokenizerSettings::DEFAULT_VOCABULARY);
    let found = match source.zip(found) {
        Some((path, Some((_, description)))) => format!("`{}` ({description})", path.display()),
        Some((path, None)) => format!("`{}`, which cannot be read", path.display()),
        None => format!("trained on your reviews (at most {size} entries)"),
    };
    let expected = expected.map_or("cannot be read".to_owned(), |(_, description)| description);
    let key = key.join("tokenizer");
    let problem = format!(
        "is `{name}`, {found}, but the encoder `{}` needs its own `{TOKENIZER}` ({expected})",
        folder.display()
    );
    let hint = format!(
        "Set `kind = \"pretrained\"` and `source = \"{}\"` in `[tokenizer.{name}]`, or set `{key}` to a tokenizer that has them",
        expected_path.display()
    );
    Err(key.error(problem).with_hint(hint))
}

/// Digest and description of a `tokenizer.json`. `None` if it cannot be read.
fn read_tokenizer(path: &Path) -> Option<(Digest, String)> {
    let bytes = fs::read(path).ok()?;
    let json: Value = serde_json::from_slice(&bytes).ok()?;
    let vocabulary = &json["model"]["vocab"];
    let entries = vocabulary.as_object().map(serde_json::Map::len);
    let entries = entries.or_else(|| vocabulary.as_array().map(Vec::len))?;
    let digest = Digest::of_bytes(&bytes);
    Some((digest, format!("{entries} entries, fingerprint {digest}")))
}

/// Checks that reviews, or the windows set in the table `owner`, are not longer than the encoder allows.
pub(crate) fn check_length(
    pipeline: &Pipeline,
    owner: &SettingPath,
    encoder: &str,
    tokenizer: &str,
    windows: Option<WindowSettings>,
) -> CheckResult {
    let key = SettingPath::new("embedding").join(encoder);
    // An encoder that a step needs is checked by `Pipeline::check_files`.
    let folder = pipeline.embeddings[encoder].source.as_deref();
    let Some(folder) = folder.filter(|folder| folder.exists()) else {
        return Ok(());
    };
    let config = read_config(&key, folder)?;
    let Some(positions) = config["max_position_embeddings"].as_u64() else {
        return Ok(());
    };
    // RoBERTa and MPNet reserve the first positions for padding.
    let offset = match config["model_type"].as_str() {
        Some("roberta" | "xlm-roberta" | "mpnet") => 2,
        _ => 0,
    };
    let max_length = positions.saturating_sub(offset);
    let tokens = SettingPath::new(format!("tokenizer.{tokenizer}.max_length"));
    let length = pipeline.tokenizers[tokenizer].max_length;
    let (setting, given, advice) = match windows {
        Some(windows) => (owner.join("windows.length"), windows.length, ""),
        None => (tokens, length, ", or read long reviews in `windows`"),
    };
    if u64::from(given) <= max_length {
        return Ok(());
    }
    let hint = format!("Use `--set {setting}={max_length}` or less{advice}");
    let problem =
        format!("is {given}, but the encoder of `{key}` reads at most {max_length} tokens");
    Err(setting.error(problem).with_hint(hint))
}

/// Checks that the kinds of a model and its embedding match: encoders are for transformers, features for probes,
/// and word vectors for all other models.
pub(crate) fn check_model(
    key: &SettingPath,
    model: &ModelSettings,
    embedding: &EmbeddingSettings,
) -> CheckResult {
    use EmbeddingKind::{Encoder, Features, Static};
    const READER_KIND: &str = "a kind that reads word vectors, for example `gru`";
    const READS_FEATURES: &str = "reads the features of an encoder";
    let (expected, does, property) = match model.kind {
        ModelKind::Transformer => (Encoder, "fine-tunes an encoder", "of `kind = \"encoder\"`"),
        ModelKind::Probe => (Features, READS_FEATURES, "of `kind = \"features\"`"),
        _ => (Static, "reads word vectors", "with word vectors"),
    };
    let (found, is, kind) = match embedding.kind {
        Encoder => (Encoder, "an encoder", "`transformer`"),
        Features => (Features, "features of an encoder", "`probe`"),
        _ => (Static, "a table of word vectors", READER_KIND),
    };
    if expected == found {
        return Ok(());
    }
    let name = &model.embedding;
    let problem = format!("{does}, but its embedding `{name}` is {is}");
    let hint =
        format!("Set `{key}.kind` to {kind}, or `{key}.embedding` to an embedding {property}");
    Err(key.error(problem).with_hint(hint))
}
