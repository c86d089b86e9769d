//! Shards as jobs of a Slurm cluster: an array of them, and one job after it that merges. Nobody has to
//! stay: the same command finds its jobs by their record and follows them.

use std::collections::BTreeMap;
use std::env;
use std::iter;
use std::path::{Path, absolute};
use std::thread::sleep;
use std::time::Duration;

use artifact::{ArtifactError, Digest, Failure, FailureKind, format};
use settings::{EngineSettings, RunSettings};
use slurm::tail::{failure_lines, last_line};
use slurm::{
    Batch, JobState, JobStatus, JobWrapper, MonitoredJob, Record, Slurm, Snapshot, Submission,
    Task, TaskId, after_ok,
};
use stage::{Progress, install_signal_handlers, stop_requested};

use super::command::job_arguments;
use super::plan::{Plan, provide};
use crate::job::Job;

/// How often the jobs are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long what a job has written, or how it ended, may stay unknown here.
const UNSEEN: Duration = Duration::from_secs(90);

/// What waits for shards and makes one output of them.
const MERGE: usize = 0;

/// A task's number: a shard, or [`MERGE`].
type Number = usize;

/// Plans here, submits what is not finished and not on its way, and follows it, unless it is to be left once all
/// is submitted. `record` is the folder of the jobs' record. Returns what came of the file, in a line.
///
/// # Errors
/// Slurm refuses or is not there, a shard fails, or we were asked to stop: the jobs then go on.
pub(crate) fn run_on_cluster(
    job: &Job<'_>,
    shards: usize,
    (engine, run): (&EngineSettings, &RunSettings),
    record: &Path,
    detach: bool,
) -> Result<String, Failure> {
    let slurm = Slurm::find()?;
    // The right to plan is given back at once: the job that merges takes it.
    let (plan, _) = provide(job, shards)?;
    let absolute = |path: &Path| absolute(path).map_err(ArtifactError::io("find", path));
    let record = Record::new(absolute(record)?);
    record.prepare()?;
    let output = Digest::of_bytes(absolute(job.output)?.as_os_str().as_encoded_bytes());
    let mut coordinator = Coordinator {
        engine,
        run,
        slurm,
        record,
        plan: &plan,
        name: format!("predict-{}", &output.to_hex()[..8]),
        progress: job.progress,
        jobs: BTreeMap::new(),
        tries: BTreeMap::new(),
    };
    // Until here a signal ends us at once, and nothing is lost.
    install_signal_handlers();
    coordinator.submit_first()?;
    if !detach {
        return coordinator.follow();
    }
    let count = format::plural(coordinator.jobs.len() as u64, "task", "tasks");
    let name = &coordinator.name;
    Ok(format!(
        "{count} submitted; the last one merges. The same command without `--detach` follows them, `scancel --name={name}` ends them"
    ))
}

fn interrupted(message: &str, hint: String) -> Failure {
    Failure::new(message)
        .with_kind(FailureKind::Interrupted)
        .with_hint(hint)
}

/// Jobs under way.
struct Coordinator<'a> {
    engine: &'a EngineSettings,
    run: &'a RunSettings,
    slurm: Slurm,
    record: Record,
    plan: &'a Plan,
    /// What its tasks are called, before their numbers.
    name: String,
    progress: &'a Progress,
    jobs: BTreeMap<Number, MonitoredJob>,
    /// How often a task was submitted again.
    tries: BTreeMap<Number, u32>,
}

impl Coordinator<'_> {
    fn follow(&mut self) -> Result<String, Failure> {
        let (plan, progress) = (self.plan, self.progress);
        let shown = progress.task("predicting", Some(plan.rows), "rows");
        let mut told = 0;
        loop {
            if stop_requested() {
                let name = &self.name;
                let hint = format!(
                    "The same command follows them again; `scancel --name={name}` ends them"
                );
                return Err(interrupted("asked to; the jobs go on", hint));
            }
            self.jobs
                .retain(|number, _| *number == MERGE || !plan.is_finished(*number));
            let jobs = self.jobs.values().map(|job| job.submission.job);
            let snapshot = match Snapshot::take(self.slurm, jobs) {
                Ok(snapshot) => snapshot,
                // The jobs go on without us; a controller that is started anew answers again.
                Err(error) => {
                    progress.warn(&format!("{error}; asking again"));
                    sleep(10 * LOOK_EVERY);
                    continue;
                }
            };
            if let Some(line) = self.look(&snapshot)? {
                return Ok(line);
            }
            let jobs = self.jobs.values();
            let running = jobs.filter(|job| snapshot.is_queued(job.submission.job));
            let shards = 1..=plan.count();
            let rows: u64 = shards.clone().map(|shard| plan.rows_done(shard)).sum();
            shown.advance(rows.saturating_sub(told));
            told = told.max(rows);
            shown.message(&format!(
                "{} of {} shards finished, {} jobs in the queue",
                shards.filter(|shard| plan.is_finished(*shard)).count(),
                plan.count(),
                running.count()
            ));
            sleep(LOOK_EVERY);
        }
    }

    /// One look at every job; the last words of the one that merges, once it has.
    fn look(&mut self, snapshot: &Snapshot) -> Result<Option<String>, Failure> {
        // The merge last: why it will not run is known by the shards.
        let mut numbers: Vec<Number> = self.jobs.keys().copied().collect();
        numbers.sort_by_key(|number| *number == MERGE);
        for number in numbers {
            let Some(job) = self.jobs.get_mut(&number) else {
                continue;
            };
            let status = job.status(snapshot, self.slurm, &self.record)?;
            let is_unseen = job.time_out_of_queue() < UNSEEN;
            let tries = self.tries.get(&number).copied().unwrap_or(0);
            match &status.state {
                JobState::Pending(_) | JobState::Running => {}
                JobState::Ended { code: 0, .. } if number == MERGE => {
                    let said = last_line(&self.record.log(&self.name_of(MERGE)));
                    return Ok(Some(said.unwrap_or_default()));
                }
                JobState::Ended { code: 0, .. } | JobState::Unknown if is_unseen => {}
                // What it waits for is submitted again, or has failed and is told of.
                JobState::Cancelled | JobState::DependencyFailed
                    if number == MERGE && self.jobs.len() > 1 => {}
                JobState::Cancelled | JobState::Ended { code: 130, .. } => {
                    let hint = "The same command goes on where this one was".to_owned();
                    let problem = "cancelled; finished shards and chunks are kept";
                    return Err(interrupted(problem, hint));
                }
                JobState::DependencyFailed => {
                    self.submit_again(number, "what it waits for is gone")?
                }
                standing if status.is_transient() && tries < self.run.retries => {
                    self.submit_again(number, &format!("lost ({standing:?})"))?;
                }
                _ => return Err(self.failed(number, &status)),
            }
        }
        Ok(None)
    }

    /// Submits every shard that is not finished, and the merge after them, but for what is in the queue.
    fn submit_first(&mut self) -> Result<(), Failure> {
        let queue = self.slurm.queue()?;
        let known = self.record.submissions()?;
        let mut open = Vec::new();
        for shard in 1..=self.plan.count() {
            let proved = self.plan.proved(shard);
            if let Err(error) = &proved {
                let progress = self.progress;
                progress.warn(&format!("{error}; shard {shard} is computed again"));
                self.plan.remove(shard)?;
            }
            if !matches!(proved, Ok(Some(_))) {
                open.push(shard);
            }
        }
        let mut wanted = Vec::new();
        for number in open.into_iter().chain([MERGE]) {
            let task = self.task(number)?;
            let known = known.get(&task.name);
            match known.filter(|it| it.command == task.command && queue.contains_key(&it.job)) {
                Some(known) => {
                    self.jobs.insert(number, MonitoredJob::new(known.clone()));
                }
                None => wanted.push(number),
            }
        }
        if !self.jobs.is_empty() {
            let count = format::plural(self.jobs.len() as u64, "task is", "tasks are");
            self.progress.note(&format!(
                "{count} on the way already, submitted by an earlier call"
            ));
        }
        self.submit(&wanted)
    }

    /// Submits a task once more, and the merge after it.
    fn submit_again(&mut self, number: Number, reason: &str) -> Result<(), Failure> {
        *self.tries.entry(number).or_default() += 1;
        let title = self.title(number);
        let progress = self.progress;
        progress.warn(&format!("{title}: {reason}; submitted again"));
        self.jobs.remove(&number);
        let mut wanted = vec![number];
        if let Some(merge) = self.jobs.remove(&MERGE) {
            self.slurm.cancel(&[merge.submission.job])?;
            wanted.push(MERGE);
        }
        self.submit(&wanted)
    }

    /// Submits shards as arrays, and then the merge if it is among them.
    fn submit(&mut self, wanted: &[Number]) -> Result<(), Failure> {
        let shards: Vec<Number> = wanted.iter().copied().filter(|it| *it != MERGE).collect();
        for shards in shards.chunks(self.slurm.max_array_size()?.max(1)) {
            self.submit_batch(shards, None)?;
        }
        if wanted.contains(&MERGE) {
            // What is finished needs no waiting for.
            let after = after_ok(self.jobs.values().map(|job| job.submission.job));
            self.submit_batch(&[MERGE], after)?;
        }
        Ok(())
    }

    fn submit_batch(
        &mut self,
        numbers: &[Number],
        dependency: Option<String>,
    ) -> Result<(), Failure> {
        let tasks = numbers.iter().map(|number| self.task(*number));
        let folder = env::current_dir().map_err(ArtifactError::io("find", Path::new(".")))?;
        let batch = Batch {
            name: self.name.clone(),
            resources: self.engine.of_predict(),
            save_before: self.engine.save_before(),
            output: self.record.output(),
            folder,
            tasks: tasks.collect::<Result<_, Failure>>()?,
        };
        let job = self.slurm.submit(&batch.script(), dependency.as_deref())?;
        for (seat, (number, task)) in numbers.iter().zip(&batch.tasks).enumerate() {
            let seat = (numbers.len() > 1).then_some(seat as u32);
            let id = TaskId { job, task: seat };
            let submission = Submission::now(&task.name, id, &task.command, 0);
            self.record.add_submission(&submission)?;
            self.jobs.insert(*number, MonitoredJob::new(submission));
        }
        Ok(())
    }

    /// The task of a shard: this command, with the shard in place of the shards, watched over.
    fn task(&self, number: Number) -> Result<Task, Failure> {
        let program = env::current_exe();
        let program = program.map_err(ArtifactError::io("find", Path::new("ressenti-predict")))?;
        let cpus = self.engine.of_predict().cpus.unwrap_or(1);
        let threads = format!("run.threads={cpus}");
        let shard = number.to_string();
        let (own, resume_prefix) = match number {
            MERGE => (&["--merge"][..], self.plan.folder.clone()),
            number => (&["--shard", &shard][..], self.plan.work(number)),
        };
        let more = [&["--progress", "plain", "--set", &threads], own].concat();
        let words = iter::once(program.clone().into_os_string())
            .chain(job_arguments(env::args_os().skip(1), &more));
        let command = words.map(|word| word.to_string_lossy().into_owned());
        let wrapper = JobWrapper {
            ressenti: &program.with_file_name("ressenti"),
            record: &self.record,
            resume_prefix: &resume_prefix,
            retries: self.run.retries,
            stall_timeout: self.run.stall_timeout,
        };
        Ok(wrapper.wrap(&self.name_of(number), command.collect()))
    }

    fn name_of(&self, number: Number) -> String {
        match number {
            MERGE => format!("{}-merge", self.name),
            shard => format!("{}-{shard:04}", self.name),
        }
    }

    fn title(&self, number: Number) -> String {
        match number {
            MERGE => "merging".to_owned(),
            shard => format!("shard {shard} of {}", self.plan.count()),
        }
    }

    fn failed(&self, number: Number, status: &JobStatus) -> Failure {
        let log = self.record.log(&self.name_of(number));
        let why = match &status.state {
            JobState::Ended { reason, .. } => reason.clone(),
            JobState::Lost(state) => format!("ended by Slurm: {state}"),
            _ => "nobody knows how it ended".to_owned(),
        };
        let (said, title) = (failure_lines(&log).join("\n  "), self.title(number));
        Failure::new(format!("{title} failed on {}: {why}\n  {said}", status.node)).with_hint(format!(
            "Fix that and run the same command again: finished shards and chunks are kept; the whole log is `{}`",
            log.display()
        ))
    }
}
