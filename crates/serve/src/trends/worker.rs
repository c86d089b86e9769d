//! The thread that computes trends, one at a time. It loads a separate copy of the model for its first trend, and has a
//! lower priority than the other threads, so that it does not delay predictions.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use artifact::{Failure, FailureKind, StageName, catch_panics};
use axum::http::StatusCode;
use rayon::ThreadPoolBuilder;
use settings::StepId;
use stage::{Progress, ProgressMode};
use tokio::sync::mpsc::UnboundedReceiver;
use trend::{
    ErrorRateSource, TrainingTexts, TrendContext, TrendError, TrendQuery, UnknownErrorRates,
    compute_trend, learn_from_evaluation,
};

use super::refusal::refusal;
use super::request::TrendRequest;
use super::running::RunningTrend;
use crate::error::ApiError;
use crate::fatal::FatalFailure;
use crate::job_queue::{Job, JobQueue};
use crate::limits::Limits;
use crate::source::{Model, ModelCopy, ModelIdentity, ModelSource};
use crate::telemetry::Telemetry;

/// Time after which the speed of a trend is known well enough to estimate its end.
const MIN_MEASURED: Duration = Duration::from_secs(2);

/// Reviews in a batch; between two batches the thread checks whether the client still waits.
const TOGETHER: usize = 256;

/// The thread's value of `nice`: it gets about a tenth of a core that other threads need too.
const NICENESS: i32 = 10;

/// A request for a trend. It has no `Debug`, because it contains texts of users.
pub(crate) struct Upload {
    /// A file of reviews, or JSON with reviews and options.
    pub(crate) body: Vec<u8>,
    /// The options of the query string; `None` if they are in the body.
    pub(crate) options: Option<TrendRequest>,
    /// Whether to answer with a page instead of JSON.
    pub(crate) as_page: bool,
    /// When the client stops waiting.
    pub(crate) deadline: Instant,
    /// The id by which the client asks for the progress; may be empty.
    pub(crate) id: String,
}

/// The answer to a request for a trend.
pub(crate) struct TrendResponse {
    /// JSON or a page.
    pub(crate) text: String,
    /// The model that read the reviews.
    pub(crate) model: Arc<ModelIdentity>,
}

/// The queue of trends; a body is read only after a slot is reserved.
pub(crate) type TrendQueue = Arc<JobQueue<Job<Upload, TrendResponse>>>;

/// Computes trends.
pub(crate) struct Worker {
    pub(crate) model: Model,
    pub(crate) limits: Limits,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) fatal: Arc<FatalFailure>,
    pub(crate) running: RunningTrend,
    /// Its copy of the model with its version; `None` before the first trend.
    pub(crate) loaded: Option<(String, ModelCopy)>,
}

impl Worker {
    /// Computes trends until the last copy of the [`TrendQueue`] is dropped.
    pub(crate) fn run(mut self, mut receiver: UnboundedReceiver<Job<Upload, TrendResponse>>) {
        lower_priority();
        let pool = ThreadPoolBuilder::new()
            .num_threads(self.model.source.run_settings().cores())
            .start_handler(|_| lower_priority())
            .build();
        let panicked = |_| ApiError::model_failed("it stopped unexpectedly");
        while let Some(job) = receiver.blocking_recv() {
            let response = match &pool {
                // A panic in a library fails this request and does not end the service.
                Ok(pool) => catch_panics(panicked, || pool.install(|| self.compute(&job))),
                Err(error) => Err(ApiError::model_failed(error)),
            };
            self.running.set(None);
            job.reply(response);
        }
    }

    fn compute(&mut self, job: &Job<Upload, TrendResponse>) -> Result<TrendResponse, ApiError> {
        if self.fatal.is_reported() {
            return Err(ApiError::device_failed());
        }
        let upload = &job.request;
        let is_too_late = || job.is_abandoned() || Instant::now() >= upload.deadline;
        let timed_out = ApiError::trend_timed_out(self.limits.trend_timeout);
        if is_too_late() {
            return Err(timed_out);
        }
        let from_body;
        let request = match &upload.options {
            Some(request) => request,
            None => {
                from_body = TrendRequest::from_json(&upload.body)?;
                &from_body
            }
        };
        let content = request.reviews.as_ref().map_or(&upload.body, |it| &it.0);
        let file = unnamed_file(content).map_err(|error| {
            ApiError::model_failed(format!("the reviews cannot be stored: {error}"))
        })?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        self.load()?;
        let Some((_, model)) = &self.loaded else {
            return Err(ApiError::model_failed("it is not loaded"));
        };
        let (predictor, identity) = (&model.predictor, &model.identity);
        let step = StepId::new(StageName::Evaluate, &identity.name);
        let progress = Progress::new(ProgressMode::None, step);
        let running = (upload.id.clone(), progress.clone());
        self.running.set(Some(running));
        let started = Instant::now();
        // A trend that cannot be finished in time is refused when its speed is known, and not at the deadline.
        let needed_seconds = OnceLock::new();
        let is_too_long = || {
            let left = progress.counts().and_then(|counts| counts.seconds_left);
            let left = Duration::from_secs_f64(left.unwrap_or(0.0));
            let is_known = started.elapsed() > MIN_MEASURED;
            let is_too_long = is_known && Instant::now() + left > upload.deadline;
            if is_too_long {
                needed_seconds.get_or_init(|| (started.elapsed() + left).as_secs_f64());
            }
            is_too_long
        };
        let is_stopped = || is_too_late() || is_too_long();
        let question = TrendQuery {
            files: std::slice::from_ref(&path),
            reading: &request.ingest_settings(&self.limits),
            topics: &request.topics,
            options: request.options(),
        };
        let training_texts = match &self.model.source {
            ModelSource::Named(pipeline, name) => TrainingTexts::of_model(pipeline, name),
            _ => Ok(TrainingTexts::default()),
        };
        let training_texts =
            training_texts.map_err(|error| self.fatal.report(Failure::from(error)))?;
        let reader = TrendContext {
            predictor,
            training_texts: &training_texts,
            progress: &progress,
            on_note: &crate::print_line,
            max_reviews: self.limits.reviews as u64,
            batch_rows: TOGETHER,
            is_stopped: &is_stopped,
        };
        let rates = self.rates(request, identity);
        let found = rates.and_then(|rates| compute_trend(&question, &reader, rates));
        let found = found.map_err(|refused| match refused {
            TrendError::Failed(failure) => self.fatal.report(failure),
            TrendError::Stopped => match needed_seconds.get() {
                Some(seconds) => ApiError::trend_too_long(*seconds, self.limits.trend_timeout),
                None => timed_out,
            },
            refused => refusal(refused, &path, upload.as_page),
        })?;
        self.telemetry.counters().reviews += found.rows as u64;
        Ok(TrendResponse {
            text: match upload.as_page {
                true => trend::render_page(&found, &identity.name),
                false => trend::to_json(&found),
            },
            model: Arc::clone(identity),
        })
    }

    /// Loads the current version of the model, unless it is loaded already. If it cannot be read, an older copy stays
    /// in use, as for predictions.
    fn load(&mut self) -> Result<(), ApiError> {
        let version = self.model.source.version().unwrap_or_default();
        let is_current = |(loaded, _): &(String, ModelCopy)| *loaded == version;
        if self.loaded.as_ref().is_some_and(is_current) {
            return Ok(());
        }
        let loaded = match self.model.load() {
            Ok(loaded) => loaded,
            Err(failure) if failure.kind() == FailureKind::Transient => {
                return Err(self.fatal.report(failure));
            }
            Err(failure) => {
                let problem = failure.chain().join(": ");
                if self.loaded.is_some() {
                    crate::print_line(&format!(
                        "warning: Failed to load the changed model for trends; the old one stays in use: {problem}"
                    ));
                    return Ok(());
                }
                let error = format!("Failed to read the changed files of the model: {problem}");
                let hint = "Fix the files, or restart the service with another model; until then, /predict answers as before";
                let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error, hint);
                return Err(error.retry_after(30));
            }
        };
        self.loaded = Some((version, loaded));
        Ok(())
    }

    /// Where the error rates of the model come from.
    fn rates(
        &self,
        request: &TrendRequest,
        model: &ModelIdentity,
    ) -> Result<ErrorRateSource<'_>, TrendError> {
        if let Some(count) = request.calibrate_on {
            return Ok(ErrorRateSource::Sample(count));
        }
        let (ModelSource::Named(pipeline, name), Some(id)) = (&self.model.source, model.artifact)
        else {
            return Err(TrendError::UnknownErrorRates(UnknownErrorRates::BundleOnly));
        };
        let known = learn_from_evaluation(pipeline, name, id, request.options().seed)?;
        Ok(ErrorRateSource::Known(Box::new(known)))
    }
}

/// A file without a name, which the system deletes when it is closed. Until then this process can open it by the path
/// of its descriptor.
fn unnamed_file(content: &[u8]) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(content)?;
    Ok(file)
}

/// Lowers the priority of the calling thread on Linux, where each thread has its own priority.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    // SAFETY: the arguments are plain numbers; 0 means the calling thread. Lowering the priority is always allowed.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
    }
}
