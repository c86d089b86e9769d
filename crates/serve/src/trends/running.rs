//! The progress of the trend that is computed at present.

use std::sync::{Arc, Mutex, PoisonError};

use stage::{Progress, TaskCounts};

/// The trend that is computed at present, shared between the thread that computes it and `GET /trend/progress`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunningTrend(Arc<Mutex<Option<(String, Progress)>>>);

impl RunningTrend {
    /// Sets the trend: the id that its client chose, and its progress.
    pub(crate) fn set(&self, trend: Option<(String, Progress)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trend;
    }

    /// The progress of the trend with this id; `None` if another one or none is computed.
    pub(crate) fn counts(&self, id: &str) -> Option<TaskCounts> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, progress) = running.as_ref().filter(|(running, _)| running == id)?;
        progress.counts()
    }
}
