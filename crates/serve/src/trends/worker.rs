//! The thread that makes trends, one after the other. It has a copy of the model of its own, from its first
//! trend on, and gives way to all other threads: answers and explanations go on as if it were not there.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use artifact::{FailureKind, StageName};
use axum::http::StatusCode;
use rayon::{ThreadPool, ThreadPoolBuilder};
use settings::StepId;
use stage::{Progress, ProgressMode};
use tokio::sync::mpsc::UnboundedReceiver;
use trend::{ErrorRates, Question, Reader, Refused, Unjudged, answer, of_validation};

use super::refusal::refusal;
use super::request::{Lines, TrendRequest};
use crate::error::ApiError;
use crate::fatal::FatalFailure;
use crate::lane::{Job, Lane};
use crate::limits::Limits;
use crate::source::{Model, ModelCopy, ModelIdentity, Source};
use crate::telemetry::Telemetry;

/// Reviews that the model reads together: between two batches it is seen whether anybody still waits.
const TOGETHER: usize = 256;

/// How far the thread gives way, in the scale of `nice`: it gets a tenth of a core that others want, too.
const NICENESS: i32 = 10;

/// A request for a trend. It cannot be printed: it holds what people wrote.
pub(crate) struct Upload {
    /// A file of reviews; or JSON that holds reviews and options.
    pub(crate) body: Vec<u8>,
    /// The options of the address; nothing where they are in the body.
    pub(crate) options: Option<TrendRequest>,
    /// Whether a page is wanted, and not JSON.
    pub(crate) as_page: bool,
    /// When the client stops waiting for it.
    pub(crate) deadline: Instant,
}

/// A trend, as it is sent.
pub(crate) struct TrendResponse {
    /// JSON, or a page.
    pub(crate) text: String,
    /// Which model read the reviews.
    pub(crate) model: Arc<ModelIdentity>,
}

/// Where trends are asked for; a body is read only for a request that has a place.
pub(crate) type Trends = Arc<Lane<Job<Upload, TrendResponse>>>;

/// What makes trends.
pub(crate) struct Worker {
    pub(crate) model: Arc<Model>,
    pub(crate) limits: Limits,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) fatal: Arc<FatalFailure>,
    /// Its copy of the model, from its first trend on.
    pub(crate) loaded: Option<ModelCopy>,
}

impl Worker {
    /// Makes trends until the last copy of [`Trends`] is gone.
    pub(crate) fn run(mut self, mut receiver: UnboundedReceiver<Job<Upload, TrendResponse>>) {
        lower_priority();
        let pool = ThreadPoolBuilder::new()
            .num_threads(self.model.source.run_settings().cores())
            .start_handler(|_| lower_priority())
            .build();
        while let Some(job) = receiver.blocking_recv() {
            let made = match &pool {
                Ok(pool) => self.guarded(&job, pool),
                Err(error) => Err(ApiError::model_failed(error)),
            };
            job.reply(made);
        }
    }

    /// A panic of a library is the answer to this request and not the end of the service.
    fn guarded(
        &mut self,
        job: &Job<Upload, TrendResponse>,
        pool: &ThreadPool,
    ) -> Result<TrendResponse, ApiError> {
        let stopped = |_| ApiError::model_failed("it stopped unexpectedly");
        artifact::catch_panics(stopped, || pool.install(|| self.make(job)))
    }

    fn make(&mut self, job: &Job<Upload, TrendResponse>) -> Result<TrendResponse, ApiError> {
        if self.fatal.is_reported() {
            return Err(ApiError::device_failed());
        }
        let upload = &job.question;
        let is_stopped = || job.is_abandoned() || Instant::now() >= upload.deadline;
        if is_stopped() {
            return Err(ApiError::trend_timed_out(self.limits.trend_timeout));
        }
        let of_body;
        let request = match &upload.options {
            Some(request) => request,
            None => {
                of_body = TrendRequest::of_json(&upload.body)?;
                &of_body
            }
        };
        let content = match &request.reviews {
            Some(Lines(lines)) => lines,
            None => &upload.body,
        };
        let file = UnnamedFile::holding(content).map_err(|error| {
            ApiError::model_failed(format!("there is no room for the reviews: {error}"))
        })?;
        self.load()?;
        let Some(ModelCopy {
            predictor,
            identity,
        }) = &self.loaded
        else {
            return Err(ApiError::model_failed("it is not there"));
        };
        let question = Question {
            files: std::slice::from_ref(&file.path),
            reading: &request.reading(&self.limits),
            topics: &request.topics,
            options: request.options(),
        };
        let reader = Reader {
            predictor,
            progress: &Progress::new(
                ProgressMode::None,
                StepId::new(StageName::Evaluate, &identity.name),
            ),
            on_note: &crate::print_line,
            most: self.limits.reviews as u64,
            together: TOGETHER,
            is_stopped: &is_stopped,
        };
        let found = self
            .rates(request, identity)
            .and_then(|rates| answer(&question, &reader, rates))
            .map_err(|refused| match refused {
                Refused::Failed(failure) => self.fatal.report(failure),
                refused => refusal(refused, &file.path, &self.limits),
            })?;
        self.telemetry.counters().reviews += found.rows as u64;
        Ok(TrendResponse {
            text: match upload.as_page {
                true => trend::render(&found, &identity.name),
                false => trend::json(&found),
            },
            model: Arc::clone(identity),
        })
    }

    /// Loads the model that answers at present, unless it is loaded already.
    fn load(&mut self) -> Result<(), ApiError> {
        let (served, _) = self.telemetry.model();
        let is_served = |identity: &ModelIdentity| {
            let served = served.as_ref();
            served.is_some_and(|served| served.fingerprint == identity.fingerprint)
        };
        if self
            .loaded
            .as_ref()
            .is_some_and(|it| is_served(&it.identity))
        {
            return Ok(());
        }
        // The one before makes room first.
        self.loaded = None;
        let loaded = self.model.load().map_err(|failure| match failure.kind() {
            FailureKind::Transient => self.fatal.report(failure),
            _ => ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!(
                    "The model's files have changed and cannot be read for a trend: {}",
                    failure.chain().join(": ")
                ),
                "Come again once they are mended, or restart the service with another model; meanwhile /predict answers as before",
            )
            .retry_after(30),
        })?;
        if !is_served(&loaded.identity) {
            return Err(ApiError::busy("The model is being replaced", 2));
        }
        self.loaded = Some(loaded);
        Ok(())
    }

    /// From where it is known how the model errs.
    fn rates(
        &self,
        request: &TrendRequest,
        model: &ModelIdentity,
    ) -> Result<ErrorRates<'_>, Refused> {
        if let Some(count) = request.adapt {
            return Ok(ErrorRates::Adapt(count));
        }
        let (Source::Named(pipeline, name), Some(made)) = (&self.model.source, model.made) else {
            return Err(Refused::Unjudged(Unjudged::Bundle));
        };
        let known = of_validation(pipeline, name, made, request.options().seed)?;
        Ok(ErrorRates::Known(Box::new(known)))
    }
}

/// A file that has no name and is gone with the process, however that ends; and a path that this process can
/// open it by.
struct UnnamedFile {
    path: PathBuf,
    _file: File,
}

impl UnnamedFile {
    fn holding(content: &[u8]) -> std::io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        file.write_all(content)?;
        Ok(Self {
            path: PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())),
            _file: file,
        })
    }
}

/// Lets all threads of usual niceness go before this one. Linux counts niceness by thread; elsewhere nothing
/// is changed.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes plain numbers; 0 is the calling thread. More niceness is never refused.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
    }
}
