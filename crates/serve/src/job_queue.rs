//! A bounded queue to a worker thread, with an answer for each job.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::error::ApiError;

/// A queue to a thread; the thread ends when the last copy of the queue is dropped.
pub(crate) struct JobQueue<M> {
    sender: mpsc::UnboundedSender<M>,
    slots: Arc<Semaphore>,
    /// Number of slots, including those of jobs in progress.
    pub(crate) capacity: usize,
}

/// A request and the channel for its answer. It has no `Debug`, because it contains texts of users.
pub(crate) struct Job<Q, A> {
    pub(crate) request: Q,
    reply: oneshot::Sender<Result<A, ApiError>>,
    slots: OwnedSemaphorePermit,
}

impl<M: Send + 'static> JobQueue<M> {
    /// Starts the thread, which runs `work` on the messages of the queue.
    pub(crate) fn start(
        capacity: usize,
        work: impl FnOnce(mpsc::UnboundedReceiver<M>) + Send + 'static,
    ) -> (Arc<Self>, JoinHandle<()>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let queue = Self {
            sender,
            slots: Arc::new(Semaphore::new(capacity)),
            capacity,
        };
        (Arc::new(queue), thread::spawn(move || work(receiver)))
    }

    /// Number of slots in use.
    pub(crate) fn depth(&self) -> usize {
        self.capacity - self.slots.available_permits()
    }

    /// Reserves `count` slots; `None` if there are not enough free ones.
    pub(crate) fn reserve(&self, count: usize) -> Option<OwnedSemaphorePermit> {
        let count = count.try_into().ok()?;
        Arc::clone(&self.slots).try_acquire_many_owned(count).ok()
    }

    /// Sends a message; it is lost if the thread has ended.
    pub(crate) fn send(&self, message: M) {
        let _ = self.sender.send(message);
    }

    /// Sends a request with its reserved slots and waits for the answer. The thread can see when the caller stops
    /// waiting.
    ///
    /// # Errors
    /// The error from the thread, or the thread has ended.
    pub(crate) async fn submit<Q, A>(
        &self,
        request: Q,
        slots: OwnedSemaphorePermit,
        message: impl FnOnce(Job<Q, A>) -> M,
    ) -> Result<A, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.send(message(Job {
            request,
            reply,
            slots,
        }));
        let no_answer = |_| ApiError::model_failed("its thread gave no answer");
        answer.await.map_err(no_answer)?
    }
}

impl<Q, A> Job<Q, A> {
    /// Whether the caller has stopped waiting.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    /// Sends the answer. The slots are free before it arrives, so that the client may send the next request.
    pub(crate) fn reply(self, answer: Result<A, ApiError>) {
        drop(self.slots);
        // The client may have disconnected.
        let _ = self.reply.send(answer);
    }
}
