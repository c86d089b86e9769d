//! `ressenti run --engine slurm`: the same plan, each stale step a job.
//!
//! - [`batches`]: which steps are submitted together, and what they wait for; pure
//! - [`commands`]: what a job of a step is, and the copy of the pipeline file that it reads
//! - [`submit`]: from steps to jobs, and to the script that a person can run instead
//! - [`follow`]: what becomes of them
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

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use artifact::{ArtifactError, FileLock, Store};
use settings::{Pipeline, Step};
use slurm::{Record, Slurm};
use stage::StepState;

use crate::OrchestratorError;
use crate::known_artifacts::KnownArtifacts;
use crate::plan::Output;
use crate::run::{Manner, Planned};
use crate::run_summary::{RunSummary, StepEnd};
use crate::selection::Selection;

pub(crate) use batches::needs;
pub(crate) use commands::Commands;
pub(crate) use look::{JobOfStep, cancel, draw_timeline, jobs_of};
pub(crate) use submit::as_shell;

use follow::Follower;
use submit::Submitter;
use view::View;

/// The record of the jobs of an artifacts folder.
pub(crate) fn record_of(store: &Store) -> Record {
    Record::new(store.root().join("slurm"))
}

/// A run on a cluster.
pub(crate) struct ClusterRun<'a> {
    /// The pipeline.
    pub(crate) pipeline: &'a Pipeline,
    /// Its steps.
    pub(crate) steps: &'a [Step],
    /// Which of them it is about.
    pub(crate) selection: &'a Selection,
    /// How it goes about it.
    pub(crate) manner: Manner<'a>,
    /// Whether to leave once all is submitted.
    pub(crate) detach: bool,
}

impl ClusterRun<'_> {
    /// Submits what is not fresh and not on its way, and follows it to its end.
    ///
    /// # Errors
    /// Slurm refuses or does not answer, jobs of another kind are in the way, or the disk refuses.
    pub(crate) fn run(&self, planned: &[Planned]) -> Result<RunSummary, OrchestratorError> {
        let slurm = Slurm::find()?;
        let store = Store::new(whole(&self.pipeline.artifacts)?);
        let record = record_of(&store);
        record.prepare()?;
        let commands = Commands::new(self.pipeline, &self.manner, &store, record.clone())?;
        let view = View::new(self.manner.arguments.progress);
        let mut tally = RunSummary::default();
        let to_run = self.fresh_aside(planned, &store, &view, &mut tally)?;
        let mut submitter = Submitter {
            run: self,
            slurm,
            record: &record,
            commands: &commands,
            largest: slurm.largest_array()?,
            began: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |time| time.as_secs()),
        };
        let jobs = {
            // Two that submit at once would submit everything twice.
            let path = record.folder().join("lock");
            let _lock = FileLock::acquire(&path, |holder| {
                view.note(&format!(
                    "waiting for {holder}, which submits jobs of this artifacts folder"
                ));
            })?;
            submitter.submit(&to_run, &view)?
        };
        if self.detach {
            view.note("detached; `ressenti status` says where the jobs stand, `ressenti cancel` ends them, and the same command without `--detach` follows them");
            return Ok(tally);
        }
        let artifacts = KnownArtifacts::new(&store);
        Follower::new(self, submitter, artifacts, view, jobs, tally).follow(planned)
    }

    /// Shows what is fresh, and gives the places of the other steps.
    fn fresh_aside(
        &self,
        planned: &[Planned],
        store: &Store,
        view: &View,
        tally: &mut RunSummary,
    ) -> Result<BTreeSet<usize>, OrchestratorError> {
        let mut to_run = BTreeSet::new();
        for planned in planned {
            let id = &planned.facts.id;
            let place = self.steps.iter().position(|step| step.id == *id);
            let place = place.expect("what is planned is a step");
            match &planned.facts.output {
                Output::Whole(artifact) if planned.reasons.is_empty() && !self.compares(place) => {
                    store.link(&id.variant, artifact)?;
                    view.step(StepState::Fresh, id, &artifact.manifest().run.summary);
                    tally.count(id, &StepEnd::Fresh);
                }
                _ => {
                    to_run.insert(place);
                }
            }
        }
        Ok(to_run)
    }

    /// Whether a step compares with the baseline.
    fn compares(&self, place: usize) -> bool {
        let stage = self.steps[place].id.stage;
        self.manner.baseline.is_some() && self.selection.comparing_stage() == stage
    }
}

/// The artifacts folder by its whole path, which means the same on every node.
fn whole(folder: &std::path::Path) -> Result<PathBuf, ArtifactError> {
    fs::create_dir_all(folder).map_err(ArtifactError::io("create", folder))?;
    std::path::absolute(folder).map_err(ArtifactError::io("find", folder))
}
