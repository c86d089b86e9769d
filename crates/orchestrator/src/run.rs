//! Step by step, several at a time where that is asked for: decide, start what is stale, decide again.
//!
//! The decision about a step is taken when its turn comes, from what its inputs hold by then. So a
//! step rebuilt with the same content leaves everything after it fresh. One thread decides, shows and
//! counts; the others only wait for the end of the program that they started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use artifact::Failure;
use settings::{Step, StepId};
use stage::StepState;

use crate::interrupt;
use crate::known_artifacts::KnownArtifacts;
use crate::launch::{Ending, INTERRUPTED, Job, waits, with_retries};
use crate::run_summary::{RunSummary, StepEnd, show_retry};
use crate::schedule::{Schedule, cores_of_slot};
use crate::workspace::Workspace;

/// How a run goes about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunOptions {
    /// Whether steps that do not depend on a failed one still run.
    pub(crate) keep_going: bool,
    /// Figures of an earlier run that this one is compared with.
    pub(crate) baseline: Option<PathBuf>,
    /// Steps that run at the same time, at most.
    pub(crate) jobs: usize,
}

impl RunOptions {
    /// The figures that a step compares with, if it does.
    pub(crate) fn baseline_of(&self, workspace: &Workspace, step: &StepId) -> Option<&Path> {
        let compares = workspace.selection.comparing_stage() == step.stage;
        self.baseline.as_deref().filter(|_| compares)
    }
}

/// One run over the steps of a pipeline.
pub(crate) struct Run<'a> {
    /// What it is about.
    pub(crate) workspace: &'a Workspace,
    /// How it goes about it.
    pub(crate) options: &'a RunOptions,
    /// Starts a stage and waits for its end; called by several threads at once.
    pub(crate) launch: &'a (dyn Fn(&Job) -> Result<Ending, Failure> + Sync),
    /// Shows the line of a step that no stage's program shows: fresh, failed or held.
    pub(crate) show: &'a mut dyn FnMut(StepState, &StepId, &str),
}

/// What became of a run so far.
#[derive(Default)]
struct Outcome {
    summary: RunSummary,
    /// Steps without an output, with the failed step each of them waits for.
    held: BTreeMap<StepId, StepId>,
    /// Whether no further step is tried.
    stopped: bool,
}

impl<'a> Run<'a> {
    /// Runs the selected steps, each after what it reads, and as many at a time as there are jobs. A
    /// step that fails leaves those that run beside it alone.
    ///
    /// # Errors
    /// A program cannot be started, or the artifacts folder cannot be read or written. Steps that run
    /// at that moment are waited for.
    pub(crate) fn run(&mut self, artifacts: &mut KnownArtifacts) -> Result<RunSummary, Failure> {
        let workspace = self.workspace;
        let (steps, settings) = (&workspace.steps, &workspace.pipeline.run);
        let launch = self.launch;
        let cores = settings.cores().max(1);
        // Each step has a core at least.
        let jobs = self.options.jobs.clamp(1, cores);
        let mut schedule = Schedule::new(steps);
        let mut outcome = Outcome::default();
        let mut slots: BTreeSet<usize> = (0..jobs).collect();
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| -> Result<(), Failure> {
            loop {
                let mut turns = Vec::new();
                while schedule.running < jobs
                    && let Some(place) = schedule.take()
                {
                    match self.take_turn(&steps[place], artifacts, &mut outcome)? {
                        Some(turn) => turns.push((place, turn)),
                        None => schedule.end(place),
                    }
                }
                // No step is ready then, and none will be before this one ends.
                let is_alone = schedule.running == 1;
                for (place, turn) in turns {
                    let slot = slots.pop_first().expect("there is one for each job");
                    let share = match is_alone {
                        true => cores,
                        false => cores_of_slot(cores, jobs, slot),
                    };
                    let threads = (self.options.jobs > 1).then_some(share);
                    let id = &turn.step.id;
                    let job = Job {
                        stage: id.stage,
                        arguments: workspace.program_arguments(id, turn.baseline, threads),
                        slot,
                    };
                    let sender = sender.clone();
                    scope.spawn(move || {
                        let on_retry = |reason: &str, wait| {
                            show_retry(workspace.arguments.progress, &turn.step.id, reason, wait);
                        };
                        let waits = waits(settings.retries);
                        let ending = with_retries(waits, || launch(&job), on_retry);
                        // Nobody listens where the run has ended with an error.
                        let _ = sender.send((place, turn, slot, ending));
                    });
                }
                if schedule.running == 0 {
                    return Ok(());
                }
                let (place, turn, slot, ending) = receiver.recv().expect("a step is running");
                slots.insert(slot);
                let end = turn.judge(ending?, artifacts)?;
                self.take_note(&turn.step.id, &end, &mut outcome);
                schedule.end(place);
            }
        })?;
        if outcome.summary.interrupted {
            outcome.summary.code = INTERRUPTED;
        }
        artifacts.save();
        Ok(outcome.summary)
    }

    /// Decides about a step. One that has to run is given back; any other has had its turn.
    fn take_turn(
        &mut self,
        step: &'a Step,
        artifacts: &mut KnownArtifacts,
        outcome: &mut Outcome,
    ) -> Result<Option<Turn<'a>>, Failure> {
        let (selection, store) = (&self.workspace.selection, &self.workspace.store);
        if !selection.selected.contains(&step.id) {
            artifacts.look(step, false)?;
            return Ok(None);
        }
        let summary = &mut outcome.summary;
        let mut inputs = step.inputs.iter();
        if let Some(failed) = inputs.find_map(|input| outcome.held.get(input)).cloned() {
            summary.held += 1;
            (self.show)(StepState::Blocked, &step.id, &format!("needs `{failed}`"));
            outcome.held.insert(step.id.clone(), failed);
            return Ok(None);
        }
        summary.interrupted |= interrupt::requested();
        if outcome.stopped || summary.interrupted {
            summary.untried += 1;
            return Ok(None);
        }
        let planned = artifacts.look(step, selection.asked.contains(&step.id))?;
        let turn = Turn {
            step,
            was_fresh: planned.is_fresh(),
            baseline: self.options.baseline_of(self.workspace, &step.id),
        };
        match planned.fresh_output() {
            Some(output) if turn.baseline.is_none() => {
                store.link(&step.id.variant, output)?;
                (self.show)(StepState::Fresh, &step.id, &planned.text());
                summary.count(&step.id, &StepEnd::Fresh);
                Ok(None)
            }
            _ => Ok(Some(turn)),
        }
    }

    fn take_note(&mut self, id: &StepId, end: &StepEnd, outcome: &mut Outcome) {
        outcome.summary.count(id, end);
        if let StepEnd::Failed {
            reason, has_output, ..
        } = end
        {
            (self.show)(StepState::Failed, id, reason);
            if !has_output {
                outcome.held.insert(id.clone(), id.clone());
                outcome.stopped |= !self.options.keep_going;
            }
        }
    }
}

/// A step whose program runs, with what its end is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    pub(crate) step: &'a Step,
    /// Whether it only compares with the baseline.
    pub(crate) was_fresh: bool,
    /// The figures that it compares with, if it does.
    pub(crate) baseline: Option<&'a Path>,
}

impl Turn<'_> {
    /// What a program's end means for its step.
    ///
    /// # Errors
    /// It ended well and its output is not there, or the artifacts folder cannot be read.
    pub(crate) fn judge(
        &self,
        ending: Ending,
        artifacts: &mut KnownArtifacts,
    ) -> Result<StepEnd, Failure> {
        let is_there = artifacts.look(self.step, false)?.is_fresh();
        Ok(match ending.code {
            0 if !is_there => {
                let id = &self.step.id;
                let message = format!("`{id}` ended without an error, and its output is not there");
                let hint = "Build the stages and `ressenti` from the same sources with `cargo build`: they may differ in version";
                return Err(Failure::new(message).with_hint(hint.to_owned()));
            }
            0 if self.was_fresh => StepEnd::Fresh,
            0 => StepEnd::Done,
            INTERRUPTED => StepEnd::Interrupted,
            code => StepEnd::Failed {
                code,
                reason: ending.reason,
                // Models that regressed are there all the same: the report shows them, the run fails.
                has_output: self.baseline.is_some() && is_there,
            },
        })
    }
}

#[cfg(test)]
#[path = "tests/run.rs"]
mod tests;
