//! Where the jobs of an artifacts folder stand, for those who do not follow them: `ressenti status` and
//! `ressenti cancel`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use artifact::{ArtifactError, Store, format};
use serde::Serialize;
use settings::StepId;
use slurm::tail::last_line;
use slurm::{Course, Slurm, Standing, Submission, TaskId};

use super::record_of;
use super::timeline;
use crate::OrchestratorError;

/// The last job of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobOfStep {
    /// Its number.
    pub job: TaskId,
    /// In a word: `queued`, `running`, `resumed`, `done`, `failed`, `cancelled`, `lost`.
    pub state: &'static str,
    /// The node of its last run.
    pub node: String,
    /// How often it was started.
    pub starts: u32,
    /// Slurm's reason to wait, why it failed, or what it says at the moment.
    pub text: String,
    /// What its program said.
    pub log: PathBuf,
}

/// The last job of each step that had one. Slurm is asked only where one may not have ended.
///
/// # Errors
/// The record cannot be read.
pub(crate) fn jobs_of(
    store: &Store,
    steps: impl Iterator<Item = StepId>,
) -> Result<BTreeMap<StepId, JobOfStep>, OrchestratorError> {
    let record = record_of(store);
    if !record.is_there() {
        return Ok(BTreeMap::new());
    }
    let submissions = record.submissions()?;
    let mut found = Vec::new();
    for id in steps {
        if let Some(submission) = submissions.get(&id.to_string()) {
            let events = record.events(&submission.name)?;
            let alone = Course::of(submission.job, None, &events, None);
            found.push((id, submission, events, alone));
        }
    }
    let is_open = |standing: &Standing| !matches!(standing, Standing::Ended { .. });
    let open: Vec<TaskId> = found
        .iter()
        .filter(|(.., alone)| is_open(&alone.standing))
        .map(|(_, submission, ..)| submission.job)
        .collect();
    let (queue, ends) = if open.is_empty() {
        Default::default()
    } else {
        // Where Slurm does not answer, what jobs said themselves is all that is known.
        (
            Slurm.queue().unwrap_or_default(),
            Slurm.ends(&open).unwrap_or_default(),
        )
    };
    let job = |(id, submission, events, _): (StepId, &Submission, Vec<_>, _)| {
        let job = submission.job;
        let course = Course::of(job, queue.get(&job), &events, ends.get(&job));
        let log = record.log(&submission.name);
        (id, describe(job, course, log))
    };
    Ok(found.into_iter().map(job).collect())
}

fn describe(job: TaskId, course: Course, log: PathBuf) -> JobOfStep {
    let (state, text) = match course.standing {
        Standing::Waits(reason) if course.starts > 0 => ("queued", format!("to go on ({reason})")),
        Standing::Waits(reason) => ("queued", reason),
        Standing::NeverRuns => ("held", "what it reads has failed".to_owned()),
        Standing::Runs => {
            let state = if course.starts > 1 {
                "resumed"
            } else {
                "running"
            };
            (state, last_line(&log).unwrap_or_default())
        }
        Standing::Ended { code: 0, .. } => ("done", String::new()),
        Standing::Ended { reason, .. } => ("failed", reason),
        Standing::Cancelled => ("cancelled", String::new()),
        Standing::Lost(state) => ("lost", format!("ended by Slurm: {state}")),
        Standing::Unknown => (
            "lost",
            "not in the queue, and its end is not known".to_owned(),
        ),
    };
    JobOfStep {
        job,
        state,
        node: course.node,
        starts: course.starts,
        text,
        log,
    }
}

impl JobOfStep {
    /// Whether there is something to say of it.
    pub(crate) fn is_worth_saying(&self) -> bool {
        self.state != "done"
    }

    /// Its line.
    pub(crate) fn in_words(&self) -> String {
        let place = match self.node.as_str() {
            "" => String::new(),
            node => format!(" on {node}"),
        };
        let starts = match self.starts {
            0 | 1 => String::new(),
            starts => format!(", run {starts}"),
        };
        let text = match self.text.as_str() {
            "" => String::new(),
            text => format!(": {}", text.chars().take(90).collect::<String>()),
        };
        format!("{}{place}, job {}{starts}{text}", self.state, self.job)
    }
}

/// Ends every job of an artifacts folder that has not ended, and says how many that were. What has
/// saved its state goes on from there when it is run again.
///
/// # Errors
/// Slurm does not answer, or the record cannot be read.
pub(crate) fn cancel(store: &Store) -> Result<String, OrchestratorError> {
    let record = record_of(store);
    let none = "no job of this artifacts folder is in the queue".to_owned();
    if !record.is_there() {
        return Ok(none);
    }
    let queue = Slurm::find()?.queue()?;
    let ours: Vec<TaskId> = record
        .submissions()?
        .into_values()
        .map(|submission| submission.job)
        .filter(|job| queue.contains_key(job))
        .collect();
    if ours.is_empty() {
        return Ok(none);
    }
    Slurm.cancel(&ours)?;
    let jobs = format::plural(ours.len() as u64, "job", "jobs");
    Ok(format!(
        "{jobs} cancelled; what is finished is kept, and trainings go on from what they have saved"
    ))
}

/// Draws the course of the last run on a cluster, as a page.
///
/// # Errors
/// There was none, the record cannot be read, or the page not be written.
pub(crate) fn draw_timeline(store: &Store, file: &Path) -> Result<(), OrchestratorError> {
    let record = record_of(store);
    let submissions = record.submissions()?;
    let run = submissions
        .values()
        .map(|submission| submission.run)
        .max()
        .unwrap_or(0);
    let of_run = submissions
        .values()
        .filter(|submission| submission.run == run);
    let events = of_run
        .map(|submission| Ok((submission.name.clone(), record.events(&submission.name)?)))
        .collect::<Result<BTreeMap<_, _>, ArtifactError>>()?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64());
    let page = timeline::page(&events, run as f64, now).ok_or(OrchestratorError::NoJobs)?;
    Ok(fs::write(file, page).map_err(ArtifactError::io("write", file))?)
}
