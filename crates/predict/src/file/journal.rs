//! The journal of a file's prediction: finished rows are stored next to the output, so a kill loses at most one chunk.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use artifact::files::PredictedLanguages;
use artifact::{ArtifactError, Digest, Failure, FileLock};
use ingest::KeepColumns;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::output::OutputFormat;
use super::paths::{lock, output_failure};

const JOURNAL: &str = "journal.json";

/// Names of the files of predicted rows and of rejected rows.
pub(crate) const FILES: [&str; 2] = ["rows", "rejected.jsonl"];

/// Everything that determines the output. If any of it changed, the prediction starts again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PredictionTask {
    pub(crate) input: PathBuf,
    /// Size of the input in bytes, and its modification time in nanoseconds since 1970.
    pub(crate) stamp: (u64, u64),
    pub(crate) model: Digest,
    /// `[ingest]` settings of the command line.
    pub(crate) ingest: Value,
    pub(crate) format: OutputFormat,
    pub(crate) abstain: Option<f32>,
    pub(crate) explain: bool,
    pub(crate) keep_columns: KeepColumns,
    /// Number of the first row, from 1; differs between shards.
    pub(crate) first_row: u64,
}

/// The size of a file in bytes, and its modification time in nanoseconds since 1970.
pub(crate) fn stamp(path: &Path) -> Result<(u64, u64), ArtifactError> {
    let metadata = fs::metadata(path).map_err(ArtifactError::io("read", path))?;
    let written = metadata.modified().ok();
    let since = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanoseconds = since.map_or(0, |since| since.as_nanos() as u64);
    Ok((metadata.len(), nanoseconds))
}

/// Counts of the rows finished so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowCounts {
    /// Input rows that were predicted or rejected.
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    /// Rows without a text, or whose text is empty after cleaning.
    #[serde(default)]
    pub(crate) without_text: u64,
    pub(crate) positive: u64,
    pub(crate) negative: u64,
    pub(crate) undecided: u64,
    /// Decided rows that have a label in the input.
    pub(crate) labelled: u64,
    /// Labelled rows with a correct prediction.
    pub(crate) correct: u64,
    /// Lengths of the two files in bytes.
    pub(crate) bytes: [u64; 2],
    /// Languages of a sample of the predicted rows.
    #[serde(default)]
    pub(crate) languages: PredictedLanguages,
}

impl RowCounts {
    /// The sums of both counts, with the file lengths of this one.
    pub(crate) fn add(self, other: &Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            rejected: self.rejected + other.rejected,
            without_text: self.without_text + other.without_text,
            positive: self.positive + other.positive,
            negative: self.negative + other.negative,
            undecided: self.undecided + other.undecided,
            labelled: self.labelled + other.labelled,
            correct: self.correct + other.correct,
            bytes: self.bytes,
            languages: self.languages.merged(&other.languages),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Journal {
    task: PredictionTask,
    counts: RowCounts,
}

/// The resume directory of an unfinished prediction.
pub(crate) struct ResumeDirectory {
    folder: PathBuf,
    pub(crate) task: PredictionTask,
    pub(crate) counts: RowCounts,
    /// The predicted rows and the rejected rows.
    files: [File; 2],
    lock: FileLock,
}

impl ResumeDirectory {
    /// Opens the folder, and resumes the prediction in it if that has the same task.
    ///
    /// # Errors
    /// Another process uses the folder, or a file cannot be written.
    pub(crate) fn open(folder: &Path, task: PredictionTask) -> Result<Self, Failure> {
        let created = fs::create_dir_all(folder).map_err(ArtifactError::io("create", folder));
        created.map_err(output_failure)?;
        let lock = lock(&folder.join("lock"))?;
        let counts = finished_rows(folder, &task).unwrap_or_default();
        // Bytes after the last journal entry are from a killed process; those rows are predicted again.
        let open = |index: usize| {
            let path = folder.join(FILES[index]);
            let mut options = OpenOptions::new();
            let file = options.create(true).write(true).truncate(false).open(&path);
            file.and_then(|mut file| {
                file.set_len(counts.bytes[index])?;
                file.seek(SeekFrom::End(0)).map(|_| file)
            })
            .map_err(ArtifactError::io("write", &path))
            .map_err(output_failure)
        };
        Ok(Self {
            files: [open(0)?, open(1)?],
            folder: folder.to_owned(),
            task,
            counts,
            lock,
        })
    }

    /// Appends the predicted and rejected rows of a chunk; `counts` includes them. After this returns, the chunk is
    /// never computed again.
    pub(crate) fn add(&mut self, new: [&[u8]; 2], counts: RowCounts) -> Result<(), ArtifactError> {
        let bytes = [0, 1].map(|file| self.counts.bytes[file] + new[file].len() as u64);
        let journal = Journal {
            task: self.task.clone(),
            counts: RowCounts { bytes, ..counts },
        };
        let text = serde_json::to_vec(&journal).expect("plain data");
        let temporary = self.folder.join("journal.new");
        let save = || {
            for (file, bytes) in self.files.iter_mut().zip(new) {
                file.write_all(bytes)?;
                file.sync_data()?;
            }
            fs::write(&temporary, text)?;
            File::open(&temporary)?.sync_data()?;
            fs::rename(&temporary, self.folder.join(JOURNAL))
        };
        save().map_err(ArtifactError::io("write", &self.folder))?;
        self.counts = journal.counts;
        Ok(())
    }

    /// The files of predicted rows and of rejected rows.
    pub(crate) fn files(&self) -> [PathBuf; 2] {
        FILES.map(|name| self.folder.join(name))
    }

    /// Flushes both files to the disk, not only to the cache of the operating system.
    pub(crate) fn sync(&self) -> Result<(), ArtifactError> {
        let synced = self.files.iter().try_for_each(File::sync_all);
        synced.map_err(ArtifactError::io("sync", &self.folder))
    }

    /// Deletes the folder after the output was written, and returns the counts. The lock is held until the folder is
    /// empty. A folder that cannot be deleted does no harm, because it has no journal any more.
    pub(crate) fn delete(self) -> RowCounts {
        // NFS renames an open file instead of deleting it, which would keep the folder.
        drop(self.files);
        let removed = fs::remove_dir_all(&self.folder);
        drop(self.lock);
        if removed.is_err() {
            let _ = fs::remove_dir(&self.folder);
        }
        self.counts
    }
}

/// The finished rows of exactly this task; `None` if a file is shorter than the journal says.
pub(crate) fn finished_rows(folder: &Path, task: &PredictionTask) -> Option<RowCounts> {
    let text = fs::read(folder.join(JOURNAL)).ok()?;
    let journal: Journal = serde_json::from_slice(&text).ok()?;
    let is_complete = |(name, bytes): (&str, u64)| {
        fs::metadata(folder.join(name)).is_ok_and(|metadata| metadata.len() >= bytes)
    };
    let mut files = FILES.into_iter().zip(journal.counts.bytes);
    (journal.task == *task && files.all(is_complete)).then_some(journal.counts)
}
