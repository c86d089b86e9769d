//! One shard: predicted with a journal, moved into place when finished, and verified before merging.

use std::fs;
use std::path::PathBuf;

use artifact::{ArtifactError, Digest, Failure, FileLock, format, sync};
use serde::{Deserialize, Serialize};
use stage::install_signal_handlers;

use super::plan::{Plan, input_modified};
use super::sealed;
use crate::file::{
    FILES, FileJob, ResumeDirectory, RowCounts, finished_rows, output_failure, stamp,
};
use crate::usage_error;
use bundle::Predictor;

const MANIFEST: &str = "shard.json";

/// A finished shard; stored as `shard.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct FinishedShard {
    /// The digest of the plan of this shard.
    plan: Option<Digest>,
    shard: usize,
    pub(super) counts: RowCounts,
    /// The digests of the predicted rows and of the rejected rows.
    digests: [Digest; 2],
}

impl Plan {
    /// The files of a finished shard: predicted rows and rejected rows.
    pub(super) fn files(&self, shard: usize) -> [PathBuf; 2] {
        FILES.map(|name| self.shard_folder(shard).join(name))
    }

    /// A finished shard, without checking its files; `None` if it is not finished.
    ///
    /// # Errors
    /// Its manifest is damaged, or for other rows.
    pub(super) fn finished(&self, shard: usize) -> Result<Option<FinishedShard>, ArtifactError> {
        let path = self.shard_folder(shard).join(MANIFEST);
        // A folder without a manifest is not a finished shard.
        let found = sealed::read::<FinishedShard>(&path)?.map(|(found, _)| found);
        let found = found.filter(|found| found.plan == self.id);
        match found {
            Some(found) if found.shard != shard || found.counts.rows != self.shard_rows(shard) => {
                let reason = "its rows are not those of its name";
                Err(ArtifactError::damaged(&path, reason))
            }
            found => Ok(found),
        }
    }

    /// A finished shard whose files match their digests; `None` if it is not finished.
    ///
    /// # Errors
    /// A file of it is damaged.
    pub(super) fn verify(&self, shard: usize) -> Result<Option<FinishedShard>, ArtifactError> {
        let Some(found) = self.finished(shard)? else {
            return Ok(None);
        };
        for (path, digest) in self.files(shard).iter().zip(found.digests) {
            let actual = Digest::of_file(path).map_err(ArtifactError::io("read", path))?;
            if actual != digest {
                let reason = format!("its digest is {actual} and should be {digest}");
                return Err(ArtifactError::damaged(path, reason));
            }
        }
        Ok(Some(found))
    }

    /// Whether a shard is finished, without checking its files.
    pub(super) fn is_finished(&self, shard: usize) -> bool {
        self.finished(shard).is_ok_and(|found| found.is_some())
    }

    /// Number of finished rows of a shard, also while its process runs or after it was killed.
    pub(super) fn finished_rows(&self, shard: usize) -> u64 {
        if self.is_finished(shard) {
            return self.shard_rows(shard);
        }
        let counts = finished_rows(&self.resume_directory(shard), &self.shard_task(shard));
        counts.map_or(0, |counts| counts.rows)
    }
}

/// Predicts a shard of the existing plan unless it is finished; resumes after a kill. Returns a one-line summary.
///
/// # Errors
/// There is no plan or it does not fit, the input was modified, or a file cannot be written.
pub(crate) fn run_shard(
    job: &FileJob<'_>,
    shard: usize,
    load: impl FnOnce() -> Result<Predictor, Failure>,
) -> Result<String, Failure> {
    let (plan, progress) = (Plan::load(job.output)?, job.progress);
    let count = plan.count();
    if shard > count {
        let shards = format::plural(count as u64, "shard", "shards");
        let problem = format!("Shard {shard} does not exist: the plan has {shards}");
        let hint = format!("Use a number from 1 to {count}");
        return Err(usage_error(problem, hint));
    }
    plan.check_task(&job.task()?)?;
    let lock = plan.shard_folder(shard).with_added_extension("lock");
    let _lock = FileLock::acquire(&lock, |holder| {
        progress.note(&format!("waiting for {holder}, which predicts this shard"));
    })
    .map_err(output_failure)?;
    // Before this line a signal ends the process at once, and nothing is lost.
    install_signal_handlers();
    let name = format!("shard {shard} of {count}");
    match plan.verify(shard) {
        Ok(Some(_)) => return Ok(format!("{name} is already finished")),
        Ok(None) => {}
        Err(error) => progress.warn(&format!("{error}; the shard is predicted again")),
    }
    let counts = predict_shard(job, &plan, shard, &load()?)?;
    let rows = format::plural(counts.rows, "row", "rows");
    let folder = plan.shard_folder(shard);
    Ok(format!("{name}: {rows}; `{}`", folder.display()))
}

fn predict_shard(
    job: &FileJob<'_>,
    plan: &Plan,
    shard: usize,
    predictor: &Predictor,
) -> Result<RowCounts, Failure> {
    let folder = plan.resume_directory(shard);
    let mut directory = ResumeDirectory::open(&folder, plan.shard_task(shard))?;
    let count = plan.shard_rows(shard);
    if directory.counts.rows > 0 {
        let finished = format::count(directory.counts.rows);
        let all = format::plural(count, "row", "rows");
        let progress = job.progress;
        progress.note(&format!("resuming after {finished} of {all}"));
    }
    job.predict_rows(predictor, &plan.columns, &mut directory, Some(count))?;
    // Rows of an input that was modified meanwhile must not be merged.
    if stamp(job.input)? != plan.task.stamp || directory.counts.rows != count {
        return Err(input_modified(job.input));
    }
    directory.sync()?;
    let digest = |path: &PathBuf| Digest::of_file(path).map_err(ArtifactError::io("read", path));
    let [rows, rejected] = directory.files();
    let finished = FinishedShard {
        plan: plan.id,
        shard,
        digests: [digest(&rows)?, digest(&rejected)?],
        counts: directory.counts,
    };
    sealed::write(&folder.join(MANIFEST), &finished)?;
    // A folder cannot be renamed over another, so a damaged shard is deleted first. After a kill between these steps,
    // the next process finds all rows in the journal.
    plan.remove(shard)?;
    fs::rename(&folder, plan.shard_folder(shard)).map_err(ArtifactError::io("rename", &folder))?;
    sync(&plan.folder)?;
    Ok(finished.counts)
}
