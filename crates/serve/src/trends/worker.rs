//! The thread that makes trends, one after the other. It has a copy of the model of its own, from its first
//! trend on, and gives way to all other threads: answers and explanations go on as if it were not there.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use artifact::{FailureKind, StageName};
use bundle::Networks;
use bundle::Predictor;
use rayon::{ThreadPool, ThreadPoolBuilder};
use settings::StepId;
use stage::{Progress, ProgressMode};
use tokio::sync::mpsc::UnboundedReceiver;
use trend::{ErrorRates, Question, Reader, Refused, Unjudged, answer, of_validation};

use super::refusal::refusal;
use super::wishes::{Lines, Wishes};
use crate::error::ApiError;
use crate::fatal::FatalFailure;
use crate::lane::{Job, Lane};
use crate::limits::Limits;
use crate::source::{ModelIdentity, Source};
use crate::telemetry::Telemetry;

/// Reviews that the model reads together: between two batches it is seen whether anybody still waits.
const TOGETHER: usize = 256;

/// How far the thread gives way, in the scale of `nice`: it gets a tenth of a core that others want, too.
const NICENESS: i32 = 10;

/// What a request is about. Nobody can print it: it holds what people wrote.
pub(crate) struct Asked {
    /// A file of reviews; or JSON that holds reviews and wishes.
    pub(crate) body: Vec<u8>,
    /// The wishes of the address; nothing where they are in the body.
    pub(crate) wishes: Option<Wishes>,
    /// Whether a page is wanted, and not JSON.
    pub(crate) as_page: bool,
    /// When nobody waits for it any more.
    pub(crate) deadline: Instant,
}

/// A trend, as it is sent.
pub(crate) struct Made {
    /// JSON, or a page.
    pub(crate) text: String,
    /// Which model read the reviews.
    pub(crate) model: Arc<ModelIdentity>,
}

/// Where trends are asked for. Whoever has no place there sends no body.
pub(crate) type Trends = Lane<Job<Asked, Made>>;

/// Starts the thread.
pub(crate) fn start(
    (source, networks): (Arc<Source>, Option<Networks>),
    limits: Limits,
    telemetry: Arc<Telemetry>,
    fatal: Arc<FatalFailure>,
) -> (Trends, JoinHandle<()>) {
    let worker = Worker {
        source,
        networks,
        limits,
        telemetry,
        fatal,
        loaded: None,
    };
    Lane::start(limits.trends, |receiver| worker.run(receiver))
}

struct Worker {
    source: Arc<Source>,
    networks: Option<Networks>,
    limits: Limits,
    telemetry: Arc<Telemetry>,
    fatal: Arc<FatalFailure>,
    loaded: Option<(Box<Predictor>, Arc<ModelIdentity>)>,
}

impl Worker {
    fn run(mut self, mut receiver: UnboundedReceiver<Job<Asked, Made>>) {
        give_way();
        let pool = ThreadPoolBuilder::new()
            .num_threads(self.source.run_settings().cores())
            .start_handler(|_| give_way())
            .build();
        while let Some(job) = receiver.blocking_recv() {
            let made = match &pool {
                Ok(pool) => self.guarded(&job, pool),
                Err(error) => Err(ApiError::ModelFailed(error.to_string())),
            };
            job.reply(made);
        }
    }

    /// A panic of a library is the answer to this request and not the end of the service.
    fn guarded(&mut self, job: &Job<Asked, Made>, pool: &ThreadPool) -> Result<Made, ApiError> {
        let work = || pool.install(|| self.make(job));
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(ApiError::ModelFailed("it stopped unexpectedly".to_owned())))
    }

    fn make(&mut self, job: &Job<Asked, Made>) -> Result<Made, ApiError> {
        if self.fatal.is_reported() {
            return Err(ApiError::DeviceFailed);
        }
        let asked = &job.question;
        let is_stopped = || job.is_abandoned() || Instant::now() >= asked.deadline;
        if is_stopped() {
            return Err(ApiError::TrendTimedOut(self.limits.trend_timeout));
        }
        let of_body;
        let wishes = match &asked.wishes {
            Some(wishes) => wishes,
            None => {
                of_body = Wishes::of_json(&asked.body)?;
                &of_body
            }
        };
        let content = match &wishes.reviews {
            Some(Lines(lines)) => lines,
            None => &asked.body,
        };
        let file = Nameless::holding(content).map_err(|error| {
            ApiError::ModelFailed(format!("there is no room for the reviews: {error}"))
        })?;
        self.load()?;
        let Some((predictor, identity)) = &self.loaded else {
            return Err(ApiError::ModelFailed("it is not there".to_owned()));
        };
        let question = Question {
            files: std::slice::from_ref(&file.path),
            reading: &wishes.reading(&self.limits),
            topics: &wishes.topics,
            options: wishes.options(),
        };
        let reader = Reader {
            predictor,
            progress: &Progress::new(
                ProgressMode::None,
                StepId::new(StageName::Evaluate, &identity.name),
            ),
            on_note: &crate::say,
            most: self.limits.reviews as u64,
            together: TOGETHER,
            is_stopped: &is_stopped,
        };
        let found = self
            .rates(wishes, identity)
            .and_then(|rates| answer(&question, &reader, rates))
            .map_err(|refused| match refused {
                Refused::Failed(failure) => self.fatal.report(failure),
                refused => refusal(refused, &file.path, &self.limits),
            })?;
        self.telemetry.read_reviews(found.rows as u64);
        Ok(Made {
            text: match asked.as_page {
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
        if self.loaded.as_ref().is_some_and(|(_, it)| is_served(it)) {
            return Ok(());
        }
        // The one before makes room first.
        self.loaded = None;
        let loaded = self.source.load_once(self.networks);
        let (predictor, identity) = loaded.map_err(|failure| match failure.kind() {
            FailureKind::Transient => self.fatal.report(failure),
            _ => ApiError::NoModelForTrends(failure.chain().join(": ")),
        })?;
        if !is_served(&identity) {
            return Err(ApiError::ModelReplaced);
        }
        self.loaded = Some((predictor, Arc::new(identity)));
        Ok(())
    }

    /// From where it is known how the model errs.
    fn rates(&self, wishes: &Wishes, model: &ModelIdentity) -> Result<ErrorRates<'_>, Refused> {
        if let Some(count) = wishes.adapt {
            return Ok(ErrorRates::Adapt(count));
        }
        let (Source::Named(pipeline, name), Some(made)) = (&*self.source, model.made) else {
            return Err(Refused::Unjudged(Unjudged::Bundle));
        };
        let known = of_validation(pipeline, name, made, wishes.options().seed)?;
        Ok(ErrorRates::Known(Box::new(known)))
    }
}

/// A file that has no name and is gone with the process, however that ends; and a path that this process can
/// open it by.
struct Nameless {
    path: PathBuf,
    _file: File,
}

impl Nameless {
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
fn give_way() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes plain numbers; 0 is the calling thread. More niceness is never refused.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
    }
}
