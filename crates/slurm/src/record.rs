//! What is known of jobs beside Slurm's own books: which task is which job, and what each job says of
//! itself. It lies beside the artifacts, where every node and every later command finds it.
//!
//! ```text
//! artifacts/slurm/jobs.jsonl          what was submitted, a line for each task
//! artifacts/slurm/events/NAME.jsonl   what became of a task, written by the jobs themselves
//! artifacts/slurm/logs/NAME.log       what its program said, over all its runs
//! artifacts/slurm/slurm.out           what Slurm said
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use artifact::ArtifactError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::TaskId;

/// The record of an artifacts folder.
#[derive(Clone, Debug)]
pub struct Record {
    folder: PathBuf,
}

/// A task that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// What people call it.
    pub name: String,
    /// Its job.
    pub job: TaskId,
    /// Its command. The same task with another command is other work.
    pub command: Vec<String>,
    /// When, in seconds since 1970.
    pub time: u64,
    /// When the run began that it belongs to. What is submitted again, and by a later call that follows the
    /// same jobs, belongs to the same one.
    pub run: u64,
}

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in seconds since 1970.
    pub time: f64,
    /// The job it happened in.
    pub job: TaskId,
    /// Where.
    pub node: String,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What can happen to a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// Its program was started.
    Started {
        /// The process that watches over it.
        process: u32,
    },
    /// It was put back into the queue, and goes on from what it has saved.
    Requeued {
        /// Why, in words.
        reason: String,
        /// Whether that counts as a failed try; a time limit does not.
        fault: bool,
    },
    /// It was told to end, and has.
    Stopped,
    /// Its program has ended by itself.
    Ended {
        /// The exit code; 128 and the signal's number where it was killed.
        code: u8,
        /// The same in words.
        reason: String,
    },
}

impl Event {
    /// Something that happens now.
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
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

impl Submission {
    /// A submission of now, for a run that began then.
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
    /// The record in a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { folder }
    }

    /// Makes the folders that jobs write into.
    ///
    /// # Errors
    /// The disk refuses.
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

    /// What the program of a task said, over all its runs.
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("logs/{}.log", file_name(name)))
    }

    /// What Slurm said, of all jobs.
    pub fn output(&self) -> PathBuf {
        self.folder.join("slurm.out")
    }

    /// Notes that a task was submitted.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn add_submission(&self, submission: &Submission) -> Result<(), ArtifactError> {
        append(&self.jobs(), submission)
    }

    /// The last submission of each task, by its name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn submissions(&self) -> Result<BTreeMap<String, Submission>, ArtifactError> {
        let lines: Vec<Submission> = read(&self.jobs())?;
        let named = lines.into_iter().map(|line| (line.name.clone(), line));
        Ok(named.collect())
    }

    /// Notes what happened to a task.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn add_event(&self, name: &str, event: &Event) -> Result<(), ArtifactError> {
        append(&self.events_of(name), event)
    }

    /// What happened to a task, in all jobs that it ever had.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn events(&self, name: &str) -> Result<Vec<Event>, ArtifactError> {
        read(&self.events_of(name))
    }

    fn jobs(&self) -> PathBuf {
        self.folder.join("jobs.jsonl")
    }

    fn events_of(&self, name: &str) -> PathBuf {
        let name = file_name(name);
        self.folder.join(format!("events/{name}.jsonl"))
    }
}

/// A task's name as the name of a file.
fn file_name(name: &str) -> String {
    name.replace([' ', '/'], "-")
}

/// Adds a line, in one piece: where writers do not share a machine, each task's file has one of them.
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

/// The lines of a file; none where it is not there. A last line without an end is still being written, or
/// was torn by a crash, and says nothing yet.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ArtifactError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ArtifactError::io("read", path)(error)),
    };
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let reason = format!("line {} is not understood: {error}", number + 1);
            ArtifactError::damaged(path, reason)
        })
    };
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TaskId {
        text.parse().expect("a number")
    }

    #[test]
    fn what_was_noted_is_read_back() {
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
        let whats = [
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
        for what in &whats {
            let event = Event::now(id("12_3"), "node1", what.clone());
            record.add_event("train lstm", &event).expect("written");
        }
        let events = record.events("train lstm").expect("whole");
        assert!(events.iter().map(|event| &event.kind).eq(&whats));
        assert!(record.log("train lstm").ends_with("logs/train-lstm.log"));
    }

    #[test]
    fn a_torn_line_says_nothing_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let record = Record::new(folder.path());
        record.prepare().expect("folders");
        let event = Event::now(id("1"), "node1", EventKind::Stopped);
        record.add_event("a", &event).expect("written");
        let path = record.events_of("a");
        let whole = fs::read_to_string(&path).expect("text");
        fs::write(&path, format!("{whole}{}", &whole[..9])).expect("written");
        assert_eq!(record.events("a").expect("the whole line").len(), 1);
        fs::write(&path, format!("{whole}nonsense\n")).expect("written");
        let error = record.events("a").expect_err("no event");
        assert!(matches!(error, ArtifactError::Damaged { .. }), "{error}");
    }
}
