//! What a file's prediction has come to, kept beside the output, so that a kill costs one chunk.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use artifact::{ArtifactError, Digest, Failure, FileLock};
use ingest::KeepColumns;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::form::Form;
use super::places::{lock, unwritten};

const JOURNAL: &str = "journal.json";

/// What the files of the rows and of those kept aside are called.
pub(crate) const FILES: [&str; 2] = ["rows", "rejected.jsonl"];

/// All that the output follows from. Where any of it is another, the work begins anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) input: PathBuf,
    /// Its size in bytes and when it was written, in nanoseconds since 1970.
    pub(crate) stamp: (u64, u64),
    pub(crate) model: Digest,
    /// How the file is read: `[ingest]` as given on the command line.
    pub(crate) reading: Value,
    /// How the rows are written.
    pub(crate) form: Form,
    pub(crate) abstain: Option<f32>,
    pub(crate) explain: bool,
    /// Columns of the input that go along.
    pub(crate) carry: KeepColumns,
    /// The first row, from 1; another one for each shard.
    #[serde(default = "first_row")]
    pub(crate) first: u64,
}

fn first_row() -> u64 {
    1
}

/// The size of a file and when it was written.
pub(crate) fn stamp(path: &Path) -> Result<(u64, u64), ArtifactError> {
    let facts = fs::metadata(path).map_err(ArtifactError::io("read", path))?;
    let written = facts.modified().ok();
    let since = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanoseconds = since.map_or(0, |since| since.as_nanos() as u64);
    Ok((facts.len(), nanoseconds))
}

/// What was done of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Rows of the input that are dealt with, in one way or the other.
    pub(crate) rows: u64,
    /// Those of them that are kept aside.
    pub(crate) rejected: u64,
    pub(crate) positive: u64,
    pub(crate) negative: u64,
    pub(crate) undecided: u64,
    /// Rows whose label the file says and that were decided, and those of them that were right.
    pub(crate) judged: u64,
    pub(crate) right: u64,
    /// Bytes of the two files that hold them.
    pub(crate) bytes: [u64; 2],
}

impl Done {
    /// The counts of this and of another part.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            rejected: self.rejected + other.rejected,
            positive: self.positive + other.positive,
            negative: self.negative + other.negative,
            undecided: self.undecided + other.undecided,
            judged: self.judged + other.judged,
            right: self.right + other.right,
            bytes: self.bytes,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Journal {
    task: Task,
    done: Done,
}

/// The folder of a task under way.
pub(crate) struct Workplace {
    folder: PathBuf,
    pub(crate) task: Task,
    pub(crate) done: Done,
    /// The rows, and those kept aside.
    files: [File; 2],
    /// Held as long as the work goes on.
    lock: FileLock,
}

impl Workplace {
    /// Opens the folder, and goes on with what is in it if that is the same task.
    ///
    /// # Errors
    /// Another process works on it, or the disk refuses.
    pub(crate) fn open(folder: &Path, task: Task) -> Result<Self, Failure> {
        let created = fs::create_dir_all(folder).map_err(ArtifactError::io("create", folder));
        created.map_err(unwritten)?;
        let lock = lock(&folder.join("lock"))?;
        let done = left_over(folder, &task).unwrap_or_default();
        // What a kill left behind the last entry of the journal is written once more.
        let open = |place: usize| {
            let path = folder.join(FILES[place]);
            let mut options = OpenOptions::new();
            let file = options.create(true).write(true).truncate(false).open(&path);
            file.and_then(|mut file| {
                file.set_len(done.bytes[place])?;
                file.seek(SeekFrom::End(0)).map(|_| file)
            })
            .map_err(ArtifactError::io("write", &path))
            .map_err(unwritten)
        };
        Ok(Self {
            files: [open(0)?, open(1)?],
            folder: folder.to_owned(),
            task,
            done,
            lock,
        })
    }

    /// Adds a chunk: its rows, those kept aside, and what is done with it. Once this returns it is
    /// never computed again.
    pub(crate) fn add(&mut self, added: [&[u8]; 2], done: Done) -> Result<(), ArtifactError> {
        let bytes = [0, 1].map(|file| self.done.bytes[file] + added[file].len() as u64);
        let journal = Journal {
            task: self.task.clone(),
            done: Done { bytes, ..done },
        };
        let text = serde_json::to_vec(&journal).expect("plain data");
        let temporary = self.folder.join("journal.new");
        let save = || {
            for (file, bytes) in self.files.iter_mut().zip(added) {
                file.write_all(bytes)?;
                file.sync_data()?;
            }
            fs::write(&temporary, text)?;
            File::open(&temporary)?.sync_data()?;
            fs::rename(&temporary, self.folder.join(JOURNAL))
        };
        save().map_err(ArtifactError::io("write", &self.folder))?;
        self.done = journal.done;
        Ok(())
    }

    /// The files of the rows and of those kept aside.
    pub(crate) fn files(&self) -> [PathBuf; 2] {
        FILES.map(|name| self.folder.join(name))
    }

    /// Puts all that was written on the disk, not just into the operating system's memory.
    pub(crate) fn sync(&self) -> Result<(), ArtifactError> {
        let synced = self.files.iter().try_for_each(File::sync_all);
        synced.map_err(ArtifactError::io("sync", &self.folder))
    }

    /// Removes the folder, whose lock is held until it is empty. The output is in its place by then: a folder
    /// that stays is no failure, and without its journal means nothing.
    pub(crate) fn leave(self) -> Done {
        // NFS keeps a file that is removed while it is open, by another name, and its folder with it.
        drop(self.files);
        let removed = fs::remove_dir_all(&self.folder);
        drop(self.lock);
        if removed.is_err() {
            let _ = fs::remove_dir(&self.folder);
        }
        self.done
    }
}

/// What was done of this very task, if its files hold at least that much.
pub(crate) fn left_over(folder: &Path, task: &Task) -> Option<Done> {
    let text = fs::read(folder.join(JOURNAL)).ok()?;
    let journal: Journal = serde_json::from_slice(&text).ok()?;
    let holds = |(name, bytes): (&str, u64)| {
        fs::metadata(folder.join(name)).is_ok_and(|facts| facts.len() >= bytes)
    };
    let whole = journal.task == *task && FILES.into_iter().zip(journal.done.bytes).all(holds);
    whole.then_some(journal.done)
}
