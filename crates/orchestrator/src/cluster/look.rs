//! Where the jobs of an artifacts folder stand, for those who do not follow them: `ressenti status` and
//! `ressenti cancel`.

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

use super::record_of;
use super::timeline;
use crate::seconds_since_1970;

/// The last job of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct JobOfStep {
    /// Its number.
    pub(crate) job: TaskId,
    /// In a word: `queued`, `running`, `resumed`, `done`, `failed`, `cancelled`, `lost`.
    pub(crate) state: &'static str,
    /// The node of its last run.
    pub(crate) node: String,
    /// How often it was started.
    pub(crate) starts: u32,
    /// Slurm's reason to wait, why it failed, or what it says at the moment.
    pub(crate) text: String,
    /// What its program said.
    pub(crate) log: PathBuf,
}

/// The last job of each step that had one. Slurm is asked only where one may not have ended.
///
/// # Errors
/// The record cannot be read.
pub(crate) fn jobs_of<'s>(
    store: &Store,
    steps: impl Iterator<Item = &'s StepId>,
) -> Result<BTreeMap<StepId, JobOfStep>, Failure> {
    let record = record_of(store);
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
    // Where Slurm does not answer, what jobs said themselves is all that is known.
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

fn describe(job: TaskId, status: JobStatus, log: PathBuf) -> JobOfStep {
    const UNKNOWN: &str = "not in the queue, and its end is not known";
    let said = || last_line(&log).unwrap_or_default();
    let (state, text) = match status.state {
        JobState::Pending(reason) if status.starts > 0 => {
            ("queued", format!("to go on ({reason})"))
        }
        JobState::Pending(reason) => ("queued", reason),
        JobState::DependencyFailed => ("held", "what it reads has failed".to_owned()),
        JobState::Running if status.starts > 1 => ("resumed", said()),
        JobState::Running => ("running", said()),
        JobState::Ended { code: 0, .. } => ("done", String::new()),
        JobState::Ended { reason, .. } => ("failed", reason),
        JobState::Cancelled => ("cancelled", String::new()),
        JobState::Lost(state) => ("lost", format!("ended by Slurm: {state}")),
        JobState::Unknown => ("lost", UNKNOWN.to_owned()),
    };
    JobOfStep {
        job,
        state,
        node: status.node,
        starts: status.starts,
        text,
        log,
    }
}

impl JobOfStep {
    /// Its line.
    pub(crate) fn in_words(&self) -> String {
        let mut words = self.state.to_owned();
        if !self.node.is_empty() {
            words += &format!(" on {}", self.node);
        }
        words += &format!(", job {}", self.job);
        if self.starts > 1 {
            words += &format!(", run {}", self.starts);
        }
        if !self.text.is_empty() {
            words += ": ";
            words.extend(self.text.chars().take(90));
        }
        words
    }
}

/// Ends every job of an artifacts folder that has not ended, and says how many that were. What has
/// saved its state goes on from there when it is run again.
///
/// # Errors
/// Slurm does not answer, or the pipeline file or the record cannot be read.
pub(crate) fn cancel(arguments: &PipelineArguments) -> Result<u8, Failure> {
    let store = Store::new(&arguments.load()?.artifacts);
    let submissions = record_of(&store).submissions()?;
    let mut ours: Vec<TaskId> = submissions.values().map(|it| it.job).collect();
    if !ours.is_empty() {
        let queue = Slurm::find()?.queue()?;
        ours.retain(|job| queue.contains_key(job));
    }
    Slurm.cancel(&ours)?;
    let jobs = format::plural(ours.len() as u64, "job", "jobs");
    let mut out = anstream::stdout();
    let _ = match ours.is_empty() {
        true => writeln!(out, "no job of this artifacts folder is in the queue"),
        false => writeln!(
            out,
            "{jobs} cancelled; what is finished is kept, and trainings go on from what they have saved"
        ),
    };
    Ok(0)
}

/// Draws the status of the last run on a cluster, as a page.
///
/// # Errors
/// There was none, the record cannot be read, or the page not be written.
pub(crate) fn draw_timeline(store: &Store, file: &Path) -> Result<(), Failure> {
    let record = record_of(store);
    let submissions = record.submissions()?;
    let run = submissions.values().map(|it| it.run).max().unwrap_or(0);
    let of_run = submissions.values().filter(|it| it.run == run);
    let events = of_run
        .map(|submission| Ok((submission.name.clone(), record.events(&submission.name)?)))
        .collect::<Result<BTreeMap<_, _>, ArtifactError>>()?;
    let page = timeline::page(&events, run as f64, seconds_since_1970()).ok_or_else(|| {
        Failure::new("No job of this artifacts folder was ever started")
            .with_hint("`ressenti run --engine slurm` submits the steps as jobs".to_owned())
    })?;
    Ok(fs::write(file, page).map_err(ArtifactError::io("write", file))?)
}
