//! Checks of `[embedding.NAME]`: the settings that each kind requires or forbids, and the files it names.

use std::io::ErrorKind;

use crate::encoder;
use crate::setting_path::{CheckResult, SettingPath};
use crate::vectors::{VectorLayout, VectorsError};
use crate::{EmbeddingKind, EmbeddingSettings, Pipeline};

/// Checks `[embedding.NAME]`. Its files may be missing, because the steps that read them may not be needed;
/// [`Pipeline::check_files`] checks those of a step.
pub(super) fn check_embedding(pipeline: &Pipeline, name: &str) -> CheckResult {
    use EmbeddingKind::{Encoder, Features, Learned, Random, Static};
    let key = &SettingPath::new("embedding").join(name);
    let embedding = &pipeline.embeddings[name];
    let kind = embedding.kind;
    if kind == Features {
        encoder::resolve_encoder(pipeline, key, embedding)?;
    }
    let tokenizer = key.resolve("tokenizer", &embedding.tokenizer, &pipeline.tokenizers)?;
    let (source, width) = (embedding.source.is_some(), embedding.width.is_some());
    let learning = embedding.learning.is_some();
    if kind != Encoder {
        let given = [("adaptation", embedding.adaptation.is_some())];
        key.require_absent(&given, "is for `kind = \"encoder\"` only")?;
    }
    if kind != Features {
        let (encoder, features) = (embedding.encoder.is_some(), embedding.features.is_some());
        let given = [("encoder", encoder), ("features", features)];
        key.require_absent(&given, "is for `kind = \"features\"` only")?;
    }
    match kind {
        Random | Learned => {
            key.require_absent(&[("source", source)], "is for `kind = \"static\"` only")?;
            let learning = [("learning", learning && kind == Random)];
            key.require_absent(&learning, "is for `kind = \"learned\"` only")?;
            check_learning(key, embedding)?;
            let is_wide = (1..=4096).contains(&embedding.width.unwrap_or(0));
            key.join("width")
                .require(is_wide, "must be set, from 1 to 4096")
        }
        Static if embedding.source.as_ref().is_some_and(|path| !path.exists()) => Ok(()),
        Static => check_vectors(key, embedding),
        Encoder => {
            check_adaptation(key, embedding)?;
            encoder::check(key, embedding, tokenizer)
        }
        Features => {
            let given = [("source", source), ("width", width), ("learning", learning)];
            let problem = "cannot be set for features, which use the one of their encoder";
            key.require_absent(&given, problem)?;
            encoder::check_features(pipeline, key, embedding)
        }
    }
}

fn check_adaptation(key: &SettingPath, embedding: &EmbeddingSettings) -> CheckResult {
    let Some(adaptation) = &embedding.adaptation else {
        return Ok(());
    };
    let key = key.join("adaptation");
    key.require_positive(&[
        ("epochs", adaptation.epochs),
        ("batch_size", adaptation.batch_size),
        ("shard_size", adaptation.shard_size),
    ])?;
    key.require_in_range(&[
        ("learning_rate", adaptation.learning_rate, 1e-9, 1.0),
        ("warm_up", adaptation.warm_up, 0.0, 1.0),
        ("mask_probability", adaptation.mask_probability, 0.01, 0.9),
    ])
}

fn check_learning(key: &SettingPath, embedding: &EmbeddingSettings) -> CheckResult {
    let Some(learning) = &embedding.learning else {
        return Ok(());
    };
    let key = key.join("learning");
    key.require_positive(&[
        ("epochs", learning.epochs),
        ("window", learning.window),
        ("negatives", learning.negatives),
    ])?;
    key.require_in_range(&[
        ("learning_rate", learning.learning_rate, 1e-6, 1.0),
        ("subsample", learning.subsample, 0.0, 1.0),
    ])
}

/// Checks that the file has word vectors, with the width in the pipeline file if that is set.
pub(crate) fn check_vectors(key: &SettingPath, embedding: &EmbeddingSettings) -> CheckResult {
    let source = key.join("source");
    let Some(path) = &embedding.source else {
        return Err(source.error("must name the file with the word vectors"));
    };
    let file = path.display();
    let found = VectorLayout::read(path).map_err(|error| {
        let advice = error.hint();
        let (problem, hint) = match error {
            VectorsError::Read { source: cause, .. } if cause.kind() == ErrorKind::NotFound => (
                format!("names the word vectors `{file}`, but there is no such file"),
                format!("Put the file there, or name another with `--set {source}=FILE`"),
            ),
            VectorsError::Read { source: cause, .. } => (
                format!("names the word vectors `{file}`, which cannot be read: {cause}"),
                format!("Download the file again, or name another with `--set {source}=FILE`"),
            ),
            VectorsError::NoVectors { reason, .. } => (
                format!("names `{file}`, which is not a file with word vectors: {reason}"),
                advice.to_owned(),
            ),
        };
        source.error(problem).with_hint(hint)
    })?;
    let found = found.width;
    let Some(expected) = embedding.width.filter(|width| *width != found) else {
        return Ok(());
    };
    let problem = format!("is {expected}, but the vectors in `{file}` have {found} components");
    let hint = format!(
        "Remove `width` from `[{key}]`, or name vectors of {expected} components with `{source}`"
    );
    Err(key.join("width").error(problem).with_hint(hint))
}
