//! `ressenti serve`: an HTTP service for a model. It chooses its device as `predict` does.
//!
//! Tokio's threads handle connections and JSON; separate threads run the model. Requests are queued for them, and a
//! full queue is reported to the client immediately.
//!
//! - `listen`: connections; `hosts`, `body`, `json`: reading requests; `state`, `routes`: answering them
//! - `job_queue`: a queue to a thread; `worker`: the threads that run the model; `source`, `reload`: the model and its
//!   replacement
//! - `trends`: the thread that computes trends of uploaded reviews
//! - `telemetry`: metrics; `page`: the page to try the model
//! - `fatal`: device failures, which end the service with exit code 75

mod arguments;
mod body;
mod error;
mod fatal;
mod hosts;
mod job_queue;
mod json;
mod limits;
mod listen;
mod reload;
mod routes;
mod source;
mod state;
mod telemetry;
mod trends;
mod worker;

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;

use artifact::Failure;
use axum::Router;
use clap::Parser;
use settings::table_from_overrides;
use stage::exit_code;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use arguments::Arguments;
use bundle::{Networks, exec_networks, find};
use fatal::FatalFailure;
use hosts::AllowedHosts;
use job_queue::JobQueue;
use reload::ModelWatcher;
use source::Model;
use state::AppState;
use telemetry::Telemetry;
use trends::RunningTrend;
use worker::PredictionQueues;

pub use limits::Limits;
pub use source::{ModelIdentity, ModelSource};
pub use worker::{PredictResponse, TextPrediction};

/// The environment variable of oneDNN that limits its cache of compiled operations, and the limit. oneDNN compiles an
/// operation for each batch shape, and the service has many shapes. With the default of 1,024 operations, the memory
/// of an LSTM grew from 510 to 634 MB in ten minutes; 32 operations were as fast.
const ONE_DNN_CACHE: (&str, &str) = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32");

/// Runs the program and returns its exit code. Without `networks` it continues in `ressenti-networks` if the model
/// is a network.
pub fn main(arguments: impl Iterator<Item = OsString>, networks: Option<Networks>) -> u8 {
    if env::var_os(ONE_DNN_CACHE.0).is_none() {
        // SAFETY: there is no other thread yet, and oneDNN reads the variable at its first operation.
        unsafe { env::set_var(ONE_DNN_CACHE.0, ONE_DNN_CACHE.1) };
    }
    exit_code(run(&Arguments::parse_from(arguments), networks))
}

/// A service that is ready to answer, without its sockets.
pub struct Service {
    state: AppState,
    watcher: ModelWatcher,
    fatal: Arc<FatalFailure>,
    workers: [JoinHandle<()>; 3],
}

impl Service {
    /// Loads the model and starts the threads that use it: `source` answers texts, `trend_source` computes trends.
    /// `networks` is needed if one of them is a network.
    ///
    /// # Errors
    /// There is no model, or it is damaged.
    pub fn start(
        source: ModelSource,
        trend_source: ModelSource,
        networks: Option<Networks>,
        limits: Limits,
        log: bool,
    ) -> Result<Self, Failure> {
        // The version is read before the model, so that a change during loading is detected.
        let served = source.version()?;
        let model = Arc::new(Model { source, networks });
        let telemetry = Arc::new(Telemetry::default());
        let fatal = Arc::new(FatalFailure::default());
        let (predictions, [predicting, explaining]) =
            PredictionQueues::start(model.load_twice()?, &limits, &telemetry, &fatal);
        let running = RunningTrend::default();
        let trend_model = trend_source.name();
        let trend_worker = trends::Worker {
            model: Model {
                source: trend_source,
                networks,
            },
            limits,
            telemetry: Arc::clone(&telemetry),
            fatal: Arc::clone(&fatal),
            running: running.clone(),
            loaded: None,
        };
        let (trends, trend_worker) = JobQueue::start(limits.trends, |jobs| trend_worker.run(jobs));
        Ok(Self {
            watcher: ModelWatcher {
                model,
                predictions: predictions.clone(),
                telemetry: Arc::clone(&telemetry),
                fatal: Arc::clone(&fatal),
                served,
            },
            state: AppState {
                predictions,
                trends,
                running,
                trend_model: trend_model.into(),
                telemetry,
                limits,
                connections: Arc::new(Semaphore::new(limits.connections)),
                hosts: Arc::new(AllowedHosts::default()),
                log,
            },
            fatal,
            workers: [predicting, explaining, trend_worker],
        })
    }

    /// The routes, for callers that handle connections themselves.
    pub fn router(&self) -> Router {
        routes::router(self.state.clone())
    }

    /// Answers requests until `stop` completes or the device fails, and finishes the requests in progress.
    ///
    /// # Errors
    /// The device failed; a new process may recover.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let watcher = tokio::spawn(self.watcher.run());
        let router = routes::router(self.state.clone());
        let stop = async {
            tokio::select! {
                () = stop => {}
                () = self.fatal.wait() => print_line("stopping: the device failed, and only a new process can use it"),
            }
        };
        let all_answered = listen::serve(listener, router, &self.state, stop).await;
        watcher.abort();
        let _ = watcher.await;
        drop(self.state);
        if all_answered {
            print_line("stopped: all requests were answered");
            // The threads end when the last sender is dropped.
            let join = || self.workers.map(JoinHandle::join);
            let _ = tokio::task::spawn_blocking(join).await;
        } else {
            print_line("stopped: requests that were not finished within `--grace` were dropped");
        }
        self.fatal.take().map_or(Ok(()), Err)
    }
}

fn run(arguments: &Arguments, networks: Option<Networks>) -> Result<(), Failure> {
    let (source, reason) = find_source(arguments)?;
    let trend_source = source.for_trends(arguments.trend_model.as_deref())?;
    let needs_networks = |source: &ModelSource| source.locate()?.needs_networks();
    if networks.is_none() && (needs_networks(&source)? || needs_networks(&trend_source)?) {
        return Err(exec_networks("serve"));
    }
    reason.iter().for_each(|reason| print_line(reason));
    let cores = source.run_settings().cores();
    // In a test, the pool may exist already.
    let threads = rayon::ThreadPoolBuilder::new().num_threads(cores);
    let _ = threads.build_global();
    let (limits, log) = (arguments.limits, arguments.log);
    if source.name() != trend_source.name() {
        let name = trend_source.name();
        print_line(&format!(
            "trends are computed by `{name}`; choose another model with `--trend-model NAME`"
        ));
    }
    let mut service = Service::start(source, trend_source, networks, limits, log)?;
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(cores).enable_all().build();
    let runtime = runtime.map_err(Failure::from_error)?;
    let result = runtime.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
            Failure::new(format!("Failed to listen on `{}`", arguments.listen))
                .with_cause(error)
                .with_hint("Choose a free port with `--listen 127.0.0.1:0`".to_owned())
        })?;
        let stop = stop_signals().map_err(Failure::from_error)?;
        let address = listener.local_addr().map_err(Failure::from_error)?;
        service.state.hosts = Arc::new(AllowedHosts::new(address, &arguments.hosts));
        if !address.ip().to_canonical().is_loopback() {
            print_line(&format!(
                "warning: Other machines can reach {address}, and the service has no authentication"
            ));
        }
        print_line(&format!("listening on http://{address}"));
        service.serve(listener, stop).await
    });
    // Unfinished computations are dropped.
    runtime.shutdown_background();
    result
}

/// The model to serve, and why it was chosen if the command line names none.
fn find_source(arguments: &Arguments) -> Result<(ModelSource, Option<String>), Failure> {
    if let Some(folder) = &arguments.bundle {
        let run = table_from_overrides("run", &arguments.pipeline.overrides)?;
        return Ok((ModelSource::Folder(folder.clone(), run), None));
    }
    let pipeline = arguments.pipeline.load()?;
    let (name, reason) = match &arguments.model {
        Some(name) => (name.clone(), None),
        None => find::best_model(&pipeline).map(|(name, reason)| (name, Some(reason)))?,
    };
    Ok((ModelSource::Named(Box::new(pipeline), name), reason))
}

/// Completes with the first SIGTERM or SIGINT; a second one ends the process.
fn stop_signals() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut signalled = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(async move {
        signalled().await;
        print_line(
            "stopping: finishing the requests in progress; a second signal stops immediately",
        );
        tokio::spawn(async move {
            signalled().await;
            #[allow(clippy::exit, reason = "a second signal stops immediately")]
            std::process::exit(130);
        });
    })
}

/// Prints a line to stderr. It must never contain a text of a request.
pub(crate) fn print_line(line: &str) {
    // A closed pipe is not an error.
    let _ = writeln!(std::io::stderr(), "{line}");
}
