//! Runs the steps of a pipeline, several at a time if requested.
//!
//! Each step is planned again when its inputs are ready. If an input was rebuilt with the same content, the
//! steps after it stay fresh. One thread plans, prints and counts; each of the others waits for the program
//! that it started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use artifact::{Failure, StageName};
use settings::{Step, StepId};
use stage::StepState;

use crate::interrupt;
use crate::known_artifacts::KnownArtifacts;
use crate::launch::{INTERRUPTED, ProcessEnd, StageJob, retry_delays, with_retries};
use crate::run_summary::{RunSummary, StepEnd, print_retry};
use crate::schedule::{Schedule, cores_of_slot};
use crate::workspace::Workspace;

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunOptions {
    /// Whether steps that do not depend on a failed step still run.
    pub(crate) keep_going: bool,
    /// The `metrics.json` of an earlier run to compare with.
    pub(crate) baseline: Option<PathBuf>,
}

impl RunOptions {
    /// The baseline that a step compares with, if it does.
    pub(crate) fn baseline_of(&self, workspace: &Workspace, step: &StepId) -> Option<&Path> {
        let compares = workspace.selection.comparing_stage() == step.stage;
        self.baseline.as_deref().filter(|_| compares)
    }
}

/// One run over the steps of a pipeline.
pub(crate) struct Run<'a> {
    /// The pipeline and its steps.
    pub(crate) workspace: &'a Workspace,
    /// Options.
    pub(crate) options: &'a RunOptions,
    /// Starts a stage and waits until it ends. Several threads call it at the same time.
    pub(crate) launch: &'a (dyn Fn(&StageJob) -> Result<ProcessEnd, Failure> + Sync),
    /// Prints a step for which no stage program prints a line: fresh, failed or blocked.
    pub(crate) show: &'a mut dyn FnMut(StepState, &StepId, &str),
    /// Called once, after the first tokenizer has counted the tokens of the reviews.
    pub(crate) when_counted: Option<WhenCounted<'a>>,
}

/// See [`Run::when_counted`].
pub(crate) type WhenCounted<'a> = &'a mut dyn FnMut(&mut KnownArtifacts) -> Result<(), Failure>;

/// The state of a run.
#[derive(Default)]
struct RunState {
    summary: RunSummary,
    /// Failed steps and steps that depend on them, each with the failed step.
    blocked: BTreeMap<StepId, StepId>,
    /// Whether no further step is started.
    stopped: bool,
}

impl<'a> Run<'a> {
    /// Runs the selected steps, each after its inputs, at most `run.jobs` at a time. Steps that run beside a failed
    /// step continue.
    ///
    /// # Errors
    /// A program cannot be started, or the artifacts folder cannot be read or written. Running steps are
    /// waited for first.
    pub(crate) fn run(&mut self, artifacts: &mut KnownArtifacts) -> Result<RunSummary, Failure> {
        let workspace = self.workspace;
        let (steps, settings) = (&workspace.steps, &workspace.pipeline.run);
        let (launch, progress) = (self.launch, workspace.arguments.progress);
        let cores = settings.cores().max(1);
        // Each step has at least one core.
        let jobs = settings.jobs.clamp(1, cores);
        let mut schedule = Schedule::new(steps);
        let mut state = RunState::default();
        let mut slots: BTreeSet<usize> = (0..jobs).collect();
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| -> Result<(), Failure> {
            loop {
                let mut steps_to_run = Vec::new();
                while schedule.running < jobs
                    && let Some(index) = schedule.take_next()
                {
                    match self.plan_or_skip(&steps[index], artifacts, &mut state)? {
                        Some(step_to_run) => steps_to_run.push((index, step_to_run)),
                        None => schedule.mark_ended(index),
                    }
                }
                // A step that runs alone may use all cores: no other step is ready until it ends.
                let sharing = if schedule.running == 1 { 1 } else { jobs };
                for (index, step_to_run) in steps_to_run {
                    let slot = slots.pop_first().expect("there is one for each job");
                    let share = cores_of_slot(cores, sharing, slot);
                    let threads = (settings.jobs > 1).then_some(share);
                    let id = &step_to_run.step.id;
                    let job = StageJob {
                        stage: id.stage,
                        arguments: workspace.program_arguments(id, step_to_run.baseline, threads),
                        slot,
                    };
                    let sender = sender.clone();
                    scope.spawn(move || {
                        let on_retry = |reason: &str, wait| print_retry(progress, id, reason, wait);
                        let retry_delays = retry_delays(settings.retries);
                        let ending = with_retries(retry_delays, || launch(&job), on_retry);
                        // The receiver is gone if the run has ended with an error.
                        let _ = sender.send((index, step_to_run, slot, ending));
                    });
                }
                if schedule.running == 0 {
                    return Ok(());
                }
                let (index, running, slot, ending) = receiver.recv().expect("a step is running");
                slots.insert(slot);
                let end = running.step_end(ending?, artifacts)?;
                self.record_end(&running.step.id, &end, &mut state);
                if running.step.id.stage == StageName::Tokenize
                    && matches!(end, StepEnd::Done)
                    && let Some(when_counted) = self.when_counted.take()
                {
                    when_counted(artifacts)?;
                }
                schedule.mark_ended(index);
            }
        })?;
        if state.summary.interrupted {
            state.summary.code = INTERRUPTED;
        }
        artifacts.save();
        Ok(state.summary)
    }

    /// Plans a step. Returns it if its program has to run; otherwise prints and counts it.
    fn plan_or_skip(
        &mut self,
        step: &'a Step,
        artifacts: &mut KnownArtifacts,
        state: &mut RunState,
    ) -> Result<Option<RunningStep<'a>>, Failure> {
        let (selection, store) = (&self.workspace.selection, &self.workspace.store);
        if !selection.selected.contains(&step.id) {
            artifacts.plan_step(step, false)?;
            return Ok(None);
        }
        let summary = &mut state.summary;
        let mut inputs = step.inputs.iter();
        if let Some(failed) = inputs.find_map(|input| state.blocked.get(input)).cloned() {
            summary.blocked += 1;
            (self.show)(StepState::Blocked, &step.id, &format!("needs `{failed}`"));
            state.blocked.insert(step.id.clone(), failed);
            return Ok(None);
        }
        summary.interrupted |= interrupt::requested();
        if state.stopped || summary.interrupted {
            summary.not_run += 1;
            return Ok(None);
        }
        let planned = artifacts.plan_step(step, selection.forced.contains(&step.id))?;
        let step_to_run = RunningStep {
            step,
            was_fresh: planned.is_fresh(),
            baseline: self.options.baseline_of(self.workspace, &step.id),
        };
        match planned.fresh_output() {
            Some(output) if step_to_run.baseline.is_none() => {
                store.link(&step.id.variant, output)?;
                (self.show)(StepState::Fresh, &step.id, &planned.text());
                summary.count(&step.id, &StepEnd::Fresh);
                Ok(None)
            }
            _ => Ok(Some(step_to_run)),
        }
    }

    fn record_end(&mut self, id: &StepId, end: &StepEnd, state: &mut RunState) {
        state.summary.count(id, end);
        if let StepEnd::Failed(ending) | StepEnd::Regression(ending) = end {
            (self.show)(StepState::Failed, id, &ending.reason);
        }
        if matches!(end, StepEnd::Failed(_)) {
            state.blocked.insert(id.clone(), id.clone());
            state.stopped |= !self.options.keep_going;
        }
    }
}

/// A step whose program runs.
#[derive(Clone, Copy)]
pub(crate) struct RunningStep<'a> {
    pub(crate) step: &'a Step,
    /// Whether it is fresh and only compares with the baseline.
    pub(crate) was_fresh: bool,
    /// The baseline that it compares with, if it does.
    pub(crate) baseline: Option<&'a Path>,
}

impl RunningStep<'_> {
    /// What the end of its program means for the step.
    ///
    /// # Errors
    /// The program succeeded without writing its output, or the artifacts folder cannot be read.
    pub(crate) fn step_end(
        &self,
        ending: ProcessEnd,
        artifacts: &mut KnownArtifacts,
    ) -> Result<StepEnd, Failure> {
        let output_exists = artifacts.plan_step(self.step, false)?.is_fresh();
        Ok(match ending.code {
            0 if !output_exists => {
                let id = &self.step.id;
                let message = format!("`{id}` succeeded, but its output does not exist");
                let hint = "Build `ressenti` and the stages from the same sources with `cargo build`; their versions may differ";
                return Err(Failure::new(message).with_hint(hint.to_owned()));
            }
            0 if self.was_fresh => StepEnd::Fresh,
            0 => StepEnd::Done,
            INTERRUPTED => StepEnd::Interrupted,
            // A regression fails the run, but the output exists and the report shows it.
            _ if self.baseline.is_some() && output_exists => StepEnd::Regression(ending),
            _ => StepEnd::Failed(ending),
        })
    }
}

#[cfg(test)]
#[path = "tests/run.rs"]
mod tests;
