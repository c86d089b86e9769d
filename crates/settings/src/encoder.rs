//! Whether an encoder's folder, its tokenizer and the model that is to tune it belong together.
//!
//! It stands here and not in `embed` because a tokenizer other than the encoder's is the mistake
//! that is easiest to make and hardest to see in the figures: it is refused while planning.

use std::fs;
use std::path::Path;

use artifact::Digest;
use serde_json::Value;

use crate::{
    EmbeddingKind, EmbeddingSettings, ModelKind, ModelSettings, Pipeline, SettingsError,
    TokenizerKind, TokenizerSettings, WindowSettings,
};

/// The tokenizer's file name in an encoder's folder.
const TOKENIZER: &str = "tokenizer.json";

/// The shape's file name in an encoder's folder.
const CONFIG: &str = "config.json";

/// Checks `[embedding.NAME]` of an encoder against its folder and against its tokenizer.
pub(crate) fn check(
    key: &str,
    embedding: &EmbeddingSettings,
    tokenizer: &TokenizerSettings,
) -> Result<(), SettingsError> {
    let Some(folder) = &embedding.source else {
        return Err(SettingsError::value(
            format!("{key}.source"),
            "must name the folder with the encoder",
        ));
    };
    if embedding.width.is_some() {
        return Err(SettingsError::value(
            format!("{key}.width"),
            "cannot be set for an encoder, which brings its own",
        ));
    }
    read_config(key, folder)?;
    check_tokenizer(key, folder, embedding, tokenizer)
}

/// The embedding of `kind = "encoder"` that features name.
pub(crate) fn encoder_of<'a>(
    pipeline: &'a Pipeline,
    key: &str,
    embedding: &EmbeddingSettings,
) -> Result<&'a EmbeddingSettings, SettingsError> {
    let is_encoder = |found: &&EmbeddingSettings| found.kind == EmbeddingKind::Encoder;
    let name = embedding.encoder.as_deref().unwrap_or_default();
    pipeline
        .embeddings
        .get(name)
        .filter(is_encoder)
        .ok_or_else(|| {
            let known = pipeline.embeddings.iter();
            let known = known.filter(|(_, embedding)| is_encoder(embedding));
            let known: Vec<String> = known.map(|(name, _)| format!("`{name}`")).collect();
            SettingsError::Value {
                key: format!("{key}.encoder"),
                problem: "must name an embedding of `kind = \"encoder\"`".to_owned(),
                hint: Some(if known.is_empty() {
                    "Add one, for example `[embedding.minilm]` of the default `pipeline.toml`"
                        .to_owned()
                } else {
                    format!("There is {}", known.join(", "))
                }),
            }
        })
}

/// Checks `[embedding.NAME]` of `kind = "features"` against the encoder that it names.
pub(crate) fn check_features(
    pipeline: &Pipeline,
    key: &str,
    embedding: &EmbeddingSettings,
) -> Result<(), SettingsError> {
    let encoder = encoder_of(pipeline, key, embedding)?;
    let name = embedding.encoder.as_deref().unwrap_or_default();
    let tokenizer = &pipeline.tokenizers[&embedding.tokenizer];
    let folder = encoder.source.as_deref().unwrap_or(Path::new(""));
    check_tokenizer(key, folder, embedding, tokenizer)?;
    let features = embedding.features.clone().unwrap_or_default();
    if features.layers.is_empty() || features.pooling.is_empty() {
        return Err(SettingsError::value(
            format!("{key}.features"),
            "must name at least one layer and one pooling",
        ));
    }
    let config = read_config(&format!("embedding.{name}"), folder)?;
    let count = ["num_hidden_layers", "n_layers"];
    let count = count.iter().find_map(|name| config.get(name)?.as_i64());
    if let Some(count) = count
        && let Some(wrong) = features
            .layers
            .iter()
            .map(|layer| i64::from(*layer))
            .find(|layer| !(-count - 1..=count).contains(layer))
    {
        return Err(SettingsError::Value {
            key: format!("{key}.features.layers"),
            problem: format!("names the layer {wrong}, and the encoder has {count}"),
            hint: Some("0 is the embedding, 1 the first layer, -1 the last".to_owned()),
        });
    }
    check_windows(&format!("{key}.features"), features.windows)?;
    check_length(pipeline, name, &embedding.tokenizer, features.windows)
}

/// Windows move on, and hold more than the two tokens that each begins and ends with.
pub(crate) fn check_windows(
    key: &str,
    windows: Option<WindowSettings>,
) -> Result<(), SettingsError> {
    match windows {
        Some(windows) if windows.length < 4 || windows.overlap > windows.length - 3 => {
            Err(SettingsError::value(
                format!("{key}.windows"),
                "must have a `length` of at least 4 and an `overlap` that is smaller by at least 3",
            ))
        }
        _ => Ok(()),
    }
}

fn read_config(key: &str, folder: &Path) -> Result<Value, SettingsError> {
    let path = folder.join(CONFIG);
    let unusable = |problem: String| SettingsError::Value {
        key: format!("{key}.source"),
        problem,
        hint: Some(format!(
            "`cargo xtask setup` fetches the default encoder into `data/encoders`; or name a folder of the Hugging Face hub with `--set {key}.source=FOLDER`"
        )),
    };
    let bytes = fs::read(&path).map_err(|error| {
        unusable(format!(
            "names the encoder `{}`, whose `{CONFIG}` cannot be read: {error}",
            folder.display()
        ))
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        unusable(format!(
            "names `{}`, which is damaged: {error}",
            path.display()
        ))
    })
}

/// The tokenizer is the encoder's own.
fn check_tokenizer(
    key: &str,
    folder: &Path,
    embedding: &EmbeddingSettings,
    tokenizer: &TokenizerSettings,
) -> Result<(), SettingsError> {
    let own = folder.join(TOKENIZER);
    let name = &embedding.tokenizer;
    let wanted = Known::read(&own);
    let same = match (&tokenizer.source, tokenizer.kind, &wanted) {
        (Some(path), TokenizerKind::Pretrained, Some(wanted)) => {
            Known::read(path).is_some_and(|given| given.fingerprint == wanted.fingerprint)
        }
        _ => false,
    };
    if same {
        return Ok(());
    }
    let given = match (&tokenizer.source, tokenizer.kind) {
        (Some(path), TokenizerKind::Pretrained) => match Known::read(path) {
            Some(known) => format!("`{}` ({known})", path.display()),
            None => format!("`{}`, which cannot be read", path.display()),
        },
        _ => format!(
            "one of {} entries at most, learned from your reviews",
            tokenizer
                .vocabulary_size
                .unwrap_or(TokenizerSettings::DEFAULT_VOCABULARY)
        ),
    };
    let wanted = wanted.map_or_else(|| "cannot be read".to_owned(), |known| known.to_string());
    Err(SettingsError::Value {
        key: format!("{key}.tokenizer"),
        problem: format!(
            "is `{name}`, {given}; the encoder `{}` was trained with its own `{TOKENIZER}` ({wanted}) and would read any other's ids as other words",
            folder.display()
        ),
        hint: Some(format!(
            "Write `[tokenizer.{name}]` with `kind = \"pretrained\"` and `source = \"{}\"`, or let `{key}.tokenizer` name a tokenizer that has it",
            own.display()
        )),
    })
}

/// The encoder has a position for every token that it is given at a time.
pub(crate) fn check_length(
    pipeline: &Pipeline,
    encoder: &str,
    tokenizer: &str,
    windows: Option<WindowSettings>,
) -> Result<(), SettingsError> {
    let key = format!("embedding.{encoder}");
    let Some(folder) = &pipeline.embeddings[encoder].source else {
        return Ok(());
    };
    let config = read_config(&key, folder)?;
    let Some(positions) = config
        .get("max_position_embeddings")
        .and_then(Value::as_u64)
    else {
        return Ok(());
    };
    // RoBERTa and MPNet count from behind the padding id.
    let offset = match config.get("model_type").and_then(Value::as_str) {
        Some("roberta" | "xlm-roberta" | "mpnet") => 2,
        _ => 0,
    };
    let longest = positions.saturating_sub(offset);
    let (setting, given) = match windows {
        Some(windows) => ("the length of a window".to_owned(), windows.length),
        None => (
            format!("tokenizer.{tokenizer}.max_length"),
            pipeline.tokenizers[tokenizer].max_length,
        ),
    };
    if u64::from(given) <= longest {
        return Ok(());
    }
    Err(SettingsError::Value {
        key: setting,
        problem: format!("is {given}, and the encoder of `{key}` reads {longest} tokens at most"),
        hint: Some(match windows {
            Some(_) => format!("Take {longest} or less"),
            None => format!(
                "Take `--set tokenizer.{tokenizer}.max_length={longest}` or less, or read long reviews in parts with `windows`"
            ),
        }),
    })
}

/// What a `tokenizer.json` is known by.
struct Known {
    fingerprint: Digest,
    entries: usize,
}

impl Known {
    fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let json: Value = serde_json::from_slice(&bytes).ok()?;
        let vocabulary = &json["model"]["vocab"];
        let entries = vocabulary
            .as_object()
            .map(serde_json::Map::len)
            .or_else(|| vocabulary.as_array().map(Vec::len))?;
        Some(Self {
            fingerprint: Digest::of_bytes(&bytes),
            entries,
        })
    }
}

impl std::fmt::Display for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} entries, fingerprint {}",
            self.entries, self.fingerprint
        )
    }
}

/// Checks that a model and its embedding are of the same world: an encoder is tuned by a
/// transformer, features are judged by a probe, and word vectors are read by everything else.
pub(crate) fn check_model(
    key: &str,
    model: &ModelSettings,
    embedding: &EmbeddingSettings,
) -> Result<(), SettingsError> {
    let name = &model.embedding;
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
    let does = match wanted {
        EmbeddingKind::Encoder => "tunes an encoder",
        EmbeddingKind::Features => "reads the features of an encoder",
        _ => "reads word vectors",
    };
    let is = match found {
        EmbeddingKind::Encoder => "an encoder",
        EmbeddingKind::Features => "features of an encoder",
        _ => "a table of word vectors",
    };
    let other = match found {
        EmbeddingKind::Encoder => "`transformer`",
        EmbeddingKind::Features => "`probe`",
        _ => "one that reads word vectors, for example `gru`",
    };
    let embedding = match wanted {
        EmbeddingKind::Encoder => "an embedding of `kind = \"encoder\"`",
        EmbeddingKind::Features => "an embedding of `kind = \"features\"`",
        _ => "a table of word vectors",
    };
    Err(SettingsError::Value {
        key: key.to_owned(),
        problem: format!("{does}, and its embedding `{name}` is {is}"),
        hint: Some(format!(
            "Set `{key}.kind` to {other}, or let `{key}.embedding` name {embedding}"
        )),
    })
}
