//! One shard: its rows predicted with a journal, put in place as a whole, and proved whole later.

use std::fs;
use std::path::PathBuf;

use artifact::{ArtifactError, Digest, Failure, FileLock, format, sync};
use serde::{Deserialize, Serialize};
use stage::install_signal_handlers;

use super::plan::{Plan, changed};
use super::sealed;
use crate::job::{Done, FILES, Job, Workplace, left_over, stamp, unwritten, with_ending};
use crate::misuse;
use bundle::Predictor;

const MANIFEST: &str = "shard.json";

/// What a finished shard is, as `shard.json` says it.
#[derive(Serialize, Deserialize)]
pub(super) struct Finished {
    /// The digest of the plan that it belongs to.
    plan: Option<Digest>,
    shard: usize,
    pub(super) done: Done,
    /// The digest of the rows, and of those kept aside.
    digests: [Digest; 2],
}

impl Plan {
    /// The files of a finished shard: its rows, and those kept aside.
    pub(super) fn files(&self, shard: usize) -> [PathBuf; 2] {
        FILES.map(|name| self.place(shard).join(name))
    }

    /// A finished shard, its files not looked at; `None` where it is not finished.
    ///
    /// # Errors
    /// It is there, and its manifest is damaged or of something else.
    pub(super) fn finished(&self, shard: usize) -> Result<Option<Finished>, ArtifactError> {
        let path = self.place(shard).join(MANIFEST);
        // A folder without one was not made by us as a whole.
        let found = sealed::read::<Finished>(&path)?.map(|(found, _)| found);
        let found = found.filter(|found| found.plan == self.id);
        match found {
            Some(found) if found.shard != shard || found.done.rows != self.rows_of(shard) => {
                let reason = "it is about other rows than its name says";
                Err(ArtifactError::damaged(&path, reason))
            }
            found => Ok(found),
        }
    }

    /// A finished shard, every byte of it proved.
    ///
    /// # Errors
    /// It is there, and damaged.
    pub(super) fn proved(&self, shard: usize) -> Result<Option<Finished>, ArtifactError> {
        let Some(found) = self.finished(shard)? else {
            return Ok(None);
        };
        for (path, digest) in self.files(shard).iter().zip(found.digests) {
            let is = Digest::of_file(path).map_err(ArtifactError::io("read", path))?;
            if is != digest {
                let reason = format!("its digest is {is} and should be {digest}");
                return Err(ArtifactError::damaged(path, reason));
            }
        }
        Ok(Some(found))
    }

    /// Whether a shard is finished; its files are not looked at.
    pub(super) fn is_finished(&self, shard: usize) -> bool {
        self.finished(shard).is_ok_and(|found| found.is_some())
    }

    /// Rows of a shard that are done, also if its process still runs or was killed.
    pub(super) fn rows_done(&self, shard: usize) -> u64 {
        if self.is_finished(shard) {
            return self.rows_of(shard);
        }
        left_over(&self.work(shard), &self.task_of(shard)).map_or(0, |done| done.rows)
    }
}

/// Predicts a shard of the plan that is there, unless it is finished. Goes on where a killed process
/// came to. Returns what was done, in a line.
///
/// # Errors
/// There is no plan, it is for something else, the input was changed, or the disk refuses.
pub(crate) fn run_shard(
    job: &Job<'_>,
    shard: usize,
    load: impl FnOnce() -> Result<Predictor, Failure>,
) -> Result<String, Failure> {
    let plan = Plan::of(job.output)?;
    let count = plan.count();
    if shard > count {
        let problem = format!("There is no shard {shard}: the plan has {count}");
        return Err(misuse(problem, format!("Name one from 1 to {count}")));
    }
    plan.check_task(&job.task()?)?;
    let _lock = FileLock::acquire(&with_ending(&plan.place(shard), "lock"), |holder| {
        job.progress
            .note(&format!("waiting for {holder}, which predicts this shard"));
    })
    .map_err(unwritten)?;
    // Until here a signal ends the process at once, and nothing is lost.
    install_signal_handlers();
    let named = format!("shard {shard} of {count}");
    match plan.proved(shard) {
        Ok(Some(_)) => return Ok(format!("{named} is finished already")),
        Ok(None) => {}
        Err(error) => job.progress.warn(&format!("{error}; it is computed again")),
    }
    let done = compute(job, &plan, shard, &load()?)?;
    let (rows, place) = (format::plural(done.rows, "row", "rows"), plan.place(shard));
    Ok(format!("{named}: {rows}; `{}`", place.display()))
}

fn compute(
    job: &Job<'_>,
    plan: &Plan,
    shard: usize,
    predictor: &Predictor,
) -> Result<Done, Failure> {
    let work = plan.work(shard);
    let mut workplace = Workplace::open(&work, plan.task_of(shard))?;
    if workplace.done.rows > 0 {
        let [done, all] = [workplace.done.rows, plan.rows_of(shard)].map(format::count);
        let progress = job.progress;
        progress.note(&format!("going on after {done} of {all} rows"));
    }
    let count = plan.rows_of(shard);
    job.work(predictor, &plan.columns, &mut workplace, Some(count))?;
    // Rows of a file that is written to meanwhile are rows of nothing.
    if stamp(job.input)? != plan.task.stamp || workplace.done.rows != count {
        return Err(changed(job.input));
    }
    workplace.sync()?;
    let digest = |path: &PathBuf| Digest::of_file(path).map_err(ArtifactError::io("read", path));
    let [rows, rejected] = workplace.files();
    let finished = Finished {
        plan: plan.id,
        shard,
        digests: [digest(&rows)?, digest(&rejected)?],
        done: workplace.done,
    };
    sealed::write(&work.join(MANIFEST), &finished)?;
    // A folder cannot be renamed over another, so that a damaged predecessor goes first. Killed in
    // between, the next process finds the whole shard in the journal.
    plan.remove(shard)?;
    fs::rename(&work, plan.place(shard)).map_err(ArtifactError::io("rename", &work))?;
    sync(&plan.folder)?;
    Ok(finished.done)
}
