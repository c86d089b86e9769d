//! Whether an encoder's folder, its tokenizer and the model that is to tune it belong together.
//!
//! It stands here and not in `embed` because a tokenizer other than the encoder's is the mistake
//! that is easiest to make and hardest to see in the figures: it is refused while planning.

use std::fs;
use std::path::Path;

use artifact::{Digest, Failure};
use serde_json::Value;

use crate::key::{Checked, Key};
use crate::names::list;
use crate::{
    EmbeddingKind, EmbeddingSettings, ModelKind, ModelSettings, Pipeline, TokenizerKind,
    TokenizerSettings, WindowSettings,
};

/// The tokenizer's file name in an encoder's folder.
const TOKENIZER: &str = "tokenizer.json";

/// The shape's file name in an encoder's folder.
const CONFIG: &str = "config.json";

/// Checks `[embedding.NAME]` of an encoder against its folder and against its tokenizer.
pub(crate) fn check(
    key: &Key,
    embedding: &EmbeddingSettings,
    tokenizer: &TokenizerSettings,
) -> Checked {
    let Some(folder) = &embedding.source else {
        return Err(key
            .at("source")
            .error("must name the folder with the encoder"));
    };
    key.require_absent(
        &[("width", embedding.width.is_some())],
        "cannot be set for an encoder, which brings its own",
    )?;
    read_config(key, folder)?;
    check_tokenizer(key, folder, embedding, tokenizer)
}

/// The embedding of `kind = "encoder"` that features name.
pub(crate) fn encoder_of<'a>(
    pipeline: &'a Pipeline,
    key: &Key,
    embedding: &EmbeddingSettings,
) -> Result<&'a EmbeddingSettings, Failure> {
    let name = embedding.encoder.as_deref().unwrap_or_default();
    let is_encoder = |found: &EmbeddingSettings| found.kind == EmbeddingKind::Encoder;
    if let Some(found) = pipeline.embeddings.get(name).filter(|it| is_encoder(it)) {
        return Ok(found);
    }
    let known = pipeline.embeddings.iter().filter(|(_, it)| is_encoder(it));
    let known: Vec<&String> = known.map(|(name, _)| name).collect();
    let problem = "must name an embedding of `kind = \"encoder\"`";
    let hint = match known.is_empty() {
        true => "Add one, for example `[embedding.minilm]` of the default `pipeline.toml`".into(),
        false => format!("There is {}", list(&known)),
    };
    Err(key.at("encoder").error(problem).with_hint(hint))
}

/// Checks `[embedding.NAME]` of `kind = "features"` against the encoder that it names.
pub(crate) fn check_features(
    pipeline: &Pipeline,
    key: &Key,
    embedding: &EmbeddingSettings,
) -> Checked {
    let encoder = encoder_of(pipeline, key, embedding)?;
    let name = embedding.encoder.as_deref().unwrap_or_default();
    let tokenizer = &pipeline.tokenizers[&embedding.tokenizer];
    let folder = encoder.source.as_deref().unwrap_or(Path::new(""));
    check_tokenizer(key, folder, embedding, tokenizer)?;
    let features = embedding.features.clone().unwrap_or_default();
    let key = key.at("features");
    key.require(
        !features.layers.is_empty() && !features.pooling.is_empty(),
        "must name at least one layer and one pooling",
    )?;
    let config = read_config(&Key::of("embedding").at(name), folder)?;
    let count = ["num_hidden_layers", "n_layers"];
    let count = count.iter().find_map(|name| config.get(name)?.as_i64());
    let mut layers = features.layers.iter().map(|layer| i64::from(*layer));
    if let Some(count) = count
        && let Some(wrong) = layers.find(|layer| !(-count - 1..=count).contains(layer))
    {
        let problem = format!("names the layer {wrong}, and the encoder has {count}");
        let hint = "0 is the embedding, 1 the first layer, -1 the last".to_owned();
        return Err(key.at("layers").error(problem).with_hint(hint));
    }
    check_windows(&key, features.windows)?;
    check_length(pipeline, name, &embedding.tokenizer, features.windows)
}

/// Windows move on, and hold more than the two tokens that each begins and ends with.
pub(crate) fn check_windows(key: &Key, windows: Option<WindowSettings>) -> Checked {
    let moves_on =
        |windows: WindowSettings| windows.length >= 4 && windows.overlap <= windows.length - 3;
    key.at("windows").require(
        windows.is_none_or(moves_on),
        "must have a `length` of at least 4 and an `overlap` that is smaller by at least 3",
    )
}

fn read_config(key: &Key, folder: &Path) -> Result<Value, Failure> {
    let path = folder.join(CONFIG);
    let key = key.at("source");
    let unusable = |problem: String| {
        key.error(problem).with_hint(format!(
            "`cargo xtask setup` fetches the default encoder into `data/encoders`; or name a folder of the Hugging Face hub with `--set {key}=FOLDER`"
        ))
    };
    let bytes = fs::read(&path).map_err(|error| {
        let folder = folder.display();
        unusable(format!(
            "names the encoder `{folder}`, whose `{CONFIG}` cannot be read: {error}"
        ))
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let path = path.display();
        unusable(format!("names `{path}`, which is damaged: {error}"))
    })
}

/// The tokenizer is the encoder's own.
fn check_tokenizer(
    key: &Key,
    folder: &Path,
    embedding: &EmbeddingSettings,
    tokenizer: &TokenizerSettings,
) -> Checked {
    let own = folder.join(TOKENIZER);
    let name = &embedding.tokenizer;
    let is_pretrained = tokenizer.kind == TokenizerKind::Pretrained;
    let source = tokenizer.source.as_ref().filter(|_| is_pretrained);
    let (wanted, found) = (read_tokenizer(&own), source.map(|it| read_tokenizer(it)));
    if let (Some((wanted, _)), Some(Some((found, _)))) = (&wanted, &found)
        && wanted == found
    {
        return Ok(());
    }
    let given = match source.zip(found) {
        Some((path, Some((_, known)))) => format!("`{}` ({known})", path.display()),
        Some((path, None)) => format!("`{}`, which cannot be read", path.display()),
        None => format!(
            "one of {} entries at most, learned from your reviews",
            tokenizer
                .vocabulary_size
                .unwrap_or(TokenizerSettings::DEFAULT_VOCABULARY)
        ),
    };
    let wanted = wanted.map_or("cannot be read".to_owned(), |(_, known)| known);
    let key = key.at("tokenizer");
    let problem = format!(
        "is `{name}`, {given}; the encoder `{}` was trained with its own `{TOKENIZER}` ({wanted}) and would read any other's ids as other words",
        folder.display()
    );
    let hint = format!(
        "Write `[tokenizer.{name}]` with `kind = \"pretrained\"` and `source = \"{}\"`, or let `{key}` name a tokenizer that has it",
        own.display()
    );
    Err(key.error(problem).with_hint(hint))
}

/// The digest of a `tokenizer.json`, and what it is known by; `None` where it is no tokenizer.
fn read_tokenizer(path: &Path) -> Option<(Digest, String)> {
    let bytes = fs::read(path).ok()?;
    let json: Value = serde_json::from_slice(&bytes).ok()?;
    let vocabulary = &json["model"]["vocab"];
    let entries = vocabulary
        .as_object()
        .map(serde_json::Map::len)
        .or_else(|| vocabulary.as_array().map(Vec::len))?;
    let digest = Digest::of_bytes(&bytes);
    Some((digest, format!("{entries} entries, fingerprint {digest}")))
}

/// The encoder has a position for every token that it is given at a time.
pub(crate) fn check_length(
    pipeline: &Pipeline,
    encoder: &str,
    tokenizer: &str,
    windows: Option<WindowSettings>,
) -> Checked {
    let key = Key::of("embedding").at(encoder);
    let Some(folder) = &pipeline.embeddings[encoder].source else {
        return Ok(());
    };
    let config = read_config(&key, folder)?;
    let Some(positions) = config["max_position_embeddings"].as_u64() else {
        return Ok(());
    };
    // RoBERTa and MPNet count from behind the padding id.
    let offset = match config["model_type"].as_str() {
        Some("roberta" | "xlm-roberta" | "mpnet") => 2,
        _ => 0,
    };
    let longest = positions.saturating_sub(offset);
    let setting = Key::of("tokenizer").at(tokenizer).at("max_length");
    let (setting, given, hint) = match windows {
        Some(windows) => (
            Key::of("the length of a window"),
            windows.length,
            format!("Take {longest} or less"),
        ),
        None => (
            setting.clone(),
            pipeline.tokenizers[tokenizer].max_length,
            format!(
                "Take `--set {setting}={longest}` or less, or read long reviews in parts with `windows`"
            ),
        ),
    };
    if u64::from(given) <= longest {
        return Ok(());
    }
    let problem = format!("is {given}, and the encoder of `{key}` reads {longest} tokens at most");
    Err(setting.error(problem).with_hint(hint))
}

/// Checks that a model and its embedding are of the same world: an encoder is tuned by a
/// transformer, features are judged by a probe, and word vectors are read by everything else.
pub(crate) fn check_model(
    key: &Key,
    model: &ModelSettings,
    embedding: &EmbeddingSettings,
) -> Checked {
    let wanted = match model.kind {
        ModelKind::Transformer => EmbeddingKind::Encoder,
        ModelKind::Probe => EmbeddingKind::Features,
        _ => EmbeddingKind::Static,
    };
    let found = match embedding.kind {
        EmbeddingKind::Encoder | EmbeddingKind::Features => embedding.kind,
        _ => EmbeddingKind::Static,
    };
    if wanted == found {
        return Ok(());
    }
    // What its models do, what it is, of which kind its models are, and how to ask for it.
    let words = |kind| match kind {
        EmbeddingKind::Encoder => [
            "tunes an encoder",
            "an encoder",
            "`transformer`",
            "an embedding of `kind = \"encoder\"`",
        ],
        EmbeddingKind::Features => [
            "reads the features of an encoder",
            "features of an encoder",
            "`probe`",
            "an embedding of `kind = \"features\"`",
        ],
        _ => [
            "reads word vectors",
            "a table of word vectors",
            "one that reads word vectors, for example `gru`",
            "a table of word vectors",
        ],
    };
    let ([does, _, _, other], [_, is, kind, _]) = (words(wanted), words(found));
    let name = &model.embedding;
    let problem = format!("{does}, and its embedding `{name}` is {is}");
    let hint = format!("Set `{key}.kind` to {kind}, or let `{key}.embedding` name {other}");
    Err(key.error(problem).with_hint(hint))
}
