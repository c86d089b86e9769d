//! `ressenti serve`: an HTTP service over a model, on processors and GPUs that `predict` uses.
//!
//! Connections and JSON are tokio's, the model has threads of its own: requests queue up for them, and a
//! full queue is said at once instead of waited for.
//!
//! - `listen`: connections; `hosts`, `body`, `json`: what is read of a request; `shared`, `routes`: what is
//!   answered
//! - `lane`: the way to a thread; `worker`: the threads with the model, and their batches; `source`, `reload`: which model, and when it
//!   is another
//! - `trends`: reviews with a time, and the thread that makes trends of them
//! - `telemetry`: what is counted; `page`: what people see
//! - `fatal`: the device failure that ends the service, with exit code 75

mod arguments;
mod body;
mod error;
mod fatal;
mod hosts;
mod json;
mod lane;
mod limits;
mod listen;
mod reload;
mod routes;
mod shared;
mod source;
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
use settings::{Pipeline, table_of};
use stage::{add_artifacts_override, exit_code};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use arguments::Arguments;
use bundle::{Networks, exec_networks, find};
use fatal::FatalFailure;
use hosts::Hosts;
use lane::Lane;
use reload::Watch;
use shared::Shared;
use source::Model;
use telemetry::Telemetry;
use worker::Queue;

pub use limits::Limits;
pub use source::{ModelIdentity, Source};
pub use worker::{Answer, Answers};

/// How many compiled operations oneDNN keeps, in the words of its documentation. It compiles one for each
/// shape of a batch, and shapes come in any number here: by default 1,024 of them are kept, and an lstm
/// grew from 510 to 634 MB in ten minutes. 32 were found to be as fast.
const ONE_DNN_CACHE: (&str, &str) = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32");

/// Runs the program and returns its exit code. Without `networks` it continues in `ressenti-networks` if the model
/// is a network.
pub fn main(arguments: impl Iterator<Item = OsString>, networks: Option<Networks>) -> u8 {
    if env::var_os(ONE_DNN_CACHE.0).is_none() {
        // SAFETY: this is the only thread yet, and oneDNN reads it at its first operation.
        unsafe { env::set_var(ONE_DNN_CACHE.0, ONE_DNN_CACHE.1) };
    }
    exit_code(run(&Arguments::parse_from(arguments), networks))
}

/// A service that is ready to answer, without its sockets.
pub struct Service {
    shared: Shared,
    watch: Watch,
    fatal: Arc<FatalFailure>,
    workers: [JoinHandle<()>; 3],
}

impl Service {
    /// Loads the model and starts the threads that use it. `networks` computes it, if it is a network.
    ///
    /// # Errors
    /// There is no model, or it is damaged.
    pub fn start(
        source: Source,
        networks: Option<Networks>,
        limits: Limits,
        log: bool,
    ) -> Result<Self, Failure> {
        // Before it is read: what changes meanwhile is seen as a change.
        let served = source.stamp()?;
        let model = Arc::new(Model { source, networks });
        let telemetry = Arc::new(Telemetry::default());
        let fatal = Arc::new(FatalFailure::default());
        let (queue, [answers, explanations]) =
            Queue::start(model.load_twice()?, &limits, &telemetry, &fatal);
        let maker = trends::Worker {
            model: Arc::clone(&model),
            limits,
            telemetry: Arc::clone(&telemetry),
            fatal: Arc::clone(&fatal),
            loaded: None,
        };
        let (trends, maker) = Lane::start(limits.trends, |receiver| maker.run(receiver));
        Ok(Self {
            watch: Watch {
                model,
                queue: queue.clone(),
                telemetry: Arc::clone(&telemetry),
                fatal: Arc::clone(&fatal),
                served,
            },
            shared: Shared {
                queue,
                trends,
                telemetry,
                limits,
                connections: Arc::new(Semaphore::new(limits.connections)),
                hosts: Arc::new(Hosts::default()),
                log,
            },
            fatal,
            workers: [answers, explanations, maker],
        })
    }

    /// Its paths, for callers with connections of their own.
    pub fn router(&self) -> Router {
        routes::router(self.shared.clone())
    }

    /// Answers requests that come to a listener until `stop` completes or the device fails, and then
    /// the requests that have started.
    ///
    /// # Errors
    /// The device failed; a new process may recover.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let watch = tokio::spawn(self.watch.run());
        let router = routes::router(self.shared.clone());
        let stop = async {
            tokio::select! {
                () = stop => {}
                () = self.fatal.wait() => print_line("stopping: the device failed, and only a new process can use it"),
            }
        };
        let all_answered = listen::serve(listener, router, &self.shared, stop).await;
        watch.abort();
        let _ = watch.await;
        drop(self.shared);
        if all_answered {
            print_line("stopped: every request was answered");
            // They end with the last sender, and are not waited for where requests were given up.
            let join = || self.workers.map(JoinHandle::join);
            let _ = tokio::task::spawn_blocking(join).await;
        } else {
            print_line("stopped: requests that took longer than `--grace` were given up");
        }
        self.fatal.take().map_or(Ok(()), Err)
    }
}

fn run(arguments: &Arguments, networks: Option<Networks>) -> Result<(), Failure> {
    let source = find_source(arguments)?;
    if networks.is_none() && source.place()?.needs_networks()? {
        return Err(exec_networks("serve"));
    }
    let cores = source.run_settings().cores();
    // The pool may be there already where this runs within a test.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(cores)
        .build_global();
    let mut service = Service::start(source, networks, arguments.limits, arguments.log)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores)
        .enable_all()
        .build()
        .map_err(Failure::from_error)?;
    let ended = runtime.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
            Failure::from_error(error).with_hint(format!(
                "`{}` cannot be listened on; take another address with `--listen 127.0.0.1:0`",
                arguments.listen
            ))
        })?;
        let stop = stop_signals().map_err(Failure::from_error)?;
        let address = listener.local_addr().map_err(Failure::from_error)?;
        service.shared.hosts = Arc::new(Hosts::of(address, &arguments.hosts));
        if !address.ip().to_canonical().is_loopback() {
            print_line(&format!(
                "warning: {address} can be reached by other machines, and the service asks nobody who they are"
            ));
        }
        print_line(&format!("listening on http://{address}"));
        service.serve(listener, stop).await
    });
    // Whatever is still computed is given up.
    runtime.shutdown_background();
    ended
}

fn find_source(arguments: &Arguments) -> Result<Source, Failure> {
    if let Some(folder) = &arguments.bundle {
        let run = table_of("run", &arguments.overrides)?;
        return Ok(Source::Folder(folder.clone(), run));
    }
    let overrides = add_artifacts_override(&arguments.overrides, arguments.artifacts.as_deref());
    let pipeline = Pipeline::load(&arguments.pipeline, &overrides)?;
    let name = match &arguments.model {
        Some(name) => name.clone(),
        None => {
            let (name, why) = find::best_model(&pipeline)?;
            print_line(&why);
            name
        }
    };
    Ok(Source::Named(Box::new(pipeline), name))
}

/// Comes to its end with the first SIGTERM or SIGINT; a second one ends the process.
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
        print_line("stopping: what is under way is answered; a second signal stops at once");
        tokio::spawn(async move {
            signalled().await;
            #[allow(clippy::exit, reason = "the second signal asks for that")]
            std::process::exit(130);
        });
    })
}

/// A line on stderr. A text of a request never gets here.
pub(crate) fn print_line(line: &str) {
    // A closed pipe is no error: its reader has seen enough.
    let _ = writeln!(std::io::stderr(), "{line}");
}
