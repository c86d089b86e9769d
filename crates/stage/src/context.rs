//! The input and the output of a running stage.

use std::path::{Path, PathBuf};

use artifact::{Artifact, ArtifactError, Contract, OutputFile, Source, StageName};
use settings::{RunSettings, StepId};

use crate::{Progress, ResolvedStep};

/// The step, its inputs, its folders and the run settings.
pub struct Context {
    pub(crate) resolved: ResolvedStep,
    pub(crate) output: PathBuf,
    pub(crate) resume_directory: PathBuf,
    pub(crate) progress: Progress,
    pub(crate) run: RunSettings,
    pub(crate) pipeline_file: PathBuf,
}

impl Context {
    /// The step.
    pub fn step(&self) -> &StepId {
        &self.resolved.step.id
    }

    /// The folder for the files of the output, which are committed when the stage succeeds.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// The resume directory: its files survive a kill until the next run of the step, and are deleted when the output
    /// is committed.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn resume_directory(&self) -> Result<&Path, ArtifactError> {
        let failed = ArtifactError::io("create", &self.resume_directory);
        std::fs::create_dir_all(&self.resume_directory).map_err(failed)?;
        Ok(&self.resume_directory)
    }

    /// The only input from a stage.
    pub fn input(&self, stage: StageName) -> &Artifact {
        let input = self.inputs(stage).map(|(_, artifact)| artifact).next();
        input.expect("the graph gives a step the inputs its stage reads")
    }

    /// All inputs from a stage with their variants, in the order of the pipeline file.
    pub fn inputs(&self, stage: StageName) -> impl Iterator<Item = (&str, &Artifact)> {
        let inputs = self.resolved.inputs.iter();
        let inputs = inputs.filter(move |(id, _)| id.stage == stage);
        inputs.map(|(id, artifact)| (id.variant.as_str(), artifact))
    }

    /// The file or folder outside the store that the step reads, if any.
    pub fn source(&self) -> Option<&Source> {
        self.resolved.step.sources.first()
    }

    /// All files and folders outside the store that the step reads, in a fixed order.
    pub fn sources(&self) -> &[Source] {
        &self.resolved.step.sources
    }

    /// Prints progress and notes.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Settings of the machine: device, cores, checkpoints.
    pub fn run(&self) -> &RunSettings {
        &self.run
    }

    /// The pipeline file, for messages.
    pub fn pipeline_file(&self) -> &Path {
        &self.pipeline_file
    }
}

/// The result of a stage.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The contract of the artifact.
    pub contract: Contract,
    /// All files of the output.
    pub files: Vec<OutputFile>,
    /// One line for people: rows read, rows written, rows removed and why.
    pub summary: String,
    /// The device of the tensors and why it was chosen; `None` for stages without tensors.
    pub device: Option<String>,
    /// Versions of other programs and libraries, for example libtorch.
    pub versions: Vec<(String, String)>,
}

impl Outcome {
    /// The result of a stage without tensors.
    pub fn new(contract: Contract, files: Vec<OutputFile>, summary: impl Into<String>) -> Self {
        Self {
            contract,
            files,
            summary: summary.into(),
            device: None,
            versions: Vec::new(),
        }
    }
}
