//! Whether an encoder's folder, its tokenizer and the model that is to tune it belong together.
//!
//! It stands here and not in `embed` because a tokenizer other than the encoder's is the mistake
//! that is easiest to make and hardest to see in the figures: it is refused while planning.

use std::fs;
use std::path::Path;

use artifact::Digest;
use serde_json::Value;

use crate::{EmbeddingSettings, SettingsError, TokenizerKind, TokenizerSettings};

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
    let config = read_config(key, folder)?;
    check_tokenizer(key, folder, embedding, tokenizer)?;
    check_length(key, &config, &embedding.tokenizer, tokenizer)
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

/// The encoder has a position for every token of a row.
fn check_length(
    key: &str,
    config: &Value,
    name: &str,
    tokenizer: &TokenizerSettings,
) -> Result<(), SettingsError> {
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
    if u64::from(tokenizer.max_length) <= longest {
        return Ok(());
    }
    Err(SettingsError::Value {
        key: format!("tokenizer.{name}.max_length"),
        problem: format!(
            "is {}, and the encoder of `{key}` reads {longest} tokens at most",
            tokenizer.max_length
        ),
        hint: Some(format!(
            "Take `--set tokenizer.{name}.max_length={longest}` or less"
        )),
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
/// transformer and by nothing else.
pub(crate) fn check_model(
    key: &str,
    is_transformer: bool,
    embedding_name: &str,
    is_encoder: bool,
) -> Result<(), SettingsError> {
    let (problem, hint) = match (is_transformer, is_encoder) {
        (true, false) => (
            format!(
                "tunes an encoder, and its embedding `{embedding_name}` is a table of word vectors"
            ),
            format!(
                "Let `{key}.embedding` name an embedding of `kind = \"encoder\"`, or give `{key}` another kind"
            ),
        ),
        (false, true) => (
            format!("reads word vectors, and its embedding `{embedding_name}` is an encoder"),
            format!(
                "Set `{key}.kind` to `transformer`, or let `{key}.embedding` name a table of word vectors"
            ),
        ),
        _ => return Ok(()),
    };
    Err(SettingsError::Value {
        key: key.to_owned(),
        problem,
        hint: Some(hint),
    })
}
