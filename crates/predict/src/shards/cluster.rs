//! Shards as jobs of a Slurm cluster: a job array, and one job after it that merges. The client that monitors the
//! jobs may end: the same command finds the jobs by their record and monitors them again.

use std::collections::BTreeMap;
use std::env;
use std::iter;
use std::path::{Path, absolute};
use std::thread::sleep;
use std::time::Duration;

use artifact::{ArtifactError, Digest, Failure, format};
use settings::{EngineSettings, RunSettings};
use slurm::tail::{failure_lines, last_line};
use slurm::{
    Batch, JobState, JobStatus, JobWrapper, MonitoredJob, Record, Slurm, Snapshot, Submission,
    Task, TaskId, after_ok,
};
use stage::{Progress, install_signal_handlers, stop_requested};

use super::command::job_arguments;
use super::plan::{Plan, find_or_create};
use crate::file::FileJob;
use crate::interrupted;

/// Time between two polls of the jobs.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long the files of a finished job, or the way it ended, may stay unknown on this machine.
const MAX_VISIBILITY_DELAY: Duration = Duration::from_secs(90);

/// Number of the task that merges the shards.
const MERGE: usize = 0;

/// Number of a task: a shard, counted from 1, or [`MERGE`].
type TaskNumber = usize;

/// Plans the shards, submits those that are neither finished nor submitted, and monitors the jobs until the output is
/// merged; with `detach` only submits. `record` is the folder of the record of jobs. Returns a one-line summary.
///
/// # Errors
/// Slurm is not available or rejects a job, a shard fails, or the user stops the client; the jobs then continue.
pub(crate) fn run_on_cluster(
    job: &FileJob<'_>,
    shards: usize,
    (engine, run): (&EngineSettings, &RunSettings),
    record: &Path,
    detach: bool,
) -> Result<String, Failure> {
    let slurm = Slurm::find()?;
    // The lock is released at once, because the job that merges needs it.
    let (plan, _) = find_or_create(job, shards)?;
    let absolute = |path: &Path| absolute(path).map_err(ArtifactError::io("find", path));
    let record = Record::new(absolute(record)?);
    record.prepare()?;
    let output = Digest::of_bytes(absolute(job.output)?.as_os_str().as_encoded_bytes());
    let mut monitor = JobMonitor {
        engine,
        run,
        slurm,
        record,
        plan: &plan,
        name: format!("predict-{}", &output.to_hex()[..8]),
        progress: job.progress,
        jobs: BTreeMap::new(),
        resubmissions: BTreeMap::new(),
    };
    // Before this line a signal ends the process at once, and nothing is lost.
    install_signal_handlers();
    monitor.submit_missing()?;
    if !detach {
        return monitor.wait_for_output();
    }
    let count = format::plural(monitor.jobs.len() as u64, "task", "tasks");
    let name = &monitor.name;
    Ok(format!(
        "{count} submitted; the last one merges. The same command without `--detach` monitors them, `scancel --name={name}` cancels them"
    ))
}

/// Submits and monitors the jobs of one output.
struct JobMonitor<'a> {
    engine: &'a EngineSettings,
    run: &'a RunSettings,
    slurm: Slurm,
    record: Record,
    plan: &'a Plan,
    /// Name of the jobs, and prefix of the names of tasks.
    name: String,
    progress: &'a Progress,
    jobs: BTreeMap<TaskNumber, MonitoredJob>,
    /// How often each task was submitted again.
    resubmissions: BTreeMap<TaskNumber, u32>,
}

impl JobMonitor<'_> {
    /// Monitors the jobs until the output is merged, and returns its one-line summary.
    fn wait_for_output(&mut self) -> Result<String, Failure> {
        let (plan, progress) = (self.plan, self.progress);
        let task = progress.task("predicting", Some(plan.rows), "rows");
        let mut reported = 0;
        loop {
            if stop_requested() {
                let name = &self.name;
                let hint = format!(
                    "Run the same command to monitor the jobs again, or cancel them with `scancel --name={name}`"
                );
                let message = "this command; the submitted jobs continue";
                return Err(interrupted(message, hint));
            }
            self.jobs
                .retain(|number, _| *number == MERGE || !plan.is_finished(*number));
            let jobs = self.jobs.values().map(|job| job.submission.job);
            let snapshot = match Snapshot::take(self.slurm, jobs) {
                Ok(snapshot) => snapshot,
                // The jobs continue without this client; a restarted controller answers again.
                Err(error) => {
                    progress.warn(&format!("{error}; trying again"));
                    sleep(10 * POLL_INTERVAL);
                    continue;
                }
            };
            if let Some(summary) = self.poll(&snapshot)? {
                return Ok(summary);
            }
            let jobs = self.jobs.values();
            let queued = jobs.filter(|job| snapshot.is_queued(job.submission.job));
            let shards = 1..=plan.count();
            let rows: u64 = shards.clone().map(|shard| plan.finished_rows(shard)).sum();
            task.advance(rows.saturating_sub(reported));
            reported = reported.max(rows);
            let finished = shards.filter(|shard| plan.is_finished(*shard)).count();
            let all = format::plural(plan.count() as u64, "shard", "shards");
            let queued = format::plural(queued.count() as u64, "job", "jobs");
            let message = format!("{finished} of {all} finished, {queued} in the queue");
            task.message(&message);
            sleep(POLL_INTERVAL);
        }
    }

    /// Checks every job once, and submits lost jobs again. Returns the last line of the merge job when it has ended.
    fn poll(&mut self, snapshot: &Snapshot) -> Result<Option<String>, Failure> {
        // The merge job is last, because failed shards explain why it does not run.
        let mut numbers: Vec<TaskNumber> = self.jobs.keys().copied().collect();
        numbers.sort_by_key(|number| *number == MERGE);
        for number in numbers {
            let Some(job) = self.jobs.get_mut(&number) else {
                continue;
            };
            let status = job.status(snapshot, self.slurm, &self.record)?;
            let may_be_invisible = job.time_out_of_queue() < MAX_VISIBILITY_DELAY;
            let resubmissions = self.resubmissions.get(&number).copied().unwrap_or(0);
            match &status.state {
                JobState::Pending(_) | JobState::Running => {}
                JobState::Ended { code: 0, .. } if number == MERGE => {
                    let summary = last_line(&self.record.log(&self.task_name(MERGE)));
                    return Ok(Some(summary.unwrap_or_default()));
                }
                JobState::Ended { code: 0, .. } | JobState::Unknown if may_be_invisible => {}
                // A shard that it depends on was submitted again, or has failed and is reported.
                JobState::Cancelled | JobState::DependencyFailed
                    if number == MERGE && self.jobs.len() > 1 => {}
                JobState::Cancelled | JobState::Ended { code: 130, .. } => {
                    let hint = "Run the same command again to resume";
                    let message = "a job was cancelled; finished shards and rows are saved";
                    return Err(interrupted(message, hint));
                }
                JobState::DependencyFailed => {
                    self.submit_again(number, "a job that it depends on is gone")?
                }
                state if status.is_transient() && resubmissions < self.run.retries => {
                    self.submit_again(number, &describe_end(state))?;
                }
                _ => return Err(self.failed(number, &status)),
            }
        }
        Ok(None)
    }

    /// Submits every unfinished shard and then the merge job, except those in the queue.
    fn submit_missing(&mut self) -> Result<(), Failure> {
        let queue = self.slurm.queue()?;
        let earlier = self.record.submissions()?;
        let mut unfinished = Vec::new();
        for shard in 1..=self.plan.count() {
            let verified = self.plan.verify(shard);
            if let Err(error) = &verified {
                let progress = self.progress;
                progress.warn(&format!("{error}; shard {shard} is predicted again"));
                self.plan.remove(shard)?;
            }
            if !matches!(verified, Ok(Some(_))) {
                unfinished.push(shard);
            }
        }
        let mut missing = Vec::new();
        for number in unfinished.into_iter().chain([MERGE]) {
            let task = self.task(number)?;
            let earlier = earlier.get(&task.name);
            match earlier.filter(|it| it.command == task.command && queue.contains_key(&it.job)) {
                Some(it) => drop(self.jobs.insert(number, MonitoredJob::new(it.clone()))),
                None => missing.push(number),
            }
        }
        if !self.jobs.is_empty() {
            let count = format::plural(self.jobs.len() as u64, "task is", "tasks are");
            let note = format!("{count} already in the queue, submitted by an earlier command");
            self.progress.note(&note);
        }
        self.submit(&missing)
    }

    /// Submits a task again, and the merge job after it.
    fn submit_again(&mut self, number: TaskNumber, reason: &str) -> Result<(), Failure> {
        *self.resubmissions.entry(number).or_default() += 1;
        let title = self.title(number);
        let progress = self.progress;
        progress.warn(&format!("{title}: {reason}; submitted again"));
        self.jobs.remove(&number);
        let mut numbers = vec![number];
        if let Some(merge) = self.jobs.remove(&MERGE) {
            self.slurm.cancel(&[merge.submission.job])?;
            numbers.push(MERGE);
        }
        self.submit(&numbers)
    }

    /// Submits shards as job arrays, and then the merge job if `numbers` contains it.
    fn submit(&mut self, numbers: &[TaskNumber]) -> Result<(), Failure> {
        let shards: Vec<TaskNumber> = numbers.iter().copied().filter(|it| *it != MERGE).collect();
        for shards in shards.chunks(self.slurm.max_array_size()?.max(1)) {
            self.submit_batch(shards, None)?;
        }
        if numbers.contains(&MERGE) {
            // Finished shards have no jobs to wait for.
            let after = after_ok(self.jobs.values().map(|job| job.submission.job));
            self.submit_batch(&[MERGE], after.as_deref())?;
        }
        Ok(())
    }

    fn submit_batch(&mut self, numbers: &[TaskNumber], after: Option<&str>) -> Result<(), Failure> {
        let tasks = numbers.iter().map(|number| self.task(*number));
        let folder = env::current_dir().map_err(ArtifactError::io("find", Path::new(".")))?;
        let batch = Batch {
            name: self.name.clone(),
            resources: self.engine.resources_for_predict(),
            save_before: self.engine.save_before(),
            output: self.record.output(),
            folder,
            tasks: tasks.collect::<Result<_, Failure>>()?,
        };
        let job = self.slurm.submit(&batch.script(), after)?;
        for (index, (number, task)) in numbers.iter().zip(&batch.tasks).enumerate() {
            let index = (numbers.len() > 1).then_some(index as u32);
            let id = TaskId { job, task: index };
            let submission = Submission::now(&task.name, id, &task.command, 0);
            self.record.add_submission(&submission)?;
            self.jobs.insert(*number, MonitoredJob::new(submission));
        }
        Ok(())
    }

    /// The task of a shard or of the merge: this command with `--shard K` or `--merge`, run by `ressenti job`.
    fn task(&self, number: TaskNumber) -> Result<Task, Failure> {
        let program = env::current_exe();
        let program = program.map_err(ArtifactError::io("find", Path::new("ressenti-predict")))?;
        let cpus = self.engine.resources_for_predict().cpus.unwrap_or(1);
        let threads = format!("run.threads={cpus}");
        let shard = number.to_string();
        let (step, resume_prefix) = match number {
            MERGE => (&["--merge"][..], self.plan.folder.clone()),
            number => (&["--shard", &shard][..], self.plan.resume_directory(number)),
        };
        let more = [&["--progress", "plain", "--set", &threads], step].concat();
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
        Ok(wrapper.wrap(&self.task_name(number), command.collect()))
    }

    fn task_name(&self, number: TaskNumber) -> String {
        match number {
            MERGE => format!("{}-merge", self.name),
            shard => format!("{}-{shard:04}", self.name),
        }
    }

    /// Name of a task in messages.
    fn title(&self, number: TaskNumber) -> String {
        match number {
            MERGE => "merging".to_owned(),
            shard => format!("shard {shard} of {}", self.plan.count()),
        }
    }

    fn failed(&self, number: TaskNumber, status: &JobStatus) -> Failure {
        let log = self.record.log(&self.task_name(number));
        let (reason, title) = (describe_end(&status.state), self.title(number));
        let lines = failure_lines(&log).join("\n  ");
        Failure::new(format!("{title} failed on {}: {reason}\n  {lines}", status.node)).with_hint(format!(
            "Fix the cause and run the same command again: finished shards and rows are saved. The full log is `{}`",
            log.display()
        ))
    }
}

/// How a job ended, for messages.
fn describe_end(state: &JobState) -> String {
    match state {
        JobState::Ended { reason, .. } => reason.clone(),
        JobState::Lost(state) => format!("ended by Slurm: {state}"),
        _ => "Slurm does not report how it ended".to_owned(),
    }
}
