//! The pipeline that a command works on: its settings, its steps, the selected steps and its store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use artifact::{Failure, StageName, Store};
use settings::{Pipeline, Step, StepId, with_dependencies};
use stage::PipelineArguments;

use crate::contracts;
use crate::known_artifacts::KnownArtifacts;
use crate::plan::{PlannedStep, format_reasons};
use crate::selection::{Selection, SelectionArguments};

/// What most commands work on.
pub(crate) struct Workspace {
    /// The pipeline file and the overrides, which are passed on to stage programs.
    pub(crate) arguments: PipelineArguments,
    /// The checked settings.
    pub(crate) pipeline: Pipeline,
    /// The selected steps and those that they need, ordered so that inputs come first.
    pub(crate) steps: Vec<Step>,
    /// The steps that the command selects.
    pub(crate) selection: Selection,
    /// The results that the report shows; empty for all.
    reported: Vec<String>,
    /// Where their outputs are stored.
    pub(crate) store: Store,
}

impl Workspace {
    /// Reads the pipeline file.
    ///
    /// # Errors
    /// It is invalid, or the selection names an unknown variant.
    pub(crate) fn load(
        arguments: &PipelineArguments,
        selection: &SelectionArguments,
    ) -> Result<Self, Failure> {
        let pipeline = arguments.load()?;
        let mut steps = pipeline.steps();
        let store = Store::new(&pipeline.artifacts);
        let models = &selection.models;
        let selection = Selection::new(&pipeline, &steps, selection)?;
        let mut reported = Vec::new();
        if selection.has_report() && !models.is_empty() {
            reported = results_to_report(&pipeline, &steps, &selection, models, &store);
            if pipeline.result_names().all(|it| reported.contains(it)) {
                reported.clear();
            } else {
                let mut steps = steps.iter_mut();
                let report = steps.find(|step| step.id.stage == StageName::Report);
                *report.expect("it is selected") = pipeline.report_of(&reported)?;
            }
        }
        let needed = with_dependencies(&steps, selection.selected.clone());
        steps.retain(|step| needed.contains(&step.id));
        steps.iter().try_for_each(|it| pipeline.check_files(it))?;
        Ok(Self {
            arguments: arguments.clone(),
            selection,
            reported,
            store,
            pipeline,
            steps,
        })
    }

    /// Plans every selected step, as far as possible before running.
    ///
    /// # Errors
    /// A source is missing, artifacts do not fit together, or with `--only` an input does not exist.
    pub(crate) fn plan(&self, artifacts: &mut KnownArtifacts) -> Result<Vec<PlannedStep>, Failure> {
        let mut not_ready = BTreeMap::new();
        let mut selected = Vec::new();
        for step in &self.steps {
            let planned = artifacts.plan_step(step, self.selection.forced.contains(&step.id))?;
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

    /// The index of a step in `steps`.
    pub(crate) fn index_of(&self, id: &StepId) -> usize {
        let index = self.steps.iter().position(|step| step.id == *id);
        index.expect("every planned step is in the pipeline")
    }

    /// The arguments of the step's program, as a user would type them. `threads` limits its threads.
    pub(crate) fn program_arguments(
        &self,
        step: &StepId,
        baseline: Option<&Path>,
        threads: Option<usize>,
    ) -> Vec<String> {
        let mut arguments = self.arguments.to_command_line();
        let names = match step.stage {
            StageName::Report => self.reported.as_slice(),
            _ if step.has_single_variant() => &[],
            _ => std::slice::from_ref(&step.variant),
        };
        for name in names {
            arguments.extend(["--model".to_owned(), name.clone()]);
        }
        if self.selection.forced.contains(step) {
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

/// The results that the report shows if only some are selected: these, and all others that are up to date.
fn results_to_report(
    pipeline: &Pipeline,
    steps: &[Step],
    selection: &Selection,
    models: &[String],
    store: &Store,
) -> Vec<String> {
    let mut artifacts = KnownArtifacts::new(store);
    let mut ready = BTreeSet::new();
    for step in steps.iter().filter(|it| it.id.stage != StageName::Report) {
        // A result whose source is missing is not up to date.
        let planned = artifacts.plan_step(step, false);
        if selection.selected.contains(&step.id) || planned.is_ok_and(|it| it.is_fresh()) {
            ready.insert(step.id.clone());
        }
    }
    let is_ready = |name: &&String| {
        let named = pipeline.named_steps(steps, None, name);
        named.is_ok_and(|named| named.is_subset(&ready))
    };
    let up_to_date = pipeline.result_names().filter(is_ready);
    let others = models.iter().filter(|name| !is_ready(name));
    up_to_date.chain(others).cloned().collect()
}

/// Checks that the inputs of a step fit together, and that inputs which are not selected exist.
fn check_inputs(
    step: &Step,
    not_ready: &BTreeMap<&StepId, Vec<String>>,
    artifacts: &KnownArtifacts,
) -> Result<(), Failure> {
    let mut inputs = step.inputs.iter();
    if let Some((input, reasons)) = inputs.find_map(|input| not_ready.get_key_value(input)) {
        let (id, reasons) = (&step.id, format_reasons(reasons));
        let message = format!(
            "`{id}` needs the output of `{input}`, which does not exist for these settings: {reasons}"
        );
        let (stage, model) = (input.stage, input.model_argument());
        return Err(Failure::new(message).with_hint(format!(
            "Omit `--only` to run everything that is needed, or build the input first with `--only {stage}{model}`"
        )));
    }
    if ![StageName::Embed, StageName::Train, StageName::Evaluate].contains(&step.id.stage) {
        return Ok(());
    }
    let known = step.inputs.iter().chain([&step.id]);
    let contract = |id| Some((id, &artifacts.known.get(id)?.manifest().contract));
    let contracts: Vec<_> = known.filter_map(contract).collect();
    contracts::check(&step.id, &contracts)
}

#[cfg(test)]
#[path = "tests/workspace.rs"]
mod tests;
