//! The threads that ask the model. Requests queue up; what has come while a thread computed is its next
//! batch. So texts are computed together as soon as there are many, and a lone one waits for nobody.
//!
//! There are two threads, each with a copy of the model: one answers, the other one explains. To explain
//! what a net says of a long text takes seconds, and whoever wants no more than answers must not wait
//! for that.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use artifact::{Failure, FailureKind};
use bundle::{Explanation, PlacedWord, Predictor};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::error::ApiError;
use crate::fatal::FatalFailure;
use crate::limits::{EXPLANATIONS, Limits};
use crate::source::{Loaded, ModelIdentity};
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
    pub words: Option<Vec<PlacedWord>>,
}

/// The answers to a request, and who gave them.
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

/// A question under way.
struct Job {
    question: Question,
    reply: oneshot::Sender<Result<Answers, ApiError>>,
    /// The texts' places in the queue.
    places: OwnedSemaphorePermit,
}

impl Job {
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.question.texts.iter().map(String::as_str)
    }

    /// Answers. The places are free before the answer is there: whoever has it may ask again.
    fn reply(self, answers: Result<Answers, ApiError>) {
        drop(self.places);
        // Nobody may be left to read it.
        let _ = self.reply.send(answers);
    }
}

enum Message {
    Ask(Job),
    /// From now on this one answers.
    Load(Box<Predictor>, Arc<ModelIdentity>),
}

/// Where questions go; the threads end when the last of these is gone.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    answers: Lane,
    explanations: Lane,
}

/// The way to one of the threads.
#[derive(Clone, Debug)]
struct Lane {
    sender: mpsc::UnboundedSender<Message>,
    places: Arc<Semaphore>,
    capacity: usize,
}

impl Queue {
    /// Starts the threads.
    pub(crate) fn start(
        loaded: Loaded,
        limits: &Limits,
        telemetry: &Arc<Telemetry>,
        fatal: &Arc<FatalFailure>,
    ) -> (Self, [JoinHandle<()>; 2]) {
        let identity = Arc::new(loaded.identity);
        telemetry.set_model(Arc::clone(&identity));
        let start = |predictor, capacity| {
            let (sender, receiver) = mpsc::unbounded_channel();
            let worker = Worker {
                receiver,
                predictor,
                identity: Arc::clone(&identity),
                batch: limits.batch,
                telemetry: Arc::clone(telemetry),
                fatal: Arc::clone(fatal),
            };
            let lane = Lane {
                sender,
                places: Arc::new(Semaphore::new(capacity)),
                capacity,
            };
            (lane, thread::spawn(move || worker.run()))
        };
        let (answers, one) = start(loaded.answers, limits.queue);
        let (explanations, other) = start(loaded.explains, EXPLANATIONS.min(limits.queue));
        let queue = Self {
            answers,
            explanations,
        };
        (queue, [one, other])
    }

    /// Texts that wait or are computed.
    pub(crate) fn depth(&self) -> usize {
        let lanes = [&self.answers, &self.explanations];
        let taken = |lane: &Lane| lane.capacity - lane.places.available_permits();
        lanes.into_iter().map(taken).sum()
    }

    /// Puts a question, and waits for its answer. A caller who stops waiting is not computed for.
    ///
    /// # Errors
    /// The queue is full, or the model failed.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answers, ApiError> {
        let count = question.texts.len().max(1) as u32;
        let lane = match question.explain {
            true => &self.explanations,
            false => &self.answers,
        };
        let places = Arc::clone(&lane.places).try_acquire_many_owned(count);
        let busy = |_| ApiError::busy(lane.capacity, question.explain);
        let places = places.map_err(busy)?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            question,
            reply,
            places,
        };
        lane.sender
            .send(Message::Ask(job))
            .map_err(|_| ApiError::model_failed("the service is stopping"))?;
        answer
            .await
            .unwrap_or_else(|_| Err(ApiError::model_failed("it came to no answer")))
    }

    /// Lets another model answer what comes from now on.
    pub(crate) fn load(&self, loaded: Loaded, telemetry: &Telemetry) {
        let identity = Arc::new(loaded.identity);
        telemetry.set_model(Arc::clone(&identity));
        for (lane, predictor) in [
            (&self.answers, loaded.answers),
            (&self.explanations, loaded.explains),
        ] {
            // Nobody is left to answer where the thread has ended.
            let _ = lane
                .sender
                .send(Message::Load(predictor, Arc::clone(&identity)));
        }
    }
}

struct Worker {
    receiver: mpsc::UnboundedReceiver<Message>,
    predictor: Box<Predictor>,
    identity: Arc<ModelIdentity>,
    batch: usize,
    telemetry: Arc<Telemetry>,
    fatal: Arc<FatalFailure>,
}

impl Worker {
    fn run(mut self) {
        while let Some(first) = self.receiver.blocking_recv() {
            let mut next = Some(first);
            let (mut jobs, mut texts) = (Vec::new(), 0);
            while let Some(message) = next.take() {
                match message {
                    // Who has gone away needs no answer.
                    Message::Ask(job) if job.reply.is_closed() => {}
                    Message::Ask(job) => {
                        texts += job.question.texts.len();
                        jobs.push(job);
                    }
                    Message::Load(predictor, identity) => {
                        // Asked before, answered by the one before.
                        self.answer(std::mem::take(&mut jobs));
                        self.predictor = predictor;
                        self.identity = identity;
                    }
                }
                if texts < self.batch {
                    next = self.receiver.try_recv().ok();
                }
            }
            self.answer(jobs);
        }
    }

    fn answer(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let texts: Vec<&str> = jobs.iter().flat_map(Job::texts).collect();
        match self.guarded(|| self.probabilities(&texts)) {
            Ok(probabilities) => {
                let mut all = probabilities.into_iter();
                for job in jobs {
                    let of_job = all.by_ref().take(job.question.texts.len()).collect();
                    self.reply(job, of_job);
                }
            }
            Err(failure) if self.is_last_try(&failure, &jobs) => {
                let error = self.fatal.report(failure);
                jobs.into_iter()
                    .for_each(|job| job.reply(Err(error.clone())));
            }
            // One text may be to blame: it must not fail the requests of others.
            Err(_) if jobs.len() > 1 => {
                for job in jobs.into_iter().filter(|job| !job.reply.is_closed()) {
                    self.answer(vec![job]);
                }
            }
            Err(_) => {
                for job in jobs {
                    let texts: Vec<&str> = job.texts().collect();
                    match self.in_halves(&job, &texts, 0) {
                        Ok(probabilities) => self.reply(job, probabilities),
                        Err(error) => job.reply(Err(error)),
                    }
                }
            }
        }
    }

    /// Whether a smaller batch would fail in the same way: the device is lost, or there was one text.
    fn is_last_try(&self, failure: &Failure, jobs: &[Job]) -> bool {
        let is_one_text = matches!(jobs, [job] if job.question.texts.len() <= 1);
        failure.kind() == FailureKind::Transient || is_one_text
    }

    /// The probabilities of texts of a request that failed together: of each half, down to single texts.
    ///
    /// # Errors
    /// A text fails alone, too; the error names it.
    fn in_halves(
        &self,
        job: &Job,
        texts: &[&str],
        first: usize,
    ) -> Result<Vec<Option<f32>>, ApiError> {
        let (one, other) = texts.split_at(texts.len() / 2);
        let mut all = Vec::new();
        for (half, first) in [(one, first), (other, first + one.len())] {
            if job.reply.is_closed() {
                break;
            }
            match self.guarded(|| self.probabilities(half)) {
                Ok(probabilities) => all.extend(probabilities),
                Err(failure) if failure.kind() == FailureKind::Transient => {
                    return Err(self.fatal.report(failure));
                }
                Err(failure) if half.len() <= 1 => {
                    let (place, problem) = (first + 1, failure.chain().join(": "));
                    let problem = format!("text {place}: {problem}");
                    return Err(ApiError::model_failed(&problem));
                }
                Err(_) => all.extend(self.in_halves(job, half, first)?),
            }
        }
        Ok(all)
    }

    /// Answers a request whose probabilities are known, with explanations if it asks for them.
    fn reply(&self, job: Job, probabilities: Vec<Option<f32>>) {
        if job.reply.is_closed() {
            return;
        }
        let answers = self.guarded(|| self.answers(&job, &probabilities));
        job.reply(match answers {
            Ok(answers) => Ok(Answers {
                model: Arc::clone(&self.identity),
                answers,
            }),
            Err(failure) => Err(self.fatal.report(failure)),
        });
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
            let probabilities = self.predictor.probabilities(part);
            for note in self.predictor.take_notes() {
                crate::say(&note);
            }
            all.extend(probabilities?);
        }
        Ok(all)
    }

    fn answers(
        &self,
        Job {
            question, reply, ..
        }: &Job,
        probabilities: &[Option<f32>],
    ) -> Result<Vec<Answer>, Failure> {
        let answer = |(text, probability): (&String, &Option<f32>)| {
            let explanation = match question.explain {
                true if reply.is_closed() => return Err(Failure::new("Nobody waits any more")),
                true => self.predictor.explain(text)?,
                false => None,
            };
            let label = |value| self.predictor.label(value, question.abstain).to_owned();
            Ok(Answer {
                label: probability.map(label),
                probability: *probability,
                words: explanation.as_ref().map(Explanation::placed),
                text: explanation.map(|explanation| explanation.text),
            })
        };
        question
            .texts
            .iter()
            .zip(probabilities)
            .map(answer)
            .collect()
    }

    /// Turns a panic of a library into a failure of these requests, so that it does not end the
    /// service.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        artifact::guarded(|_| Failure::new("it stopped unexpectedly"), work)
    }
}
