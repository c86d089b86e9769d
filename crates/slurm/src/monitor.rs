//! One look after the other at submitted jobs: what the queue says, what the jobs have noted, and for those
//! that have left the queue what Slurm knows of their end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use artifact::ArtifactError;

use crate::{
    AccountingEntry, Event, JobState, JobStatus, QueueEntry, Record, Slurm, SlurmError, Submission,
    TaskId,
};

/// What Slurm says at one moment; by default nothing.
#[derive(Default)]
pub struct Snapshot {
    queue: BTreeMap<TaskId, QueueEntry>,
    ends: BTreeMap<TaskId, AccountingEntry>,
}

impl Snapshot {
    /// Asks for the queue, and for the ends of those jobs that have left it.
    ///
    /// # Errors
    /// The controller does not answer.
    pub fn take(slurm: Slurm, jobs: impl Iterator<Item = TaskId>) -> Result<Self, SlurmError> {
        let queue = slurm.queue()?;
        let gone: Vec<TaskId> = jobs.filter(|job| !queue.contains_key(job)).collect();
        let ends = slurm.ends(&gone);
        Ok(Self { queue, ends })
    }

    /// Where a job stands that has noted these events.
    pub fn status(&self, job: TaskId, events: &[Event]) -> JobStatus {
        JobStatus::of(job, self.queue.get(&job), events, self.ends.get(&job))
    }

    /// Whether a job is in the queue.
    pub fn is_queued(&self, job: TaskId) -> bool {
        self.queue.contains_key(&job)
    }
}

/// A submitted job that is monitored until it ends.
pub struct MonitoredJob {
    /// How it was submitted.
    pub submission: Submission,
    /// Since when it is not in the queue any more.
    gone: Option<Instant>,
    /// What the last look found, while it waits: where the queue says the same again, nothing has happened,
    /// and a thousand waiting jobs cost no look at a file.
    waits: Option<(QueueEntry, JobStatus)>,
}

impl MonitoredJob {
    /// A job from its submission on.
    pub fn new(submission: Submission) -> Self {
        Self {
            submission,
            gone: None,
            waits: None,
        }
    }

    /// Where it stands. One that waits for nothing but a time is told to start now.
    ///
    /// # Errors
    /// What it has noted cannot be read.
    pub fn status(
        &mut self,
        snapshot: &Snapshot,
        slurm: Slurm,
        record: &Record,
    ) -> Result<JobStatus, ArtifactError> {
        let job = self.submission.job;
        let queued = snapshot.queue.get(&job);
        if queued.is_some_and(QueueEntry::waits_for_a_time) {
            // Where that is not allowed it runs a little later.
            let _ = slurm.start_now(job);
        }
        self.gone = match queued {
            Some(_) => None,
            None => self.gone.or(Some(Instant::now())),
        };
        if let (Some(queued), Some((last, status))) = (queued, &self.waits)
            && queued == last
        {
            return Ok(status.clone());
        }
        let events = record.events(&self.submission.name)?;
        let status = snapshot.status(job, &events);
        let is_waiting = matches!(status.state, JobState::Pending(_));
        let waits = queued.filter(|_| is_waiting).cloned();
        self.waits = waits.map(|queued| (queued, status.clone()));
        Ok(status)
    }

    /// How long it has been out of the queue.
    pub fn time_out_of_queue(&self) -> Duration {
        self.gone.map_or(Duration::ZERO, |gone| gone.elapsed())
    }
}
