//! What `[model.NAME]` must satisfy.

use indexmap::IndexMap;
use toml::{Table, Value};

use crate::encoder;
use crate::key::{Checked, Key};
use crate::{
    ModelKind, ModelSettings, Pipeline, Precision, SweepSettings, TokenizerSettings,
    TrainingSettings,
};

/// Trainings of one model at most; more are a slip of the pen.
const MOST_SEEDS: u32 = 100;

/// A model is trained at least once, and again only if chance has a part in it.
pub(crate) fn check_seeds(key: &Key, seeds: u32, kind: ModelKind) -> Checked {
    let problem = match seeds {
        1 => return Ok(()),
        2..=MOST_SEEDS if kind.trains_in_epochs() => return Ok(()),
        2..=MOST_SEEDS => {
            "has a model trained again that comes out the same each time: nothing in it is drawn at random".to_owned()
        }
        _ => format!("is {seeds} and must be from 1 to {MOST_SEEDS}"),
    };
    let key = key.at("seeds");
    Err(key.error(problem).with_hint(format!("Try `--set {key}=1`")))
}

/// The winner of a sweep has no settings but which sweep.
pub(crate) fn check_winner(
    key: &Key,
    written: &Table,
    sweeps: &IndexMap<String, SweepSettings>,
) -> Checked {
    let mut settings = written.keys();
    if let Some(other) = settings.find(|setting| *setting != "kind" && *setting != "sweep") {
        return Err(key
            .at(other)
            .error("cannot be set for the winner of a sweep, which is as its trial was"));
    }
    let sweep = written.get("sweep").and_then(Value::as_str);
    key.at("sweep")
        .refer("sweep", sweep.unwrap_or_default(), sweeps)?;
    Ok(())
}

pub(super) fn check_model(pipeline: &Pipeline, key: &Key, model: &ModelSettings) -> Checked {
    match model.kind {
        ModelKind::BestOfSweep => return Ok(()),
        ModelKind::Linear => return check_linear(pipeline, key, model),
        _ => {}
    }
    let ngrams = [("ngrams", model.ngrams.is_some())];
    key.require_absent(&ngrams, "is for `kind = \"linear\"` only")?;
    let name = &model.embedding;
    let embedding = key
        .at("embedding")
        .refer("embedding", name, &pipeline.embeddings)?;
    if !model.tokenizer.is_empty() {
        let (wanted, tokenizer) = (&model.tokenizer, &embedding.tokenizer);
        key.at("tokenizer")
            .refer("tokenizer", wanted, &pipeline.tokenizers)?;
        if wanted != tokenizer {
            let problem = format!(
                "reads the tokenizer `{wanted}`, and its embedding `{name}` was made for the tokenizer `{tokenizer}`"
            );
            let hint = format!(
                "Set `{key}.tokenizer` to `{tokenizer}`, or `{key}.embedding` to an embedding of `{wanted}`"
            );
            return Err(key.error(problem).with_hint(hint));
        }
    }
    encoder::check_model(key, model, embedding)?;
    if model.kind == ModelKind::Transformer {
        encoder::check_length(pipeline, name, &embedding.tokenizer, model.windows)?;
    }
    check_network(key, model, &pipeline.tokenizers[&embedding.tokenizer])?;
    check_training(&key.at("training"), &model.training)
}

fn check_network(key: &Key, model: &ModelSettings, tokenizer: &TokenizerSettings) -> Checked {
    key.require_positive(&[("hidden", model.hidden)])?;
    if model.kind.is_recurrent() {
        key.require_positive(&[("layers", model.layers)])?;
    }
    key.require_within(&[
        ("dropout", model.dropout, 0.0, 0.95),
        ("embedding_dropout", model.embedding_dropout, 0.0, 0.95),
        ("word_dropout", model.word_dropout, 0.0, 0.95),
        ("layer_decay", model.layer_decay, 0.01, 1.0),
    ])?;
    encoder::check_windows(key, model.windows)?;
    if model.kind != ModelKind::Transformer && model.training.precision == Precision::Bf16 {
        return Err(key
            .at("training.precision")
            .error("is `bf16`, which only a transformer computes in")
            .with_hint("Take `auto` or `f32`".to_owned()));
    }
    if model.kind != ModelKind::Cnn {
        return Ok(());
    }
    key.require_positive(&[("filters", model.filters)])?;
    let key = key.at("kernel_widths");
    let widest = model.kernel_widths.iter().max().copied().unwrap_or(0);
    key.require(
        widest > 0 && !model.kernel_widths.contains(&0),
        "must list widths of at least 1",
    )?;
    let most = tokenizer.max_length;
    if widest > most {
        let problem =
            format!("has a kernel of {widest} tokens, and its tokenizer keeps {most} per row");
        let hint = "Raise the tokenizer's `max_length`, or take a narrower kernel".to_owned();
        return Err(key.error(problem).with_hint(hint));
    }
    Ok(())
}

/// A linear model reads tokens and nothing else.
fn check_linear(pipeline: &Pipeline, key: &Key, model: &ModelSettings) -> Checked {
    if !model.embedding.is_empty() {
        return Err(key
            .at("embedding")
            .error("cannot be set for a linear model, which reads words and no vectors")
            .with_hint(format!("Set `{key}.tokenizer` instead")));
    }
    key.at("tokenizer")
        .refer("tokenizer", &model.tokenizer, &pipeline.tokenizers)?;
    let ngrams = model.ngrams.unwrap_or_default();
    let key = key.at("ngrams");
    key.at("longest")
        .require((1..=6).contains(&ngrams.longest), "must be 1 to 6")?;
    key.require_positive(&[("min_count", ngrams.min_count)])?;
    key.require_within(&[("smoothing", ngrams.smoothing, 1e-3, 1e3)])
}

fn check_training(key: &Key, training: &TrainingSettings) -> Checked {
    key.require_positive(&[
        ("epochs", training.epochs),
        ("batch_size", training.batch_size),
        ("accumulation", training.accumulation),
        ("shard_size", training.shard_size.unwrap_or(1)),
        ("log_every", training.log_every),
    ])?;
    key.at("accumulation").require(
        training.accumulation <= training.batch_size,
        "cannot be more than `batch_size`",
    )?;
    key.at("learning_rate").require(
        training.learning_rate > 0.0 && training.learning_rate.is_finite(),
        "must be above 0",
    )?;
    key.require_within(&[
        ("warm_up", training.warm_up, 0.0, 1.0),
        ("beta1", training.beta1, 0.0, 0.9999),
        ("beta2", training.beta2, 0.0, 0.999_999),
        ("label_smoothing", training.label_smoothing, 0.0, 0.9),
        ("weight_decay", training.weight_decay, 0.0, 10.0),
        ("clip_norm", training.clip_norm, 0.0, 1e6),
    ])
}
