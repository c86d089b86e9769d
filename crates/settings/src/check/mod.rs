//! What a pipeline file must satisfy beyond its form: references, ranges, and settings that
//! contradict each other. All of it before anything runs.

mod embedding;

use indexmap::IndexMap;

use self::embedding::check_embedding;
use crate::encoder;
use crate::engine::check_engine;
use crate::{
    EmbeddingKind, EnsembleSettings, ModelKind, ModelSettings, Pipeline, RunSettings,
    SettingsError, SweepSettings, TokenizerKind, TokenizerSettings, TrainingSettings,
};

pub(crate) fn check(pipeline: &Pipeline) -> Result<(), SettingsError> {
    check_names(pipeline)?;
    if !(1..=RunSettings::MOST_JOBS).contains(&pipeline.run.jobs) {
        let most = RunSettings::MOST_JOBS;
        return Err(SettingsError::value(
            "run.jobs",
            format!("must be 1 to {most}"),
        ));
    }
    check_engine(&pipeline.engine)?;
    check_ingest_and_clean(pipeline)?;
    for (name, tokenizer) in &pipeline.tokenizers {
        check_tokenizer(&format!("tokenizer.{name}"), tokenizer)?;
    }
    for (name, embedding) in &pipeline.embeddings {
        let key = format!("embedding.{name}");
        if embedding.kind == EmbeddingKind::Features {
            encoder::encoder_of(pipeline, &key, embedding)?;
        }
        let tokenizer = refer(
            &format!("{key}.tokenizer"),
            "tokenizer",
            &embedding.tokenizer,
            &pipeline.tokenizers,
        )?;
        check_embedding(&key, embedding, tokenizer)?;
        if embedding.kind == EmbeddingKind::Features {
            encoder::check_features(pipeline, &key, embedding)?;
        }
    }
    for (name, model) in pipeline.trials.iter().chain(&pipeline.models) {
        let key = format!("model.{name}");
        if model.kind == ModelKind::Winner {
            continue;
        }
        if model.kind == ModelKind::Linear {
            check_linear(&key, model, pipeline)?;
            continue;
        }
        if model.ngrams.is_some() {
            return Err(SettingsError::value(
                format!("{key}.ngrams"),
                "is for `kind = \"linear\"` only",
            ));
        }
        let embedding = refer(
            &format!("{key}.embedding"),
            "embedding",
            &model.embedding,
            &pipeline.embeddings,
        )?;
        let tokenizer = &pipeline.tokenizers[&embedding.tokenizer];
        encoder::check_model(&key, model, embedding)?;
        if model.kind == ModelKind::Transformer {
            encoder::check_length(
                pipeline,
                &model.embedding,
                &embedding.tokenizer,
                model.windows,
            )?;
        }
        check_model(&key, model, tokenizer)?;
        check_training(&format!("{key}.training"), &model.training)?;
    }
    if let Some(evaluation) = pipeline.evaluations.values().max_by_key(|it| it.folds) {
        positive("evaluation.bootstrap_samples", evaluation.bootstrap_samples)?;
        positive("evaluation.batch_size", evaluation.batch_size)?;
        if evaluation.folds == 1 || evaluation.folds > 100 {
            return Err(SettingsError::value(
                "evaluation.folds",
                "must be 0 for none, or 2 to 100",
            ));
        }
        inside("evaluation.confidence", evaluation.confidence, 0.5, 0.9999)?;
    }
    Ok(())
}

/// The winner of a sweep has no settings but which sweep.
pub(crate) fn check_winner(
    name: &str,
    written: &toml::Table,
    sweeps: &IndexMap<String, SweepSettings>,
) -> Result<(), SettingsError> {
    let key = format!("model.{name}");
    let table = written.get(name).and_then(toml::Value::as_table);
    let mut settings = table.into_iter().flat_map(toml::Table::keys);
    if let Some(other) = settings.find(|setting| *setting != "kind" && *setting != "sweep") {
        return Err(SettingsError::value(
            format!("{key}.{other}"),
            "cannot be set for the winner of a sweep, which is as its trial was",
        ));
    }
    let sweep = table.and_then(|table| table.get("sweep")?.as_str());
    refer(
        &format!("{key}.sweep"),
        "sweep",
        sweep.unwrap_or_default(),
        sweeps,
    )?;
    Ok(())
}

/// Trainings of one model at most; more are a slip of the pen.
const MOST_SEEDS: u32 = 100;

/// A model is trained at least once, and again only if chance has a part in it.
pub(crate) fn check_seeds(name: &str, seeds: u32, kind: ModelKind) -> Result<(), SettingsError> {
    let problem = match seeds {
        1 => return Ok(()),
        2..=MOST_SEEDS if kind.takes_steps() => return Ok(()),
        2..=MOST_SEEDS => {
            "has a model trained again that comes out the same each time: nothing in it is drawn at random".to_owned()
        }
        _ => format!("is {seeds} and must be from 1 to {MOST_SEEDS}"),
    };
    Err(SettingsError::Value {
        key: format!("model.{name}.seeds"),
        problem,
        hint: Some(format!("Try `--set model.{name}.seeds=1`")),
    })
}

/// An ensemble unites several models, and is told from them by its name.
pub(crate) fn check_ensembles(
    ensembles: &IndexMap<String, EnsembleSettings>,
    models: &IndexMap<String, ModelSettings>,
) -> Result<(), SettingsError> {
    for (name, ensemble) in ensembles {
        let key = format!("ensemble.{name}");
        check_name("ensemble", name)?;
        if models.contains_key(name) {
            return Err(SettingsError::value(key, "has the name of a model"));
        }
        for (place, member) in ensemble.models.iter().enumerate() {
            refer(&format!("{key}.models"), "model", member, models)?;
            if ensemble.models[..place].contains(member) {
                return Err(SettingsError::value(
                    format!("{key}.models"),
                    format!("names `{member}` twice"),
                ));
            }
        }
        if ensemble.models.len() < 2 {
            return Err(SettingsError::value(
                format!("{key}.models"),
                "must name two models or more",
            ));
        }
    }
    Ok(())
}

/// A model may say which tokenizer it counts on. It must then be its embedding's.
pub(crate) fn check_asserted_tokenizers(
    pipeline: &Pipeline,
    asserted: &[(String, Option<String>)],
) -> Result<(), SettingsError> {
    for (name, tokenizer) in asserted {
        let Some(wanted) = tokenizer else { continue };
        refer(
            &format!("model.{name}.tokenizer"),
            "tokenizer",
            wanted,
            &pipeline.tokenizers,
        )?;
        let embedding_name = &pipeline.models[name].embedding;
        let embedding = refer(
            &format!("model.{name}.embedding"),
            "embedding",
            embedding_name,
            &pipeline.embeddings,
        )?;
        if embedding.tokenizer != *wanted {
            return Err(SettingsError::Value {
                key: format!("model.{name}"),
                problem: format!(
                    "reads the tokenizer `{wanted}`, and its embedding `{embedding_name}` was made for the tokenizer `{}`",
                    embedding.tokenizer
                ),
                hint: Some(format!(
                    "Set `model.{name}.tokenizer` to `{}`, or `model.{name}.embedding` to an embedding of `{wanted}`",
                    embedding.tokenizer
                )),
            });
        }
    }
    Ok(())
}

/// Names become folders and parts of dotted keys.
fn check_names(pipeline: &Pipeline) -> Result<(), SettingsError> {
    let tables = [
        ("tokenizer", pipeline.tokenizers.keys().collect::<Vec<_>>()),
        ("embedding", pipeline.embeddings.keys().collect()),
        ("model", pipeline.models.keys().collect()),
    ];
    for (table, names) in tables {
        for name in names {
            check_name(table, name)?;
        }
    }
    Ok(())
}

pub(crate) fn check_name(table: &str, name: &str) -> Result<(), SettingsError> {
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
    if name.is_empty() || !plain {
        return Err(SettingsError::value(
            format!("{table}.{name}"),
            "has a name with other signs than letters, digits, `_` and `-`",
        ));
    }
    Ok(())
}

fn check_ingest_and_clean(pipeline: &Pipeline) -> Result<(), SettingsError> {
    let ingest = &pipeline.ingest;
    inside("ingest.max_reject_rate", ingest.max_reject_rate, 0.0, 1.0)?;
    if ingest.max_text_bytes == 0 {
        return Err(SettingsError::value(
            "ingest.max_text_bytes",
            "must be at least 1",
        ));
    }
    if let Some(rule) = &ingest.rating
        && (!rule.centre.is_finite() || !rule.dead_zone.is_finite() || rule.dead_zone < 0.0)
    {
        return Err(SettingsError::value(
            "ingest.rating",
            "must have a finite centre and a dead zone of at least 0",
        ));
    }
    if let Some(download) = &ingest.download
        && (download.sha256.len() != 64
            || !download
                .sha256
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit()))
    {
        return Err(SettingsError::value(
            "ingest.download.sha256",
            "must be 64 hex digits",
        ));
    }
    inside(
        "clean.near_duplicates.threshold",
        pipeline.clean.near_duplicates.threshold,
        0.5,
        1.0,
    )?;
    inside("clean.split.test", pipeline.clean.split.test, 0.0, 0.9)?;
    inside(
        "clean.split.validation",
        pipeline.clean.split.validation,
        0.0,
        0.9,
    )
}

fn check_tokenizer(key: &str, tokenizer: &TokenizerSettings) -> Result<(), SettingsError> {
    if tokenizer.max_length < 2 {
        return Err(SettingsError::value(
            format!("{key}.max_length"),
            "must be at least 2",
        ));
    }
    if tokenizer.kind == TokenizerKind::Pretrained {
        let trained = [
            ("vocabulary_size", tokenizer.vocabulary_size.is_some()),
            ("min_frequency", tokenizer.min_frequency.is_some()),
            ("lowercase", tokenizer.lowercase.is_some()),
        ];
        if let Some((setting, _)) = trained.into_iter().find(|(_, given)| *given) {
            return Err(SettingsError::Value {
                key: format!("{key}.{setting}"),
                problem: "cannot be set for a pretrained tokenizer, which brings its own"
                    .to_owned(),
                hint: Some(format!("Remove `{setting}` from `[{key}]`")),
            });
        }
        if tokenizer.source.is_none() {
            return Err(SettingsError::value(
                format!("{key}.source"),
                "must name the `tokenizer.json` to use",
            ));
        }
        return Ok(());
    }
    if tokenizer.source.is_some() {
        return Err(SettingsError::value(
            format!("{key}.source"),
            "is for `kind = \"pretrained\"` only",
        ));
    }
    // 256 bytes and the special tokens: below that the byte-level alphabet itself does not fit.
    let least = if tokenizer.kind == TokenizerKind::Bpe {
        300
    } else {
        100
    };
    match tokenizer.vocabulary_size {
        Some(size) if size < least => Err(SettingsError::value(
            format!("{key}.vocabulary_size"),
            format!("is {size} and must be at least {least} for this kind"),
        )),
        _ => Ok(()),
    }
}

fn check_model(
    key: &str,
    model: &ModelSettings,
    tokenizer: &TokenizerSettings,
) -> Result<(), SettingsError> {
    positive(&format!("{key}.hidden"), model.hidden)?;
    if model.kind.is_recurrent() {
        positive(&format!("{key}.layers"), model.layers)?;
    }
    for (name, share) in [
        ("dropout", model.dropout),
        ("embedding_dropout", model.embedding_dropout),
        ("word_dropout", model.word_dropout),
    ] {
        inside(&format!("{key}.{name}"), share, 0.0, 0.95)?;
    }
    inside(&format!("{key}.layer_decay"), model.layer_decay, 0.01, 1.0)?;
    encoder::check_windows(key, model.windows)?;
    if model.kind != ModelKind::Transformer && model.training.precision == crate::Precision::Bf16 {
        return Err(SettingsError::Value {
            key: format!("{key}.training.precision"),
            problem: "is `bf16`, which only a transformer computes in".to_owned(),
            hint: Some("Take `auto` or `f32`".to_owned()),
        });
    }
    if model.kind == ModelKind::Cnn {
        positive(&format!("{key}.filters"), model.filters)?;
        let widest = model.kernel_widths.iter().max().copied().unwrap_or(0);
        if widest == 0 || model.kernel_widths.contains(&0) {
            return Err(SettingsError::value(
                format!("{key}.kernel_widths"),
                "must list widths of at least 1",
            ));
        }
        if widest > tokenizer.max_length {
            return Err(SettingsError::Value {
                key: format!("{key}.kernel_widths"),
                problem: format!(
                    "has a kernel of {widest} tokens, and its tokenizer keeps {} per row",
                    tokenizer.max_length
                ),
                hint: Some(
                    "Raise the tokenizer's `max_length`, or take a narrower kernel".to_owned(),
                ),
            });
        }
    }
    Ok(())
}

/// A linear model reads tokens and nothing else.
fn check_linear(
    key: &str,
    model: &ModelSettings,
    pipeline: &Pipeline,
) -> Result<(), SettingsError> {
    if !model.embedding.is_empty() {
        return Err(SettingsError::Value {
            key: format!("{key}.embedding"),
            problem: "cannot be set for a linear model, which reads words and no vectors"
                .to_owned(),
            hint: Some(format!("Set `{key}.tokenizer` instead")),
        });
    }
    refer(
        &format!("{key}.tokenizer"),
        "tokenizer",
        &model.tokenizer,
        &pipeline.tokenizers,
    )?;
    let ngrams = model.ngrams.unwrap_or_default();
    if !(1..=6).contains(&ngrams.longest) {
        return Err(SettingsError::value(
            format!("{key}.ngrams.longest"),
            "must be 1 to 6",
        ));
    }
    positive(&format!("{key}.ngrams.min_count"), ngrams.min_count)?;
    inside(
        &format!("{key}.ngrams.smoothing"),
        ngrams.smoothing,
        1e-3,
        1e3,
    )
}

fn check_training(key: &str, training: &TrainingSettings) -> Result<(), SettingsError> {
    for (name, value) in [
        ("epochs", training.epochs),
        ("batch_size", training.batch_size),
        ("accumulation", training.accumulation),
        ("shard_size", training.shard_size.unwrap_or(1)),
        ("log_every", training.log_every),
    ] {
        positive(&format!("{key}.{name}"), value)?;
    }
    if training.accumulation > training.batch_size {
        return Err(SettingsError::value(
            format!("{key}.accumulation"),
            "cannot be more than `batch_size`",
        ));
    }
    if !(training.learning_rate > 0.0 && training.learning_rate.is_finite()) {
        return Err(SettingsError::value(
            format!("{key}.learning_rate"),
            "must be above 0",
        ));
    }
    for (name, value, high) in [
        ("warm_up", training.warm_up, 1.0),
        ("beta1", training.beta1, 0.9999),
        ("beta2", training.beta2, 0.999_999),
        ("label_smoothing", training.label_smoothing, 0.9),
        ("weight_decay", training.weight_decay, 10.0),
        ("clip_norm", training.clip_norm, 1e6),
    ] {
        inside(&format!("{key}.{name}"), value, 0.0, high)?;
    }
    Ok(())
}

fn refer<'a, T>(
    key: &str,
    what: &'static str,
    name: &str,
    tables: &'a IndexMap<String, T>,
) -> Result<&'a T, SettingsError> {
    if name.is_empty() {
        return Err(SettingsError::value(
            key,
            format!("must name the {what} it reads"),
        ));
    }
    tables
        .get(name)
        .ok_or_else(|| SettingsError::UnknownReference {
            key: key.to_owned(),
            what,
            name: name.to_owned(),
            known: tables.keys().cloned().collect(),
        })
}

fn positive(key: &str, value: u32) -> Result<(), SettingsError> {
    if value == 0 {
        Err(SettingsError::value(key, "must be at least 1"))
    } else {
        Ok(())
    }
}

fn inside(key: &str, value: f64, low: f64, high: f64) -> Result<(), SettingsError> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(SettingsError::value(
            key,
            format!("is {value} and must be from {low} to {high}"),
        ))
    }
}
