//! The heartbeat of a stage: while the stage makes progress, it touches the file named by the environment variable
//! [`HEARTBEAT`], at most once a second. The orchestrator stops a stage without heartbeat.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// Environment variable with the path of the file, set by the orchestrator.
pub const HEARTBEAT: &str = "RESSENTI_HEARTBEAT";

/// Shortest time between two heartbeats.
const INTERVAL: Duration = Duration::from_secs(1);

static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

fn file() -> Option<&'static PathBuf> {
    let file = FILE.get_or_init(|| std::env::var_os(HEARTBEAT).map(PathBuf::from));
    file.as_ref()
}

/// Whether the orchestrator started this program.
pub(crate) fn is_supervised() -> bool {
    file().is_some()
}

/// Reports progress.
pub(crate) fn beat() {
    let Some(path) = file() else {
        return;
    };
    // Another thread reports progress at this moment.
    let Ok(mut last) = LAST.try_lock() else {
        return;
    };
    if last.is_some_and(|last| last.elapsed() < INTERVAL) {
        return;
    }
    *last = Some(Instant::now());
    // A lost heartbeat does no harm, because the timeout is much longer than the interval.
    let _ = File::create(path).and_then(|file| file.set_modified(SystemTime::now()));
}
