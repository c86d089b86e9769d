//! What `[embedding.NAME]` must satisfy: each kind has settings of its own, and what comes from a
//! file must fit what is said about it.

use std::io;
use std::path::Path;

use super::{inside, positive};
use crate::encoder;
use crate::vectors::{self, VectorsError};
use crate::{
    AdaptationSettings, EmbeddingKind, EmbeddingSettings, LearnedSettings, SettingsError,
    TokenizerSettings,
};

pub(super) fn check_embedding(
    key: &str,
    embedding: &EmbeddingSettings,
    tokenizer: &TokenizerSettings,
) -> Result<(), SettingsError> {
    if embedding.kind != EmbeddingKind::Encoder && embedding.adaptation.is_some() {
        return Err(SettingsError::value(
            format!("{key}.adaptation"),
            "is for `kind = \"encoder\"` only",
        ));
    }
    if embedding.kind != EmbeddingKind::Features {
        for (name, given) in [
            ("encoder", embedding.encoder.is_some()),
            ("features", embedding.features.is_some()),
        ] {
            if given {
                return Err(SettingsError::value(
                    format!("{key}.{name}"),
                    "is for `kind = \"features\"` only",
                ));
            }
        }
    }
    match embedding.kind {
        EmbeddingKind::Random | EmbeddingKind::Learned => {
            if embedding.source.is_some() {
                return Err(SettingsError::value(
                    format!("{key}.source"),
                    "is for `kind = \"static\"` only",
                ));
            }
            if let Some(learning) = &embedding.learning {
                check_learning(key, embedding.kind, learning)?;
            }
            match embedding.width {
                Some(width) if (1..=4096).contains(&width) => Ok(()),
                _ => Err(SettingsError::value(
                    format!("{key}.width"),
                    "must be given, from 1 to 4096",
                )),
            }
        }
        EmbeddingKind::Static => match &embedding.source {
            None => Err(SettingsError::value(
                format!("{key}.source"),
                "must name the file with the vectors",
            )),
            Some(path) => check_vectors(key, path, embedding.width),
        },
        EmbeddingKind::Encoder => {
            if let Some(adaptation) = &embedding.adaptation {
                check_adaptation(key, adaptation)?;
            }
            encoder::check(key, embedding, tokenizer)
        }
        EmbeddingKind::Features => {
            let others = [
                ("source", embedding.source.is_some()),
                ("width", embedding.width.is_some()),
                ("learning", embedding.learning.is_some()),
            ];
            match others.iter().find(|(_, given)| *given) {
                None => Ok(()),
                Some((name, _)) => Err(SettingsError::value(
                    format!("{key}.{name}"),
                    "cannot be set for features, which have it from their encoder",
                )),
            }
        }
    }
}

fn check_adaptation(key: &str, adaptation: &AdaptationSettings) -> Result<(), SettingsError> {
    let key = format!("{key}.adaptation");
    positive(&format!("{key}.epochs"), adaptation.epochs)?;
    positive(&format!("{key}.batch_size"), adaptation.batch_size)?;
    positive(&format!("{key}.shard_size"), adaptation.shard_size)?;
    for (name, value, low, high) in [
        ("learning_rate", adaptation.learning_rate, 1e-9, 1.0),
        ("warm_up", adaptation.warm_up, 0.0, 1.0),
        ("masked", adaptation.masked, 0.01, 0.9),
    ] {
        inside(&format!("{key}.{name}"), value, low, high)?;
    }
    Ok(())
}

fn check_learning(
    key: &str,
    kind: EmbeddingKind,
    learning: &LearnedSettings,
) -> Result<(), SettingsError> {
    if kind != EmbeddingKind::Learned {
        return Err(SettingsError::value(
            format!("{key}.learning"),
            "is for `kind = \"learned\"` only",
        ));
    }
    positive(&format!("{key}.learning.epochs"), learning.epochs)?;
    positive(&format!("{key}.learning.window"), learning.window)?;
    positive(&format!("{key}.learning.negatives"), learning.negatives)?;
    inside(
        &format!("{key}.learning.learning_rate"),
        learning.learning_rate,
        1e-6,
        1.0,
    )?;
    inside(
        &format!("{key}.learning.subsample"),
        learning.subsample,
        0.0,
        1.0,
    )
}

/// The vectors are there and as wide as the pipeline file says, if it says anything.
fn check_vectors(key: &str, path: &Path, width: Option<u32>) -> Result<(), SettingsError> {
    let file = path.display();
    let problem = |setting: &str, problem: String, hint: String| {
        Err(SettingsError::Value {
            key: format!("{key}.{setting}"),
            problem,
            hint: Some(hint),
        })
    };
    let found = match vectors::peek_width(path) {
        Ok(found) => found,
        Err(VectorsError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return problem(
                "source",
                format!("names the word vectors `{file}`, and there is no such file"),
                format!("Put the file there, or name another with `--set {key}.source=FILE`"),
            );
        }
        Err(VectorsError::Read { source, .. }) => {
            return problem(
                "source",
                format!("names the word vectors `{file}`, which cannot be read: {source}"),
                format!("Get the file again, or name another with `--set {key}.source=FILE`"),
            );
        }
        Err(VectorsError::NoVectors { reason, .. }) => {
            return problem(
                "source",
                format!("names `{file}`, which has no word vectors: {reason}"),
                "Name a text file of GloVe, word2vec or fastText: a word and its numbers in every line".to_owned(),
            );
        }
    };
    match width {
        Some(wanted) if wanted != found => problem(
            "width",
            format!("is {wanted}, and the vectors in `{file}` have {found} components"),
            format!(
                "Remove `width` from `[{key}]`, or name vectors of {wanted} components with `{key}.source`"
            ),
        ),
        _ => Ok(()),
    }
}
