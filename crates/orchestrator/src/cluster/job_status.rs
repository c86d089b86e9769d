//! The state of the jobs of an artifacts folder, for `ressenti status`, `ressenti cancel` and the timeline.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, Store, format};
use serde::Serialize;
use settings::StepId;
use slurm::tail::last_line;
use slurm::{JobState, JobStatus, Slurm, Snapshot, TaskId};
use stage::PipelineArguments;

use super::job_record;
use super::timeline;
use crate::seconds_since_1970;

/// The last job of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StepJob {
    /// Its job number.
    pub(crate) job: TaskId,
    /// One of `queued`, `running`, `resumed`, `held`, `done`, `failed`, `cancelled`, `lost`.
    pub(crate) state: &'static str,
    /// The node of its last run.
    pub(crate) node: String,
    /// How often it was started.
    pub(crate) starts: u32,
    /// Why it waits or failed, or its last line of output.
    pub(crate) text: String,
    /// The log file of its program.
    pub(crate) log: PathBuf,
}

/// The last job of each step that had a job. Asks Slurm only if a job may not have ended.
///
/// # Errors
/// The job record cannot be read.
pub(crate) fn jobs_by_step<'s>(
    store: &Store,
    steps: impl Iterator<Item = &'s StepId>,
) -> Result<BTreeMap<StepId, StepJob>, Failure> {
    let record = job_record(store);
    let submissions = record.submissions()?;
    let mut found = Vec::new();
    let mut open = Vec::new();
    for id in steps {
        let Some(submission) = submissions.get(&id.to_string()) else {
            continue;
        };
        let events = record.events(&submission.name)?;
        let alone = JobStatus::of(submission.job, None, &events, None);
        if !matches!(alone.state, JobState::Ended { .. }) {
            open.push(submission.job);
        }
        found.push((id.clone(), submission, events));
    }
    // If Slurm does not answer, only the events that the jobs recorded are known.
    let snapshot = match open.is_empty() {
        true => Snapshot::default(),
        false => Snapshot::take(Slurm, open.into_iter()).unwrap_or_default(),
    };
    let jobs = found.into_iter().map(|(id, submission, events)| {
        let status = snapshot.status(submission.job, &events);
        let log = record.log(&submission.name);
        (id, describe(submission.job, status, log))
    });
    Ok(jobs.collect())
}

fn describe(job: TaskId, status: JobStatus, log: PathBuf) -> StepJob {
    const UNKNOWN: &str = "not in the queue; how it ended is unknown";
    let output = || last_line(&log).unwrap_or_default();
    let starts = status.starts;
    let (state, text) = match status.state {
        JobState::Pending(reason) if starts > 0 => ("queued", format!("to resume ({reason})")),
        JobState::Pending(reason) => ("queued", reason),
        JobState::DependencyFailed => ("held", "an input failed".to_owned()),
        JobState::Running if starts > 1 => ("resumed", output()),
        JobState::Running => ("running", output()),
        JobState::Ended { code: 0, .. } => ("done", String::new()),
        JobState::Ended { reason, .. } => ("failed", reason),
        JobState::Cancelled => ("cancelled", String::new()),
        JobState::Lost(state) => ("lost", format!("Slurm ended the job: {state}")),
        JobState::Unknown => ("lost", UNKNOWN.to_owned()),
    };
    StepJob {
        job,
        state,
        node: status.node,
        starts,
        text,
        log,
    }
}

impl StepJob {
    /// The job as one line of text.
    pub(crate) fn to_line(&self) -> String {
        let mut line = self.state.to_owned();
        if !self.node.is_empty() {
            line += &format!(" on {}", self.node);
        }
        line += &format!(", job {}", self.job);
        if self.starts > 1 {
            line += &format!(", run {}", self.starts);
        }
        if !self.text.is_empty() {
            line += ": ";
            line.extend(self.text.chars().take(90));
        }
        line
    }
}

/// Cancels all unfinished jobs of an artifacts folder and prints their number. A later run resumes from
/// their checkpoints.
///
/// # Errors
/// Slurm does not answer, or the pipeline file or the job record cannot be read.
pub(crate) fn cancel(arguments: &PipelineArguments) -> Result<u8, Failure> {
    let store = Store::new(&arguments.load()?.artifacts);
    let submissions = job_record(&store).submissions()?;
    let mut queued: Vec<TaskId> = submissions.values().map(|it| it.job).collect();
    if !queued.is_empty() {
        let queue = Slurm::find()?.queue()?;
        queued.retain(|job| queue.contains_key(job));
    }
    Slurm.cancel(&queued)?;
    let jobs = format::plural(queued.len() as u64, "job", "jobs");
    let mut out = anstream::stdout();
    let kept = "finished steps are kept, and training resumes from checkpoints";
    let _ = match queued.is_empty() {
        true => writeln!(out, "no job of this artifacts folder is in the queue"),
        false => writeln!(out, "{jobs} cancelled; {kept}"),
    };
    Ok(0)
}

/// Writes an HTML page with the timeline of the last run on a cluster.
///
/// # Errors
/// No job was started, the job record cannot be read, or the page cannot be written.
pub(crate) fn write_timeline(store: &Store, file: &Path) -> Result<(), Failure> {
    let record = job_record(store);
    let submissions = record.submissions()?;
    let run = submissions.values().map(|it| it.run).max().unwrap_or(0);
    let of_run = submissions.values().filter(|it| it.run == run);
    let events = of_run.map(|it| Ok((it.name.clone(), record.events(&it.name)?)));
    let events = events.collect::<Result<BTreeMap<_, _>, ArtifactError>>()?;
    let page = timeline::page(&events, run as f64, seconds_since_1970()).ok_or_else(|| {
        Failure::new("No job of this artifacts folder was ever started")
            .with_hint("`ressenti run --engine slurm` submits the steps as jobs".to_owned())
    })?;
    Ok(fs::write(file, page).map_err(ArtifactError::io("write", file))?)
}
