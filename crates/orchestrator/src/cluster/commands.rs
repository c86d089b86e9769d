//! What a job of a step is: the stage's program, called as a person would call it, watched over by
//! `ressenti job`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf, absolute};

use artifact::{ArtifactError, Digest, StageName, Store};
use settings::{Override, Pipeline, Resources, StepId};
use slurm::{Batch, Record, Task, Watch};
use stage::{PipelineArguments, ProgressMode};

use crate::OrchestratorError;
use crate::launch;
use crate::run::{Call, Manner};

/// The watcher, for programs that are no stage as well.
const OURS: &str = "ressenti";

/// How the jobs of a run are called.
pub(crate) struct Commands {
    record: Record,
    /// The pipeline as the jobs read it.
    arguments: PipelineArguments,
    baseline: Option<PathBuf>,
    pipeline: Pipeline,
    /// Where what steps save begins, before the name of the stage.
    work: PathBuf,
    programs: BTreeMap<StageName, PathBuf>,
    watcher: PathBuf,
    /// The folder that the user stands in.
    folder: PathBuf,
}

impl Commands {
    /// Keeps a copy of the pipeline file, which the jobs read: what a person changes in the file while
    /// jobs wait changes nothing for them.
    ///
    /// # Errors
    /// The file cannot be read or the copy not written, or a program is missing.
    pub(crate) fn new(
        pipeline: &Pipeline,
        manner: &Manner<'_>,
        store: &Store,
        record: Record,
    ) -> Result<Self, OrchestratorError> {
        let copy = copy_of(&pipeline.file, &record)?;
        // The folder of a file that was named without one is the folder that the user stands in.
        let folder = Path::new(".").join(&pipeline.folder);
        let folder = absolute(&folder).map_err(ArtifactError::io("find", &folder))?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut overrides = manner.arguments.overrides.clone();
        overrides.push(Override::text("pipeline.folder", &text(&folder)));
        overrides.push(Override::text("pipeline.artifacts", &text(store.root())));
        let progress = match manner.arguments.progress {
            ProgressMode::Json => ProgressMode::Json,
            // What a log holds is read by people.
            _ => ProgressMode::Plain,
        };
        let baseline = manner
            .baseline
            .map(|path| absolute(path).map_err(ArtifactError::io("find", path)));
        let programs = StageName::ALL.map(|stage| Ok((stage, launch::program(stage.binary())?)));
        Ok(Self {
            arguments: PipelineArguments {
                pipeline: copy,
                source: manner.arguments.source.clone(),
                artifacts: None,
                overrides,
                progress,
            },
            baseline: baseline.transpose()?,
            pipeline: pipeline.clone(),
            work: store.work_folder(),
            programs: programs
                .into_iter()
                .collect::<Result<_, OrchestratorError>>()?,
            watcher: launch::program(OURS)?,
            folder: absolute(".").map_err(ArtifactError::io("find", Path::new(".")))?,
            record,
        })
    }

    /// What a job of a stage asks for.
    pub(crate) fn resources(&self, stage: StageName) -> Resources {
        self.pipeline.engine.of_stage(stage)
    }

    /// The call of a stage's program for a step, exactly as a person would call it.
    pub(crate) fn stage(&self, step: &StepId, asked: bool, compares: bool) -> Vec<String> {
        let call = Call {
            step,
            asked,
            baseline: self.baseline.as_deref().filter(|_| compares),
            threads: Some(self.resources(step.stage).cpus.unwrap_or(1) as usize),
        };
        let mut command = vec![self.programs[&step.stage].to_string_lossy().into_owned()];
        command.extend(call.arguments(&self.arguments));
        command
    }

    /// The same as a task of a job.
    pub(crate) fn task(&self, step: &StepId, asked: bool, compares: bool) -> Task {
        let kept = self.work.join(format!("{}-", step.stage));
        let watch = Watch {
            watcher: &self.watcher,
            record: &self.record,
            kept: &kept,
            retries: self.pipeline.run.retries,
            stall_timeout: self.pipeline.run.stall_timeout,
        };
        watch.over(&step.to_string(), self.stage(step, asked, compares))
    }

    /// A batch of tasks of one stage.
    pub(crate) fn batch(&self, stage: StageName, resources: Resources, tasks: Vec<Task>) -> Batch {
        Batch {
            name: format!("ressenti-{stage}"),
            resources,
            save_before: self.pipeline.engine.save_before(),
            output: self.record.output(),
            folder: self.folder.clone(),
            tasks,
        }
    }
}

/// A copy of the pipeline file, named by what it says.
fn copy_of(file: &Path, record: &Record) -> Result<PathBuf, ArtifactError> {
    let text = fs::read(file).map_err(ArtifactError::io("read", file))?;
    let folder = record.folder().join("pipelines");
    fs::create_dir_all(&folder).map_err(ArtifactError::io("create", &folder))?;
    let name = &Digest::of_bytes(&text).to_hex()[..16];
    let copy = folder.join(format!("{name}.toml"));
    if !copy.exists() {
        let temporary = folder.join(format!("{name}.{}", artifact::process_name()));
        let write = || {
            fs::write(&temporary, &text)?;
            fs::rename(&temporary, &copy)
        };
        write().map_err(ArtifactError::io("write", &copy))?;
    }
    Ok(copy)
}
