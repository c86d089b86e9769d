//! The threads that run the model. Requests are queued; those that arrive while a thread computes form its next
//! batch. So many texts are computed together, and a single text does not wait for others.
//!
//! There are two threads, each with a copy of the model: one for predictions and one for explanations. Explaining the
//! prediction of a network for a long text takes seconds, and other requests must not wait for it.

use std::sync::Arc;
use std::thread::JoinHandle;

use artifact::{Failure, FailureKind, format};
use bundle::{Explanation, Probabilities, WordSpan};
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::error::ApiError;
use crate::fatal::FatalFailure;
use crate::job_queue::{Job, JobQueue};
use crate::limits::{Limits, MAX_QUEUED_EXPLANATIONS};
use crate::source::{ModelCopy, ModelIdentity};
use crate::telemetry::Telemetry;

/// The prediction for one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TextPrediction {
    /// The predicted class; `None` if the text is empty after cleaning.
    pub label: Option<String>,
    /// `None` if there is no label.
    #[serde(flatten)]
    pub probabilities: Option<Probabilities>,
    /// The cleaned text, if an explanation was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its words and their attributions, if an explanation was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<WordSpan>>,
}

/// The answer to a request for predictions.
#[derive(Clone, Debug, Serialize)]
pub struct PredictResponse {
    /// The model that predicted.
    pub model: Arc<ModelIdentity>,
    /// One prediction for each text, in order.
    pub answers: Vec<TextPrediction>,
}

/// A valid request for predictions.
#[derive(Debug)]
pub(crate) struct PredictQuery {
    pub(crate) texts: Vec<String>,
    /// Whether to return the attributions of the words.
    pub(crate) explain: bool,
    /// The label is `undecided` if the predicted class is less likely than this.
    pub(crate) abstain: Option<f32>,
}

type PredictJob = Job<PredictQuery, PredictResponse>;

/// The probability that a text is positive, and the explanation if it was requested; `None` for an empty text.
type Prediction = Option<(f32, Option<Explanation>)>;

/// A message to a thread.
enum Message {
    Predict(PredictJob),
    /// Use this model for all later requests.
    Load(ModelCopy),
}

/// The queues of both threads; the threads end when the last copy of this is dropped.
#[derive(Clone)]
pub(crate) struct PredictionQueues {
    predictions: Arc<JobQueue<Message>>,
    explanations: Arc<JobQueue<Message>>,
}

impl PredictionQueues {
    /// Starts the threads: one for predictions, one for explanations.
    pub(crate) fn start(
        [predicting, explaining]: [ModelCopy; 2],
        limits: &Limits,
        telemetry: &Arc<Telemetry>,
        fatal: &Arc<FatalFailure>,
    ) -> (Self, [JoinHandle<()>; 2]) {
        telemetry.set_model(Arc::clone(&predicting.identity));
        let start = |model, capacity| {
            let worker = Worker {
                model,
                batch: limits.batch,
                telemetry: Arc::clone(telemetry),
                fatal: Arc::clone(fatal),
            };
            JobQueue::start(capacity, |receiver| worker.run(receiver))
        };
        let (predictions, first) = start(predicting, limits.queue);
        let capacity = MAX_QUEUED_EXPLANATIONS.min(limits.queue);
        let (explanations, second) = start(explaining, capacity);
        let queues = Self {
            predictions,
            explanations,
        };
        (queues, [first, second])
    }

    /// Number of texts queued or in progress.
    pub(crate) fn depth(&self) -> usize {
        self.predictions.depth() + self.explanations.depth()
    }

    /// Queues a request and waits for its answer. Nothing is computed for a caller that stops waiting.
    ///
    /// # Errors
    /// The queue is full, or the model failed.
    pub(crate) async fn predict(&self, query: PredictQuery) -> Result<PredictResponse, ApiError> {
        let (queue, name) = match query.explain {
            true => (&self.explanations, "queue of texts to explain"),
            false => (&self.predictions, "queue"),
        };
        let slots = queue.reserve(query.texts.len().max(1));
        let slots = slots.ok_or_else(|| {
            let texts = format::plural(queue.capacity as u64, "text", "texts");
            ApiError::busy(format!("The {name} is full: it holds {texts}"), 1)
        })?;
        queue.submit(query, slots, Message::Predict).await
    }

    /// Uses another model for all later requests.
    pub(crate) fn load(&self, [predicting, explaining]: [ModelCopy; 2], telemetry: &Telemetry) {
        telemetry.set_model(Arc::clone(&predicting.identity));
        self.predictions.send(Message::Load(predicting));
        self.explanations.send(Message::Load(explaining));
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
                    Message::Predict(job) => {
                        texts += job.request.texts.len();
                        jobs.push(job);
                    }
                    Message::Load(model) => {
                        // Earlier requests are answered with the earlier model.
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

    fn answer(&self, mut jobs: Vec<PredictJob>) {
        jobs.retain(|job| !job.is_abandoned());
        // Explanations are slow: computed one by one, they stop when the client disconnects.
        if jobs.iter().any(|job| job.request.explain) {
            return jobs.into_iter().for_each(|job| self.answer_one_by_one(job));
        }
        let all_texts = || jobs.iter().flat_map(|job| &job.request.texts);
        let texts: Vec<&str> = all_texts().map(String::as_str).collect();
        let is_one_text = texts.len() == 1;
        match self.predict(&texts, false) {
            Ok(predictions) => {
                let mut all = predictions.into_iter();
                for job in jobs {
                    let of_job = all.by_ref().take(job.request.texts.len()).collect();
                    self.reply(job, of_job);
                }
            }
            // A smaller batch would fail too: the device failed, or there was only one text.
            Err(failure) if failure.kind() == FailureKind::Transient || is_one_text => {
                let error = self.fatal.report(failure);
                jobs.into_iter()
                    .for_each(|job| job.reply(Err(error.clone())));
            }
            // A single text may be the cause: it must not fail other requests.
            Err(_) => jobs.into_iter().for_each(|job| self.answer_one_by_one(job)),
        }
    }

    /// Answers a request with separate batches for its texts. If a text fails, the error names it.
    fn answer_one_by_one(&self, job: PredictJob) {
        let texts = &job.request.texts;
        let mut all = Vec::with_capacity(texts.len());
        for (text, number) in texts.iter().zip(1..).filter(|_| !job.is_abandoned()) {
            match self.predict(&[text], job.request.explain) {
                Ok(prediction) => all.extend(prediction),
                Err(failure) => {
                    let is_of_text = failure.kind() != FailureKind::Transient && texts.len() > 1;
                    let error = self.fatal.report(match is_of_text {
                        true => failure.context(format!("text {number}")),
                        false => failure,
                    });
                    return job.reply(Err(error));
                }
            }
        }
        self.reply(job, all);
    }

    /// Computes the probabilities and explanations of any number of texts, in batches; `None` for empty texts.
    fn predict(&self, texts: &[&str], explain: bool) -> Result<Vec<Prediction>, Failure> {
        if self.fatal.is_reported() {
            let failed = Failure::new("The device failed");
            return Err(failed.with_kind(FailureKind::Transient));
        }
        let mut all = Vec::with_capacity(texts.len());
        for part in texts.chunks(self.batch) {
            self.telemetry.count_batch(part.len());
            // A panic in a library fails these requests and does not end the service.
            let panicked = |_| Failure::new("it stopped unexpectedly");
            let predictor = &self.model.predictor;
            let predictions = artifact::catch_panics(panicked, || predictor.predict(part, explain));
            for note in predictor.take_notes() {
                crate::print_line(&note);
            }
            let predictions = predictions?.into_iter();
            all.extend(predictions.map(|it| it.map(|it| (it.probability, it.explanation))));
        }
        Ok(all)
    }

    /// Sends the predictions as the answer to a request.
    fn reply(&self, job: PredictJob, predictions: Vec<Prediction>) {
        let label = |value| self.model.predictor.label(value, job.request.abstain);
        let answer = |prediction: Prediction| {
            let (p_positive, explanation) = prediction.unzip();
            let explanation = explanation.flatten();
            TextPrediction {
                label: p_positive.map(|value| label(value).to_owned()),
                probabilities: p_positive.map(Probabilities::from_positive),
                words: explanation.as_ref().map(Explanation::word_spans),
                text: explanation.map(|explanation| explanation.text),
            }
        };
        let response = PredictResponse {
            model: Arc::clone(&self.model.identity),
            answers: predictions.into_iter().map(answer).collect(),
        };
        job.reply(Ok(response));
    }
}
