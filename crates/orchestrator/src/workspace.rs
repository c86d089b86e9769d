//! A pipeline as a command was called with it: its steps, those that the command is about, and its
//! artifacts folder.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::{Failure, StageName, Store};
use settings::{Pipeline, Step, StepId};
use stage::PipelineArguments;

use crate::contracts;
use crate::known_artifacts::KnownArtifacts;
use crate::plan::{Planned, in_words};
use crate::selection::{Request, Selection};

/// What most commands work on.
pub(crate) struct Workspace {
    /// The pipeline file and the changes to it, as the stages' programs are told of them.
    pub(crate) arguments: PipelineArguments,
    /// The same, read.
    pub(crate) pipeline: Pipeline,
    /// Its steps, each after what it reads.
    pub(crate) steps: Vec<Step>,
    /// Which of them the command is about.
    pub(crate) selection: Selection,
    /// Where their outputs are.
    pub(crate) store: Store,
}

impl Workspace {
    /// Reads the pipeline file.
    ///
    /// # Errors
    /// It is wrong, or the request names what it does not have.
    pub(crate) fn load(arguments: &PipelineArguments, request: &Request) -> Result<Self, Failure> {
        let pipeline = arguments.load()?;
        let steps = pipeline.steps();
        Ok(Self {
            arguments: arguments.clone(),
            selection: Selection::new(&steps, request)?,
            store: Store::new(&pipeline.artifacts),
            pipeline,
            steps,
        })
    }

    /// Decides about every selected step, as far as that can be known beforehand.
    ///
    /// # Errors
    /// A source is missing, artifacts do not fit together, or with `--only` an input is not there.
    pub(crate) fn plan(&self, artifacts: &mut KnownArtifacts) -> Result<Vec<Planned>, Failure> {
        let mut not_ready = BTreeMap::new();
        let mut selected = Vec::new();
        for step in &self.steps {
            let planned = artifacts.look(step, self.selection.asked.contains(&step.id))?;
            if self.selection.selected.contains(&step.id) {
                check_inputs(step, &not_ready, artifacts)?;
                selected.push(planned);
            } else if !planned.is_fresh() {
                not_ready.insert(&step.id, planned.reasons);
            }
        }
        artifacts.save();
        Ok(selected)
    }

    /// The place of a step among all.
    pub(crate) fn place_of(&self, id: &StepId) -> usize {
        let place = self.steps.iter().position(|step| step.id == *id);
        place.expect("what is planned is a step")
    }

    /// The arguments of the program of a step: what a person would type. `threads` is what it may use,
    /// where that is not for it to decide.
    pub(crate) fn program_arguments(
        &self,
        step: &StepId,
        baseline: Option<&Path>,
        threads: Option<usize>,
    ) -> Vec<String> {
        let mut arguments = self.arguments.to_command_line();
        arguments.extend(["--variant".to_owned(), step.variant.clone()]);
        if self.selection.asked.contains(step) {
            arguments.push("--force".to_owned());
        }
        if let Some(baseline) = baseline {
            let baseline = baseline.to_string_lossy().into_owned();
            arguments.extend(["--baseline".to_owned(), baseline]);
        }
        if let Some(threads) = threads {
            arguments.extend(["--set".to_owned(), format!("run.threads={threads}")]);
        }
        arguments
    }
}

/// A step's inputs fit together, and those that will not be built are there.
fn check_inputs(
    step: &Step,
    not_ready: &BTreeMap<&StepId, Vec<String>>,
    artifacts: &KnownArtifacts,
) -> Result<(), Failure> {
    let mut inputs = step.inputs.iter();
    if let Some((input, reasons)) = inputs.find_map(|input| not_ready.get_key_value(input)) {
        let (id, reasons) = (&step.id, in_words(reasons));
        let message =
            format!("`{id}` reads `{input}`, which is not there for these settings: {reasons}");
        let (stage, variant) = (input.stage, &input.variant);
        return Err(Failure::new(message).with_hint(format!(
            "Leave out `--only` to run all that is needed, or build it first with `--only {stage} --variant {variant}`"
        )));
    }
    if ![StageName::Embed, StageName::Train, StageName::Evaluate].contains(&step.id.stage) {
        return Ok(());
    }
    let known = step.inputs.iter().chain([&step.id]);
    let contracts: Vec<_> = known
        .filter_map(|id| Some((id, &artifacts.known.get(id)?.manifest().contract)))
        .collect();
    contracts::check(&step.id, &contracts)
}
