//! What `[embedding.NAME]` must satisfy: each kind has settings of its own, and what comes from a
//! file must fit what is said about it.

use std::io::ErrorKind;
use std::path::Path;

use crate::encoder;
use crate::key::{Checked, Key};
use crate::vectors::{VectorLayout, VectorsError};
use crate::{EmbeddingKind, EmbeddingSettings, Pipeline};

pub(super) fn check_embedding(
    pipeline: &Pipeline,
    key: &Key,
    embedding: &EmbeddingSettings,
) -> Checked {
    use EmbeddingKind::{Encoder, Features, Learned, Random, Static};
    let kind = embedding.kind;
    if kind == Features {
        encoder::encoder_of(pipeline, key, embedding)?;
    }
    let tokenizer =
        key.at("tokenizer")
            .refer("tokenizer", &embedding.tokenizer, &pipeline.tokenizers)?;
    let (source, width) = (embedding.source.is_some(), embedding.width.is_some());
    let learning = embedding.learning.is_some();
    if kind != Encoder {
        let given = [("adaptation", embedding.adaptation.is_some())];
        key.require_absent(&given, "is for `kind = \"encoder\"` only")?;
    }
    if kind != Features {
        let given = [
            ("encoder", embedding.encoder.is_some()),
            ("features", embedding.features.is_some()),
        ];
        key.require_absent(&given, "is for `kind = \"features\"` only")?;
    }
    match kind {
        Random | Learned => {
            key.require_absent(&[("source", source)], "is for `kind = \"static\"` only")?;
            let learning = [("learning", learning && kind == Random)];
            key.require_absent(&learning, "is for `kind = \"learned\"` only")?;
            check_learning(key, embedding)?;
            let is_wide = (1..=4096).contains(&embedding.width.unwrap_or(0));
            key.at("width")
                .require(is_wide, "must be given, from 1 to 4096")
        }
        Static => match &embedding.source {
            None => Err(key
                .at("source")
                .error("must name the file with the vectors")),
            Some(path) => check_vectors(key, path, embedding.width),
        },
        Encoder => {
            check_adaptation(key, embedding)?;
            encoder::check(key, embedding, tokenizer)
        }
        Features => {
            let given = [("source", source), ("width", width), ("learning", learning)];
            key.require_absent(
                &given,
                "cannot be set for features, which have it from their encoder",
            )?;
            encoder::check_features(pipeline, key, embedding)
        }
    }
}

fn check_adaptation(key: &Key, embedding: &EmbeddingSettings) -> Checked {
    let Some(adaptation) = &embedding.adaptation else {
        return Ok(());
    };
    let key = key.at("adaptation");
    key.require_positive(&[
        ("epochs", adaptation.epochs),
        ("batch_size", adaptation.batch_size),
        ("shard_size", adaptation.shard_size),
    ])?;
    key.require_within(&[
        ("learning_rate", adaptation.learning_rate, 1e-9, 1.0),
        ("warm_up", adaptation.warm_up, 0.0, 1.0),
        ("mask_probability", adaptation.mask_probability, 0.01, 0.9),
    ])
}

fn check_learning(key: &Key, embedding: &EmbeddingSettings) -> Checked {
    let Some(learning) = &embedding.learning else {
        return Ok(());
    };
    let key = key.at("learning");
    key.require_positive(&[
        ("epochs", learning.epochs),
        ("window", learning.window),
        ("negatives", learning.negatives),
    ])?;
    key.require_within(&[
        ("learning_rate", learning.learning_rate, 1e-6, 1.0),
        ("subsample", learning.subsample, 0.0, 1.0),
    ])
}

/// The vectors are there and as wide as the pipeline file says, if it says anything.
fn check_vectors(key: &Key, path: &Path, width: Option<u32>) -> Checked {
    let file = path.display();
    let source = key.at("source");
    let found = VectorLayout::read(path).map_err(|error| {
        let (problem, hint) = match error {
            VectorsError::Read { source: cause, .. } if cause.kind() == ErrorKind::NotFound => (
                format!("names the word vectors `{file}`, and there is no such file"),
                format!("Put the file there, or name another with `--set {source}=FILE`"),
            ),
            VectorsError::Read { source: cause, .. } => (
                format!("names the word vectors `{file}`, which cannot be read: {cause}"),
                format!("Get the file again, or name another with `--set {source}=FILE`"),
            ),
            VectorsError::NoVectors { reason, .. } => (
                format!("names `{file}`, which has no word vectors: {reason}"),
                "Name a text file of GloVe, word2vec or fastText: a word and its numbers in every line".to_owned(),
            ),
        };
        source.error(problem).with_hint(hint)
    })?;
    let (found, wanted) = (found.width, width.unwrap_or(found.width));
    if wanted == found {
        return Ok(());
    }
    let problem = format!("is {wanted}, and the vectors in `{file}` have {found} components");
    let hint = format!(
        "Remove `width` from `[{key}]`, or name vectors of {wanted} components with `{source}`"
    );
    Err(key.at("width").error(problem).with_hint(hint))
}
