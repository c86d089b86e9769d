//! Watches the model: when it changes, the new one is loaded while the old one answers, and replaces it between two
//! batches.

use std::sync::Arc;
use std::time::Duration;

use artifact::{Failure, FailureKind};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::fatal::FatalFailure;
use crate::source::Model;
use crate::telemetry::Telemetry;
use crate::worker::PredictionQueues;

/// Time between two checks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Reloads the model when it changes.
pub(crate) struct ModelWatcher {
    pub(crate) model: Arc<Model>,
    pub(crate) predictions: PredictionQueues,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) fatal: Arc<FatalFailure>,
    /// The version of the model in use.
    pub(crate) served: String,
}

impl ModelWatcher {
    /// Checks the model until the runtime ends.
    pub(crate) async fn run(mut self) {
        // The version of the last attempt, successful or not: a broken model is not loaded again every second.
        let mut tried = self.served.clone();
        loop {
            sleep(INTERVAL).await;
            let model = Arc::clone(&self.model);
            let version = match spawn_blocking(move || model.source.version()).await {
                Ok(Ok(version)) if version != tried => version,
                // While a model is being replaced, its name may lead nowhere for a moment.
                _ => continue,
            };
            tried = version.clone();
            if version == self.served {
                self.telemetry.counters().load_error = None;
            } else {
                self.load(version).await;
            }
        }
    }

    async fn load(&mut self, version: String) {
        let model = Arc::clone(&self.model);
        let loaded = spawn_blocking(move || model.load_twice()).await;
        let panicked = |_| Err(Failure::new("Loading the model stopped unexpectedly"));
        match loaded.unwrap_or_else(panicked) {
            Ok(loaded) => {
                let identity = &loaded[0].identity;
                let (name, fingerprint) = (&identity.name, &identity.fingerprint);
                crate::print_line(&format!(
                    "model `{name}` was replaced: its fingerprint is now {fingerprint}"
                ));
                self.predictions.load(loaded, &self.telemetry);
                self.served = version;
            }
            Err(failure) => {
                let problem = failure.chain().join(": ");
                crate::print_line(&format!(
                    "warning: Failed to load the changed model; the old one stays in use: {problem}"
                ));
                self.telemetry.load_failed(problem);
                if failure.kind() == FailureKind::Transient {
                    let _ = self.fatal.report(failure);
                }
            }
        }
    }
}
