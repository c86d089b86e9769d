//! What becomes of submitted jobs: looked at every second, from Slurm's queue and from what the jobs say
//! themselves. One that was lost without its doing is submitted again, with all that waits for it; one
//! that failed holds back what waits for it and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use artifact::{StageName, format};
use settings::{Resources, StepId};
use slurm::tail::{failure, last_line, of_job};
use slurm::{Course, Monitored, Snapshot, Standing, Submission, TaskId};
use stage::StepState;

use super::ClusterRun;
use super::submit::{Jobs, Submitter};
use super::view::{Shown, View};
use crate::known_artifacts::KnownArtifacts;
use crate::launch::{INTERRUPTED, TRANSIENT};
use crate::plan::{Facts, Output, decide};
use crate::run::Planned;
use crate::run_summary::{RunSummary, StepEnd};
use crate::{OrchestratorError, interrupt};

/// How often the queue is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is said how all jobs stand, where there is no terminal.
const OVERVIEW_EVERY: Duration = Duration::from_secs(15);

/// How long what a job has written may stay invisible: attributes of folders are cached for up to a minute
/// by shared file systems.
const INVISIBLE: Duration = Duration::from_secs(90);

/// How long Slurm's books may take to say how a job ended.
const UNACCOUNTED: Duration = Duration::from_secs(30);

/// Follows the jobs of a run.
pub(crate) struct Follower<'a> {
    run: &'a ClusterRun<'a>,
    submitter: Submitter<'a>,
    artifacts: KnownArtifacts<'a>,
    view: View,
    open: BTreeMap<usize, Followed>,
    tally: RunSummary,
    /// Steps without an output, with the failed step each of them waits for.
    held: BTreeMap<StepId, StepId>,
}

/// A job that has not come to its end.
struct Followed {
    job: Monitored,
    /// Whether its step was fresh before and only compares.
    was_fresh: bool,
    /// How often it was submitted anew because it was lost.
    lost: u32,
    /// What it asks for.
    resources: Resources,
    /// Its course as it was shown last.
    shown: Option<Course>,
}

/// What a look at a job says.
enum Verdict {
    Open,
    Ended(StepEnd),
    /// Lost without its doing, in words.
    Lost(String),
}

impl<'a> Follower<'a> {
    pub(crate) fn new(
        run: &'a ClusterRun<'a>,
        submitter: Submitter<'a>,
        artifacts: KnownArtifacts<'a>,
        view: View,
        jobs: Jobs,
        tally: RunSummary,
    ) -> Self {
        let mut follower = Self {
            run,
            submitter,
            artifacts,
            view,
            open: BTreeMap::new(),
            tally,
            held: BTreeMap::new(),
        };
        for (place, submission) in jobs {
            let resources = follower.submitter.resources(place);
            follower.take_up(place, submission, resources, 0);
        }
        follower
    }

    fn take_up(&mut self, place: usize, submission: Submission, resources: Resources, lost: u32) {
        let followed = Followed {
            job: Monitored::new(submission),
            was_fresh: false,
            lost,
            resources,
            shown: None,
        };
        self.open.insert(place, followed);
    }

    /// Follows all jobs to their end, or until the user leaves: the jobs then go on.
    ///
    /// # Errors
    /// Artifacts cannot be read, or Slurm refuses a job that is submitted again.
    pub(crate) fn follow(mut self, planned: &[Planned]) -> Result<RunSummary, OrchestratorError> {
        for planned in planned.iter().filter(|planned| planned.reasons.is_empty()) {
            let place = self.place_of(&planned.facts.id);
            if let Some(followed) = self.open.get_mut(&place) {
                followed.was_fresh = true;
            }
        }
        // What the jobs read and what they write is judged by the same look as in a local run.
        for step in self.run.steps {
            self.artifacts.look(step, false)?;
        }
        let mut overview = None::<Instant>;
        let mut silent = None::<Instant>;
        while !self.open.is_empty() && !interrupt::requested() {
            let jobs = self.open.values().map(|it| it.job.submission.job);
            match Snapshot::of(self.submitter.slurm, jobs) {
                Ok(snapshot) => {
                    silent = None;
                    let is_due = overview.is_none_or(|last| last.elapsed() >= OVERVIEW_EVERY);
                    let is_due = is_due || self.view.is_live();
                    let shown = self.look(&snapshot, is_due)?;
                    if is_due && !shown.is_empty() {
                        overview = Some(Instant::now());
                        self.view.overview(self.tally.done, &shown);
                    }
                }
                // The jobs go on without us; a controller that is started anew answers again.
                Err(error) if silent.is_none_or(|last| last.elapsed() >= OVERVIEW_EVERY) => {
                    silent = Some(Instant::now());
                    self.view
                        .note(&format!("Slurm does not answer ({error}); asking again"));
                }
                Err(_) => {}
            }
            if !self.open.is_empty() {
                interrupt::sleep(LOOK_EVERY);
            }
        }
        if !self.open.is_empty() {
            self.tally.untried += self.open.len() as u64;
            self.tally.interrupted = true;
            self.view.note(
                "the jobs go on; the same command follows them again, `ressenti cancel` ends them",
            );
        }
        if self.tally.interrupted {
            self.tally.code = INTERRUPTED;
        }
        self.artifacts.save();
        Ok(self.tally)
    }

    /// One look at every open job; gives those that stay open, with what they said last where that is shown.
    fn look(
        &mut self,
        snapshot: &Snapshot,
        with_lines: bool,
    ) -> Result<Vec<Shown>, OrchestratorError> {
        let places: Vec<usize> = self.open.keys().copied().collect();
        let mut shown = Vec::new();
        for place in places {
            // It may be held back since by one that was looked at before it.
            let Some(followed) = self.open.get_mut(&place) else {
                continue;
            };
            let Submitter { slurm, record, .. } = self.submitter;
            let course = followed.job.course(snapshot, slurm, record)?;
            match self.judge(place, &course)? {
                Verdict::Open => shown.push(self.show(place, course, with_lines)),
                Verdict::Ended(end) => self.end(place, &course, end)?,
                Verdict::Lost(reason) => self.submit_again(place, &course, &reason)?,
            }
        }
        Ok(shown)
    }

    fn judge(&mut self, place: usize, course: &Course) -> Result<Verdict, OrchestratorError> {
        let followed = &self.open[&place];
        let gone_for = followed.job.gone_for();
        let may_try = followed.lost < self.run.manner.retries;
        let failed = |code, reason: String| Verdict::Ended(StepEnd::Failed { code, reason });
        Ok(match &course.standing {
            Standing::Waits(_) | Standing::Runs => Verdict::Open,
            Standing::NeverRuns => Verdict::Lost("what it reads was submitted again".to_owned()),
            Standing::Cancelled => Verdict::Ended(StepEnd::Interrupted),
            Standing::Ended {
                code: INTERRUPTED, ..
            } => Verdict::Ended(StepEnd::Interrupted),
            Standing::Ended { code: 0, .. } => {
                let was_fresh = followed.was_fresh;
                let step = &self.run.steps[place];
                let facts = self.artifacts.look(step, false)?;
                match decide(&facts).is_empty() {
                    true if was_fresh => Verdict::Ended(StepEnd::Fresh),
                    true => Verdict::Ended(StepEnd::Done),
                    false if gone_for < INVISIBLE => Verdict::Open,
                    false => {
                        return Err(OrchestratorError::NoOutput {
                            step: step.id.clone(),
                        });
                    }
                }
            }
            Standing::Ended { code, reason } => {
                let (code, reason) = (*code, reason.clone());
                let mut is_there = || -> Result<bool, OrchestratorError> {
                    let facts = self.artifacts.look(&self.run.steps[place], false)?;
                    Ok(decide(&facts).is_empty())
                };
                if self.run.compares(place) && is_there()? {
                    Verdict::Ended(StepEnd::Refused { code, reason })
                } else {
                    failed(code, reason)
                }
            }
            Standing::Unknown if gone_for < UNACCOUNTED => Verdict::Open,
            Standing::Lost(_) | Standing::Unknown if course.may_pass() && may_try => {
                Verdict::Lost(lost_in_words(&course.standing))
            }
            Standing::Lost(_) | Standing::Unknown => {
                let code = if course.may_pass() { TRANSIENT } else { 1 };
                let stage = self.run.steps[place].id.stage;
                let words = lost_in_words(&course.standing);
                failed(code, words + &remedy(course, stage))
            }
        })
    }

    fn show(&mut self, place: usize, course: Course, with_line: bool) -> Shown {
        let record = self.submitter.record;
        let id = self.run.steps[place].id.clone();
        let followed = self.open.get_mut(&place).expect("it is open");
        let is_told = with_line && course.standing == Standing::Runs;
        let line = is_told.then(|| last_line(&record.log(&followed.job.submission.name)));
        let shown = Shown {
            id,
            job: followed.job.submission.job.to_string(),
            course: course.clone(),
            line: line.flatten(),
        };
        let moved = |last: &Course| {
            last.starts != course.starts
                || std::mem::discriminant(&last.standing)
                    != std::mem::discriminant(&course.standing)
        };
        // A job runs only once its program does: Slurm says so a moment before.
        let is_started = course.standing != Standing::Runs || course.starts > 0;
        if is_started && followed.shown.as_ref().is_none_or(moved) {
            self.view.moved(&shown);
            followed.shown = Some(course);
        }
        shown
    }

    fn end(
        &mut self,
        place: usize,
        course: &Course,
        end: StepEnd,
    ) -> Result<(), OrchestratorError> {
        let followed = self.open.remove(&place).expect("it is open");
        let id = self.run.steps[place].id.clone();
        self.tally.count(&id, &end);
        let log = self.submitter.record.log(&followed.job.submission.name);
        match &end {
            StepEnd::Done | StepEnd::Fresh => {
                let facts = self.artifacts.look(&self.run.steps[place], false)?;
                let (state, text) = made(&facts, followed.job.submission.time);
                self.view.step(state, &id, &text);
            }
            StepEnd::Refused { reason, .. } => self.view.step(StepState::Failed, &id, reason),
            StepEnd::Failed { reason, .. } => {
                let place = match course.node.as_str() {
                    "" => String::new(),
                    node => format!(" on {node}"),
                };
                let text = format!(
                    "{reason}{place}, job {}; log `{}`",
                    followed.job.submission.job,
                    log.display()
                );
                self.view.step(StepState::Failed, &id, &text);
                let lost = matches!(course.standing, Standing::Lost(_));
                let said = match lost {
                    // Its program had no time to say anything.
                    true => of_job(&self.submitter.record.output(), followed.job.submission.job),
                    false => failure(&log),
                };
                self.view.failure(&said);
                self.hold_back(&id)?;
            }
            StepEnd::Interrupted => self.view.note(&format!("{id}: cancelled")),
        }
        Ok(())
    }

    /// What waits for a failed step will never run: it is taken out of the queue.
    fn hold_back(&mut self, failed: &StepId) -> Result<(), OrchestratorError> {
        self.held.insert(failed.clone(), failed.clone());
        let mut jobs = Vec::new();
        for place in self.followers_of(failed) {
            if let Some(followed) = self.open.remove(&place) {
                let id = self.run.steps[place].id.clone();
                self.tally.held += 1;
                self.view
                    .step(StepState::Held, &id, &format!("needs `{failed}`"));
                self.held.insert(id, failed.clone());
                jobs.push(followed.job.submission.job);
            }
        }
        Ok(self.submitter.slurm.cancel(&jobs)?)
    }

    /// Submits a lost step once more, and all that waits for it.
    fn submit_again(
        &mut self,
        place: usize,
        course: &Course,
        reason: &str,
    ) -> Result<(), OrchestratorError> {
        let id = self.run.steps[place].id.clone();
        if let Some(failed) = self.run.steps[place]
            .inputs
            .iter()
            .find_map(|input| self.held.get(input))
            .cloned()
        {
            return self.hold_back(&failed);
        }
        let followed = self.open.get_mut(&place).expect("it is open");
        followed.lost += 1;
        // What it had, whoever said so: the site's own default may have been too little.
        let more = course
            .memory
            .filter(|_| course.wants_memory())
            .map(|memory| 2 * memory);
        let with = match more {
            Some(more) => {
                followed.resources = followed.resources.with_memory(more);
                format!(" with {more} MiB of memory")
            }
            None => String::new(),
        };
        self.view
            .note(&format!("{id}: {reason}; submitting it again{with}"));
        let mut again: BTreeSet<usize> = self.followers_of(&id).into_iter().collect();
        again.retain(|place| self.open.contains_key(place));
        let old: Vec<TaskId> = again
            .iter()
            .map(|place| self.open[place].job.submission.job)
            .collect();
        self.submitter.slurm.cancel(&old)?;
        again.insert(place);
        let others = self.open.iter().filter(|(place, _)| !again.contains(place));
        let queued: BTreeMap<usize, TaskId> = others
            .map(|(place, it)| (*place, it.job.submission.job))
            .collect();
        let resources = |place: usize| self.open[&place].resources.clone();
        let jobs = self
            .submitter
            .submit_anew(&again, &queued, resources, &self.view)?;
        for (place, submission) in jobs {
            let followed = self.open.get_mut(&place).expect("it was open");
            followed.job = Monitored::new(submission);
            followed.shown = None;
        }
        Ok(())
    }

    /// The places of all that reads a step, directly or not.
    fn followers_of(&self, id: &StepId) -> Vec<usize> {
        let mut reached: BTreeSet<&StepId> = [id].into();
        let mut places = Vec::new();
        for (place, step) in self.run.steps.iter().enumerate() {
            if step.inputs.iter().any(|input| reached.contains(input)) {
                reached.insert(&step.id);
                places.push(place);
            }
        }
        places
    }

    fn place_of(&self, id: &StepId) -> usize {
        let place = self.run.steps.iter().position(|step| step.id == *id);
        place.expect("what is planned is a step")
    }
}

/// Whether a job has made its output or found it, and the output's line.
fn made(facts: &Facts, submitted: u64) -> (StepState, String) {
    let Output::Whole(artifact) = &facts.output else {
        return (StepState::Done, String::new());
    };
    let run = &artifact.manifest().run;
    if run.started >= submitted {
        (
            StepState::Done,
            format!("{}  ({})", run.summary, format::seconds(run.seconds)),
        )
    } else {
        (StepState::Fresh, run.summary.clone())
    }
}

/// What may help a job that Slurm ended, as the rest of a sentence.
fn remedy(course: &Course, stage: StageName) -> String {
    match &course.standing {
        _ if course.wants_memory() => {
            format!("; give it more with `--set engine.{stage}.memory=SIZE`")
        }
        Standing::Lost(state) if state == "TIMEOUT" => format!(
            "; give it more with `--set engine.{stage}.time=HH:MM:SS`, or warn it earlier with `engine.save_before`"
        ),
        _ => String::new(),
    }
}

fn lost_in_words(standing: &Standing) -> String {
    match standing {
        Standing::Lost(state) => match state.as_str() {
            "OUT_OF_MEMORY" => "memory ran out (OUT_OF_MEMORY)".to_owned(),
            "KILLED" => "it was killed, as where memory runs out (FAILED by signal 9)".to_owned(),
            "NODE_FAIL" | "BOOT_FAIL" => format!("its node was lost ({state})"),
            "TIMEOUT" => "its time limit came before it was warned (TIMEOUT)".to_owned(),
            "FAILED" => {
                "it ended before it could say why (FAILED); `slurm.out` beside the logs may"
                    .to_owned()
            }
            state => format!("ended by Slurm ({state})"),
        },
        _ => "it is not in the queue any more, and Slurm does not know how it ended".to_owned(),
    }
}
