//! One step after the other: decide, start what is stale, decide again.
//!
//! The decision about a step is taken when its turn comes, from what its inputs hold by then. So a
//! step rebuilt with the same content leaves everything after it fresh.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::{StageName, Store};
use settings::{Step, StepId};
use stage::{PipelineArguments, StepState};

use crate::launch::{Ending, Job, waits, with_retries};
use crate::plan::{Facts, Output, Reason, decide, in_words};
use crate::selection::Selection;
use crate::survey::Survey;
use crate::{OrchestratorError, fit, interrupt, screen};

/// How a run goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// Which pipeline, and what each stage is told of it.
    pub arguments: &'a PipelineArguments,
    /// Whether steps that do not depend on a failed one still run.
    pub keep_going: bool,
    /// Figures of an earlier run that this one is compared with.
    pub baseline: Option<&'a Path>,
    /// How often a stage that met a passing fault is started again.
    pub retries: u32,
}

/// A step and the reasons to run it; none where it is fresh.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The facts it was decided from.
    pub facts: Facts,
    /// Why it has to run.
    pub reasons: Vec<Reason>,
}

/// Decides about every selected step, as far as that can be known beforehand.
///
/// # Errors
/// A source is missing, artifacts do not fit together, or with `--only` an input is not there.
pub fn plan(
    steps: &[Step],
    selection: &Selection,
    survey: &mut Survey,
) -> Result<Vec<Planned>, OrchestratorError> {
    let mut not_ready = BTreeMap::new();
    let mut planned = Vec::new();
    for step in steps {
        let facts = survey.look(step, selection.asks_for(&step.id))?;
        let reasons = decide(&facts);
        if selection.contains(&step.id) {
            check_inputs(step, &not_ready, survey)?;
            planned.push(Planned { facts, reasons });
        } else if !reasons.is_empty() {
            not_ready.insert(step.id.clone(), reasons);
        }
    }
    survey.save();
    Ok(planned)
}

/// A step's inputs fit together, and those that will not be built are there.
fn check_inputs(
    step: &Step,
    not_ready: &BTreeMap<StepId, Vec<Reason>>,
    survey: &Survey,
) -> Result<(), OrchestratorError> {
    if let Some((input, reasons)) = step
        .inputs
        .iter()
        .find_map(|input| not_ready.get_key_value(input))
    {
        let problem = format!("is not there for these settings: {}", in_words(reasons));
        return Err(OrchestratorError::InputNotReady {
            step: step.id.clone(),
            input: input.clone(),
            problem,
        });
    }
    if !matches!(
        step.id.stage,
        StageName::Embed | StageName::Train | StageName::Evaluate
    ) {
        return Ok(());
    }
    let known = step
        .inputs
        .iter()
        .chain([&step.id])
        .filter_map(|id| Some((id, survey.known(id)?)));
    let contracts: Vec<_> = known
        .map(|(id, artifact)| (id, &artifact.manifest().contract))
        .collect();
    fit::check(&step.id, &contracts)
}

/// What became of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps whose output was there.
    pub fresh: u64,
    /// Steps that were built.
    pub done: u64,
    /// Steps that failed.
    pub failed: u64,
    /// Steps that wait for a failed one.
    pub held: u64,
    /// Steps that were not tried because the run stopped.
    pub untried: u64,
    /// Whether the report is there and shows the state of things.
    pub reported: bool,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// The exit code: of the first stage that failed, 130 when interrupted.
    pub code: u8,
}

/// One run over the steps of a pipeline.
pub struct Run<'a> {
    /// How it goes about it.
    pub manner: Manner<'a>,
    /// Where the outputs are.
    pub store: &'a Store,
    /// Starts a stage and waits for its end.
    pub launch: &'a mut dyn FnMut(&Job) -> Result<Ending, OrchestratorError>,
    /// Shows the line of a step that no stage's program shows: fresh, failed or held.
    pub show: &'a mut dyn FnMut(StepState, &StepId, &str),
}

/// A run under way.
#[derive(Default)]
struct Course {
    tally: Tally,
    /// Steps without an output, with the failed step each of them waits for.
    held: BTreeMap<StepId, StepId>,
    /// Whether no further step is tried.
    stopped: bool,
}

/// How one step ended.
enum StepEnd {
    Fresh,
    Done,
    /// The output is there, and it is significantly worse than the baseline.
    Refused {
        code: u8,
        reason: String,
    },
    Failed {
        code: u8,
        reason: String,
    },
    Interrupted,
}

impl Run<'_> {
    /// Runs the selected steps, each after what it reads.
    ///
    /// # Errors
    /// A program cannot be started, or the artifacts folder cannot be read or written.
    pub fn run(
        &mut self,
        steps: &[Step],
        selection: &Selection,
        survey: &mut Survey,
    ) -> Result<Tally, OrchestratorError> {
        let mut course = Course::default();
        for step in steps {
            if selection.contains(&step.id) {
                self.take_turn(step, selection, survey, &mut course)?;
            } else {
                survey.look(step, false)?;
            }
        }
        if course.tally.interrupted {
            course.tally.code = 130;
        }
        survey.save();
        Ok(course.tally)
    }

    fn take_turn(
        &mut self,
        step: &Step,
        selection: &Selection,
        survey: &mut Survey,
        course: &mut Course,
    ) -> Result<(), OrchestratorError> {
        let tally = &mut course.tally;
        let failed = step
            .inputs
            .iter()
            .find_map(|input| course.held.get(input))
            .cloned();
        if let Some(failed) = failed {
            tally.held += 1;
            (self.show)(StepState::Held, &step.id, &format!("needs `{failed}`"));
            course.held.insert(step.id.clone(), failed);
            return Ok(());
        }
        tally.interrupted |= interrupt::requested();
        if course.stopped || tally.interrupted {
            tally.untried += 1;
            return Ok(());
        }
        let end = self.step(step, selection, survey)?;
        tally.count(&step.id, &end);
        if let StepEnd::Refused { reason, .. } | StepEnd::Failed { reason, .. } = &end {
            (self.show)(StepState::Failed, &step.id, reason);
        }
        if let StepEnd::Failed { .. } = end {
            course.held.insert(step.id.clone(), step.id.clone());
            course.stopped = !self.manner.keep_going;
        }
        Ok(())
    }

    fn step(
        &mut self,
        step: &Step,
        selection: &Selection,
        survey: &mut Survey,
    ) -> Result<StepEnd, OrchestratorError> {
        let asked = selection.asks_for(&step.id);
        let baseline = self
            .manner
            .baseline
            .filter(|_| selection.comparing_stage() == step.id.stage);
        let facts = survey.look(step, asked)?;
        let was_fresh = decide(&facts).is_empty();
        if was_fresh && baseline.is_none() {
            if let Output::Whole(artifact) = &facts.output {
                self.store.link(&step.id.variant, artifact)?;
                (self.show)(StepState::Fresh, &step.id, &artifact.manifest().run.summary);
            }
            return Ok(StepEnd::Fresh);
        }
        let job = self.job(step, asked, baseline);
        let progress = self.manner.arguments.progress;
        let on_retry = |reason: &str, wait| screen::retry(progress, &step.id, reason, wait);
        let ending = with_retries(
            &job,
            &waits(self.manner.retries),
            &mut *self.launch,
            on_retry,
        )?;
        let is_there = decide(&survey.look(step, false)?).is_empty();
        match ending {
            Ending::Done if !is_there => Err(OrchestratorError::NoOutput {
                step: step.id.clone(),
            }),
            Ending::Done => Ok(if was_fresh {
                StepEnd::Fresh
            } else {
                StepEnd::Done
            }),
            Ending::Interrupted => Ok(StepEnd::Interrupted),
            // Models that regressed are there all the same: the report shows them, the run fails.
            Ending::Failed { code, reason } if baseline.is_some() && is_there => {
                Ok(StepEnd::Refused { code, reason })
            }
            Ending::Failed { code, reason } => Ok(StepEnd::Failed { code, reason }),
        }
    }

    fn job(&self, step: &Step, asked: bool, baseline: Option<&Path>) -> Job {
        let mut arguments: Vec<_> = self
            .manner
            .arguments
            .to_command_line()
            .into_iter()
            .map(Into::into)
            .collect();
        arguments.extend(["--variant".into(), step.id.variant.clone().into()]);
        if asked {
            arguments.push("--force".into());
        }
        if let Some(baseline) = baseline {
            arguments.extend(["--baseline".into(), baseline.into()]);
        }
        Job {
            stage: step.id.stage,
            arguments,
        }
    }
}

impl Tally {
    fn count(&mut self, id: &StepId, end: &StepEnd) {
        match end {
            StepEnd::Fresh => self.fresh += 1,
            StepEnd::Done => self.done += 1,
            StepEnd::Interrupted => {
                self.interrupted = true;
                self.untried += 1;
            }
            StepEnd::Refused { code, .. } | StepEnd::Failed { code, .. } => {
                self.failed += 1;
                if self.code == 0 {
                    self.code = *code;
                }
            }
        }
        let has_output = matches!(
            end,
            StepEnd::Fresh | StepEnd::Done | StepEnd::Refused { .. }
        );
        self.reported |= id.stage == StageName::Report && has_output;
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
