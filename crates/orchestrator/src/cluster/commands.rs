//! What a job of a step is: the stage's program, called as a person would call it, watched over by
//! `ressenti job`.

use std::fs;
use std::path::{Path, PathBuf, absolute};

use artifact::{ArtifactError, Digest, Failure, Store};
use settings::{Override, Resources};
use slurm::{Batch, JobWrapper, Record, Task};
use stage::ProgressMode;

use super::batches::Group;
use super::record_of;
use crate::launch;
use crate::run::RunOptions;
use crate::workspace::Workspace;

/// How the jobs of a run are called.
pub(super) struct Commands {
    /// The pipeline as the jobs read it.
    pub(super) workspace: Workspace,
    pub(super) options: RunOptions,
    pub(super) record: Record,
    /// `ressenti` itself.
    watcher: PathBuf,
    /// The folder that the user stands in.
    folder: PathBuf,
}

impl Commands {
    /// Keeps a copy of the pipeline file, which the jobs read: what a person changes in the file while
    /// jobs wait changes nothing for them. Paths are whole, and so mean the same on every node.
    ///
    /// # Errors
    /// The file cannot be read or the copy not written, or a program is missing.
    pub(super) fn new(mut workspace: Workspace, mut options: RunOptions) -> Result<Self, Failure> {
        let root = workspace.store.root();
        fs::create_dir_all(root).map_err(ArtifactError::io("create", root))?;
        workspace.store = Store::new(whole(root)?);
        let record = record_of(&workspace.store);
        record.prepare()?;
        let pipeline = &workspace.pipeline;
        // The folder of a file that was named without one is the folder that the user stands in.
        let folder = whole(&Path::new(".").join(&pipeline.folder))?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let arguments = &mut workspace.arguments;
        arguments.pipeline = copy_of(&pipeline.file, &record)?;
        arguments.artifacts = None;
        arguments.overrides.extend([
            Override::text("pipeline.folder", &text(&folder)),
            Override::text("pipeline.artifacts", &text(workspace.store.root())),
        ]);
        if arguments.progress != ProgressMode::Json {
            // What a log holds is read by people.
            arguments.progress = ProgressMode::Plain;
        }
        options.baseline = options.baseline.as_deref().map(whole).transpose()?;
        Ok(Self {
            watcher: launch::program("ressenti")?,
            folder: whole(Path::new("."))?,
            workspace,
            options,
            record,
        })
    }

    /// What the job of a step usually asks for.
    pub(super) fn resources(&self, place: usize) -> Resources {
        let stage = self.workspace.steps[place].id.stage;
        self.workspace.pipeline.engine.of_stage(stage)
    }

    /// The task of a job that runs a step.
    ///
    /// # Errors
    /// Its program is missing.
    pub(super) fn task(&self, place: usize) -> Result<Task, Failure> {
        let step = &self.workspace.steps[place].id;
        let threads = self.resources(place).cpus.unwrap_or(1) as usize;
        let program = launch::program(step.stage.binary())?;
        let mut command = vec![program.to_string_lossy().into_owned()];
        let workspace = &self.workspace;
        let baseline = self.options.baseline_of(workspace, step);
        command.extend(workspace.program_arguments(step, baseline, Some(threads)));
        let work = workspace.store.work_folder();
        let wrapper = JobWrapper {
            ressenti: &self.watcher,
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
    /// A program is missing.
    pub(super) fn batch(&self, group: &Group) -> Result<Batch, Failure> {
        let stage = self.workspace.steps[group.members[0]].id.stage;
        let tasks = group.members.iter().map(|place| self.task(*place));
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

fn whole(path: &Path) -> Result<PathBuf, ArtifactError> {
    absolute(path).map_err(ArtifactError::io("find", path))
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
        fs::write(&temporary, &text)
            .and_then(|()| fs::rename(&temporary, &copy))
            .map_err(ArtifactError::io("write", &copy))?;
    }
    Ok(copy)
}
