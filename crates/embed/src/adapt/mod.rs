//! Domain adaptation: an encoder goes on learning the language it reads, on our own texts and
//! without their labels (Gururangan et al. 2020), before any model is tuned.

mod learner;
mod standing;

use std::fs;

use artifact::{Artifact, ArtifactError, Split, StageName};
use checkpoint::Keeper;
use classifier::{
    ChosenDevice, MaskedModel, Parameters, Stream, TokenContract, TokenRows, choose_device,
};
use optimizer::AdamW;
use serde::{Deserialize, Serialize};
use settings::AdaptationSettings;
use stage::{Context, Failure, format, watch_signals};
use tch::Kind;

use learner::{Learner, training_of};
use standing::Standing;

use crate::EmbedError;
use crate::learned::Corpus;

/// What came of it.
pub(crate) struct Adapted {
    /// For `coverage.json`, and in half a line.
    pub(crate) record: serde_json::Value,
    pub(crate) summary: String,
    pub(crate) device: String,
}

/// How well hidden tokens are guessed.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Score {
    #[serde(with = "checkpoint::bits")]
    loss: f64,
    correct: u64,
    hidden: u64,
}

impl Score {
    fn accuracy(self) -> f64 {
        self.correct as f64 / self.hidden.max(1) as f64
    }

    fn mean_loss(self) -> f64 {
        self.loss / self.hidden.max(1) as f64
    }

    fn and(self, other: Self) -> Self {
        Self {
            loss: self.loss + other.loss,
            correct: self.correct + other.correct,
            hidden: self.hidden + other.hidden,
        }
    }
}

/// Goes on training the encoder in the output folder, and puts its new weights there.
pub(crate) fn adapt(
    context: &Context,
    settings: &AdaptationSettings,
    seed: u64,
) -> Result<Adapted, Failure> {
    let tokens = context.input(StageName::Tokenize);
    let contract = TokenContract::of(tokens).map_err(EmbedError::from)?;
    let mask = mask_of(tokens)?;
    let corpus = Corpus::open(tokens, settings.unlabelled)?;
    let run = context.run();
    let device = choose_device(run.device, run.cores()).map_err(EmbedError::from)?;
    let (kind, reason) = device.kind_of(settings.precision);
    let progress = context.progress();
    progress.note(&format!("device: {}", device.describe()));
    progress.note(&format!(
        "activations: {} ({reason}), weights: f32",
        ChosenDevice::name_of(kind)
    ));
    let model = MaskedModel::load(context.output(), seed).map_err(EmbedError::from)?;
    let layout = model.layout();
    let note = |text: &str| progress.note(text);
    let mut keeper = Keeper::new(context.kept()?, run.checkpoint, &note);
    let mut standing = Standing {
        weights: layout.initial(device.device),
        adam: AdamW::new(layout, &training_of(settings), 1.0, device.device),
        step: 0,
        before: None,
    };
    standing.restore(&mut keeper);
    let weights = &standing.weights;
    let replica = |_| match kind {
        Kind::Float => Parameters::view(layout, weights, true),
        _ => Parameters::copy(layout, weights, true, kind, None),
    };
    let mut learner = Learner {
        replicas: (0..device.replicas).map(replica).collect(),
        model: &model,
        settings,
        kind,
        mask,
        contract,
        stream: Stream::new(seed).child(1),
        device,
    };
    let validation = TokenRows::open(tokens, Split::Validation).map_err(EmbedError::from)?;
    let texts = corpus.texts() as u64 * u64::from(settings.epochs);
    let task = progress.task("adapting the encoder", Some(texts), "reviews");
    let before = match standing.before {
        Some(before) => before,
        None => learner.measure(&validation)?,
    };
    standing.before = Some(before);
    task.advance((standing.step * u64::from(settings.batch_size)).min(texts));
    watch_signals();
    learner.train(&corpus, &mut standing, &mut keeper, &task)?;
    let after = learner.measure(&validation)?;
    drop(task);
    model
        .save_encoder(context.output(), &standing.weights)
        .map_err(EmbedError::from)?;
    let score = |score: Score| serde_json::json!({ "loss": score.mean_loss(), "accuracy": score.accuracy() });
    let device = learner.device.describe();
    Ok(Adapted {
        device,
        record: serde_json::json!({
            "kind": "encoder",
            "method": "masked language model",
            "adaptation": settings,
            "seed": seed,
            "texts": corpus.texts(),
            "tokens": corpus.tokens(),
            "hidden_validation_tokens": after.hidden,
            "before": score(before),
            "after": score(after),
        }),
        summary: format!(
            "adapted to {}: {} of hidden words guessed, {} before",
            format::plural(corpus.texts() as u64, "review", "reviews"),
            format::percent(after.accuracy()),
            format::percent(before.accuracy()),
        ),
    })
}

/// The id of the mask in the encoder's tokenizer.
fn mask_of(tokens: &Artifact) -> Result<u32, Failure> {
    let path = tokens.file("tokenizer.json")?;
    let bytes = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
    let tokenizer = text::TokenizerFile::from_bytes(&bytes, &path).map_err(EmbedError::from)?;
    let names = ["[MASK]", "<mask>"];
    let is_mask =
        |token: &Option<String>| token.as_deref().is_some_and(|token| names.contains(&token));
    let found = tokenizer.tokens().iter().position(is_mask);
    found.map(|id| id as u32).ok_or_else(|| {
        Failure::new("The encoder's tokenizer has neither `[MASK]` nor `<mask>`, so nothing can be hidden from it")
            .with_hint("Take `adaptation` out of the embedding, or an encoder that was trained as a masked language model".to_owned())
    })
}
