//! Step by step, several at a time where that is asked for: decide, start what is stale, decide again.
//!
//! The decision about a step is taken when its turn comes, from what its inputs hold by then. So a
//! step rebuilt with the same content leaves everything after it fresh. One thread decides, shows and
//! counts; the others only wait for the end of the program that they started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use artifact::{StageName, Store};
use settings::{Step, StepId};
use stage::{PipelineArguments, StepState};

use crate::known_artifacts::KnownArtifacts;
use crate::launch::{Ending, Job, waits, with_retries};
use crate::plan::{Facts, Output, Reason, decide, in_words};
use crate::run_summary::{RunSummary, StepEnd};
use crate::schedule::{Schedule, cores_of_slot};
use crate::selection::Selection;
use crate::{OrchestratorError, contracts, interrupt, screen};

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
    /// Steps that run at the same time, at most.
    pub jobs: usize,
    /// Cores that they share.
    pub cores: usize,
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
    artifacts: &mut KnownArtifacts,
) -> Result<Vec<Planned>, OrchestratorError> {
    let mut not_ready = BTreeMap::new();
    let mut planned = Vec::new();
    for step in steps {
        let facts = artifacts.look(step, selection.asks_for(&step.id))?;
        let reasons = decide(&facts);
        if selection.contains(&step.id) {
            check_inputs(step, &not_ready, artifacts)?;
            planned.push(Planned { facts, reasons });
        } else if !reasons.is_empty() {
            not_ready.insert(step.id.clone(), reasons);
        }
    }
    artifacts.save();
    Ok(planned)
}

/// A step's inputs fit together, and those that will not be built are there.
fn check_inputs(
    step: &Step,
    not_ready: &BTreeMap<StepId, Vec<Reason>>,
    artifacts: &KnownArtifacts,
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
        .filter_map(|id| Some((id, artifacts.known(id)?)));
    let contracts: Vec<_> = known
        .map(|(id, artifact)| (id, &artifact.manifest().contract))
        .collect();
    contracts::check(&step.id, &contracts)
}

/// One run over the steps of a pipeline.
pub struct Run<'a> {
    /// How it goes about it.
    pub manner: Manner<'a>,
    /// Where the outputs are.
    pub store: &'a Store,
    /// Starts a stage and waits for its end; called by several threads at once.
    pub launch: &'a (dyn Fn(&Job) -> Result<Ending, OrchestratorError> + Sync),
    /// Shows the line of a step that no stage's program shows: fresh, failed or held.
    pub show: &'a mut dyn FnMut(StepState, &StepId, &str),
}

/// A run under way.
#[derive(Default)]
struct Course {
    tally: RunSummary,
    /// Steps without an output, with the failed step each of them waits for.
    held: BTreeMap<StepId, StepId>,
    /// Whether no further step is tried.
    stopped: bool,
}

/// A step about to run, with what its end is judged by.
struct Turn<'a> {
    step: &'a Step,
    /// Its place among the steps.
    place: usize,
    asked: bool,
    was_fresh: bool,
    /// Whether it compares with the baseline.
    compares: bool,
}

impl Run<'_> {
    /// Runs the selected steps, each after what it reads, and as many at a time as there are jobs. A
    /// step that fails leaves those that run beside it alone.
    ///
    /// # Errors
    /// A program cannot be started, or the artifacts folder cannot be read or written. Steps that run
    /// at that moment are waited for.
    pub fn run(
        &mut self,
        steps: &[Step],
        selection: &Selection,
        artifacts: &mut KnownArtifacts,
    ) -> Result<RunSummary, OrchestratorError> {
        let launch = self.launch;
        let cores = self.manner.cores.max(1);
        // Each step has a core at least.
        let jobs = self.manner.jobs.clamp(1, cores);
        let mut schedule = Schedule::new(steps);
        let mut course = Course::default();
        let mut slots: BTreeSet<usize> = (0..jobs).collect();
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| -> Result<(), OrchestratorError> {
            loop {
                let mut turns = Vec::new();
                while schedule.running() < jobs
                    && let Some(place) = schedule.take()
                {
                    match self.take_turn(
                        (place, &steps[place]),
                        selection,
                        artifacts,
                        &mut course,
                    )? {
                        Some(turn) => turns.push(turn),
                        None => schedule.end(place),
                    }
                }
                // No step is ready then, and none will be before this one ends.
                let is_alone = schedule.running() == 1;
                for turn in turns {
                    let slot = slots.pop_first().expect("there is one for each job");
                    let share = match is_alone {
                        true => cores,
                        false => cores_of_slot(cores, jobs, slot),
                    };
                    let job = self.job(&turn, slot, share);
                    let (manner, sender) = (self.manner, sender.clone());
                    scope.spawn(move || {
                        let id = &turn.step.id;
                        let on_retry = |reason: &str, wait| {
                            screen::retry(manner.arguments.progress, id, reason, wait);
                        };
                        let ending = with_retries(&job, &waits(manner.retries), launch, on_retry);
                        // Nobody listens where the run has ended with an error.
                        let _ = sender.send((turn, slot, ending));
                    });
                }
                if schedule.running() == 0 {
                    return Ok(());
                }
                let (turn, slot, ending) = receiver.recv().expect("a step is running");
                slots.insert(slot);
                let end = judge(&turn, ending?, artifacts)?;
                self.take_note(&turn.step.id, &end, &mut course);
                schedule.end(turn.place);
            }
        })?;
        if course.tally.interrupted {
            course.tally.code = 130;
        }
        artifacts.save();
        Ok(course.tally)
    }

    /// Decides about a step. One that has to run is given back; any other has had its turn.
    fn take_turn<'s>(
        &mut self,
        (place, step): (usize, &'s Step),
        selection: &Selection,
        artifacts: &mut KnownArtifacts,
        course: &mut Course,
    ) -> Result<Option<Turn<'s>>, OrchestratorError> {
        if !selection.contains(&step.id) {
            artifacts.look(step, false)?;
            return Ok(None);
        }
        let tally = &mut course.tally;
        let mut inputs = step.inputs.iter();
        if let Some(failed) = inputs.find_map(|input| course.held.get(input)).cloned() {
            tally.held += 1;
            (self.show)(StepState::Held, &step.id, &format!("needs `{failed}`"));
            course.held.insert(step.id.clone(), failed);
            return Ok(None);
        }
        tally.interrupted |= interrupt::requested();
        if course.stopped || tally.interrupted {
            tally.untried += 1;
            return Ok(None);
        }
        let asked = selection.asks_for(&step.id);
        let compares =
            self.manner.baseline.is_some() && selection.comparing_stage() == step.id.stage;
        let facts = artifacts.look(step, asked)?;
        let was_fresh = decide(&facts).is_empty();
        if was_fresh && !compares {
            if let Output::Whole(artifact) = &facts.output {
                self.store.link(&step.id.variant, artifact)?;
                (self.show)(StepState::Fresh, &step.id, &artifact.manifest().run.summary);
            }
            tally.count(&step.id, &StepEnd::Fresh);
            return Ok(None);
        }
        Ok(Some(Turn {
            step,
            place,
            asked,
            was_fresh,
            compares,
        }))
    }

    fn take_note(&mut self, id: &StepId, end: &StepEnd, course: &mut Course) {
        course.tally.count(id, end);
        if let StepEnd::Refused { reason, .. } | StepEnd::Failed { reason, .. } = end {
            (self.show)(StepState::Failed, id, reason);
        }
        if let StepEnd::Failed { .. } = end {
            course.held.insert(id.clone(), id.clone());
            course.stopped |= !self.manner.keep_going;
        }
    }

    fn job(&self, turn: &Turn<'_>, slot: usize, cores: usize) -> Job {
        let manner = self.manner;
        let call = Call {
            step: &turn.step.id,
            asked: turn.asked,
            baseline: manner.baseline.filter(|_| turn.compares),
            threads: (manner.jobs > 1).then_some(cores),
        };
        let arguments = call.arguments(manner.arguments);
        Job {
            stage: turn.step.id.stage,
            arguments: arguments.into_iter().map(Into::into).collect(),
            slot,
        }
    }
}

/// How the program of a step is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// The step.
    pub(crate) step: &'a StepId,
    /// Whether it is redone in any case.
    pub(crate) asked: bool,
    /// The figures that it compares with.
    pub(crate) baseline: Option<&'a Path>,
    /// The threads it may use, where that is not for it to decide.
    pub(crate) threads: Option<usize>,
}

impl Call<'_> {
    /// The arguments of the stage's program.
    pub(crate) fn arguments(&self, pipeline: &PipelineArguments) -> Vec<String> {
        let mut arguments = pipeline.to_command_line();
        arguments.extend(["--variant".to_owned(), self.step.variant.clone()]);
        if self.asked {
            arguments.push("--force".to_owned());
        }
        if let Some(baseline) = self.baseline {
            let baseline = baseline.to_string_lossy().into_owned();
            arguments.extend(["--baseline".to_owned(), baseline]);
        }
        if let Some(threads) = self.threads {
            arguments.extend(["--set".to_owned(), format!("run.threads={threads}")]);
        }
        arguments
    }
}

/// What a program's end means for its step.
fn judge(
    turn: &Turn<'_>,
    ending: Ending,
    artifacts: &mut KnownArtifacts,
) -> Result<StepEnd, OrchestratorError> {
    let is_there = decide(&artifacts.look(turn.step, false)?).is_empty();
    match ending {
        Ending::Done if !is_there => Err(OrchestratorError::NoOutput {
            step: turn.step.id.clone(),
        }),
        Ending::Done if turn.was_fresh => Ok(StepEnd::Fresh),
        Ending::Done => Ok(StepEnd::Done),
        Ending::Interrupted => Ok(StepEnd::Interrupted),
        // Models that regressed are there all the same: the report shows them, the run fails.
        Ending::Failed { code, reason } if turn.compares && is_there => {
            Ok(StepEnd::Refused { code, reason })
        }
        Ending::Failed { code, reason } => Ok(StepEnd::Failed { code, reason }),
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
