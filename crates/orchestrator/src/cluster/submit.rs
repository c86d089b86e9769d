//! From steps to jobs, and to the script that submits the same jobs by hand.

use std::collections::{BTreeMap, BTreeSet};

use artifact::ArtifactError;
use settings::{Resources, Step};
use slurm::{Batch, QueueState, Record, Slurm, Submission, Task, TaskId, after_ok, quoted};

use super::ClusterRun;
use super::batches::{Group, Need, groups, waves};
use super::commands::Commands;
use super::view::View;
use crate::OrchestratorError;

/// Submits steps.
pub(crate) struct Submitter<'a> {
    pub(crate) run: &'a ClusterRun<'a>,
    pub(crate) slurm: Slurm,
    pub(crate) record: &'a Record,
    pub(crate) commands: &'a Commands,
    /// How many tasks an array may have.
    pub(crate) largest: usize,
    /// When this run began, in seconds since 1970.
    pub(crate) began: u64,
}

/// Jobs by the places of their steps.
pub(crate) type Jobs = BTreeMap<usize, Submission>;

impl Submitter<'_> {
    /// Submits steps, but for those that an earlier call has submitted and that have not ended.
    ///
    /// # Errors
    /// Such a job does something else than the step now asks for, or Slurm refuses.
    pub(crate) fn submit(
        &mut self,
        wanted: &BTreeSet<usize>,
        view: &View,
    ) -> Result<Jobs, OrchestratorError> {
        let queue = self.slurm.queue()?;
        let known = self.record.submissions()?;
        let (mut jobs, mut others, mut hopeless) = (Jobs::new(), Vec::new(), Vec::new());
        for place in wanted {
            let task = self.task(*place);
            let Some(submission) = known.get(&task.name) else {
                continue;
            };
            match queue.get(&submission.job) {
                Some(queued) if queued.state == QueueState::NeverRuns => {
                    hopeless.push(submission.job)
                }
                Some(_) if submission.command == task.command => {
                    jobs.insert(*place, submission.clone());
                }
                Some(_) => others.push(submission.clone()),
                None => {}
            }
        }
        if !others.is_empty() {
            return Err(OrchestratorError::OtherJobs {
                jobs: others
                    .iter()
                    .map(|other| (other.name.clone(), other.job.to_string()))
                    .collect(),
            });
        }
        self.slurm.cancel(&hopeless)?;
        // Who follows the jobs of an earlier call goes on with its run.
        self.began = jobs.values().map(|job| job.run).fold(self.began, u64::min);
        if !jobs.is_empty() {
            let count = artifact::format::plural(jobs.len() as u64, "step is", "steps are");
            view.note(&format!(
                "{count} on the way already, submitted by an earlier call"
            ));
        }
        let rest = wanted
            .iter()
            .filter(|place| !jobs.contains_key(place))
            .copied()
            .collect();
        let queued = jobs.iter().map(|(place, job)| (*place, job.job)).collect();
        let resources = |place: usize| self.resources(place);
        jobs.extend(self.submit_anew(&rest, &queued, resources, view)?);
        Ok(jobs)
    }

    /// Submits steps, after those that are in the queue.
    ///
    /// # Errors
    /// Slurm refuses; what was submitted before stays, and is known by the record.
    pub(crate) fn submit_anew(
        &self,
        wanted: &BTreeSet<usize>,
        queued: &BTreeMap<usize, TaskId>,
        resources: impl Fn(usize) -> Resources,
        view: &View,
    ) -> Result<Jobs, OrchestratorError> {
        let groups = groups(self.run.steps, wanted, queued, resources, self.largest);
        let mut jobs = Jobs::new();
        let mut numbers: BTreeMap<usize, u64> = BTreeMap::new();
        for wave in waves(&groups) {
            let batches: Vec<Batch> = wave
                .iter()
                .map(|number| self.batch(&groups[*number]))
                .collect();
            let scripts: Vec<String> = batches.iter().map(Batch::script).collect();
            let dependencies = wave
                .iter()
                .map(|number| dependency(&groups, *number, &numbers));
            let submitted: Vec<_> = scripts
                .iter()
                .map(String::as_str)
                .zip(dependencies)
                .collect();
            let mut noted: Result<(), ArtifactError> = Ok(());
            let submit = self.slurm.submit(&submitted, |place, job| {
                let (number, batch) = (wave[place], &batches[place]);
                numbers.insert(number, job);
                for (seat, (step, task)) in
                    groups[number].members.iter().zip(&batch.tasks).enumerate()
                {
                    let seat = (batch.tasks.len() > 1).then_some(seat as u32);
                    let submission = Submission::now(
                        &task.name,
                        TaskId { job, task: seat },
                        &task.command,
                        self.began,
                    );
                    if noted.is_ok() {
                        noted = self.record.submitted(&submission);
                    }
                    jobs.insert(*step, submission);
                }
            });
            noted?;
            submit?;
        }
        if !jobs.is_empty() {
            let steps = artifact::format::plural(jobs.len() as u64, "step", "steps");
            let jobs = artifact::format::plural(groups.len() as u64, "job", "jobs");
            view.note(&format!("submitted {steps} as {jobs}"));
        }
        Ok(jobs)
    }

    pub(crate) fn resources(&self, place: usize) -> Resources {
        self.commands.resources(self.run.steps[place].id.stage)
    }

    fn task(&self, place: usize) -> Task {
        let id = &self.run.steps[place].id;
        let asked = self.run.selection.asks_for(id);
        self.commands.task(id, asked, self.run.compares(place))
    }

    fn batch(&self, group: &Group) -> Batch {
        let stage = self.run.steps[group.members[0]].id.stage;
        let tasks = group
            .members
            .iter()
            .map(|place| self.task(*place))
            .collect();
        self.commands.batch(stage, group.resources.clone(), tasks)
    }
}

/// What a group waits for, where the numbers of earlier groups' jobs are known.
fn dependency(groups: &[Group], number: usize, jobs: &BTreeMap<usize, u64>) -> Option<String> {
    let names: Vec<String> = groups[number]
        .needs
        .iter()
        .map(|need| match need {
            Need::Group(group) => jobs[group].to_string(),
            Need::Member(group, seat) => format!("{}_{seat}", jobs[group]),
            Need::Queued(task) => task.to_string(),
        })
        .collect();
    after_ok(&names)
}

/// What ends a script within the script that submits it.
const END: &str = "END_OF_SCRIPT";

/// One script that submits steps as jobs: what `ressenti run --engine slurm` submits, for a person or
/// an engine of a site's own.
pub(crate) fn as_shell(
    steps: &[Step],
    wanted: &BTreeSet<usize>,
    commands: &Commands,
    asked: impl Fn(usize) -> bool,
    largest: usize,
) -> String {
    let stage_of = |place: usize| steps[place].id.stage;
    let resources = |place: usize| commands.resources(stage_of(place));
    let groups = groups(steps, wanted, &BTreeMap::new(), resources, largest);
    let mut text = "#!/bin/bash\n\
                    # Submits every step that is not fresh as a job of Slurm, each after what it reads. For another\n\
                    # engine: a job is the command behind `--` of its script, and `afterok` says what must have ended well.\n\
                    set -euo pipefail\n"
        .to_owned();
    for (number, group) in groups.iter().enumerate() {
        let tasks = group.members.iter();
        let tasks = tasks.map(|place| commands.task(&steps[*place].id, asked(*place), false));
        let batch = commands.batch(
            stage_of(group.members[0]),
            group.resources.clone(),
            tasks.collect(),
        );
        let needs: Vec<String> = group
            .needs
            .iter()
            .map(|need| match need {
                Need::Group(group) => format!("${{job_{group}}}"),
                Need::Member(group, seat) => format!("${{job_{group}}}_{seat}"),
                Need::Queued(task) => task.to_string(),
            })
            .collect();
        let dependency =
            after_ok(&needs).map_or_else(String::new, |after| format!(" --dependency=\"{after}\""));
        let what: Vec<&str> = batch.tasks.iter().map(|task| task.name.as_str()).collect();
        text.push_str(&format!(
            "\njob_{number}=$(sbatch --parsable{dependency} <<'{END}'\n{}{END}\n)\necho \"$job_{number} \"{}\n",
            batch.script(),
            quoted(&what.join(", "))
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_names_jobs_and_their_tasks() {
        let group = |needs: &[Need]| Group {
            members: vec![0],
            resources: Resources::default(),
            needs: needs.to_vec(),
        };
        let queued = Need::Queued("7".parse().expect("a number"));
        let groups = [
            group(&[]),
            group(&[queued, Need::Member(0, 3), Need::Group(0)]),
        ];
        let jobs = [(0, 12)].into();
        assert_eq!(dependency(&groups, 0, &jobs), None);
        assert_eq!(
            dependency(&groups, 1, &jobs).as_deref(),
            Some("afterok:7:12_3:12")
        );
    }
}
