//! One shard: its rows predicted with a journal, put in place as a whole, and proved whole later.

use std::fs;
use std::path::PathBuf;

use artifact::{ArtifactError, Digest, Failure, FailureKind, FileLock, format, sync};
use serde::{Deserialize, Serialize};
use stage::{Progress, watch_signals};

use super::plan::{Plan, changed};
use super::sealed;
use crate::job::{Done, Job, REJECTED, ROWS, Workplace, rows_done, stamp, unwritten};
use bundle::Predictor;

const MANIFEST: &str = "shard.json";

/// What a finished shard must be.
#[derive(Serialize, Deserialize)]
struct Manifest {
    /// The digest of the plan that it belongs to.
    plan: Digest,
    shard: usize,
    done: Done,
    /// The digest of the rows, and of those kept aside.
    digests: [Digest; 2],
}

/// A shard that is in place.
pub(super) struct Finished {
    folder: PathBuf,
    pub(super) done: Done,
    digests: [Digest; 2],
}

impl Finished {
    /// A shard of this plan, its files not looked at; `None` where it is not finished.
    ///
    /// # Errors
    /// It is there, and its manifest is damaged or of something else.
    pub(super) fn find(plan: &Plan, shard: usize) -> Result<Option<Self>, ArtifactError> {
        let folder = plan.place(shard);
        let path = folder.join(MANIFEST);
        let Some((manifest, _)) = sealed::read::<Manifest>(&path)? else {
            // A folder without one was not made by us as a whole.
            return Ok(None);
        };
        if manifest.plan != plan.id() {
            return Ok(None);
        }
        let is_whole = manifest.shard == shard && manifest.done.rows == plan.rows_of(shard);
        if !is_whole {
            let reason = "it is about other rows than its name says".to_owned();
            return Err(ArtifactError::Damaged { path, reason });
        }
        Ok(Some(Self {
            folder,
            done: manifest.done,
            digests: manifest.digests,
        }))
    }

    /// A shard of this plan, every byte of it proved.
    ///
    /// # Errors
    /// It is there, and damaged.
    pub(super) fn proved(plan: &Plan, shard: usize) -> Result<Option<Self>, ArtifactError> {
        let Some(found) = Self::find(plan, shard)? else {
            return Ok(None);
        };
        for (path, digest) in [found.rows(), found.rejected()].iter().zip(found.digests) {
            let is = Digest::of_file(path).map_err(ArtifactError::io("read", path))?;
            if is != digest {
                return Err(ArtifactError::Damaged {
                    path: path.clone(),
                    reason: format!("its digest is {is} and should be {digest}"),
                });
            }
        }
        Ok(Some(found))
    }

    /// The file of its rows.
    pub(super) fn rows(&self) -> PathBuf {
        self.folder.join(ROWS)
    }

    /// The file of those kept aside.
    pub(super) fn rejected(&self) -> PathBuf {
        self.folder.join(REJECTED)
    }
}

impl Plan {
    /// Whether a shard is finished: its folder is in place and belongs to this plan. Its files are
    /// not read; [`Plan::check`] does that.
    pub(super) fn is_finished(&self, shard: usize) -> bool {
        Finished::find(self, shard).is_ok_and(|found| found.is_some())
    }

    /// Whether a shard is finished and the digests of its files are correct.
    ///
    /// # Errors
    /// It is there and damaged.
    pub(super) fn check(&self, shard: usize) -> Result<bool, ArtifactError> {
        Ok(Finished::proved(self, shard)?.is_some())
    }

    /// Rows of a shard that are done, also if its process still runs or was killed.
    pub(super) fn rows_done(&self, shard: usize) -> u64 {
        if self.is_finished(shard) {
            return self.rows_of(shard);
        }
        rows_done(&self.work(shard), &self.task_of(shard))
    }
}

/// Predicts a shard of the plan that is there, unless it is finished. Goes on where a killed process
/// came to. Returns what was done, in a line.
///
/// # Errors
/// There is no plan, it is for something else, the input was changed, or the disk refuses.
pub(crate) fn run_shard(
    job: &Job<'_>,
    model: Digest,
    shard: usize,
    load: impl FnOnce() -> Result<Predictor, Failure>,
    progress: &Progress,
) -> Result<String, Failure> {
    let plan = Plan::of(job.output)?;
    if shard > plan.count() {
        return Err(Failure::new(format!(
            "There is no shard {shard}: the plan has {}",
            plan.count()
        ))
        .with_kind(FailureKind::Usage)
        .with_hint(format!("Name one from 1 to {}", plan.count())));
    }
    plan.check_task(&job.task(model)?)?;
    let _lock = FileLock::acquire(&plan.lock(shard), |holder| {
        progress.note(&format!("waiting for {holder}, which predicts this shard"));
    })
    .map_err(unwritten)?;
    // Until here a signal ends the process at once, and nothing is lost.
    watch_signals();
    let named = format!("shard {shard} of {}", plan.count());
    match Finished::proved(&plan, shard) {
        Ok(Some(_)) => return Ok(format!("{named} is finished already")),
        Ok(None) => {}
        Err(error) => progress.warn(&format!("{error}; it is computed again")),
    }
    let predictor = load()?;
    let done = compute(job, &plan, shard, &predictor, progress)?;
    let rows = format::plural(done.rows, "row", "rows");
    Ok(format!(
        "{named}: {rows}; `{}`",
        plan.place(shard).display()
    ))
}

fn compute(
    job: &Job<'_>,
    plan: &Plan,
    shard: usize,
    predictor: &Predictor,
    progress: &Progress,
) -> Result<Done, Failure> {
    let (work, part) = (plan.work(shard), plan.part(shard));
    let mut workplace = Workplace::open(&work, plan.task_of(shard))?;
    if workplace.done.rows > 0 {
        progress.note(&format!(
            "going on after {} of {} rows",
            format::count(workplace.done.rows),
            format::count(plan.rows_of(shard))
        ));
    }
    job.work(predictor, progress, (&part, plan.columns()), &mut workplace)?;
    // Rows of a file that is written to meanwhile are rows of nothing.
    if stamp(job.input)? != plan.task().stamp || workplace.done.rows != plan.rows_of(shard) {
        return Err(changed(job.input));
    }
    workplace.sync()?;
    let digest = |name: &str| {
        let path = work.join(name);
        Digest::of_file(&path).map_err(ArtifactError::io("read", &path))
    };
    let manifest = Manifest {
        plan: plan.id(),
        shard,
        done: workplace.done.clone(),
        digests: [digest(ROWS)?, digest(REJECTED)?],
    };
    sealed::write(&work.join(MANIFEST), &manifest)?;
    // A folder cannot be renamed over another, so that a damaged predecessor goes first. Killed in
    // between, the next process finds the whole shard in the journal.
    plan.remove(shard)?;
    fs::rename(&work, plan.place(shard)).map_err(ArtifactError::io("rename", &work))?;
    sync(plan.folder())?;
    Ok(manifest.done)
}
