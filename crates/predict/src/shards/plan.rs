//! What the shards are: ranges of rows, and all that their answers follow from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Digest, Failure, FileLock, format};
use ingest::count_rows;
use serde::{Deserialize, Serialize};

use super::sealed;
use crate::job::{CHUNK_ROWS, Columns, Job, Task, lock, unwritten, with_ending};

const PLAN: &str = "plan.json";

/// Raised when the file comes to say something else.
const FORMAT: u32 = 2;

/// How a file is divided, as `OUTPUT.shards/plan.json` says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    format: u32,
    pub(super) task: Task,
    /// Shards that were asked for. A file of fewer rows has fewer.
    asked: usize,
    /// Rows of the whole input.
    pub(super) rows: u64,
    /// Of the output.
    pub(super) columns: Columns,
    /// The number of the first row of each shard, from 1.
    starts: Vec<u64>,
    /// The folder of all shards.
    #[serde(skip)]
    pub(super) folder: PathBuf,
    /// The digest of the plan in its file, by which a shard is known to belong to it.
    #[serde(skip)]
    pub(super) id: Option<Digest>,
}

impl Plan {
    /// The folder of the shards of an output.
    fn folder_of(output: &Path) -> PathBuf {
        with_ending(output, "shards")
    }

    /// The plan that was made for an output; `None` where there is none.
    ///
    /// # Errors
    /// It is damaged, or of another version of Ressenti.
    fn find(output: &Path) -> Result<Option<Self>, Failure> {
        let folder = Self::folder_of(output);
        let path = folder.join(PLAN);
        let hint = "Plan again: the same command with `--shards N --plan` in place of `--shard` or `--merge`";
        let again = |failure: Failure| failure.with_hint(hint.to_owned());
        let found = sealed::read::<Self>(&path);
        let Some((mut plan, id)) = found.map_err(|error| again(Failure::from_error(error)))? else {
            return Ok(None);
        };
        if plan.format != FORMAT || plan.starts.is_empty() {
            let path = path.display();
            let problem = format!("`{path}` was made by another version");
            return Err(again(Failure::new(problem)));
        }
        (plan.folder, plan.id) = (folder, Some(id));
        Ok(Some(plan))
    }

    /// The plan of an output, which must be there.
    ///
    /// # Errors
    /// As for [`Plan::find`], or there is none.
    pub(super) fn of(output: &Path) -> Result<Self, Failure> {
        Self::find(output)?.ok_or_else(|| {
            let folder = Self::folder_of(output);
            let problem = format!("There is no plan of shards in `{}`", folder.display());
            let hint = "Make it with the same command and `--shards N --plan`";
            Failure::new(problem).with_hint(hint.to_owned())
        })
    }

    /// Number of shards, which are counted from 1.
    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// Rows of a shard.
    pub(super) fn rows_of(&self, shard: usize) -> u64 {
        let starts = &self.starts;
        let end = starts.get(shard).map_or(self.rows + 1, |next| *next);
        end - starts[shard - 1]
    }

    /// What the journal of a shard says that it is about.
    pub(super) fn task_of(&self, shard: usize) -> Task {
        Task {
            first: self.starts[shard - 1],
            ..self.task.clone()
        }
    }

    /// Where a finished shard is: `0007-of-0016`.
    pub(super) fn place(&self, shard: usize) -> PathBuf {
        let name = format!("{shard:04}-of-{:04}", self.count());
        self.folder.join(name)
    }

    /// Where a shard is worked on.
    pub(super) fn work(&self, shard: usize) -> PathBuf {
        with_ending(&self.place(shard), "partial")
    }

    /// Removes a finished shard.
    pub(super) fn remove(&self, shard: usize) -> Result<(), ArtifactError> {
        let place = self.place(shard);
        match fs::remove_dir_all(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(ArtifactError::io("remove", &place)),
        }
    }

    /// Takes the right to plan and to merge.
    pub(super) fn lock_all(folder: &Path) -> Result<FileLock, Failure> {
        lock(&folder.join("plan.lock"))
    }

    /// Fails if a task has come to be another than the plan's.
    pub(super) fn check_task(&self, task: &Task) -> Result<(), Failure> {
        let differences = differences(&self.task, task);
        if differences.is_empty() {
            return Ok(());
        }
        let differences = differences.join(", ");
        let problem = format!("The shards were planned for something else: {differences}");
        let hint = "Plan again: the same command with `--shards N --plan`; shards of the other plan are not used";
        Err(Failure::new(problem).with_hint(hint.to_owned()))
    }

    /// How it is divided, in words.
    fn in_words(&self) -> String {
        let count = format::plural(self.count() as u64, "shard", "shards");
        let sizes = (1..=self.count()).map(|shard| self.rows_of(shard));
        let (least, most) = (sizes.clone().min().unwrap_or(0), sizes.max().unwrap_or(0));
        let rows = match least == most {
            true => format::count(most),
            false => format!("{} to {}", format::count(least), format::count(most)),
        };
        let total = format::plural(self.rows, "row", "rows");
        let mut text = format!("{total} in {count} of {rows}");
        if self.asked > self.count() {
            let asked = format::count(self.asked as u64);
            text +=
                &format!(", for there are no more rows than that, where {asked} were asked for");
        }
        text
    }
}

/// What two tasks differ in, in words.
fn differences(planned: &Task, task: &Task) -> Vec<String> {
    let input = format!("the input was {}", planned.input.display());
    let reading = "the file was read with other `ingest` settings";
    let form = "the answers were written in another form";
    let all = [
        (planned.input == task.input, input.as_str()),
        (planned.stamp == task.stamp, "the input was changed since"),
        (planned.model == task.model, "the model was another"),
        (planned.reading == task.reading, reading),
        (planned.form == task.form, form),
        (planned.abstain == task.abstain, "`--abstain` was another"),
        (planned.explain == task.explain, "`--explain` was another"),
        (planned.carry == task.carry, "`--carry` was another"),
    ];
    let others = all.into_iter().filter(|(is_same, _)| !is_same);
    others.map(|(_, what)| what.to_owned()).collect()
}

/// The plan for a job: the one that is there, if it is for the same, or a new one. Holds the lock of the
/// shards.
///
/// # Errors
/// The input cannot be read, or another process has the lock.
pub(super) fn provide(job: &Job<'_>, shards: usize) -> Result<(Plan, FileLock), Failure> {
    let progress = job.progress;
    let folder = Plan::folder_of(job.output);
    let created = fs::create_dir_all(&folder).map_err(ArtifactError::io("create", &folder));
    created.map_err(unwritten)?;
    let lock = Plan::lock_all(&folder)?;
    let task = job.task()?;
    match Plan::find(job.output) {
        Ok(Some(plan)) => {
            let differences = differences(&plan.task, &task);
            if differences.is_empty() && plan.asked == shards {
                progress.note(&format!("as planned before: {}", plan.in_words()));
                return Ok((plan, lock));
            }
            let asked = || format!("they were {}", format::count(plan.asked as u64));
            let why = differences.into_iter().next().unwrap_or_else(asked);
            progress.note(&format!("the shards of an earlier run are not used: {why}"));
        }
        Ok(None) => {}
        Err(failure) => progress.warn(&format!("{}; it is made again", failure.chain()[0])),
    }
    let shown = progress.task("planning", Some(task.stamp.0), "bytes");
    let rows = count_rows(job.input, job.reading, (progress, &shown))?;
    drop(shown);
    let mut plan = Plan {
        format: FORMAT,
        task,
        asked: shards,
        rows,
        columns: job.columns()?,
        starts: divide(rows, shards),
        folder,
        id: None,
    };
    if job.task()? != plan.task {
        return Err(changed(job.input));
    }
    let path = plan.folder.join(PLAN);
    plan.id = Some(sealed::write(&path, &plan).map_err(unwritten)?);
    progress.note(&plan.in_words());
    Ok((plan, lock))
}

/// The first rows of so many shards of about the same number of rows. Shards begin with a multiple of
/// [`CHUNK_ROWS`] rows before them where the file has that many of these; a file of fewer rows than shards
/// has a shard for each row.
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

/// Plans the shards. Returns a description of one line.
pub(crate) fn plan(job: &Job<'_>, shards: usize) -> Result<String, Failure> {
    let (plan, _lock) = provide(job, shards)?;
    let path = plan.folder.join(PLAN);
    Ok(format!("{}; `{}`", plan.in_words(), path.display()))
}

pub(super) fn changed(input: &Path) -> Failure {
    let input = input.display();
    Failure::new(format!("`{input}` was changed while it was read"))
        .with_hint("Run the same command again once nobody writes to it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_alike_and_begin_with_a_chunk_where_they_can() {
        assert_eq!(divide(1500, 3), [1, 501, 1001]);
        assert_eq!(divide(2, 16), [1, 2]);
        assert_eq!(divide(0, 4), [0_u64; 0]);
        let starts = divide(100_000, 5);
        assert!(starts.iter().all(|start| (start - 1) % CHUNK_ROWS == 0));
        assert_eq!(starts, [1, 16_385, 40_961, 57_345, 81_921]);
    }
}
