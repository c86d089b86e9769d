//! Polling submitted jobs: the queue, the events that jobs write, and Slurm accounting for jobs that left the queue.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use artifact::ArtifactError;

use crate::{
    AccountingEntry, Event, JobState, JobStatus, QueueEntry, Record, Slurm, SlurmError, Submission,
    TaskId,
};

/// The queue and the accounting at one moment; empty by default.
#[derive(Default)]
pub struct Snapshot {
    queue: BTreeMap<TaskId, QueueEntry>,
    accounting: BTreeMap<TaskId, AccountingEntry>,
}

impl Snapshot {
    /// Reads the queue, and the accounting of those jobs that have left it.
    ///
    /// # Errors
    /// The controller does not answer.
    pub fn take(slurm: Slurm, jobs: impl Iterator<Item = TaskId>) -> Result<Self, SlurmError> {
        let queue = slurm.queue()?;
        let gone: Vec<TaskId> = jobs.filter(|job| !queue.contains_key(job)).collect();
        let accounting = slurm.accounting(&gone);
        Ok(Self { queue, accounting })
    }

    /// The status of a job with these events.
    pub fn status(&self, job: TaskId, events: &[Event]) -> JobStatus {
        JobStatus::of(job, self.queue.get(&job), events, self.accounting.get(&job))
    }

    /// Whether a job is in the queue.
    pub fn is_queued(&self, job: TaskId) -> bool {
        self.queue.contains_key(&job)
    }
}

/// A submitted job that is polled until it ends.
pub struct MonitoredJob {
    /// Its submission.
    pub submission: Submission,
    /// When the job was first missing in the queue.
    missing_since: Option<Instant>,
    /// The last queue entry and status of a pending job. While the entry is the same, its files are not read, which
    /// matters for thousands of pending jobs.
    pending: Option<(QueueEntry, JobStatus)>,
}

impl MonitoredJob {
    /// A job that was just submitted.
    pub fn new(submission: Submission) -> Self {
        Self {
            submission,
            missing_since: None,
            pending: None,
        }
    }

    /// The status of the job. A task that waits only for a start time is started now.
    ///
    /// # Errors
    /// Its events cannot be read.
    pub fn status(
        &mut self,
        snapshot: &Snapshot,
        slurm: Slurm,
        record: &Record,
    ) -> Result<JobStatus, ArtifactError> {
        let job = self.submission.job;
        let queued = snapshot.queue.get(&job);
        if queued.is_some_and(QueueEntry::waits_for_start_time) {
            // If the cluster does not allow it, the task starts a little later.
            let _ = slurm.start_now(job);
        }
        let since = self.missing_since.unwrap_or_else(Instant::now);
        self.missing_since = queued.is_none().then_some(since);
        if let (Some(queued), Some((last, status))) = (queued, &self.pending)
            && queued == last
        {
            return Ok(status.clone());
        }
        let events = record.events(&self.submission.name)?;
        let status = snapshot.status(job, &events);
        let is_pending = matches!(status.state, JobState::Pending(_));
        let pending = queued.filter(|_| is_pending).cloned();
        self.pending = pending.map(|queued| (queued, status.clone()));
        Ok(status)
    }

    /// Time since the job left the queue; zero while it is in the queue.
    pub fn time_out_of_queue(&self) -> Duration {
        self.missing_since.map_or(Duration::ZERO, |it| it.elapsed())
    }
}
