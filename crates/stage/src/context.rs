//! What a running stage is given, and what it gives back.

use std::path::{Path, PathBuf};

use artifact::{Artifact, ArtifactError, Contract, OutputFile, Source, StageName};
use settings::{RunSettings, StepId};

use crate::{Progress, ResolvedStep};

/// What every stage needs and nothing more.
pub struct Context {
    pub(crate) resolved: ResolvedStep,
    pub(crate) output: PathBuf,
    pub(crate) resume_directory: PathBuf,
    pub(crate) progress: Progress,
    pub(crate) run: RunSettings,
    pub(crate) pipeline_file: PathBuf,
}

impl Context {
    /// Which step runs.
    pub fn step(&self) -> &StepId {
        &self.resolved.step.id
    }

    /// The folder to write the output's files into. They count only once the stage has ended well.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// A folder for what survives a kill: the step's next run finds it as this one left it. It is
    /// gone once the output is in place.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn resume_directory(&self) -> Result<&Path, ArtifactError> {
        let failed = ArtifactError::io("create", &self.resume_directory);
        std::fs::create_dir_all(&self.resume_directory).map_err(failed)?;
        Ok(&self.resume_directory)
    }

    /// The input from a stage of which the step has just one.
    pub fn input(&self, stage: StageName) -> &Artifact {
        self.inputs(stage)
            .next()
            .map(|(_, artifact)| artifact)
            .expect("the graph gives a step the inputs its stage reads")
    }

    /// All inputs from a stage, with their variants, in the order of the pipeline file.
    pub fn inputs(&self, stage: StageName) -> impl Iterator<Item = (&str, &Artifact)> {
        let inputs = self
            .resolved
            .inputs
            .iter()
            .filter(move |(id, _)| id.stage == stage);
        inputs.map(|(id, artifact)| (id.variant.as_str(), artifact))
    }

    /// What the step reads from outside, if anything.
    pub fn source(&self) -> Option<&Source> {
        self.resolved.step.sources.first()
    }

    /// All that the step reads from outside, in a fixed order.
    pub fn sources(&self) -> &[Source] {
        &self.resolved.step.sources
    }

    /// Where to show progress.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The machine's side of the settings: device and cores.
    pub fn run(&self) -> &RunSettings {
        &self.run
    }

    /// The pipeline file, for messages.
    pub fn pipeline_file(&self) -> &Path {
        &self.pipeline_file
    }
}

/// What a stage made.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the artifact promises.
    pub contract: Contract,
    /// The files written, all of them.
    pub files: Vec<OutputFile>,
    /// One line: rows in, rows out, what was dropped and why.
    pub summary: String,
    /// Where tensors lived, with the reason, for stages that have any.
    pub device: Option<String>,
    /// Versions of what did the work beside Ressenti itself, for example libtorch's.
    pub versions: Vec<(String, String)>,
}

impl Outcome {
    /// An outcome of a stage without tensors.
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
