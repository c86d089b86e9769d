//! Checks of `[model.NAME]`.

use indexmap::IndexMap;
use toml::{Table, Value};

use crate::encoder;
use crate::setting_path::{CheckResult, SettingPath};
use crate::{ModelKind, ModelSettings, Pipeline, Precision, TrainingSettings, Trial};

/// Maximum number of trainings of one model.
const MAX_SEEDS: u32 = 100;

/// Checks `seeds`. Several trainings make sense only for models whose result depends on the seed.
pub(crate) fn check_seeds(key: &SettingPath, seeds: u32, kind: ModelKind) -> CheckResult {
    let problem = match seeds {
        1 => return Ok(()),
        2..=MAX_SEEDS if kind.trains_in_epochs() => return Ok(()),
        2..=MAX_SEEDS => format!("is {seeds}, but this kind of model does not depend on the seed"),
        _ => format!("is {seeds} and must be from 1 to {MAX_SEEDS}"),
    };
    let key = key.join("seeds");
    Err(key.error(problem).with_hint(format!("Use `--set {key}=1`")))
}

/// Checks that the best trial of a sweep has only the setting `sweep`.
pub(crate) fn check_best_of_sweep(
    key: &SettingPath,
    written: &Table,
    sweeps: &IndexMap<String, Vec<Trial>>,
) -> CheckResult {
    let mut settings = written.keys();
    if let Some(other) = settings.find(|setting| *setting != "kind" && *setting != "sweep") {
        let problem =
            "cannot be set for the best trial of a sweep, which has the settings of the trial";
        return Err(key.join(other).error(problem));
    }
    let sweep = written.get("sweep").and_then(Value::as_str);
    key.resolve("sweep", sweep.unwrap_or_default(), sweeps)?;
    Ok(())
}

pub(super) fn check_model(pipeline: &Pipeline, name: &str, model: &ModelSettings) -> CheckResult {
    let key = &SettingPath::new("model").join(name);
    match model.kind {
        ModelKind::BestOfSweep => return Ok(()),
        ModelKind::Linear => return check_linear(pipeline, key, model),
        _ => {}
    }
    let ngrams = [("ngrams", model.ngrams.is_some())];
    key.require_absent(&ngrams, "is for `kind = \"linear\"` only")?;
    let name = &model.embedding;
    let embedding = key.resolve("embedding", name, &pipeline.embeddings)?;
    if !model.tokenizer.is_empty() {
        let (given, tokenizer) = (&model.tokenizer, &embedding.tokenizer);
        key.resolve("tokenizer", given, &pipeline.tokenizers)?;
        if given != tokenizer {
            let problem = format!(
                "reads the tokenizer `{given}`, but its embedding `{name}` is for the tokenizer `{tokenizer}`"
            );
            let hint = format!(
                "Set `{key}.tokenizer` to `{tokenizer}`, or `{key}.embedding` to an embedding for `{given}`"
            );
            return Err(key.error(problem).with_hint(hint));
        }
    }
    encoder::check_model(key, model, embedding)?;
    if model.kind == ModelKind::Transformer {
        encoder::check_length(pipeline, key, name, &embedding.tokenizer, model.windows)?;
    }
    let max_length = pipeline.tokenizers[&embedding.tokenizer].max_length;
    check_network(key, model, max_length)?;
    check_training(&key.join("training"), &model.training)
}

fn check_network(key: &SettingPath, model: &ModelSettings, max_length: u32) -> CheckResult {
    key.require_positive(&[("hidden", model.hidden)])?;
    if model.kind.is_recurrent() {
        key.require_positive(&[("layers", model.layers)])?;
    }
    key.require_in_range(&[
        ("dropout", model.dropout, 0.0, 0.95),
        ("embedding_dropout", model.embedding_dropout, 0.0, 0.95),
        ("word_dropout", model.word_dropout, 0.0, 0.95),
        ("layer_decay", model.layer_decay, 0.01, 1.0),
    ])?;
    encoder::check_windows(key, model.windows)?;
    if model.kind != ModelKind::Transformer && model.training.precision == Precision::Bf16 {
        let key = key.join("training.precision");
        let error = key.error("is `bf16`, which only a transformer supports");
        return Err(error.with_hint("Use `auto` or `f32`".to_owned()));
    }
    if model.kind != ModelKind::Cnn {
        return Ok(());
    }
    key.require_positive(&[("filters", model.filters)])?;
    let key = key.join("kernel_widths");
    let widest = model.kernel_widths.iter().max().copied().unwrap_or(0);
    let is_valid = widest > 0 && !model.kernel_widths.contains(&0);
    let problem = "must contain at least one width, and no width of 0";
    key.require(is_valid, problem)?;
    if widest > max_length {
        let problem = format!(
            "has a kernel of {widest} tokens, but its tokenizer keeps at most {max_length} per review"
        );
        let hint = "Raise `max_length` of the tokenizer, or use a narrower kernel".to_owned();
        return Err(key.error(problem).with_hint(hint));
    }
    Ok(())
}

/// Checks a linear model, which reads tokens and no vectors.
fn check_linear(pipeline: &Pipeline, key: &SettingPath, model: &ModelSettings) -> CheckResult {
    if !model.embedding.is_empty() {
        let problem = "cannot be set for a linear model, which reads tokens and no vectors";
        let hint = format!("Set `{key}.tokenizer` instead");
        return Err(key.join("embedding").error(problem).with_hint(hint));
    }
    key.resolve("tokenizer", &model.tokenizer, &pipeline.tokenizers)?;
    let ngrams = model.ngrams.unwrap_or_default();
    let key = key.join("ngrams");
    key.join("longest")
        .require((1..=6).contains(&ngrams.longest), "must be from 1 to 6")?;
    key.require_positive(&[("min_count", ngrams.min_count)])?;
    key.require_in_range(&[("smoothing", ngrams.smoothing, 1e-3, 1e3)])
}

fn check_training(key: &SettingPath, training: &TrainingSettings) -> CheckResult {
    key.require_positive(&[
        ("epochs", training.epochs),
        ("batch_size", training.batch_size),
        ("accumulation", training.accumulation),
        ("shard_size", training.shard_size.unwrap_or(1)),
        ("log_every", training.log_every),
    ])?;
    let (accumulation, rate) = (key.join("accumulation"), training.learning_rate);
    let fits = training.accumulation <= training.batch_size;
    accumulation.require(fits, "cannot be more than `batch_size`")?;
    let is_valid = rate > 0.0 && rate.is_finite();
    key.join("learning_rate")
        .require(is_valid, "must be above 0")?;
    key.require_in_range(&[
        ("warm_up", training.warm_up, 0.0, 1.0),
        ("beta1", training.beta1, 0.0, 0.9999),
        ("beta2", training.beta2, 0.0, 0.999_999),
        ("label_smoothing", training.label_smoothing, 0.0, 0.9),
        ("weight_decay", training.weight_decay, 0.0, 10.0),
        ("clip_norm", training.clip_norm, 0.0, 1e6),
    ])
}
