//! `ressenti job`: the process inside a cluster job. It runs one stage program and stops it if it hangs. At
//! the time limit and after transient errors it puts the job back into the queue, so that the program resumes
//! from its checkpoint. The job number stays the same, so dependent jobs keep waiting.
//!
//! Without Slurm it only runs the program and returns its exit code.

use std::env;
use std::fs::{self, DirEntry, Metadata, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use artifact::{ArtifactError, Failure, cluster_job, host_name};
use slurm::{Event, EventKind, Record, Slurm, TaskId};
use stage::print_failure;

use crate::arguments::JobArguments;
use crate::interrupt;
use crate::launch::{INTERRUPTED, KILLED, ProcessEnd, TRANSIENT, retry_delays, run_command};
use crate::watchdog::Watchdog;

/// Largest number of times that a job continues after its time limit. A program that needs more is assumed
/// never to end.
const MAX_CONTINUATIONS: usize = 200;

/// Runs the program of a job and returns the exit code of the job.
///
/// # Errors
/// The log or the job record cannot be written, or the program cannot be started.
pub(crate) fn run(arguments: &JobArguments) -> Result<u8, Failure> {
    let record = Record::new(&arguments.record);
    record.prepare()?;
    redirect_output(&record.log(&arguments.name))?;
    let task: Option<TaskId> = cluster_job().and_then(|job| job.parse().ok());
    interrupt::install_handlers_in_job(task.is_some());
    let job = ClusterJob {
        arguments,
        record,
        task,
    };
    job.run()
}

struct ClusterJob<'a> {
    arguments: &'a JobArguments,
    record: Record,
    /// Its job number; `None` without Slurm.
    task: Option<TaskId>,
}

/// What to do after the program has ended.
#[derive(Debug, PartialEq, Eq)]
enum NextAction {
    /// The job ends like its program.
    End(ProcessEnd),
    /// The job was asked to stop, and stops.
    Stop,
    /// The job is put back into the queue and may run on another node.
    Requeue { reason: String, fault: bool },
    /// The time limit came before a checkpoint was written. Another run would not get further.
    LimitTooShort,
}

impl ClusterJob<'_> {
    fn run(&self) -> Result<u8, Failure> {
        // The folder of the heartbeat files.
        let work = self.arguments.record.join("work");
        fs::create_dir_all(&work).map_err(ArtifactError::io("create", &work))?;
        let watchdog = Watchdog::new(&work, self.arguments.stall_timeout);
        let mut retry_delays = retry_delays(self.arguments.retries);
        loop {
            let begun = SystemTime::now();
            let process = std::process::id();
            self.record_event(EventKind::Started { process })?;
            let mut command = Command::new(&self.arguments.command[0]);
            command.args(&self.arguments.command[1..]);
            let ending = run_command(command, 0, &watchdog)?;
            let has_checkpoint = || has_new_files(&self.arguments.resume_prefixes, begun);
            let (limit_near, budget) = (interrupt::limit_near(), self.retry_budget()?);
            let ended = |code, reason| (code, EventKind::Ended { code, reason });
            let (code, what) = match next_action(ending, limit_near, has_checkpoint, budget) {
                NextAction::End(end) => ended(end.code, end.reason),
                NextAction::Stop => (INTERRUPTED, EventKind::Stopped),
                NextAction::LimitTooShort => {
                    print_failure(&limit_too_short(&self.arguments.name));
                    ended(1, "the time limit is too short".to_owned())
                }
                NextAction::Requeue { reason, fault } => {
                    if self.requeue(&reason, fault)? {
                        return Ok(TRANSIENT);
                    }
                    // If the job cannot be requeued, wait here and retry after a transient error.
                    let wait = retry_delays.next().filter(|_| fault);
                    if wait.is_some_and(interrupt::sleep) {
                        continue;
                    }
                    ended(TRANSIENT, reason)
                }
            };
            self.record_event(what)?;
            return Ok(code);
        }
    }

    /// Puts the job back into the queue. Returns `false` if that is not possible. This process must exit soon
    /// afterwards, because the job starts only then.
    fn requeue(&self, reason: &str, fault: bool) -> Result<bool, Failure> {
        let Some(task) = self.task else {
            return Ok(false);
        };
        let text = format!("{reason}: the job is requeued and will resume from its checkpoint");
        // Recorded first, because Slurm may end this process at once.
        let reason = reason.to_owned();
        self.record_event(EventKind::Requeued { reason, fault })?;
        // If the log cannot be written, there is no other place to print.
        let _ = writeln!(anstream::stderr(), "{text}");
        if let Err(error) = Slurm.requeue(task) {
            let hint = "If the cluster forbids requeueing (`JobRequeue`), run `ressenti run --engine slurm` again to resume";
            print_failure(&Failure::from_error(error).with_hint(hint.to_owned()));
            return Ok(false);
        }
        Ok(true)
    }

    /// The retries that this job has left.
    fn retry_budget(&self) -> Result<RetryBudget, Failure> {
        let events = self.record.events(&self.arguments.name)?;
        let (mut faults, mut continuations) = (0, 0);
        for event in events.iter().filter(|event| Some(event.job) == self.task) {
            match event.kind {
                EventKind::Requeued { fault: true, .. } => faults += 1,
                EventKind::Requeued { .. } => continuations += 1,
                _ => {}
            }
        }
        Ok(RetryBudget {
            faults_left: self.arguments.retries.saturating_sub(faults),
            may_continue: continuations < MAX_CONTINUATIONS,
        })
    }

    fn record_event(&self, kind: EventKind) -> Result<(), Failure> {
        // Without Slurm nothing reads the record.
        let Some(task) = self.task else {
            return Ok(());
        };
        let node = env::var("SLURMD_NODENAME").unwrap_or_else(|_| host_name());
        let event = Event::now(task, &node, kind);
        Ok(self.record.add_event(&self.arguments.name, &event)?)
    }
}

/// How often a job may still be requeued.
struct RetryBudget {
    faults_left: u32,
    may_continue: bool,
}

fn next_action(
    ending: ProcessEnd,
    limit_near: bool,
    has_checkpoint: impl Fn() -> bool,
    budget: RetryBudget,
) -> NextAction {
    let requeue = |reason: String, fault| NextAction::Requeue { reason, fault };
    match ending.code {
        // The program was stopped at the time limit, with or without saving.
        INTERRUPTED | 143 if limit_near => match has_checkpoint() && budget.may_continue {
            true => requeue("time limit".to_owned(), false),
            false => NextAction::LimitTooShort,
        },
        INTERRUPTED => NextAction::Stop,
        TRANSIENT | KILLED if budget.faults_left > 0 => requeue(ending.reason, true),
        _ => NextAction::End(ending),
    }
}

fn limit_too_short(name: &str) -> Failure {
    // The name of a job is `train lstm`, or `predict-DIGEST-SHARD`.
    let stage = name.split([' ', '-']).next().unwrap_or(name);
    let text = format!("The job of `{name}` reached its time limit before it saved a checkpoint");
    let hint = format!("Request more time with `--set engine.{stage}.time=HH:MM:SS`");
    Failure::new(text).with_hint(hint)
}

/// Whether a file was written since `since` in a folder whose path starts with one of the prefixes.
fn has_new_files(prefixes: &[PathBuf], since: SystemTime) -> bool {
    let is_new = |metadata: Metadata| metadata.modified().is_ok_and(|time| time >= since);
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    prefixes.iter().any(|prefix| {
        let name = prefix.file_name().unwrap_or_default().as_encoded_bytes();
        let has_prefix = |it: &DirEntry| it.file_name().as_encoded_bytes().starts_with(name);
        let mut folders = entries(prefix.parent().unwrap_or(prefix)).filter(has_prefix);
        folders.any(|folder| entries(&folder.path()).any(|it| it.metadata().is_ok_and(is_new)))
    })
}

/// Appends standard output and standard error of this process and its children to a file.
fn redirect_output(log: &Path) -> Result<(), Failure> {
    let file = OpenOptions::new().append(true).create(true).open(log);
    let file = file.map_err(ArtifactError::io("write", log))?;
    for stream in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: both are open descriptors of this process, and `dup2` changes nothing else.
        if unsafe { libc::dup2(file.as_raw_fd(), stream) } < 0 {
            let error = std::io::Error::last_os_error();
            return Err(ArtifactError::io("write", log)(error).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(
        ending: ProcessEnd,
        (limit_near, has_checkpoint): (bool, bool),
        (faults_left, may_continue): (u32, bool),
        expected: &str,
    ) {
        let budget = RetryBudget {
            faults_left,
            may_continue,
        };
        let found = match next_action(ending, limit_near, || has_checkpoint, budget) {
            NextAction::End(ending) => format!("end {}", ending.code),
            NextAction::Stop => "stop".to_owned(),
            NextAction::Requeue { fault, .. } => format!("requeue, fault {fault}"),
            NextAction::LimitTooShort => "too short".to_owned(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn only_transient_errors_and_time_limits_requeue_a_job() {
        let fresh = (3, true);
        check(ProcessEnd::of_code(0), (false, false), fresh, "end 0");
        // The program ended before the time limit.
        check(ProcessEnd::of_code(0), (true, false), fresh, "end 0");
        check(ProcessEnd::of_code(1), (false, true), fresh, "end 1");
        check(ProcessEnd::of_code(1), (true, true), fresh, "end 1");
        for code in [75, 137] {
            check(
                ProcessEnd::of_code(code),
                (false, false),
                fresh,
                "requeue, fault true",
            );
            check(
                ProcessEnd::of_code(code),
                (false, true),
                (0, true),
                &format!("end {code}"),
            );
        }
        check(
            ProcessEnd::of_code(INTERRUPTED),
            (false, true),
            fresh,
            "stop",
        );
        for ending in [ProcessEnd::of_code(INTERRUPTED), ProcessEnd::of_code(143)] {
            check(ending.clone(), (true, true), fresh, "requeue, fault false");
            check(
                ending.clone(),
                (true, true),
                (0, true),
                "requeue, fault false",
            );
            check(ending.clone(), (true, false), fresh, "too short");
            check(ending, (true, true), (3, false), "too short");
        }
    }

    #[test]
    fn new_files_are_found_by_their_time() {
        let work = tempfile::tempdir().expect("a folder");
        let before = SystemTime::now() - Duration::from_secs(5);
        let prefix = work.path().join("train-");
        let news = |since| has_new_files(std::slice::from_ref(&prefix), since);
        assert!(!news(before));
        for (folder, file) in [
            ("embed-12.kept", "shard"),
            ("train-12.kept", "3-abc.safetensors"),
        ] {
            let folder = work.path().join(folder);
            fs::create_dir(&folder).expect("a folder");
            assert!(
                !news(before),
                "an empty folder does not count, nor does the folder of another stage"
            );
            fs::write(folder.join(file), "x").expect("a file");
        }
        assert!(news(before));
        assert!(!news(SystemTime::now() + Duration::from_secs(5)));
    }
}
