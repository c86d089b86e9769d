//! Failures that end the service: the device failed, and only a new process can use it again.

use std::sync::{Mutex, PoisonError};

use artifact::{Failure, FailureKind};
use tokio::sync::Notify;

use crate::error::ApiError;

/// Collects the failures of all threads. The first transient one ends the service with its exit code, after all
/// requests are answered.
#[derive(Debug, Default)]
pub(crate) struct FatalFailure {
    first: Mutex<Option<Failure>>,
    reported: Notify,
}

impl FatalFailure {
    /// Returns the error for the client; a transient failure also ends the service.
    pub(crate) fn report(&self, failure: Failure) -> ApiError {
        if failure.kind() != FailureKind::Transient {
            return ApiError::model_failed(failure.chain().join(": "));
        }
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(failure);
            self.reported.notify_one();
        }
        ApiError::device_failed()
    }

    /// Whether the service is stopping.
    pub(crate) fn is_reported(&self) -> bool {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.is_some()
    }

    /// Waits for the first transient failure.
    pub(crate) async fn wait(&self) {
        self.reported.notified().await;
    }

    /// The first transient failure, if there was one.
    pub(crate) fn take(&self) -> Option<Failure> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.take()
    }
}
