//! The model is looked after: one that has become another is loaded beside the one that answers, and
//! takes its place between two batches.

use std::sync::Arc;
use std::time::Duration;

use artifact::{Failure, FailureKind};
use bundle::Networks;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::fatal::FatalFailure;
use crate::source::{ModelIdentity, Source, Stamp};
use crate::telemetry::Telemetry;
use crate::worker::Queue;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at the model until the runtime ends. `served` is what it was when it was loaded first.
pub(crate) async fn watch(
    (source, networks): (Arc<Source>, Option<Networks>),
    queue: Queue,
    telemetry: Arc<Telemetry>,
    fatal: Arc<FatalFailure>,
    served: Stamp,
) {
    // What was tried last, with or without success: a broken model is not tried every second.
    let mut tried = served.clone();
    let mut served = served;
    loop {
        sleep(EVERY).await;
        let looked = spawn_blocking({
            let source = Arc::clone(&source);
            move || source.stamp()
        });
        // A name that stands for nothing for an instant is one being replaced.
        let Ok(Ok(stamp)) = looked.await else {
            continue;
        };
        if stamp == tried {
            continue;
        }
        tried = stamp.clone();
        if stamp == served {
            telemetry.load_recovered();
            continue;
        }
        let loaded = spawn_blocking({
            let source = Arc::clone(&source);
            move || source.load(networks)
        });
        match loaded.await {
            Ok(Ok(loaded)) => {
                let ModelIdentity {
                    name, fingerprint, ..
                } = &loaded.identity;
                crate::say(&format!("model: {name} was replaced; now {fingerprint}"));
                queue.load(loaded, &telemetry);
                served = stamp;
            }
            Ok(Err(failure)) => {
                failed(&telemetry, &failure);
                if failure.kind() == FailureKind::Transient {
                    let _ = fatal.report(failure);
                }
            }
            Err(_) => failed(&telemetry, &Failure::new("Loading it ended unexpectedly")),
        }
    }
}

fn failed(telemetry: &Telemetry, failure: &Failure) {
    let problem = failure.chain().join(": ");
    crate::say(&format!(
        "model: it has changed and cannot be loaded, the one before it goes on answering: {problem}"
    ));
    telemetry.load_failed(problem);
}
