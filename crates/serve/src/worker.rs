//! The threads that ask the model. Requests queue up; what has come while a thread computed is its next
//! batch. So texts are computed together as soon as there are many, and a single text does not wait for others.
//!
//! There are two threads, each with a copy of the model: one answers, the other one explains. To explain
//! what a net says of a long text takes seconds, and requests for answers alone must not wait
//! for that.

use std::sync::Arc;
use std::thread::JoinHandle;

use artifact::format::count;
use artifact::{Failure, FailureKind};
use bundle::{Explanation, WordSpan};
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::error::ApiError;
use crate::fatal::FatalFailure;
use crate::lane::{Job, Lane};
use crate::limits::{EXPLANATIONS, Limits};
use crate::source::{ModelCopy, ModelIdentity};
use crate::telemetry::Telemetry;

/// What is said of one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The class; nothing for a text of which nothing is left once it is cleaned.
    pub label: Option<String>,
    /// That it is positive, calibrated; nothing where there is no label.
    pub probability: Option<f32>,
    /// The text as the model was given it, where words were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its words and what they contribute, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<WordSpan>>,
}

/// The answers to a request, and which model gave them.
#[derive(Clone, Debug, Serialize)]
pub struct Answers {
    /// The model.
    pub model: Arc<ModelIdentity>,
    /// One for each text, in order.
    pub answers: Vec<Answer>,
}

/// What a request wants to know.
#[derive(Debug)]
pub(crate) struct Question {
    /// The texts.
    pub(crate) texts: Vec<String>,
    /// Whether the words are asked for.
    pub(crate) explain: bool,
    /// Below which probability of the likelier class it is left undecided.
    pub(crate) abstain: Option<f32>,
}

/// What the threads are sent.
enum Message {
    Ask(Job<Question, Answers>),
    /// From now on this one answers.
    Load(ModelCopy),
}

/// Where questions go; the threads end when the last of these is gone.
#[derive(Clone)]
pub(crate) struct Queue {
    answers: Arc<Lane<Message>>,
    explanations: Arc<Lane<Message>>,
}

impl Queue {
    /// Starts the threads: one answers, one explains.
    pub(crate) fn start(
        [answers, explains]: [ModelCopy; 2],
        limits: &Limits,
        telemetry: &Arc<Telemetry>,
        fatal: &Arc<FatalFailure>,
    ) -> (Self, [JoinHandle<()>; 2]) {
        telemetry.set_model(Arc::clone(&answers.identity));
        let start = |model, capacity| {
            let worker = Worker {
                model,
                batch: limits.batch,
                telemetry: Arc::clone(telemetry),
                fatal: Arc::clone(fatal),
            };
            Lane::start(capacity, |receiver| worker.run(receiver))
        };
        let (answers, one) = start(answers, limits.queue);
        let (explanations, other) = start(explains, EXPLANATIONS.min(limits.queue));
        let queue = Self {
            answers,
            explanations,
        };
        (queue, [one, other])
    }

    /// Texts that wait or are computed.
    pub(crate) fn depth(&self) -> usize {
        self.answers.depth() + self.explanations.depth()
    }

    /// Puts a question, and waits for its answer. Nothing is computed for a caller that stops waiting.
    ///
    /// # Errors
    /// The queue is full, or the model failed.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answers, ApiError> {
        let (lane, what) = match question.explain {
            true => (&self.explanations, "texts are waiting to be explained"),
            false => (&self.answers, "texts are waiting"),
        };
        let places = lane.places(question.texts.len().max(1));
        let places = places.ok_or_else(|| {
            let most = count(lane.capacity);
            ApiError::busy(
                format!("More {what} than the service takes, which is {most}"),
                1,
            )
        })?;
        lane.ask(question, places, Message::Ask).await
    }

    /// Lets another model answer what comes from now on.
    pub(crate) fn load(&self, [answers, explains]: [ModelCopy; 2], telemetry: &Telemetry) {
        telemetry.set_model(Arc::clone(&answers.identity));
        self.answers.send(Message::Load(answers));
        self.explanations.send(Message::Load(explains));
    }
}

struct Worker {
    model: ModelCopy,
    batch: usize,
    telemetry: Arc<Telemetry>,
    fatal: Arc<FatalFailure>,
}

impl Worker {
    fn run(mut self, mut receiver: UnboundedReceiver<Message>) {
        while let Some(first) = receiver.blocking_recv() {
            let mut next = Some(first);
            let (mut jobs, mut texts) = (Vec::new(), 0);
            while let Some(message) = next.take() {
                match message {
                    Message::Ask(job) => {
                        texts += job.question.texts.len();
                        jobs.push(job);
                    }
                    Message::Load(model) => {
                        // Upload before, answered by the one before.
                        self.answer(std::mem::take(&mut jobs));
                        self.model = model;
                    }
                }
                if texts < self.batch {
                    next = receiver.try_recv().ok();
                }
            }
            self.answer(jobs);
        }
    }

    fn answer(&self, mut jobs: Vec<Job<Question, Answers>>) {
        // Clients that have gone away need no answer.
        jobs.retain(|job| !job.is_abandoned());
        let all_texts = || jobs.iter().flat_map(|job| &job.question.texts);
        let texts: Vec<&str> = all_texts().map(String::as_str).collect();
        let is_one_text = texts.len() == 1;
        match self.probabilities(&texts) {
            Ok(probabilities) => {
                let mut all = probabilities.into_iter();
                for job in jobs {
                    let of_job: Vec<_> = all.by_ref().take(job.question.texts.len()).collect();
                    let answers = self.answers(&job, &of_job);
                    job.reply(answers);
                }
            }
            // A smaller batch would fail in the same way: the device is lost, or there was one text.
            Err(failure) if failure.kind() == FailureKind::Transient || is_one_text => {
                let error = self.fatal.report(failure);
                jobs.into_iter()
                    .for_each(|job| job.reply(Err(error.clone())));
            }
            // One text may be to blame: it must not fail the requests of others.
            Err(_) => {
                for job in jobs {
                    let probabilities = self.one_by_one(&job);
                    let answers = probabilities.and_then(|all| self.answers(&job, &all));
                    job.reply(answers);
                }
            }
        }
    }

    /// The probabilities of the texts of a request, each computed alone.
    ///
    /// # Errors
    /// A text fails alone, too; the error names it.
    fn one_by_one(&self, job: &Job<Question, Answers>) -> Result<Vec<Option<f32>>, ApiError> {
        let texts = &job.question.texts;
        let mut all = Vec::with_capacity(texts.len());
        for (text, place) in texts.iter().zip(1..).filter(|_| !job.is_abandoned()) {
            let found = self.probabilities(&[text]);
            all.extend(found.map_err(|failure| {
                let is_of_text = failure.kind() != FailureKind::Transient && texts.len() > 1;
                self.fatal.report(match is_of_text {
                    true => failure.context(format!("text {place}")),
                    false => failure,
                })
            })?);
        }
        Ok(all)
    }

    /// A request may hold more texts than a batch.
    fn probabilities(&self, texts: &[&str]) -> Result<Vec<Option<f32>>, Failure> {
        if self.fatal.is_reported() {
            let lost = Failure::new("The device failed");
            return Err(lost.with_kind(FailureKind::Transient));
        }
        let mut all = Vec::with_capacity(texts.len());
        for part in texts.chunks(self.batch) {
            self.telemetry.computed(part.len());
            let probabilities = guarded(|| self.model.predictor.probabilities(part));
            for note in self.model.predictor.take_notes() {
                crate::print_line(&note);
            }
            all.extend(probabilities?);
        }
        Ok(all)
    }

    /// Answers a request whose probabilities are known, with explanations if it asks for them.
    fn answers(
        &self,
        job: &Job<Question, Answers>,
        probabilities: &[Option<f32>],
    ) -> Result<Answers, ApiError> {
        let question = &job.question;
        let answer = |(text, probability): (&String, &Option<f32>)| {
            let explanation = match question.explain {
                true if job.is_abandoned() => return Err(Failure::new("Nobody waits any more")),
                true => self.model.predictor.explain(text)?,
                false => None,
            };
            let label = |value| {
                self.model
                    .predictor
                    .label(value, question.abstain)
                    .to_owned()
            };
            Ok(Answer {
                label: probability.map(label),
                probability: *probability,
                words: explanation.as_ref().map(Explanation::word_spans),
                text: explanation.map(|explanation| explanation.text),
            })
        };
        let both = question.texts.iter().zip(probabilities);
        let answers = guarded(|| both.map(answer).collect());
        Ok(Answers {
            model: Arc::clone(&self.model.identity),
            answers: answers.map_err(|failure| self.fatal.report(failure))?,
        })
    }
}

/// Turns a panic of a library into a failure of these requests, so that it does not end the service.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    artifact::catch_panics(|_| Failure::new("it stopped unexpectedly"), work)
}
