//! From steps to jobs, and to the script that submits the same jobs by hand.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Failure, format};
use slurm::{JobState, MonitoredJob, Slurm, Submission, Task, TaskId, shell_quoted};

use super::batches::{dependency, groups};
use super::commands::Commands;
use super::{ClusterRun, Followed};
use crate::plan::Planned;
use crate::run::RunOptions;
use crate::workspace::Workspace;

impl ClusterRun<'_> {
    /// Submits steps, and takes up the jobs of those that an earlier call has submitted.
    ///
    /// # Errors
    /// Such a job does something else than the step now asks for, or Slurm refuses.
    pub(super) fn submit_first(&mut self, wanted: &BTreeSet<usize>) -> Result<(), Failure> {
        let queue = Slurm.queue()?;
        let known = self.commands.record.submissions()?;
        let (mut others, mut hopeless) = (Vec::new(), Vec::new());
        for place in wanted {
            let task = self.commands.task(*place)?;
            let Some(submission) = known.get(&task.name) else {
                continue;
            };
            match queue.get(&submission.job) {
                None => {}
                Some(queued) if queued.state == JobState::DependencyFailed => {
                    hopeless.push(submission.job);
                }
                Some(_) if submission.command == task.command => {
                    // Who follows the jobs of an earlier call goes on with its run.
                    self.began = self.began.min(submission.run);
                    self.take_up(*place, submission.clone());
                }
                Some(_) => others.push(submission),
            }
        }
        if !others.is_empty() {
            return Err(in_the_way(&others));
        }
        Slurm.cancel(&hopeless)?;
        if !self.jobs.is_empty() {
            let count = format::plural(self.jobs.len() as u64, "step is", "steps are");
            let note = format!("{count} on the way already, submitted by an earlier call");
            self.view.note(&note);
        }
        let rest = wanted.iter().filter(|place| !self.jobs.contains_key(place));
        self.submit(&rest.copied().collect())
    }

    /// Submits steps, after those of the others that are followed, and follows them.
    ///
    /// # Errors
    /// Slurm refuses; what was submitted before stays, and is known by the record.
    pub(super) fn submit(&mut self, wanted: &BTreeSet<usize>) -> Result<(), Failure> {
        let others = self.jobs.iter();
        let others = others.filter(|(place, _)| !wanted.contains(place));
        let queued = others.map(|(place, followed)| (*place, followed.job.submission.job));
        let queued: BTreeMap<usize, TaskId> = queued.collect();
        let resources = |place: usize| self.resources(place);
        let steps = &self.commands.workspace.steps;
        let groups = groups(steps, wanted, &queued, resources, self.largest);
        let mut numbers: Vec<u64> = Vec::new();
        for group in &groups {
            let batch = self.commands.batch(group)?;
            let number = |group: usize| numbers[group].to_string();
            let after = dependency(&group.awaited, &groups, &queued, number);
            let job = Slurm.submit(&batch.script(), after.as_deref())?;
            numbers.push(job);
            let is_array = batch.tasks.len() > 1;
            for (seat, (place, Task { name, command })) in
                (0..).zip(group.members.iter().zip(batch.tasks))
            {
                let task = is_array.then_some(seat);
                let submission = Submission::now(&name, TaskId { job, task }, &command, self.began);
                self.commands.record.add_submission(&submission)?;
                self.take_up(*place, submission);
            }
        }
        if !groups.is_empty() {
            let steps = format::plural(wanted.len() as u64, "step", "steps");
            let jobs = format::plural(groups.len() as u64, "job", "jobs");
            self.view.note(&format!("submitted {steps} as {jobs}"));
        }
        Ok(())
    }

    fn take_up(&mut self, place: usize, submission: Submission) {
        let job = MonitoredJob::new(submission);
        self.jobs.insert(place, Followed { job, shown: None });
    }
}

/// Jobs of other settings that are still to run, the first few by name and number.
fn in_the_way(jobs: &[&Submission]) -> Failure {
    const SHOWN: usize = 5;
    let name = |it: &&Submission| format!("`{}` (job {})", it.name, it.job);
    let mut names: Vec<String> = jobs.iter().take(SHOWN).map(name).collect();
    if jobs.len() > SHOWN {
        names.push(format!("{} more", jobs.len() - SHOWN));
    }
    let names = names.join(", ");
    Failure::new(format!("{names} are in the queue for other settings than the present ones"))
    .with_hint("End them with `ressenti cancel`, or wait for them: two of one name would take turns in replacing each other".to_owned())
}

/// What ends a script within the script that submits it.
const END: &str = "END_OF_SCRIPT";

/// What Slurm's own default allows an array to have: the script may be for another machine.
const LARGEST_ARRAY: usize = 1000;

/// One script that submits every step that is not fresh: what `ressenti run --engine slurm` submits, for a
/// person or an engine of a site's own.
///
/// # Errors
/// A program is missing, or the copy of the pipeline file cannot be written.
pub(crate) fn script(workspace: Workspace, planned: &[Planned]) -> Result<String, Failure> {
    let stale = planned.iter().filter(|planned| !planned.is_fresh());
    let wanted = stale.map(|planned| workspace.place_of(&planned.facts.id));
    let wanted: BTreeSet<usize> = wanted.collect();
    let commands = Commands::new(workspace, RunOptions::default())?;
    let queued = BTreeMap::new();
    let resources = |place: usize| commands.resources(place);
    let steps = &commands.workspace.steps;
    let groups = groups(steps, &wanted, &queued, resources, LARGEST_ARRAY);
    let mut text = "#!/bin/bash\n\
                    # Submits every step that is not fresh as a job of Slurm, each after what it reads. For another\n\
                    # engine: a job is the command behind `--` of its script, and `afterok` says what must have ended well.\n\
                    set -euo pipefail\n"
        .to_owned();
    for (number, group) in groups.iter().enumerate() {
        let batch = commands.batch(group)?;
        let job = |group: usize| format!("${{job_{group}}}");
        let after = dependency(&group.awaited, &groups, &queued, job);
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
