//! Domain adaptation: an encoder goes on learning the language it reads, on our own texts and
//! without their labels (Gururangan et al. 2020), before any model is tuned.

use std::fs;
use std::ops::Range;

use artifact::{Artifact, ArtifactError, Split, StageName};
use classifier::{
    ChosenDevice, ClassifierError, Hidden, MaskedModel, Mode, Parameters, Stream, TokenContract,
    TokenRows, choose_device, hidden_batch, hide,
};
use optimizer::AdamW;
use rayon::prelude::*;
use settings::{AdaptationSettings, Schedule, TrainingSettings};
use stage::{Context, Failure, Task, format};
use tch::{Kind, Tensor, no_grad};

use crate::EmbedError;
use crate::learned::Corpus;

/// Validation rows on which it is measured, at most. Nothing is learned from them.
const MEASURED: usize = 512;

/// What came of it.
pub(crate) struct Adapted {
    /// For `coverage.json`, and in half a line.
    pub(crate) record: serde_json::Value,
    pub(crate) summary: String,
    pub(crate) device: String,
}

/// How well hidden tokens are guessed.
#[derive(Clone, Copy, Default)]
struct Score {
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

/// The model at work.
struct Learner<'a> {
    model: &'a MaskedModel,
    settings: &'a AdaptationSettings,
    device: ChosenDevice,
    kind: Kind,
    mask: u32,
    contract: TokenContract,
    replicas: Vec<Parameters>,
    stream: Stream,
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
    let mut weights = model.layout().initial(device.device);
    let replica = |_| match kind {
        Kind::Float => Parameters::view(model.layout(), &weights, true),
        _ => Parameters::copy(model.layout(), &weights, true, kind, None),
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
    let before = learner.measure(&validation)?;
    learner.train(&corpus, &mut weights, &task)?;
    let after = learner.measure(&validation)?;
    drop(task);
    model
        .save_encoder(context.output(), &weights)
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

impl Learner<'_> {
    fn train(&mut self, corpus: &Corpus, weights: &mut Tensor, task: &Task) -> Result<(), Failure> {
        let settings = self.settings;
        let training = TrainingSettings {
            epochs: settings.epochs,
            batch_size: settings.batch_size,
            learning_rate: settings.learning_rate,
            schedule: Schedule::Linear,
            warm_up: settings.warm_up,
            ..TrainingSettings::default()
        };
        let layout = self.model.layout();
        let mut adam = AdamW::new(layout, &training, 1.0, self.device.device);
        let mut gradient = layout.zeros(self.device.device);
        let batch_size = settings.batch_size as usize;
        let steps_per_epoch = corpus.texts().div_ceil(batch_size) as u64;
        let total = steps_per_epoch * u64::from(settings.epochs);
        let mut step = 0;
        for epoch in 0..settings.epochs {
            for texts in batches(corpus, batch_size, self.stream.child(u64::from(epoch))) {
                let stream = self.stream.child(1 << 32).child(step);
                let rows = texts.iter().enumerate().map(|(number, text)| {
                    self.hide(corpus.text(*text), stream.child(number as u64))
                });
                let rows: Vec<Hidden> = rows.collect();
                let _ = gradient.zero_();
                let score = self.backward(&rows, stream.child(1 << 33), &mut gradient)?;
                if !score.loss.is_finite() {
                    return Err(Failure::new(format!(
                        "The loss is not a number any more at step {step}"
                    ))
                    .with_hint("Lower `adaptation.learning_rate`".to_owned()));
                }
                let norm = gradient.norm().double_value(&[]);
                if norm > training.clip_norm {
                    let _ = gradient.g_mul_scalar_(training.clip_norm / norm);
                }
                adam.step(weights, &gradient, optimizer::rate(&training, step, total));
                if self.kind != Kind::Float {
                    let weights = &*weights;
                    let layout = self.model.layout();
                    self.replicas
                        .iter_mut()
                        .for_each(|replica| replica.refresh(layout, weights));
                }
                task.advance(rows.len() as u64);
                if step.is_multiple_of(20) {
                    task.message(&format!("loss {:.3}", score.mean_loss()));
                }
                step += 1;
            }
        }
        Ok(())
    }

    fn hide(&self, ids: &[u32], stream: Stream) -> Hidden {
        let size = self.contract.vocabulary_size;
        hide(ids, self.settings.masked, self.mask, size, stream)
    }

    /// Forward and backward of some rows on all replicas; their gradients are added in order.
    fn backward(
        &mut self,
        rows: &[Hidden],
        stream: Stream,
        gradient: &mut Tensor,
    ) -> Result<Score, Failure> {
        let (model, pad_id, device) = (self.model, self.contract.pad_id, self.device.device);
        let hidden: usize = rows.iter().map(|row| row.truth.len()).sum();
        if hidden == 0 {
            return Ok(Score::default());
        }
        let scale = 1.0 / hidden as f64;
        let share = rows.len().div_ceil(self.replicas.len());
        let scores = self
            .replicas
            .par_iter_mut()
            .zip(rows.par_chunks(share))
            .enumerate()
            .map(|(number, (parameters, rows))| {
                let (batch, places, truth) = hidden_batch(rows, pad_id, device);
                if truth.size()[0] == 0 {
                    return Ok(Score::default());
                }
                let mode = Mode::Train(stream.child(number as u64));
                let guesses = model.guess(&batch, (&places, &truth), parameters, mode);
                (&guesses.loss * scale)
                    .f_backward()
                    .map_err(ClassifierError::torch("compute the gradient"))?;
                Ok(Score {
                    loss: guesses.loss.double_value(&[]),
                    correct: guesses.correct,
                    hidden: guesses.hidden,
                })
            })
            .collect::<Result<Vec<_>, ClassifierError>>()
            .map_err(EmbedError::from)?;
        for parameters in &self.replicas {
            collect(model, parameters, gradient);
        }
        Ok(scores.into_iter().fold(Score::default(), Score::and))
    }

    /// How well it guesses in the first validation rows, the same tokens hidden every time.
    fn measure(&self, rows: &TokenRows) -> Result<Score, Failure> {
        let stream = Stream::new(0);
        let hidden: Vec<Hidden> = (0..rows.len().min(MEASURED))
            .map(|row| {
                let mut ids = Vec::with_capacity(rows.length(row));
                rows.for_each_id(row, |_, id| ids.push(id));
                self.hide(&ids, stream.child(row as u64))
            })
            .collect();
        let parameters = &self.replicas[0];
        let mut score = Score::default();
        for rows in hidden.chunks(32) {
            let (batch, places, truth) =
                hidden_batch(rows, self.contract.pad_id, self.device.device);
            if truth.size()[0] > 0 {
                let guesses = no_grad(|| {
                    self.model
                        .guess(&batch, (&places, &truth), parameters, Mode::Evaluate)
                });
                score = score.and(Score {
                    loss: guesses.loss.double_value(&[]),
                    correct: guesses.correct,
                    hidden: guesses.hidden,
                });
            }
        }
        Ok(score)
    }
}

/// Adds the gradients of a replica to a flat gradient and clears them there.
fn collect(model: &MaskedModel, parameters: &Parameters, gradient: &Tensor) {
    for (spec, leaf) in model.layout().specs().iter().zip(parameters.iter()) {
        let mut own = leaf.grad();
        if own.defined() {
            let Range { start, end } = spec.range;
            let mut place = gradient.narrow(0, start as i64, (end - start) as i64);
            let _ = place.g_add_(&own.view([-1]));
            let _ = own.zero_();
        }
    }
}

/// The texts of an epoch: shuffled, of about the same length within a batch.
fn batches(corpus: &Corpus, size: usize, stream: Stream) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..corpus.texts()).collect();
    stream.child(0).shuffle(&mut order);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for pool in order.chunks_mut(40 * size) {
        pool.sort_by_key(|text| corpus.text(*text).len());
        batches.extend(pool.chunks(size).map(<[usize]>::to_vec));
    }
    stream.child(1).shuffle(&mut batches);
    batches
}
