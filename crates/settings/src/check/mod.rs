//! What a pipeline file must satisfy beyond its form: references, ranges, and settings that
//! contradict each other. All of it before anything runs.

mod embedding;
mod model;

pub(crate) use self::model::{check_seeds, check_winner};

use indexmap::IndexMap;

use self::embedding::check_embedding;
use self::model::check_model;
use crate::engine::check_engine;
use crate::key::{Checked, Key};
use crate::{
    EnsembleSettings, ModelSettings, Pipeline, RunSettings, TokenizerKind, TokenizerSettings,
};

pub(crate) fn check(pipeline: &Pipeline) -> Checked {
    let names = |table, names: Vec<&String>| {
        let mut names = names.into_iter();
        names.try_for_each(|name| check_name(table, name))
    };
    names("tokenizer", pipeline.tokenizers.keys().collect())?;
    names("embedding", pipeline.embeddings.keys().collect())?;
    names("model", pipeline.models.keys().collect())?;
    let most = RunSettings::MAX_JOBS;
    Key::of("run.jobs").require(
        (1..=most).contains(&pipeline.run.jobs),
        format!("must be 1 to {most}"),
    )?;
    check_engine(&pipeline.engine)?;
    check_ingest_and_clean(pipeline)?;
    for (name, tokenizer) in &pipeline.tokenizers {
        check_tokenizer(&Key::of("tokenizer").at(name), tokenizer)?;
    }
    for (name, embedding) in &pipeline.embeddings {
        check_embedding(pipeline, &Key::of("embedding").at(name), embedding)?;
    }
    for (name, model) in pipeline.models.iter().chain(&pipeline.trials) {
        check_model(pipeline, &Key::of("model").at(name), model)?;
    }
    let evaluations = pipeline.evaluations.values();
    let Some(evaluation) = evaluations.max_by_key(|it| it.folds) else {
        return Ok(());
    };
    let key = Key::of("evaluation");
    key.require_positive(&[
        ("bootstrap_samples", evaluation.bootstrap_samples),
        ("batch_size", evaluation.batch_size),
    ])?;
    let is_known = evaluation.folds == 0 || (2..=100).contains(&evaluation.folds);
    key.at("folds")
        .require(is_known, "must be 0 for none, or 2 to 100")?;
    key.require_within(&[("confidence", evaluation.confidence, 0.5, 0.9999)])
}

/// An ensemble unites several models, and is told from them by its name.
pub(crate) fn check_ensembles(
    ensembles: &IndexMap<String, EnsembleSettings>,
    models: &IndexMap<String, ModelSettings>,
) -> Checked {
    for (name, ensemble) in ensembles {
        check_name("ensemble", name)?;
        let key = Key::of("ensemble").at(name);
        key.require(!models.contains_key(name), "has the name of a model")?;
        let key = key.at("models");
        for (place, member) in ensemble.models.iter().enumerate() {
            key.refer("model", member, models)?;
            let is_new = !ensemble.models[..place].contains(member);
            key.require(is_new, format!("names `{member}` twice"))?;
        }
        key.require(ensemble.models.len() > 1, "must name two models or more")?;
    }
    Ok(())
}

/// Names become folders and parts of dotted keys.
pub(crate) fn check_name(table: &str, name: &str) -> Checked {
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
    Key::of(table).at(name).require(
        plain && !name.is_empty(),
        "has a name with other signs than letters, digits, `_` and `-`",
    )
}

fn check_ingest_and_clean(pipeline: &Pipeline) -> Checked {
    let (ingest, clean) = (&pipeline.ingest, &pipeline.clean);
    let key = Key::of("ingest");
    key.require_within(&[("max_reject_rate", ingest.max_reject_rate, 0.0, 1.0)])?;
    key.at("max_text_bytes")
        .require(ingest.max_text_bytes > 0, "must be at least 1")?;
    let is_rule = ingest.rating.is_none_or(|rule| {
        rule.centre.is_finite() && rule.dead_zone.is_finite() && rule.dead_zone >= 0.0
    });
    key.at("rating").require(
        is_rule,
        "must have a finite centre and a dead zone of at least 0",
    )?;
    let is_digest = ingest.download.as_ref().is_none_or(|download| {
        let mut digits = download.sha256.bytes();
        digits.len() == 64 && digits.all(|digit| digit.is_ascii_hexdigit())
    });
    key.at("download.sha256")
        .require(is_digest, "must be 64 hex digits")?;
    let threshold = clean.near_duplicates.threshold;
    Key::of("clean").require_within(&[
        ("near_duplicates.threshold", threshold, 0.5, 1.0),
        ("split.test", clean.split.test, 0.0, 0.9),
        ("split.validation", clean.split.validation, 0.0, 0.9),
    ])
}

fn check_tokenizer(key: &Key, tokenizer: &TokenizerSettings) -> Checked {
    key.at("max_length")
        .require(tokenizer.max_length >= 2, "must be at least 2")?;
    let source = key.at("source");
    if tokenizer.kind == TokenizerKind::Pretrained {
        let trained = [
            ("vocabulary_size", tokenizer.vocabulary_size.is_some()),
            ("min_frequency", tokenizer.min_frequency.is_some()),
            ("lowercase", tokenizer.lowercase.is_some()),
        ];
        if let Some((setting, _)) = trained.into_iter().find(|(_, given)| *given) {
            return Err(key
                .at(setting)
                .error("cannot be set for a pretrained tokenizer, which brings its own")
                .with_hint(format!("Remove `{setting}` from `[{key}]`")));
        }
        return source.require(
            tokenizer.source.is_some(),
            "must name the `tokenizer.json` to use",
        );
    }
    source.require(
        tokenizer.source.is_none(),
        "is for `kind = \"pretrained\"` only",
    )?;
    // 256 bytes and the special tokens: below that the byte-level alphabet itself does not fit.
    let least = if tokenizer.kind == TokenizerKind::Bpe {
        300
    } else {
        100
    };
    let size = tokenizer.vocabulary_size.unwrap_or(least);
    key.at("vocabulary_size").require(
        size >= least,
        format!("is {size} and must be at least {least} for this kind"),
    )
}
