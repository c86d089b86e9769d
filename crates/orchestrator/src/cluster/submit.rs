//! Submits steps as jobs, or writes a script that submits the same jobs.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Failure, format};
use slurm::{JobState, MonitoredJob, Slurm, Submission, Task, TaskId, shell_quoted};

use super::batches::{dependency, group_steps};
use super::commands::JobCommands;
use super::{ClusterRun, TrackedJob};
use crate::plan::PlannedStep;
use crate::run::RunOptions;
use crate::workspace::Workspace;

impl ClusterRun<'_> {
    /// Submits steps, and monitors those that an earlier call has already submitted.
    ///
    /// # Errors
    /// A queued job has other settings than its step has now, or Slurm rejects a job.
    pub(super) fn submit_or_resume(&mut self, wanted: &BTreeSet<usize>) -> Result<(), Failure> {
        let queue = Slurm.queue()?;
        let known = self.commands.record.submissions()?;
        let (mut conflicting, mut never_running) = (Vec::new(), Vec::new());
        for index in wanted {
            let task = self.commands.task(*index)?;
            let Some(submission) = known.get(&task.name) else {
                continue;
            };
            match queue.get(&submission.job) {
                None => {}
                Some(queued) if queued.state == JobState::DependencyFailed => {
                    never_running.push(submission.job);
                }
                Some(_) if submission.command == task.command => {
                    // Jobs of an earlier call belong to the run of that call.
                    self.run_started = self.run_started.min(submission.run);
                    self.start_monitoring(*index, submission.clone());
                }
                Some(_) => conflicting.push(submission),
            }
        }
        if !conflicting.is_empty() {
            return Err(conflicting_jobs(&conflicting));
        }
        Slurm.cancel(&never_running)?;
        if !self.jobs.is_empty() {
            let count = format::plural(self.jobs.len() as u64, "step is", "steps are");
            let note = format!("{count} already in the queue, submitted by an earlier call");
            self.view.print_note(&note);
        }
        let remaining = wanted.iter().filter(|index| !self.jobs.contains_key(index));
        self.submit(&remaining.copied().collect())
    }

    /// Submits steps after the jobs that they depend on, and monitors them.
    ///
    /// # Errors
    /// Slurm rejects a job. Jobs submitted before stay in the queue and in the record.
    pub(super) fn submit(&mut self, wanted: &BTreeSet<usize>) -> Result<(), Failure> {
        let others = self.jobs.iter().filter(|(it, _)| !wanted.contains(it));
        let queued = others.map(|(index, tracked)| (*index, tracked.job.submission.job));
        let queued: BTreeMap<usize, TaskId> = queued.collect();
        let resources = |index: usize| self.resources(index);
        let steps = &self.commands.workspace.steps;
        let groups = group_steps(steps, wanted, &queued, resources, self.max_array_size);
        let mut numbers: Vec<u64> = Vec::new();
        for group in &groups {
            let batch = self.commands.batch(group)?;
            let number = |group: usize| numbers[group].to_string();
            let after = dependency(&group.dependencies, &groups, &queued, number);
            let job = Slurm.submit(&batch.script(), after.as_deref())?;
            numbers.push(job);
            let is_array = batch.tasks.len() > 1;
            let tasks = (0..).zip(group.members.iter().zip(batch.tasks));
            for (task_number, (index, Task { name, command })) in tasks {
                let task = is_array.then_some(task_number);
                let submission =
                    Submission::now(&name, TaskId { job, task }, &command, self.run_started);
                self.commands.record.add_submission(&submission)?;
                self.start_monitoring(*index, submission);
            }
        }
        if !groups.is_empty() {
            let steps = format::plural(wanted.len() as u64, "step", "steps");
            let jobs = format::plural(groups.len() as u64, "job", "jobs");
            self.view
                .print_note(&format!("submitted {steps} as {jobs}"));
        }
        Ok(())
    }

    fn start_monitoring(&mut self, index: usize, submission: Submission) {
        let job = MonitoredJob::new(submission);
        self.jobs.insert(index, TrackedJob { job, shown: None });
    }
}

/// The error for queued jobs with other settings. Names the first few.
fn conflicting_jobs(jobs: &[&Submission]) -> Failure {
    const SHOWN: usize = 5;
    let name = |it: &&Submission| format!("`{}` (job {})", it.name, it.job);
    let mut names: Vec<String> = jobs.iter().take(SHOWN).map(name).collect();
    if jobs.len() > SHOWN {
        names.push(format!("{} more", jobs.len() - SHOWN));
    }
    let names = names.join(", ");
    let jobs = format::plural(jobs.len() as u64, "queued job has", "queued jobs have");
    Failure::new(format!("{jobs} other settings than this run: {names}")).with_hint(
        "Cancel the jobs with `ressenti cancel`, or wait until they have ended".to_owned(),
    )
}

/// Marks the end of a job script inside the submitting script.
const END: &str = "END_OF_SCRIPT";

/// Slurm's default limit of an array; the script may run on another cluster.
const DEFAULT_MAX_ARRAY_SIZE: usize = 1000;

/// A shell script that submits every stale step, like `ressenti run --engine slurm`. Also usable with
/// other schedulers.
///
/// # Errors
/// A program is missing, or the copy of the pipeline file cannot be written.
pub(crate) fn script(workspace: Workspace, planned: &[PlannedStep]) -> Result<String, Failure> {
    let stale = planned.iter().filter(|planned| !planned.is_fresh());
    let wanted: BTreeSet<usize> = stale.map(|step| workspace.index_of(&step.id)).collect();
    let commands = JobCommands::new(workspace, RunOptions::default())?;
    let queued = BTreeMap::new();
    let resources = |index: usize| commands.resources(index);
    let steps = &commands.workspace.steps;
    let groups = group_steps(steps, &wanted, &queued, resources, DEFAULT_MAX_ARRAY_SIZE);
    let mut text = "#!/bin/bash\n\
                    # Submits every step that is not fresh as a Slurm job, each after its inputs. For another scheduler:\n\
                    # the command of a job follows `--` in its script, and `afterok` lists the jobs that must succeed first.\n\
                    set -euo pipefail\n"
        .to_owned();
    for (number, group) in groups.iter().enumerate() {
        let batch = commands.batch(group)?;
        let job = |group: usize| format!("${{job_{group}}}");
        let after = dependency(&group.dependencies, &groups, &queued, job);
        let after = after.map_or_else(String::new, |after| format!(" --dependency=\"{after}\""));
        let names: Vec<&str> = batch.tasks.iter().map(|task| task.name.as_str()).collect();
        text.push_str(&format!(
            "\njob_{number}=$(sbatch --parsable{after} <<'{END}'\n{}{END}\n)\necho \"$job_{number} \"{}\n",
            batch.script(),
            shell_quoted(&names.join(", "))
        ));
    }
    Ok(text)
}
