//! `ressenti run --engine slurm`: the same plan, each stale step a job.
//!
//! - [`batches`]: which steps are submitted together, and what they wait for; pure
//! - [`commands`]: what a job of a step is, and the copy of the pipeline file that it reads
//! - [`submit`]: from steps to jobs, and to the script that a person can run instead
//! - [`follow`]: what becomes of them
//! - [`view`]: what a person sees of that
//! - [`look`]: where jobs stand, for `ressenti status` and `ressenti cancel`
//!
//! Everything is submitted at once, each job after those it reads, so that nobody has to stay: a run that
//! is called again finds its jobs by the record beside the artifacts and follows them.

mod batches;
mod commands;
mod follow;
mod look;
mod submit;
mod timeline;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Failure, FileLock, Store};
use settings::{Resources, StepId};
use slurm::{JobStatus, MonitoredJob, Record, Slurm};
use stage::StepState;

use crate::known_artifacts::KnownArtifacts;
use crate::plan::Planned;
use crate::run::{RunOptions, Turn};
use crate::run_summary::{RunSummary, StepEnd};
use crate::seconds_since_1970;
use crate::workspace::Workspace;

pub(crate) use batches::needs;
pub(crate) use look::{JobOfStep, cancel, draw_timeline, jobs_of};
pub(crate) use submit::script;

use commands::Commands;
use view::View;

/// The record of the jobs of an artifacts folder.
fn record_of(store: &Store) -> Record {
    Record::new(store.root().join("slurm"))
}

/// A run on a cluster.
struct ClusterRun<'a> {
    commands: &'a Commands,
    /// How many tasks an array may have.
    largest: usize,
    /// When this run began, in seconds since 1970.
    began: u64,
    artifacts: KnownArtifacts<'a>,
    view: View,
    summary: RunSummary,
    /// The jobs that have not come to their end, by the places of their steps.
    jobs: BTreeMap<usize, Followed>,
    /// Steps that were fresh before and only compare.
    fresh: BTreeSet<usize>,
    /// How often a step was submitted again because its job was lost.
    lost: BTreeMap<usize, u32>,
    /// MiB of memory of steps for which the usual was too little.
    memory: BTreeMap<usize, u64>,
    /// Steps without an output, with the failed step each of them waits for.
    held: BTreeMap<StepId, StepId>,
}

/// A job that has not come to its end, and its course as it was shown last.
struct Followed {
    job: MonitoredJob,
    shown: Option<JobStatus>,
}

/// Submits what is not fresh and not on its way, and follows it to its end, or leaves once all is submitted:
/// there is no summary then.
///
/// # Errors
/// Slurm refuses or does not answer, jobs of another kind are in the way, or the disk refuses.
pub(crate) fn run(
    workspace: Workspace,
    options: RunOptions,
    planned: &[Planned],
    detach: bool,
) -> Result<Option<RunSummary>, Failure> {
    Slurm::find()?;
    let view = View::new(workspace.arguments.progress);
    let commands = Commands::new(workspace, options)?;
    let mut run = ClusterRun {
        commands: &commands,
        largest: Slurm.max_array_size()?,
        began: seconds_since_1970() as u64,
        artifacts: KnownArtifacts::new(&commands.workspace.store),
        view,
        summary: RunSummary::default(),
        jobs: BTreeMap::new(),
        fresh: BTreeSet::new(),
        lost: BTreeMap::new(),
        memory: BTreeMap::new(),
        held: BTreeMap::new(),
    };
    let to_run = run.fresh_aside(planned)?;
    {
        // Two that submit at once would submit everything twice.
        let path = commands.record.folder().join("lock");
        let _lock = FileLock::acquire(&path, |holder| {
            run.view.note(&format!(
                "waiting for {holder}, which submits jobs of this artifacts folder"
            ));
        })?;
        run.submit_first(&to_run)?;
    }
    if detach {
        run.view.note("detached; `ressenti status` says where the jobs stand, `ressenti cancel` ends them, and the same command without `--detach` follows them");
        return Ok(None);
    }
    run.follow().map(Some)
}

impl<'a> ClusterRun<'a> {
    /// Shows what is fresh, and gives the places of the other steps.
    fn fresh_aside(&mut self, planned: &[Planned]) -> Result<BTreeSet<usize>, Failure> {
        let workspace = &self.commands.workspace;
        let mut to_run = BTreeSet::new();
        for planned in planned {
            let id = &planned.facts.id;
            let place = workspace.place_of(id);
            match planned.fresh_output() {
                Some(output) if self.turn(place).baseline.is_none() => {
                    workspace.store.link(&id.variant, output)?;
                    self.view.step(StepState::Fresh, id, &planned.text());
                    self.summary.count(id, &StepEnd::Fresh);
                    continue;
                }
                Some(_) => self.fresh.insert(place),
                None => false,
            };
            to_run.insert(place);
        }
        Ok(to_run)
    }

    fn turn(&self, place: usize) -> Turn<'a> {
        let workspace = &self.commands.workspace;
        let step = &workspace.steps[place];
        Turn {
            step,
            was_fresh: self.fresh.contains(&place),
            baseline: self.commands.options.baseline_of(workspace, &step.id),
        }
    }

    /// What the job of a step asks for.
    fn resources(&self, place: usize) -> Resources {
        let usual = self.commands.resources(place);
        match self.memory.get(&place) {
            Some(memory) => usual.with_memory(*memory),
            None => usual,
        }
    }
}
