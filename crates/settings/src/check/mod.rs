//! Checks of a pipeline file before anything runs: references, ranges, and settings that exclude each other.

mod embedding;
mod model;

pub(crate) use self::embedding::check_vectors;
pub(crate) use self::model::{check_best_of_sweep, check_seeds};

use indexmap::IndexMap;

use self::embedding::check_embedding;
use self::model::check_model;
use crate::engine::check_engine;
use crate::setting_path::{CheckResult, SettingPath};
use crate::{
    EnsembleSettings, ModelSettings, Pipeline, RunSettings, TokenizerKind, TokenizerSettings,
};

pub(crate) fn check(pipeline: &Pipeline) -> CheckResult {
    let names = |table, all: Vec<&String>| all.into_iter().try_for_each(|it| check_name(table, it));
    names("tokenizer", pipeline.tokenizers.keys().collect())?;
    names("embedding", pipeline.embeddings.keys().collect())?;
    names("model", pipeline.models.keys().collect())?;
    let (jobs, max) = (pipeline.run.jobs as f64, RunSettings::MAX_JOBS as f64);
    SettingPath::new("run").require_in_range(&[("jobs", jobs, 1.0, max)])?;
    check_engine(&pipeline.engine)?;
    check_ingest_and_clean(pipeline)?;
    for (name, tokenizer) in &pipeline.tokenizers {
        check_tokenizer(&SettingPath::new("tokenizer").join(name), tokenizer)?;
    }
    for name in pipeline.embeddings.keys() {
        check_embedding(pipeline, name)?;
    }
    for (name, model) in pipeline.models.iter().chain(&pipeline.trials) {
        check_model(pipeline, name, model)?;
    }
    let Some(evaluation) = pipeline.evaluations.values().max_by_key(|it| it.folds) else {
        return Ok(());
    };
    let key = SettingPath::new("evaluation");
    key.require_positive(&[
        ("bootstrap_samples", evaluation.bootstrap_samples),
        ("batch_size", evaluation.batch_size),
    ])?;
    let is_valid = evaluation.folds == 0 || (2..=100).contains(&evaluation.folds);
    key.join("folds")
        .require(is_valid, "must be 0 (no folds), or from 2 to 100")?;
    key.require_in_range(&[("confidence", evaluation.confidence, 0.5, 0.9999)])
}

/// Checks that every ensemble has at least two different models and a name that no model has.
pub(crate) fn check_ensembles(
    ensembles: &IndexMap<String, EnsembleSettings>,
    models: &IndexMap<String, ModelSettings>,
) -> CheckResult {
    for (name, ensemble) in ensembles {
        check_name("ensemble", name)?;
        let key = SettingPath::new("ensemble").join(name);
        key.require(!models.contains_key(name), "has the same name as a model")?;
        let list = key.join("models");
        for (index, member) in ensemble.models.iter().enumerate() {
            key.resolve("models", member, models)?;
            let is_new = !ensemble.models[..index].contains(member);
            list.require(is_new, format!("names `{member}` twice"))?;
        }
        list.require(ensemble.models.len() > 1, "must name at least two models")?;
    }
    Ok(())
}

/// Checks a variant name, which becomes a folder name and part of dotted setting names.
pub(crate) fn check_name(table: &str, name: &str) -> CheckResult {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
    let is_valid = !name.is_empty() && name.chars().all(is_plain);
    let problem = "has a name with characters other than ASCII letters, digits, `_` and `-`";
    let key = SettingPath::new(table).join(name);
    key.require(is_valid, problem)
}

fn check_ingest_and_clean(pipeline: &Pipeline) -> CheckResult {
    let (ingest, clean) = (&pipeline.ingest, &pipeline.clean);
    let key = SettingPath::new("ingest");
    key.require_in_range(&[("max_reject_rate", ingest.max_reject_rate, 0.0, 1.0)])?;
    key.join("max_text_bytes")
        .require(ingest.max_text_bytes > 0, "must be at least 1")?;
    let is_valid_rule = ingest.rating.is_none_or(|rule| {
        rule.centre.is_finite() && rule.dead_zone.is_finite() && rule.dead_zone >= 0.0
    });
    let problem = "must have a finite `centre` and a `dead_zone` of at least 0";
    key.join("rating").require(is_valid_rule, problem)?;
    let is_digest = ingest.download.as_ref().is_none_or(|download| {
        let mut digits = download.sha256.bytes();
        digits.len() == 64 && digits.all(|digit| digit.is_ascii_hexdigit())
    });
    key.join("download.sha256")
        .require(is_digest, "must be 64 hexadecimal digits")?;
    let threshold = clean.near_duplicates.threshold;
    SettingPath::new("clean").require_in_range(&[
        ("near_duplicates.threshold", threshold, 0.5, 1.0),
        ("split.test", clean.split.test, 0.0, 0.9),
        ("split.validation", clean.split.validation, 0.0, 0.9),
    ])
}

fn check_tokenizer(key: &SettingPath, tokenizer: &TokenizerSettings) -> CheckResult {
    key.join("max_length")
        .require(tokenizer.max_length >= 2, "must be at least 2")?;
    let (source, has_source) = (key.join("source"), tokenizer.source.is_some());
    if tokenizer.kind == TokenizerKind::Pretrained {
        let trained = [
            ("vocabulary_size", tokenizer.vocabulary_size.is_some()),
            ("min_frequency", tokenizer.min_frequency.is_some()),
            ("lowercase", tokenizer.lowercase.is_some()),
        ];
        if let Some((setting, _)) = trained.into_iter().find(|(_, given)| *given) {
            let problem = "cannot be set for a pretrained tokenizer, because its file defines it";
            let hint = format!("Remove `{setting}` from `[{key}]`");
            return Err(key.join(setting).error(problem).with_hint(hint));
        }
        return source.require(has_source, "must name the `tokenizer.json` to use");
    }
    source.require(!has_source, "is for `kind = \"pretrained\"` only")?;
    // The vocabulary of byte-level BPE contains all 256 bytes and the special tokens.
    let is_bpe = tokenizer.kind == TokenizerKind::Bpe;
    let min = if is_bpe { 300 } else { 100 };
    let size = tokenizer.vocabulary_size.unwrap_or(min);
    let problem = format!("is {size} and must be at least {min} for this kind");
    key.join("vocabulary_size").require(size >= min, problem)
}
