//! The way to a thread that works for requests: a queue with so many places, and an answer for each question.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::error::ApiError;

/// The way to a thread; the thread ends when the last copy of this is gone.
pub(crate) struct Lane<M> {
    sender: mpsc::UnboundedSender<M>,
    places: Arc<Semaphore>,
    /// Places of the queue, those of the questions under way counted.
    pub(crate) capacity: usize,
}

/// A question under way. It cannot be printed: it holds what people wrote.
pub(crate) struct Job<Q, A> {
    pub(crate) question: Q,
    reply: oneshot::Sender<Result<A, ApiError>>,
    places: OwnedSemaphorePermit,
}

impl<M: Send + 'static> Lane<M> {
    /// Starts the thread, which is given the messages that come.
    pub(crate) fn start(
        capacity: usize,
        work: impl FnOnce(mpsc::UnboundedReceiver<M>) + Send + 'static,
    ) -> (Arc<Self>, JoinHandle<()>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let lane = Self {
            sender,
            places: Arc::new(Semaphore::new(capacity)),
            capacity,
        };
        (Arc::new(lane), thread::spawn(move || work(receiver)))
    }

    /// Places that are taken.
    pub(crate) fn depth(&self) -> usize {
        self.capacity - self.places.available_permits()
    }

    /// So many places, if they are free.
    pub(crate) fn places(&self, count: usize) -> Option<OwnedSemaphorePermit> {
        let count = count.try_into().ok()?;
        Arc::clone(&self.places).try_acquire_many_owned(count).ok()
    }

    /// Sends a message; it is lost where the thread has ended.
    pub(crate) fn send(&self, message: M) {
        let _ = self.sender.send(message);
    }

    /// Puts a question that has its places, and waits for its answer. The thread sees when the caller stops waiting.
    ///
    /// # Errors
    /// The error of the thread, or it has ended.
    pub(crate) async fn ask<Q, A>(
        &self,
        question: Q,
        places: OwnedSemaphorePermit,
        message: impl FnOnce(Job<Q, A>) -> M,
    ) -> Result<A, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.send(message(Job {
            question,
            reply,
            places,
        }));
        let lost = |_| ApiError::model_failed("it gave no answer");
        answer.await.map_err(lost)?
    }
}

impl<Q, A> Job<Q, A> {
    /// Whether the caller does not wait any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    /// Answers. The places are free before the answer arrives, so that the client may ask again.
    pub(crate) fn reply(self, answer: Result<A, ApiError>) {
        drop(self.places);
        // The client may be gone.
        let _ = self.reply.send(answer);
    }
}
