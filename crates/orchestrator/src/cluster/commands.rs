//! The command of a step's job: the stage program with its arguments, run by `ressenti job`.

use std::fs;
use std::path::{Path, PathBuf, absolute};

use artifact::{ArtifactError, Digest, Failure, Store};
use settings::{Override, Resources};
use slurm::{Batch, JobWrapper, Record, Task};
use stage::ProgressMode;

use super::batches::Group;
use super::job_record;
use crate::launch;
use crate::run::RunOptions;
use crate::workspace::Workspace;

/// Builds the commands of a run's jobs.
pub(super) struct JobCommands {
    /// The pipeline as the jobs read it.
    pub(super) workspace: Workspace,
    pub(super) options: RunOptions,
    pub(super) record: Record,
    /// The path of the program `ressenti`.
    ressenti: PathBuf,
    /// The current folder of the user.
    folder: PathBuf,
}

impl JobCommands {
    /// Copies the pipeline file for the jobs, so that later edits of the file do not change jobs that wait
    /// in the queue. All paths are made absolute, because jobs run on other nodes.
    ///
    /// # Errors
    /// The file cannot be read or copied, or a program is missing.
    pub(super) fn new(mut workspace: Workspace, mut options: RunOptions) -> Result<Self, Failure> {
        let root = workspace.store.root();
        fs::create_dir_all(root).map_err(ArtifactError::io("create", root))?;
        workspace.store = Store::new(absolute_path(root)?);
        let record = job_record(&workspace.store);
        record.prepare()?;
        let pipeline = &workspace.pipeline;
        // A file name without a folder has an empty parent, which means the current folder.
        let folder = absolute_path(&Path::new(".").join(&pipeline.folder))?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let arguments = &mut workspace.arguments;
        arguments.pipeline = copy_pipeline_file(&pipeline.file, &record)?;
        arguments.artifacts = None;
        arguments.overrides.extend([
            Override::from_text("pipeline.folder", &text(&folder)),
            Override::from_text("pipeline.artifacts", &text(workspace.store.root())),
        ]);
        if arguments.progress != ProgressMode::Json {
            // Users read the log, so it holds plain lines.
            arguments.progress = ProgressMode::Plain;
        }
        options.baseline = options.baseline.as_deref().map(absolute_path).transpose()?;
        Ok(Self {
            ressenti: launch::program("ressenti")?,
            folder: absolute_path(Path::new("."))?,
            workspace,
            options,
            record,
        })
    }

    /// Resources that the job of a step requests by default.
    pub(super) fn resources(&self, index: usize) -> Resources {
        let stage = self.workspace.steps[index].id.stage;
        self.workspace.pipeline.engine.resources_for_stage(stage)
    }

    /// The task that runs a step.
    ///
    /// # Errors
    /// The stage program is missing.
    pub(super) fn task(&self, index: usize) -> Result<Task, Failure> {
        let step = &self.workspace.steps[index].id;
        let threads = self.resources(index).cpus.unwrap_or(1) as usize;
        let program = launch::program(step.stage.binary())?;
        let mut command = vec![program.to_string_lossy().into_owned()];
        let workspace = &self.workspace;
        let baseline = self.options.baseline_of(workspace, step);
        command.extend(workspace.program_arguments(step, baseline, Some(threads)));
        let work = workspace.store.work_folder();
        let wrapper = JobWrapper {
            ressenti: &self.ressenti,
            record: &self.record,
            resume_prefix: &work.join(format!("{}-", step.stage)),
            retries: workspace.pipeline.run.retries,
            stall_timeout: workspace.pipeline.run.stall_timeout,
        };
        Ok(wrapper.wrap(&step.to_string(), command))
    }

    /// The tasks of a group.
    ///
    /// # Errors
    /// A stage program is missing.
    pub(super) fn batch(&self, group: &Group) -> Result<Batch, Failure> {
        let stage = self.workspace.steps[group.members[0]].id.stage;
        let tasks = group.members.iter().map(|index| self.task(*index));
        Ok(Batch {
            name: format!("ressenti-{stage}"),
            resources: group.resources.clone(),
            save_before: self.workspace.pipeline.engine.save_before(),
            output: self.record.output(),
            folder: self.folder.clone(),
            tasks: tasks.collect::<Result<_, _>>()?,
        })
    }
}

fn absolute_path(path: &Path) -> Result<PathBuf, ArtifactError> {
    absolute(path).map_err(ArtifactError::io("find", path))
}

/// Copies the pipeline file; the name of the copy is a digest of its content.
fn copy_pipeline_file(file: &Path, record: &Record) -> Result<PathBuf, ArtifactError> {
    let text = fs::read(file).map_err(ArtifactError::io("read", file))?;
    let folder = record.folder().join("pipelines");
    fs::create_dir_all(&folder).map_err(ArtifactError::io("create", &folder))?;
    let name = &Digest::of_bytes(&text).to_hex()[..16];
    let copy = folder.join(format!("{name}.toml"));
    if !copy.exists() {
        let temporary = folder.join(format!("{name}.{}", artifact::process_name()));
        let written = fs::write(&temporary, &text).and_then(|()| fs::rename(&temporary, &copy));
        written.map_err(ArtifactError::io("write", &copy))?;
    }
    Ok(copy)
}
