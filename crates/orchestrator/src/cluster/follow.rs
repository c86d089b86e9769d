//! What becomes of submitted jobs: looked at every second, from Slurm's queue and from what the jobs say
//! themselves. One that was lost without its doing is submitted again, with all that waits for it; one
//! that failed holds back what waits for it and nothing else.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use artifact::{Failure, StageName, format};
use settings::StepId;
use slurm::tail::{failure_lines, last_line, slurm_messages};
use slurm::{JobState, JobStatus, Slurm, Snapshot, Submission, TaskId};
use stage::StepState;

use super::ClusterRun;
use super::view::Shown;
use crate::interrupt;
use crate::launch::{Ending, INTERRUPTED, TRANSIENT};
use crate::run_summary::{RunSummary, StepEnd};
use crate::selection::with_followers;

/// How often the queue is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is said how all jobs stand, where there is no terminal.
const OVERVIEW_EVERY: Duration = Duration::from_secs(15);

/// How long what a job has written may stay invisible: attributes of folders are cached for up to a minute
/// by shared file systems.
const INVISIBLE: Duration = Duration::from_secs(90);

/// How long Slurm's books may take to say how a job ended.
const UNACCOUNTED: Duration = Duration::from_secs(30);

/// What a look at a job says.
enum Verdict {
    Open,
    Ended(StepEnd),
    /// Lost without its doing, in words.
    Lost(String),
}

impl ClusterRun<'_> {
    /// Follows all jobs to their end, or until the user leaves: the jobs then go on.
    ///
    /// # Errors
    /// Artifacts cannot be read, or Slurm refuses a job that is submitted again.
    pub(super) fn follow(mut self) -> Result<RunSummary, Failure> {
        // What the jobs read and what they write is judged by the same look as in a local run.
        for step in &self.commands.workspace.steps {
            self.artifacts.look(step, false)?;
        }
        let is_due = |last: Option<Instant>| last.is_none_or(|it| it.elapsed() >= OVERVIEW_EVERY);
        let (mut overview, mut silent) = (None, None);
        while !self.jobs.is_empty() && !interrupt::requested() {
            let jobs = self.jobs.values().map(|it| it.job.submission.job);
            match Snapshot::take(Slurm, jobs) {
                Ok(snapshot) => {
                    silent = None;
                    let with_lines = is_due(overview) || self.view.is_live();
                    let shown = self.look(&snapshot, with_lines)?;
                    if with_lines && !shown.is_empty() {
                        overview = Some(Instant::now());
                        self.view.overview(self.summary.done, &shown);
                    }
                }
                // The jobs go on without us; a controller that is started anew answers again.
                Err(error) if is_due(silent) => {
                    silent = Some(Instant::now());
                    self.view
                        .note(&format!("Slurm does not answer ({error}); asking again"));
                }
                Err(_) => {}
            }
            if !self.jobs.is_empty() {
                interrupt::sleep(LOOK_EVERY);
            }
        }
        if !self.jobs.is_empty() {
            self.summary.untried += self.jobs.len() as u64;
            self.summary.interrupted = true;
            self.view.note(
                "the jobs go on; the same command follows them again, `ressenti cancel` ends them",
            );
        }
        if self.summary.interrupted {
            self.summary.code = INTERRUPTED;
        }
        self.artifacts.save();
        Ok(self.summary)
    }

    /// One look at every open job; gives those that stay open, with what they said last where that is shown.
    fn look(&mut self, snapshot: &Snapshot, with_lines: bool) -> Result<Vec<Shown>, Failure> {
        let places: Vec<usize> = self.jobs.keys().copied().collect();
        let mut shown = Vec::new();
        for place in places {
            // It may be held back since by one that was looked at before it.
            let Some(followed) = self.jobs.get_mut(&place) else {
                continue;
            };
            let record = &self.commands.record;
            let status = followed.job.status(snapshot, Slurm, record)?;
            match self.judge(place, &status)? {
                Verdict::Open => shown.push(self.show(place, status, with_lines)),
                Verdict::Ended(end) => self.end(place, &status, end)?,
                Verdict::Lost(reason) => self.submit_again(place, &status, &reason)?,
            }
        }
        Ok(shown)
    }

    fn judge(&mut self, place: usize, status: &JobStatus) -> Result<Verdict, Failure> {
        let step = &self.commands.workspace.steps[place];
        let time_out_of_queue = self.jobs[&place].job.time_out_of_queue();
        Ok(match &status.state {
            JobState::Pending(_) | JobState::Running => Verdict::Open,
            JobState::DependencyFailed => {
                Verdict::Lost("what it reads was submitted again".to_owned())
            }
            JobState::Cancelled => Verdict::Ended(StepEnd::Interrupted),
            JobState::Ended { code: 0, .. }
                if time_out_of_queue < INVISIBLE
                    && !self.artifacts.look(step, false)?.is_fresh() =>
            {
                Verdict::Open
            }
            JobState::Ended { code, reason } => {
                let (code, reason) = (*code, reason.clone());
                let ending = Ending { code, reason };
                Verdict::Ended(self.turn(place).judge(ending, &mut self.artifacts)?)
            }
            JobState::Unknown if time_out_of_queue < UNACCOUNTED => Verdict::Open,
            JobState::Lost(_) | JobState::Unknown => {
                let reason = lost_in_words(&status.state);
                let tries = self.lost.get(&place).copied().unwrap_or(0);
                match status.is_transient() {
                    true if tries < self.commands.workspace.pipeline.run.retries => {
                        Verdict::Lost(reason)
                    }
                    is_transient => Verdict::Ended(StepEnd::Failed {
                        code: if is_transient { TRANSIENT } else { 1 },
                        reason: reason + &remedy(status, step.id.stage),
                        has_output: false,
                    }),
                }
            }
        })
    }

    fn show(&mut self, place: usize, status: JobStatus, with_line: bool) -> Shown {
        let followed = self.jobs.get_mut(&place).expect("it is open");
        let log = self.commands.record.log(&followed.job.submission.name);
        let is_told = with_line && status.state == JobState::Running;
        let shown = Shown {
            id: self.commands.workspace.steps[place].id.clone(),
            job: followed.job.submission.job,
            line: is_told.then(|| last_line(&log)).flatten(),
            status,
        };
        let status = &shown.status;
        let has_moved = followed.shown.as_ref().is_none_or(|last| {
            let kind = std::mem::discriminant::<JobState>;
            last.starts != status.starts || kind(&last.state) != kind(&status.state)
        });
        // A job runs only once its program does: Slurm says so a moment before.
        let is_started = status.state != JobState::Running || status.starts > 0;
        if is_started && has_moved {
            self.view.moved(&shown);
            followed.shown = Some(status.clone());
        }
        shown
    }

    fn end(&mut self, place: usize, status: &JobStatus, end: StepEnd) -> Result<(), Failure> {
        let followed = self.jobs.remove(&place).expect("it is open");
        let Submission {
            name, job, time, ..
        } = followed.job.submission;
        let step = &self.commands.workspace.steps[place];
        let (id, record) = (&step.id, &self.commands.record);
        self.summary.count(id, &end);
        match &end {
            StepEnd::Done | StepEnd::Fresh => {
                let planned = self.artifacts.look(step, false)?;
                let made = planned.last_manifest().map(|manifest| &manifest.run);
                let (state, text) = match made {
                    // The job has found it there.
                    Some(run) if run.started < time => (StepState::Fresh, run.summary.clone()),
                    Some(run) => {
                        let seconds = format::seconds(run.seconds);
                        (StepState::Done, format!("{}  ({seconds})", run.summary))
                    }
                    None => (StepState::Done, String::new()),
                };
                self.view.step(state, id, &text);
            }
            StepEnd::Failed {
                reason,
                has_output: true,
                ..
            } => self.view.step(StepState::Failed, id, reason),
            StepEnd::Failed { reason, .. } => {
                let place = match status.node.as_str() {
                    "" => String::new(),
                    node => format!(" on {node}"),
                };
                let log = record.log(&name);
                let text = format!("{reason}{place}, job {job}; log `{}`", log.display());
                self.view.step(StepState::Failed, id, &text);
                let said = match status.state {
                    // Its program had no time to say anything.
                    JobState::Lost(_) => slurm_messages(&record.output(), job),
                    _ => failure_lines(&log),
                };
                self.view.failure(&said);
                self.hold_back(id)?;
            }
            StepEnd::Interrupted => self.view.note(&format!("{id}: cancelled")),
        }
        Ok(())
    }

    /// What waits for a failed step will never run: it is taken out of the queue.
    fn hold_back(&mut self, failed: &StepId) -> Result<(), Failure> {
        self.held.insert(failed.clone(), failed.clone());
        let mut jobs = Vec::new();
        for place in self.followers_of(failed) {
            let id = &self.commands.workspace.steps[place].id;
            let Some(followed) = self.jobs.remove(&place) else {
                continue;
            };
            self.summary.held += 1;
            self.view
                .step(StepState::Blocked, id, &format!("needs `{failed}`"));
            self.held.insert(id.clone(), failed.clone());
            jobs.push(followed.job.submission.job);
        }
        Ok(Slurm.cancel(&jobs)?)
    }

    /// Submits a lost step once more, and all that waits for it.
    fn submit_again(
        &mut self,
        place: usize,
        status: &JobStatus,
        reason: &str,
    ) -> Result<(), Failure> {
        let step = &self.commands.workspace.steps[place];
        let mut inputs = step.inputs.iter();
        if let Some(failed) = inputs.find_map(|input| self.held.get(input)).cloned() {
            return self.hold_back(&failed);
        }
        *self.lost.entry(place).or_default() += 1;
        let mut note = format!("{}: {reason}; submitting it again", step.id);
        // What it had, whoever said so: the site's own default may have been too little.
        if let Some(memory) = status.memory.filter(|_| status.ran_out_of_memory()) {
            self.memory.insert(place, 2 * memory);
            note += &format!(" with {} MiB of memory", 2 * memory);
        }
        self.view.note(&note);
        let mut again: BTreeSet<usize> = self.followers_of(&step.id);
        again.retain(|place| self.jobs.contains_key(place));
        let job = |place: &usize| self.jobs[place].job.submission.job;
        let old: Vec<TaskId> = again.iter().map(job).collect();
        Slurm.cancel(&old)?;
        again.insert(place);
        self.submit(&again)
    }

    /// The places of all that reads a step, directly or not.
    fn followers_of(&self, id: &StepId) -> BTreeSet<usize> {
        let workspace = &self.commands.workspace;
        let mut reached = with_followers(&workspace.steps, [id.clone()].into());
        reached.remove(id);
        reached.iter().map(|id| workspace.place_of(id)).collect()
    }
}

/// What may help a job that Slurm ended, as the rest of a sentence.
fn remedy(status: &JobStatus, stage: StageName) -> String {
    match &status.state {
        _ if status.ran_out_of_memory() => {
            format!("; give it more with `--set engine.{stage}.memory=SIZE`")
        }
        JobState::Lost(state) if state == "TIMEOUT" => format!(
            "; give it more with `--set engine.{stage}.time=HH:MM:SS`, or warn it earlier with `engine.save_before`"
        ),
        _ => String::new(),
    }
}

fn lost_in_words(state: &JobState) -> String {
    let JobState::Lost(state) = state else {
        return "it is not in the queue any more, and Slurm does not know how it ended".to_owned();
    };
    let words = match state.as_str() {
        "OUT_OF_MEMORY" => "memory ran out (OUT_OF_MEMORY)",
        "KILLED" => "it was killed, as where memory runs out (FAILED by signal 9)",
        "NODE_FAIL" | "BOOT_FAIL" => return format!("its node was lost ({state})"),
        "TIMEOUT" => "its time limit came before it was warned (TIMEOUT)",
        "FAILED" => "it ended before it could say why (FAILED); `slurm.out` beside the logs may",
        _ => return format!("ended by Slurm ({state})"),
    };
    words.to_owned()
}
