//! A sign of life for whoever watches a stage: the file that the variable [`HEARTBEAT`] names gets a
//! new time whenever work goes on, at most once a second.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// The variable with the file's path, set by the orchestrator.
pub const HEARTBEAT: &str = "RESSENTI_HEARTBEAT";

/// Time between two signs.
const EVERY: Duration = Duration::from_secs(1);

static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

fn file() -> Option<&'static PathBuf> {
    let file = FILE.get_or_init(|| std::env::var_os(HEARTBEAT).map(PathBuf::from));
    file.as_ref()
}

/// Whether the orchestrator has started this program.
pub(crate) fn is_watched() -> bool {
    file().is_some()
}

/// Says that work goes on.
pub(crate) fn beat() {
    let Some(path) = file() else {
        return;
    };
    // Where another thread is at it, it says the same.
    let Ok(mut last) = LAST.try_lock() else {
        return;
    };
    if last.is_some_and(|last| last.elapsed() < EVERY) {
        return;
    }
    *last = Some(Instant::now());
    // One sign that is lost is no reason to stop; the watch is longer than a second.
    let _ = File::create(path).and_then(|file| file.set_modified(SystemTime::now()));
}
