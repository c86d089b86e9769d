//! The model is looked after: one that has become another is loaded beside the one that answers, and
//! takes its place between two batches.

use std::sync::Arc;
use std::time::Duration;

use artifact::{Failure, FailureKind};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::fatal::FatalFailure;
use crate::source::{Model, Stamp};
use crate::telemetry::Telemetry;
use crate::worker::Queue;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What looks at the model.
pub(crate) struct Watch {
    pub(crate) model: Arc<Model>,
    pub(crate) queue: Queue,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) fatal: Arc<FatalFailure>,
    /// What the model was when it was loaded first.
    pub(crate) served: Stamp,
}

impl Watch {
    /// Looks at the model until the runtime ends.
    pub(crate) async fn run(mut self) {
        // What was tried last, with or without success: a broken model is not tried every second.
        let mut tried = self.served.clone();
        loop {
            sleep(EVERY).await;
            let model = Arc::clone(&self.model);
            let stamp = spawn_blocking(move || model.source.stamp()).await;
            // A name that stands for nothing for an instant is one being replaced.
            let Ok(Ok(stamp)) = stamp else {
                continue;
            };
            if stamp == tried {
                continue;
            }
            tried = stamp.clone();
            if stamp == self.served {
                self.telemetry.counters().load_error = None;
            } else {
                self.load(stamp).await;
            }
        }
    }

    async fn load(&mut self, stamp: Stamp) {
        let model = Arc::clone(&self.model);
        let loaded = spawn_blocking(move || model.load_twice()).await;
        let ended = |_| Err(Failure::new("Loading it ended unexpectedly"));
        match loaded.unwrap_or_else(ended) {
            Ok(loaded) => {
                let identity = &loaded[0].identity;
                let (name, fingerprint) = (&identity.name, &identity.fingerprint);
                crate::print_line(&format!("model: {name} was replaced; now {fingerprint}"));
                self.queue.load(loaded, &self.telemetry);
                self.served = stamp;
            }
            Err(failure) => {
                let problem = failure.chain().join(": ");
                crate::print_line(&format!(
                    "model: it has changed and cannot be loaded, the one before it goes on answering: {problem}"
                ));
                self.telemetry.load_failed(problem);
                if failure.kind() == FailureKind::Transient {
                    let _ = self.fatal.report(failure);
                }
            }
        }
    }
}
