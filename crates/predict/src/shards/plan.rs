//! The plan of the shards: ranges of rows, and everything that determines the output.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Digest, Failure, FileLock, format};
use ingest::count_rows;
use serde::{Deserialize, Serialize};

use super::sealed;
use crate::file::{CHUNK_ROWS, Columns, FileJob, PredictionTask, lock, output_failure};

const PLAN: &str = "plan.json";

/// Version of the file format; raised with every change of it.
const FORMAT: u32 = 3;

/// How a file is divided; stored as `OUTPUT.shards/plan.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    format: u32,
    pub(super) task: PredictionTask,
    /// The value of `--shards`; a file with fewer rows has fewer shards.
    requested: usize,
    /// Rows of the whole input.
    pub(super) rows: u64,
    /// Columns of the output.
    pub(super) columns: Columns,
    /// The number of the first row of each shard, from 1.
    starts: Vec<u64>,
    /// The folder of all shards.
    #[serde(skip)]
    pub(super) folder: PathBuf,
    /// The digest of the plan file. A finished shard stores it, to show that it belongs to this plan.
    #[serde(skip)]
    pub(super) id: Option<Digest>,
}

impl Plan {
    /// The folder of the shards of an output.
    fn shards_folder(output: &Path) -> PathBuf {
        output.with_added_extension("shards")
    }

    /// The plan of an output; `None` if there is none.
    ///
    /// # Errors
    /// The plan is damaged, or from another version of Ressenti.
    fn find(output: &Path) -> Result<Option<Self>, Failure> {
        let folder = Self::shards_folder(output);
        let path = folder.join(PLAN);
        let hint = "Plan again: run the same command with `--shards N --plan` instead of `--shard` or `--merge`";
        let with_hint = |failure: Failure| failure.with_hint(hint.to_owned());
        let found = sealed::read::<Self>(&path);
        let found = found.map_err(|error| with_hint(Failure::from_error(error)))?;
        let Some((mut plan, id)) = found else {
            return Ok(None);
        };
        if plan.format != FORMAT || plan.starts.is_empty() {
            let path = path.display();
            let problem = format!("The plan `{path}` is from another version of Ressenti");
            return Err(with_hint(Failure::new(problem)));
        }
        (plan.folder, plan.id) = (folder, Some(id));
        Ok(Some(plan))
    }

    /// The plan of an output.
    ///
    /// # Errors
    /// As for [`Plan::find`], or there is no plan.
    pub(super) fn load(output: &Path) -> Result<Self, Failure> {
        Self::find(output)?.ok_or_else(|| {
            let folder = Self::shards_folder(output);
            let problem = format!("Found no plan of shards in `{}`", folder.display());
            let hint = "Run the same command with `--shards N --plan` first";
            Failure::new(problem).with_hint(hint.to_owned())
        })
    }

    /// Number of shards.
    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// Number of rows of a shard; shards are numbered from 1.
    pub(super) fn shard_rows(&self, shard: usize) -> u64 {
        let end = self.starts.get(shard).map_or(self.rows + 1, |next| *next);
        end - self.starts[shard - 1]
    }

    /// The prediction task of a shard, as in its journal.
    pub(super) fn shard_task(&self, shard: usize) -> PredictionTask {
        let mut task = self.task.clone();
        task.first_row = self.starts[shard - 1];
        task
    }

    /// The folder of a finished shard: `0007-of-0016`.
    pub(super) fn shard_folder(&self, shard: usize) -> PathBuf {
        let name = format!("{shard:04}-of-{:04}", self.count());
        self.folder.join(name)
    }

    /// The resume directory of an unfinished shard.
    pub(super) fn resume_directory(&self, shard: usize) -> PathBuf {
        self.shard_folder(shard).with_added_extension("partial")
    }

    /// Deletes a finished shard.
    pub(super) fn remove(&self, shard: usize) -> Result<(), ArtifactError> {
        let folder = self.shard_folder(shard);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(ArtifactError::io("remove", &folder)),
        }
    }

    /// Locks the plan: only one process may plan or merge.
    pub(super) fn lock(folder: &Path) -> Result<FileLock, Failure> {
        lock(&folder.join("plan.lock"))
    }

    /// Checks that the plan was made for this task.
    ///
    /// # Errors
    /// Lists what differs.
    pub(super) fn check_task(&self, task: &PredictionTask) -> Result<(), Failure> {
        let differences = differences(&self.task, task);
        if differences.is_empty() {
            return Ok(());
        }
        let differences = differences.join(", ");
        let problem = format!("The plan of the shards does not fit this command: {differences}");
        let hint = "Plan again: run the same command with `--shards N --plan`; finished shards of the old plan are not used";
        Err(Failure::new(problem).with_hint(hint.to_owned()))
    }

    /// One line about the sizes of the shards.
    fn describe(&self) -> String {
        let count = format::plural(self.count() as u64, "shard", "shards");
        let sizes = (1..=self.count()).map(|shard| self.shard_rows(shard));
        let (min, max) = (sizes.clone().min().unwrap_or(0), sizes.max().unwrap_or(0));
        let size = match min == max {
            true => format::plural(max, "row", "rows"),
            false => format!("{} to {} rows", format::count(min), format::count(max)),
        };
        let total = format::plural(self.rows, "row", "rows");
        let mut text = format!("{total} in {count} of {size}");
        if self.requested > self.count() {
            let requested = format::count(self.requested as u64);
            text += &format!(" (`--shards {requested}`, but the input has no more rows)");
        }
        text
    }
}

/// What differs between two tasks.
fn differences(old: &PredictionTask, new: &PredictionTask) -> Vec<String> {
    let input = format!("the plan is for the input `{}`", old.input.display());
    let keep_columns = "`--keep-columns` changed";
    let comparisons = [
        (old.input == new.input, input.as_str()),
        (old.stamp == new.stamp, "the input was modified"),
        (old.model == new.model, "the model changed"),
        (old.ingest == new.ingest, "the `ingest` settings changed"),
        (old.format == new.format, "the output format changed"),
        (old.abstain == new.abstain, "`--abstain` changed"),
        (old.explain == new.explain, "`--explain` changed"),
        (old.keep_columns == new.keep_columns, keep_columns),
    ];
    let differences = comparisons.into_iter().filter(|(is_same, _)| !is_same);
    differences.map(|(_, text)| text.to_owned()).collect()
}

/// The existing plan of a job if it fits, else a new one; and the lock of the plan.
///
/// # Errors
/// The input cannot be read, or another process holds the lock.
pub(super) fn find_or_create(job: &FileJob<'_>, count: usize) -> Result<(Plan, FileLock), Failure> {
    let progress = job.progress;
    let folder = Plan::shards_folder(job.output);
    let created = fs::create_dir_all(&folder).map_err(ArtifactError::io("create", &folder));
    created.map_err(output_failure)?;
    let lock = Plan::lock(&folder)?;
    let task = job.task()?;
    match Plan::find(job.output) {
        Ok(Some(plan)) => {
            let differences = differences(&plan.task, &task);
            if differences.is_empty() && plan.requested == count {
                progress.note(&format!("using the existing plan: {}", plan.describe()));
                return Ok((plan, lock));
            }
            let requested = || format!("it has `--shards {}`", plan.requested);
            let reason = differences.into_iter().next().unwrap_or_else(requested);
            progress.note(&format!("the plan of an earlier run is not used: {reason}"));
        }
        Ok(None) => {}
        Err(failure) => progress.warn(&format!("{}; planning again", failure.chain()[0])),
    }
    let counting = progress.task("planning", Some(task.stamp.0), "bytes");
    let rows = count_rows(job.input, job.ingest, (progress, &counting))?;
    drop(counting);
    let mut plan = Plan {
        format: FORMAT,
        task,
        requested: count,
        rows,
        columns: job.columns()?,
        starts: divide(rows, count),
        folder,
        id: None,
    };
    if job.task()? != plan.task {
        return Err(input_modified(job.input));
    }
    let path = plan.folder.join(PLAN);
    plan.id = Some(sealed::write(&path, &plan).map_err(output_failure)?);
    progress.note(&plan.describe());
    Ok((plan, lock))
}

/// The number of the first row of each shard; shards have about the same number of rows. If the file has at least
/// `shards` chunks of [`CHUNK_ROWS`] rows, shards begin where a chunk begins. A file with fewer rows than `shards` has
/// one shard per row.
fn divide(rows: u64, shards: usize) -> Vec<u64> {
    let shards = shards as u64;
    let by_chunks = rows.div_ceil(CHUNK_ROWS) >= shards;
    let unit = if by_chunks { CHUNK_ROWS } else { 1 };
    let units = rows.div_ceil(unit);
    let shards = shards.min(units);
    let start = |shard: u64| u128::from(shard) * u128::from(units) / u128::from(shards);
    let starts = (0..shards).map(|shard| start(shard) as u64 * unit + 1);
    starts.collect()
}

/// Plans the shards. Returns a one-line summary.
pub(crate) fn plan(job: &FileJob<'_>, shards: usize) -> Result<String, Failure> {
    let (plan, _lock) = find_or_create(job, shards)?;
    let path = plan.folder.join(PLAN);
    Ok(format!("{}; `{}`", plan.describe(), path.display()))
}

pub(super) fn input_modified(input: &Path) -> Failure {
    let input = input.display();
    let problem = format!("The input `{input}` was modified while it was read");
    let hint = "Wait until the file is complete, then run the same command again";
    Failure::new(problem).with_hint(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_similar_sizes_and_begin_with_a_chunk() {
        assert_eq!(divide(1500, 3), [1, 501, 1001]);
        assert_eq!(divide(2, 16), [1, 2]);
        assert_eq!(divide(0, 4), [0_u64; 0]);
        let starts = divide(100_000, 5);
        assert!(starts.iter().all(|start| (start - 1) % CHUNK_ROWS == 0));
        assert_eq!(starts, [1, 16_385, 40_961, 57_345, 81_921]);
    }
}
