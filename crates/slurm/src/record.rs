//! The record of submitted jobs, in addition to Slurm accounting: which task is which job, and the events and logs that
//! jobs write. It is stored next to the artifacts, so that every node and every later command can read it.
//!
//! ```text
//! artifacts/slurm/jobs.jsonl          submissions, one line per task
//! artifacts/slurm/events/NAME.jsonl   events of a task, written by its jobs
//! artifacts/slurm/logs/NAME.log       output of its program, over all its runs
//! artifacts/slurm/slurm.out           messages of Slurm
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use artifact::ArtifactError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::TaskId;

/// The record of jobs of an artifacts folder.
#[derive(Clone, Debug)]
pub struct Record {
    folder: PathBuf,
}

/// A submitted task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Name of the task.
    pub name: String,
    /// Its job.
    pub job: TaskId,
    /// Its command. The same name with another command is a different task.
    pub command: Vec<String>,
    /// Time of submission in seconds since 1970.
    pub time: u64,
    /// Start time of the run in seconds since 1970. Jobs that are submitted again belong to the same run, also if a
    /// later command submits them.
    pub run: u64,
}

/// An event of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Time in seconds since 1970.
    pub time: f64,
    /// The job of the event.
    pub job: TaskId,
    /// The node of the job.
    pub node: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Kinds of events of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// Its program was started.
    Started {
        /// The process of `ressenti job`, which runs the program.
        process: u32,
    },
    /// It was put back into the queue and will resume.
    Requeued {
        /// The reason, for people.
        reason: String,
        /// Whether this counts as a failed attempt; a time limit does not.
        fault: bool,
    },
    /// It was cancelled or preempted, and has ended.
    Stopped,
    /// Its program has ended.
    Ended {
        /// The exit code; 128 plus the signal number if the program was killed.
        code: u8,
        /// The exit code or signal, for people.
        reason: String,
    },
}

impl Event {
    /// An event at the current time.
    pub fn now(job: TaskId, node: &str, kind: EventKind) -> Self {
        Self {
            time: since_1970().as_secs_f64(),
            job,
            node: node.to_owned(),
            kind,
        }
    }
}

fn since_1970() -> std::time::Duration {
    UNIX_EPOCH.elapsed().unwrap_or_default()
}

impl Submission {
    /// A submission at the current time, for a run that started at `run`.
    pub fn now(name: &str, job: TaskId, command: &[String], run: u64) -> Self {
        Self {
            name: name.to_owned(),
            job,
            command: command.to_vec(),
            time: since_1970().as_secs(),
            run,
        }
    }
}

impl Record {
    /// The record in a folder, which may not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { folder }
    }

    /// Creates the folders for events and logs.
    ///
    /// # Errors
    /// A folder cannot be created.
    pub fn prepare(&self) -> Result<(), ArtifactError> {
        for name in ["events", "logs"] {
            let folder = self.folder.join(name);
            fs::create_dir_all(&folder).map_err(ArtifactError::io("create", &folder))?;
        }
        Ok(())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The log of a task: the output of its program over all runs.
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("logs/{}.log", file_name(name)))
    }

    /// The file with the messages of Slurm, for all jobs.
    pub fn output(&self) -> PathBuf {
        self.folder.join("slurm.out")
    }

    /// Appends a submission.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add_submission(&self, submission: &Submission) -> Result<(), ArtifactError> {
        append(&self.jobs_file(), submission)
    }

    /// The last submission of each task, by task name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn submissions(&self) -> Result<BTreeMap<String, Submission>, ArtifactError> {
        let lines: Vec<Submission> = read(&self.jobs_file())?;
        let named = lines.into_iter().map(|line| (line.name.clone(), line));
        Ok(named.collect())
    }

    /// Appends an event of a task.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add_event(&self, name: &str, event: &Event) -> Result<(), ArtifactError> {
        append(&self.events_file(name), event)
    }

    /// The events of a task, in all its jobs.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn events(&self, name: &str) -> Result<Vec<Event>, ArtifactError> {
        read(&self.events_file(name))
    }

    fn jobs_file(&self) -> PathBuf {
        self.folder.join("jobs.jsonl")
    }

    fn events_file(&self, name: &str) -> PathBuf {
        let name = file_name(name);
        self.folder.join(format!("events/{name}.jsonl"))
    }
}

/// The file name of a task.
fn file_name(name: &str) -> String {
    name.replace([' ', '/'], "-")
}

/// Appends a line with one write, because several processes append to `jobs.jsonl`. The event file of a task has only
/// one writer.
fn append(path: &Path, line: &impl Serialize) -> Result<(), ArtifactError> {
    let mut text = serde_json::to_string(line).expect("plain data");
    text.push('\n');
    let write = || {
        let mut file: File = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    write().map_err(ArtifactError::io("write", path))
}

/// The lines of a file; none if it does not exist. A last line without a line break is ignored: it is still being
/// written, or a crash interrupted it.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ArtifactError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ArtifactError::io("read", path)(error)),
    };
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let reason = format!("line {} cannot be parsed: {error}", index + 1);
            ArtifactError::damaged(path, reason)
        })
    };
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    complete.lines().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TaskId {
        text.parse().expect("a task number")
    }

    #[test]
    fn submissions_and_events_are_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let record = Record::new(folder.path().join("slurm"));
        assert!(record.submissions().expect("none").is_empty());
        record.prepare().expect("folders");
        let command = ["ressenti-train".to_owned()];
        for job in ["7", "12_3"] {
            let submission = Submission::now("train lstm", id(job), &command, 5);
            record.add_submission(&submission).expect("written");
        }
        let submissions = record.submissions().expect("whole");
        assert_eq!(submissions["train lstm"].job, id("12_3"), "the last counts");
        let kinds = [
            EventKind::Started { process: 5 },
            EventKind::Requeued {
                reason: "time limit".to_owned(),
                fault: false,
            },
            EventKind::Ended {
                code: 0,
                reason: "exit code 0".to_owned(),
            },
        ];
        for kind in &kinds {
            let event = Event::now(id("12_3"), "node1", kind.clone());
            record.add_event("train lstm", &event).expect("written");
        }
        let events = record.events("train lstm").expect("whole");
        assert!(events.iter().map(|event| &event.kind).eq(&kinds));
        assert!(record.log("train lstm").ends_with("logs/train-lstm.log"));
    }

    #[test]
    fn an_incomplete_last_line_is_ignored_and_a_damaged_line_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let record = Record::new(folder.path());
        record.prepare().expect("folders");
        let event = Event::now(id("1"), "node1", EventKind::Stopped);
        record.add_event("a", &event).expect("written");
        let path = record.events_file("a");
        let whole = fs::read_to_string(&path).expect("text");
        fs::write(&path, format!("{whole}{}", &whole[..9])).expect("written");
        assert_eq!(record.events("a").expect("the whole line").len(), 1);
        fs::write(&path, format!("{whole}nonsense\n")).expect("written");
        let error = record.events("a").expect_err("no event");
        assert!(matches!(error, ArtifactError::Damaged { .. }), "{error}");
    }
}
