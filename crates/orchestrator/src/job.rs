//! `ressenti job`: what runs within a job of a cluster. It calls one program as a person would, watches
//! over it, and lets the job survive its time limit and faults that may pass, by putting it back into
//! the queue: the program goes on from what it has saved. The job's number stays the same, so that what
//! waits for it goes on waiting.
//!
//! Outside Slurm, under any other engine that can run a command, it calls the program and ends as it ends.

use std::env;
use std::fs::{self, Metadata, OpenOptions};
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
use crate::launch::{Ending, INTERRUPTED, KILLED, TRANSIENT, run_command, waits};
use crate::watchdog::Watchdog;

/// Runs from limit to limit that one job may take; more are a program that never ends.
const MOST_CONTINUATIONS: usize = 200;

/// Runs the program of a job, and gives the job's exit code.
///
/// # Errors
/// The log or the record cannot be written, or the program cannot be started.
pub(crate) fn run(arguments: &JobArguments) -> Result<u8, Failure> {
    let record = Record::new(&arguments.record);
    record.prepare()?;
    write_to(&record.log(&arguments.name))?;
    let task: Option<TaskId> = cluster_job().and_then(|job| job.parse().ok());
    interrupt::watch_in_job(task.is_some());
    let job = Job {
        arguments,
        record,
        task,
    };
    job.run()
}

struct Job<'a> {
    arguments: &'a JobArguments,
    record: Record,
    /// Its number; none outside Slurm.
    task: Option<TaskId>,
}

/// What is to be done after a program's end.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The job ends as its program has.
    End(Ending),
    /// It was told to end, and has.
    Stop,
    /// It goes on in another run, on whichever node.
    Again { reason: String, fault: bool },
    /// The time limit came before anything was saved: another run would not get further.
    LimitTooShort,
}

impl Job<'_> {
    fn run(&self) -> Result<u8, Failure> {
        // For signs of life.
        let work = self.arguments.record.join("work");
        fs::create_dir_all(&work).map_err(ArtifactError::io("create", &work))?;
        let watchdog = Watchdog::new(&work, self.arguments.stall_timeout);
        let mut waits = waits(self.arguments.retries);
        loop {
            let begun = SystemTime::now();
            let process = std::process::id();
            self.note(EventKind::Started { process })?;
            let mut command = Command::new(&self.arguments.command[0]);
            command.args(&self.arguments.command[1..]);
            let ending = run_command(command, 0, &watchdog)?;
            let kept = || has_news(&self.arguments.kept, begun);
            let next = next(ending, interrupt::limit_near(), kept, self.tries()?);
            let (code, what) = match next {
                Next::End(Ending { code, reason }) => (code, EventKind::Ended { code, reason }),
                Next::Stop => (INTERRUPTED, EventKind::Stopped),
                Next::LimitTooShort => {
                    print_failure(&too_short(&self.arguments.name));
                    let reason = "the time limit is too short".to_owned();
                    (1, EventKind::Ended { code: 1, reason })
                }
                Next::Again { reason, fault } => {
                    if self.queue_again(&reason, fault)? {
                        return Ok(TRANSIENT);
                    }
                    // Where jobs cannot be queued again, a fault is given time to pass here.
                    let wait = waits.next().filter(|_| fault);
                    if wait.is_some_and(interrupt::sleep) {
                        continue;
                    }
                    let code = TRANSIENT;
                    (code, EventKind::Ended { code, reason })
                }
            };
            self.note(what)?;
            return Ok(code);
        }
    }

    /// Puts the job back into the queue; the sooner this process then ends, the sooner the job can run again. `false`
    /// where that cannot be done.
    fn queue_again(&self, reason: &str, fault: bool) -> Result<bool, Failure> {
        let Some(task) = self.task else {
            return Ok(false);
        };
        let text = "the job is put back into the queue and goes on from what it has saved";
        let text = format!("{reason}: {text}");
        // Noted first: afterwards there may be no time left.
        let reason = reason.to_owned();
        self.note(EventKind::Requeued { reason, fault })?;
        // The log is full, or its disk is: there is no other place to say it.
        let _ = writeln!(anstream::stderr(), "{text}");
        if let Err(error) = Slurm.requeue(task) {
            let hint =
                "A site can forbid it (`JobRequeue`); then `ressenti run --engine slurm` goes on";
            print_failure(&Failure::from_error(error).with_hint(hint.to_owned()));
            return Ok(false);
        }
        Ok(true)
    }

    /// What this job has gone through already.
    fn tries(&self) -> Result<Tries, Failure> {
        let events = self.record.events(&self.arguments.name)?;
        let (mut faults, mut continuations) = (0, 0);
        for event in events.iter().filter(|event| Some(event.job) == self.task) {
            match event.kind {
                EventKind::Requeued { fault: true, .. } => faults += 1,
                EventKind::Requeued { .. } => continuations += 1,
                _ => {}
            }
        }
        Ok(Tries {
            faults_left: self.arguments.retries.saturating_sub(faults),
            may_go_on: continuations < MOST_CONTINUATIONS,
        })
    }

    fn note(&self, kind: EventKind) -> Result<(), Failure> {
        // Outside Slurm nobody asks for it.
        let Some(task) = self.task else {
            return Ok(());
        };
        let node = env::var("SLURMD_NODENAME").unwrap_or_else(|_| host_name());
        let event = Event::now(task, &node, kind);
        Ok(self.record.add_event(&self.arguments.name, &event)?)
    }
}

/// How often a job may still go on.
struct Tries {
    faults_left: u32,
    may_go_on: bool,
}

fn next(ending: Ending, limit_near: bool, kept: impl Fn() -> bool, tries: Tries) -> Next {
    match ending.code {
        // Stopped by us, with or without a word of its own.
        INTERRUPTED | 143 if limit_near => match kept() && tries.may_go_on {
            true => Next::Again {
                reason: "time limit".to_owned(),
                fault: false,
            },
            false => Next::LimitTooShort,
        },
        INTERRUPTED => Next::Stop,
        TRANSIENT | KILLED if tries.faults_left > 0 => Next::Again {
            reason: ending.reason,
            fault: true,
        },
        _ => Next::End(ending),
    }
}

fn too_short(name: &str) -> Failure {
    let stage = name.split(' ').next().unwrap_or(name);
    Failure::new(format!(
        "The time limit of the job of `{name}` came before it had saved anything it could go on from"
    ))
    .with_hint(format!(
        "Give it more with `--set engine.{stage}.time=HH:MM:SS`"
    ))
}

/// Whether anything whose path begins so was written since; for folders what is directly in them counts.
fn has_news(prefixes: &[PathBuf], since: SystemTime) -> bool {
    let is_new = |facts: Metadata| facts.modified().is_ok_and(|time| time >= since);
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    prefixes.iter().any(|prefix| {
        let name = prefix.file_name().unwrap_or_default().as_encoded_bytes();
        let mut like = entries(prefix.parent().unwrap_or(prefix))
            .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(name))
            .filter(|entry| entry.path().is_dir());
        like.any(|folder| entries(&folder.path()).any(|entry| entry.metadata().is_ok_and(is_new)))
    })
}

/// From now on all that this process and its children say goes to the end of a file.
fn write_to(log: &Path) -> Result<(), Failure> {
    let file = OpenOptions::new().append(true).create(true).open(log);
    let file = file.map_err(ArtifactError::io("write", log))?;
    for stream in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: both are open descriptors of this process, and `dup2` touches nothing else.
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
        ending: Ending,
        (limit_near, kept): (bool, bool),
        (faults_left, may_go_on): (u32, bool),
        expected: &str,
    ) {
        let tries = Tries {
            faults_left,
            may_go_on,
        };
        let told = match next(ending, limit_near, || kept, tries) {
            Next::End(ending) => format!("end {}", ending.code),
            Next::Stop => "stop".to_owned(),
            Next::Again { fault, .. } => format!("again, fault {fault}"),
            Next::LimitTooShort => "too short".to_owned(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn what_may_pass_is_queued_again_and_nothing_else() {
        let fresh = (3, true);
        check(Ending::of_code(0), (false, false), fresh, "end 0");
        // Done before the limit came.
        check(Ending::of_code(0), (true, false), fresh, "end 0");
        check(Ending::of_code(1), (false, true), fresh, "end 1");
        check(Ending::of_code(1), (true, true), fresh, "end 1");
        for code in [75, 137] {
            check(
                Ending::of_code(code),
                (false, false),
                fresh,
                "again, fault true",
            );
            check(
                Ending::of_code(code),
                (false, true),
                (0, true),
                &format!("end {code}"),
            );
        }
        check(Ending::of_code(INTERRUPTED), (false, true), fresh, "stop");
        for ending in [Ending::of_code(INTERRUPTED), Ending::of_code(143)] {
            check(ending.clone(), (true, true), fresh, "again, fault false");
            check(
                ending.clone(),
                (true, true),
                (0, true),
                "again, fault false",
            );
            check(ending.clone(), (true, false), fresh, "too short");
            check(ending, (true, true), (3, false), "too short");
        }
    }

    #[test]
    fn what_was_saved_is_seen_by_its_time() {
        let work = tempfile::tempdir().expect("a folder");
        let before = SystemTime::now() - Duration::from_secs(5);
        let prefix = work.path().join("train-");
        let news = |since| has_news(std::slice::from_ref(&prefix), since);
        assert!(!news(before));
        for (folder, file) in [
            ("embed-12.kept", "shard"),
            ("train-12.kept", "3-abc.safetensors"),
        ] {
            let folder = work.path().join(folder);
            fs::create_dir(&folder).expect("a folder");
            assert!(
                !news(before),
                "an empty folder is no news, nor is another stage's"
            );
            fs::write(folder.join(file), "x").expect("a file");
        }
        assert!(news(before));
        assert!(!news(SystemTime::now() + Duration::from_secs(5)));
    }
}
