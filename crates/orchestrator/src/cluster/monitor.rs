//! Monitors submitted jobs: reads Slurm's queue and the events that jobs record, once a second. A lost job
//! is submitted again together with its dependents. If a job fails, its dependents are cancelled and all
//! other jobs continue.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use artifact::{Failure, StageName, format};
use settings::StepId;
use slurm::tail::{failure_lines, last_line, slurm_messages};
use slurm::{JobState, JobStatus, Slurm, Snapshot, TaskId};
use stage::StepState;

use super::ClusterRun;
use super::view::ShownJob;
use crate::interrupt;
use crate::launch::{INTERRUPTED, ProcessEnd, TRANSIENT};
use crate::run_summary::{RunSummary, StepEnd};
use crate::selection::with_dependents;

/// Time between two queries of the queue.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Time between two summary lines if the output is not a terminal.
const OVERVIEW_INTERVAL: Duration = Duration::from_secs(15);

/// How long files of a job may stay invisible: shared file systems cache folder attributes for up to a
/// minute.
const FILE_VISIBILITY_DELAY: Duration = Duration::from_secs(90);

/// How long Slurm's accounting may take to report the end of a job.
const ACCOUNTING_DELAY: Duration = Duration::from_secs(30);

/// What a query found about a job.
enum JobOutcome {
    Open,
    Ended(StepEnd),
    /// The job ended without an error of its program; the text says why.
    Lost(String),
}

impl ClusterRun<'_> {
    /// Monitors all jobs until they end, or until the user interrupts; the jobs then continue.
    ///
    /// # Errors
    /// Artifacts cannot be read, or Slurm rejects a job that is submitted again.
    pub(super) fn monitor(mut self) -> Result<RunSummary, Failure> {
        // Plan every step, so that inputs and outputs are checked as in a local run.
        for step in &self.commands.workspace.steps {
            self.artifacts.plan_step(step, false)?;
        }
        let is_due = |at: Option<Instant>| at.is_none_or(|it| it.elapsed() >= OVERVIEW_INTERVAL);
        let (mut overview, mut silent) = (None, None);
        while !self.jobs.is_empty() && !interrupt::requested() {
            let jobs = self.jobs.values().map(|it| it.job.submission.job);
            match Snapshot::take(Slurm, jobs) {
                Ok(snapshot) => {
                    silent = None;
                    let with_lines = is_due(overview) || self.view.is_live();
                    let shown = self.update(&snapshot, with_lines)?;
                    if with_lines && !shown.is_empty() {
                        overview = Some(Instant::now());
                        self.view.print_overview(self.summary.done, &shown);
                    }
                }
                // Jobs continue while the Slurm controller restarts, so ask again.
                Err(error) if is_due(silent) => {
                    silent = Some(Instant::now());
                    self.view
                        .print_note(&format!("Slurm does not answer ({error}); asking again"));
                }
                Err(_) => {}
            }
            if !self.jobs.is_empty() {
                interrupt::sleep(POLL_INTERVAL);
            }
        }
        if !self.jobs.is_empty() {
            self.summary.not_run += self.jobs.len() as u64;
            self.summary.interrupted = true;
            self.view.print_note(
                "the jobs continue; the same command monitors them again, `ressenti cancel` cancels them",
            );
        }
        if self.summary.interrupted {
            self.summary.code = INTERRUPTED;
        }
        self.artifacts.save();
        Ok(self.summary)
    }

    /// Updates all open jobs from one query and returns those that stay open.
    fn update(&mut self, snapshot: &Snapshot, with_lines: bool) -> Result<Vec<ShownJob>, Failure> {
        let indices: Vec<usize> = self.jobs.keys().copied().collect();
        let mut shown = Vec::new();
        for index in indices {
            // An earlier iteration may have cancelled this job.
            let Some(tracked) = self.jobs.get_mut(&index) else {
                continue;
            };
            let record = &self.commands.record;
            let status = tracked.job.status(snapshot, Slurm, record)?;
            match self.assess(index, &status)? {
                JobOutcome::Open => shown.push(self.show(index, status, with_lines)),
                JobOutcome::Ended(end) => self.end(index, &status, end)?,
                JobOutcome::Lost(reason) => self.resubmit(index, &status, &reason)?,
            }
        }
        Ok(shown)
    }

    fn assess(&mut self, index: usize, status: &JobStatus) -> Result<JobOutcome, Failure> {
        let step = &self.commands.workspace.steps[index];
        let missing_for = self.jobs[&index].job.time_out_of_queue();
        Ok(match &status.state {
            JobState::Pending(_) | JobState::Running => JobOutcome::Open,
            JobState::DependencyFailed => JobOutcome::Lost("an input was submitted again".into()),
            JobState::Cancelled => JobOutcome::Ended(StepEnd::Interrupted),
            JobState::Ended { code: 0, .. }
                if missing_for < FILE_VISIBILITY_DELAY
                    && !self.artifacts.plan_step(step, false)?.is_fresh() =>
            {
                JobOutcome::Open
            }
            JobState::Ended { code, reason } => {
                let (code, reason) = (*code, reason.clone());
                let ending = ProcessEnd { code, reason };
                let running = self.running_step(index);
                JobOutcome::Ended(running.step_end(ending, &mut self.artifacts)?)
            }
            JobState::Unknown if missing_for < ACCOUNTING_DELAY => JobOutcome::Open,
            JobState::Lost(_) | JobState::Unknown => {
                let reason = describe_loss(&status.state);
                let tries = self.resubmissions.get(&index).copied().unwrap_or(0);
                let is_transient = status.is_transient();
                if is_transient && tries < self.commands.workspace.pipeline.run.retries {
                    return Ok(JobOutcome::Lost(reason));
                }
                let code = if is_transient { TRANSIENT } else { 1 };
                let reason = reason + &advice(status, step.id.stage);
                JobOutcome::Ended(StepEnd::Failed(ProcessEnd { code, reason }))
            }
        })
    }

    fn show(&mut self, index: usize, status: JobStatus, with_line: bool) -> ShownJob {
        let tracked = self.jobs.get_mut(&index).expect("it is open");
        let log = self.commands.record.log(&tracked.job.submission.name);
        let shows_line = with_line && status.state == JobState::Running;
        let shown = ShownJob {
            id: self.commands.workspace.steps[index].id.clone(),
            job: tracked.job.submission.job,
            line: shows_line.then(|| last_line(&log)).flatten(),
            status,
        };
        let status = &shown.status;
        let has_changed = tracked.shown.as_ref().is_none_or(|last| {
            let kind = std::mem::discriminant::<JobState>;
            last.starts != status.starts || kind(&last.state) != kind(&status.state)
        });
        // Slurm reports a job as running shortly before its program starts.
        let is_started = status.state != JobState::Running || status.starts > 0;
        if is_started && has_changed {
            self.view.print_state_change(&shown);
            tracked.shown = Some(status.clone());
        }
        shown
    }

    fn end(&mut self, index: usize, status: &JobStatus, end: StepEnd) -> Result<(), Failure> {
        let submission = self.jobs.remove(&index).expect("it is open").job.submission;
        let step = &self.commands.workspace.steps[index];
        let (id, record) = (&step.id, &self.commands.record);
        self.summary.count(id, &end);
        match &end {
            StepEnd::Done | StepEnd::Fresh => {
                let planned = self.artifacts.plan_step(step, false)?;
                let last_run = planned.last_manifest().map(|manifest| &manifest.run);
                let (state, text) = match last_run {
                    // The job found an existing output.
                    Some(run) if run.started < submission.time => {
                        (StepState::Fresh, run.summary.clone())
                    }
                    Some(run) => {
                        let seconds = format::seconds(run.seconds);
                        (StepState::Done, format!("{}  ({seconds})", run.summary))
                    }
                    None => (StepState::Done, String::new()),
                };
                self.view.print_step(state, id, &text);
            }
            StepEnd::Regression(end) => self.view.print_step(StepState::Failed, id, &end.reason),
            StepEnd::Failed(ProcessEnd { reason, .. }) => {
                let on_node = match status.node.as_str() {
                    "" => String::new(),
                    node => format!(" on {node}"),
                };
                let (job, log) = (submission.job, record.log(&submission.name));
                let text = format!("{reason}{on_node}, job {job}; log `{}`", log.display());
                self.view.print_step(StepState::Failed, id, &text);
                let lines = match status.state {
                    // The program was killed before it could print an error.
                    JobState::Lost(_) => slurm_messages(&record.output(), job),
                    _ => failure_lines(&log),
                };
                self.view.print_log(&lines);
                self.block_dependents(id)?;
            }
            StepEnd::Interrupted => self.view.print_note(&format!("{id}: cancelled")),
        }
        Ok(())
    }

    /// Cancels the jobs of all steps that depend on a failed step.
    fn block_dependents(&mut self, failed: &StepId) -> Result<(), Failure> {
        self.blocked.insert(failed.clone(), failed.clone());
        let mut jobs = Vec::new();
        for index in self.dependents_of(failed) {
            let id = &self.commands.workspace.steps[index].id;
            let Some(tracked) = self.jobs.remove(&index) else {
                continue;
            };
            self.summary.blocked += 1;
            self.view
                .print_step(StepState::Blocked, id, &format!("needs `{failed}`"));
            self.blocked.insert(id.clone(), failed.clone());
            jobs.push(tracked.job.submission.job);
        }
        Ok(Slurm.cancel(&jobs)?)
    }

    /// Submits a lost step and its dependents again.
    fn resubmit(&mut self, index: usize, status: &JobStatus, reason: &str) -> Result<(), Failure> {
        let step = &self.commands.workspace.steps[index];
        let mut inputs = step.inputs.iter();
        if let Some(failed) = inputs.find_map(|input| self.blocked.get(input)).cloned() {
            return self.block_dependents(&failed);
        }
        *self.resubmissions.entry(index).or_default() += 1;
        let mut note = format!("{}: {reason}; submitting it again", step.id);
        // The memory that the job had, even if it came from the cluster's default.
        if let Some(memory) = status.memory.filter(|_| status.ran_out_of_memory()) {
            self.memory.insert(index, 2 * memory);
            note += &format!(" with {} MiB of memory", 2 * memory);
        }
        self.view.print_note(&note);
        let mut again: BTreeSet<usize> = self.dependents_of(&step.id);
        again.retain(|index| self.jobs.contains_key(index));
        let job = |index: &usize| self.jobs[index].job.submission.job;
        let old: Vec<TaskId> = again.iter().map(job).collect();
        Slurm.cancel(&old)?;
        again.insert(index);
        self.submit(&again)
    }

    /// Indices of all steps that depend on a step, directly or indirectly.
    fn dependents_of(&self, id: &StepId) -> BTreeSet<usize> {
        let workspace = &self.commands.workspace;
        let mut reached = with_dependents(&workspace.steps, [id.clone()].into());
        reached.remove(id);
        reached.iter().map(|id| workspace.index_of(id)).collect()
    }
}

/// Advice for a job that Slurm ended, appended to the error message.
fn advice(status: &JobStatus, stage: StageName) -> String {
    match &status.state {
        _ if status.ran_out_of_memory() => {
            format!("; request more memory with `--set engine.{stage}.memory=SIZE`")
        }
        JobState::Lost(state) if state == "TIMEOUT" => format!(
            "; request more time with `--set engine.{stage}.time=HH:MM:SS`, or save earlier with a longer `engine.save_before`"
        ),
        _ => String::new(),
    }
}

fn describe_loss(state: &JobState) -> String {
    let JobState::Lost(state) = state else {
        return "the job left the queue, and Slurm does not report how it ended".to_owned();
    };
    let words = match state.as_str() {
        "OUT_OF_MEMORY" => "the job ran out of memory (OUT_OF_MEMORY)",
        "KILLED" => {
            "the job was killed by signal 9, probably because it ran out of memory (FAILED)"
        }
        "NODE_FAIL" | "BOOT_FAIL" => return format!("its node failed ({state})"),
        "TIMEOUT" => "the job reached its time limit without a warning signal (TIMEOUT)",
        "FAILED" => {
            "the job failed before its program printed an error (FAILED); see `slurm.out` beside the logs"
        }
        _ => return format!("Slurm ended the job ({state})"),
    };
    words.to_owned()
}
