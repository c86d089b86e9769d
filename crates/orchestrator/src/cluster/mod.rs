//! `ressenti run --engine slurm`: runs each stale step of the plan as a Slurm job.
//!
//! - [`batches`]: which steps are submitted together, and their dependencies; pure functions
//! - [`commands`]: the command of each job, and the copy of the pipeline file that jobs read
//! - [`submit`]: submits the jobs, or prints a script that submits them
//! - [`monitor`]: watches the jobs until they end
//! - [`view`]: prints the progress of the jobs
//! - [`job_status`]: the state of jobs, for `ressenti status` and `ressenti cancel`
//!
//! All jobs are submitted at once with dependencies, so `ressenti` may exit afterwards. A second call finds
//! the jobs in the record beside the artifacts and monitors them.

mod batches;
mod commands;
mod job_status;
mod monitor;
mod submit;
mod timeline;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Failure, FileLock, Store};
use settings::{Resources, StepId};
use slurm::{JobStatus, MonitoredJob, Record, Slurm};
use stage::StepState;

use crate::known_artifacts::KnownArtifacts;
use crate::plan::PlannedStep;
use crate::run::{RunOptions, RunningStep};
use crate::run_summary::{RunSummary, StepEnd};
use crate::seconds_since_1970;
use crate::workspace::Workspace;

pub(crate) use batches::direct_dependencies;
pub(crate) use job_status::{StepJob, cancel, jobs_by_step, write_timeline};
pub(crate) use submit::script;

use commands::JobCommands;
use view::View;

/// The job record of an artifacts folder.
fn job_record(store: &Store) -> Record {
    Record::new(store.root().join("slurm"))
}

/// A run on a cluster.
struct ClusterRun<'a> {
    commands: &'a JobCommands,
    /// The largest number of tasks in a job array.
    max_array_size: usize,
    /// When this run started, in seconds since 1970-01-01 UTC.
    run_started: u64,
    artifacts: KnownArtifacts<'a>,
    view: View,
    summary: RunSummary,
    /// Unfinished jobs by the index of their step.
    jobs: BTreeMap<usize, TrackedJob>,
    /// Fresh steps that only compare with the baseline.
    fresh: BTreeSet<usize>,
    /// How often each step was submitted again after its job was lost.
    resubmissions: BTreeMap<usize, u32>,
    /// Raised memory requests in MiB, for steps that ran out of memory.
    memory: BTreeMap<usize, u64>,
    /// Failed steps and steps that depend on them, each with the failed step.
    blocked: BTreeMap<StepId, StepId>,
}

/// An unfinished job with the status that was last printed.
struct TrackedJob {
    job: MonitoredJob,
    shown: Option<JobStatus>,
}

/// Submits the stale steps that have no queued job, and monitors all jobs until they end. With `detach` it
/// returns after submitting, without a summary.
///
/// # Errors
/// Slurm rejects a job or does not answer, jobs with other settings are queued, or a file cannot be written.
pub(crate) fn run(
    workspace: Workspace,
    options: RunOptions,
    planned: &[PlannedStep],
    detach: bool,
) -> Result<Option<RunSummary>, Failure> {
    Slurm::find()?;
    let view = View::new(workspace.arguments.progress);
    let commands = JobCommands::new(workspace, options)?;
    let mut run = ClusterRun {
        commands: &commands,
        max_array_size: Slurm.max_array_size()?,
        run_started: seconds_since_1970() as u64,
        artifacts: KnownArtifacts::new(&commands.workspace.store),
        view,
        summary: RunSummary::default(),
        jobs: BTreeMap::new(),
        fresh: BTreeSet::new(),
        resubmissions: BTreeMap::new(),
        memory: BTreeMap::new(),
        blocked: BTreeMap::new(),
    };
    let to_run = run.show_fresh_steps(planned)?;
    {
        // Two processes that submit at the same time would submit every step twice.
        let path = commands.record.folder().join("lock");
        let _lock = FileLock::acquire(&path, |holder| {
            run.view.print_note(&format!(
                "waiting for {holder}, which is submitting jobs for this artifacts folder"
            ));
        })?;
        run.submit_or_resume(&to_run)?;
    }
    if detach {
        run.view.print_note("detached; `ressenti status` shows the jobs, `ressenti cancel` cancels them, and the same command without `--detach` monitors them");
        return Ok(None);
    }
    run.monitor().map(Some)
}

impl<'a> ClusterRun<'a> {
    /// Prints the fresh steps and returns the indices of the others.
    fn show_fresh_steps(&mut self, planned: &[PlannedStep]) -> Result<BTreeSet<usize>, Failure> {
        let workspace = &self.commands.workspace;
        let mut to_run = BTreeSet::new();
        for planned in planned {
            let id = &planned.id;
            let index = workspace.index_of(id);
            match planned.fresh_output() {
                Some(output) if self.running_step(index).baseline.is_none() => {
                    workspace.store.link(&id.variant, output)?;
                    self.view.print_step(StepState::Fresh, id, &planned.text());
                    self.summary.count(id, &StepEnd::Fresh);
                    continue;
                }
                Some(_) => self.fresh.insert(index),
                None => false,
            };
            to_run.insert(index);
        }
        Ok(to_run)
    }

    fn running_step(&self, index: usize) -> RunningStep<'a> {
        let workspace = &self.commands.workspace;
        let step = &workspace.steps[index];
        RunningStep {
            step,
            was_fresh: self.fresh.contains(&index),
            baseline: self.commands.options.baseline_of(workspace, &step.id),
        }
    }

    /// Resources that the job of a step requests.
    fn resources(&self, index: usize) -> Resources {
        let mut resources = self.commands.resources(index);
        let raised = self.memory.get(&index).map(|memory| format!("{memory}M"));
        resources.memory = raised.or(resources.memory);
        resources
    }
}
