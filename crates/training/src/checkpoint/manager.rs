//! Decides when a checkpoint is written and which old ones are deleted.
//!
//! The training thread only copies the state; another thread writes it. No checkpoint is due while another one is
//! being written, so writes never queue up.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use artifact::ArtifactError;
use settings::CheckpointSettings;

use super::file::{Checkpoint, list_checkpoints};

/// Called with a message for the user.
pub type Note<'a> = dyn Fn(&str) + 'a;

/// Writes the checkpoints of one training into a folder, and finds the newest one.
pub struct CheckpointManager<'a> {
    folder: PathBuf,
    settings: CheckpointSettings,
    note: &'a Note<'a>,
    last_time: Instant,
    last_step: u64,
    writer: Option<JoinHandle<Result<PathBuf, ArtifactError>>>,
}

impl<'a> CheckpointManager<'a> {
    /// A manager for an existing folder.
    pub fn new(folder: &Path, settings: CheckpointSettings, note: &'a Note<'a>) -> Self {
        Self {
            folder: folder.to_owned(),
            settings,
            note,
            last_time: Instant::now(),
            last_step: 0,
            writer: None,
        }
    }

    /// The newest checkpoint that `parse` accepts. Damaged ones are reported and skipped.
    pub fn latest<T>(&mut self, parse: impl Fn(Checkpoint) -> Option<T>) -> Option<T> {
        self.begin(0);
        for path in list_checkpoints(&self.folder) {
            let Some(checkpoint) = Checkpoint::read(&path) else {
                let path = path.display();
                let text = format!("the checkpoint `{path}` is damaged: using the one before it");
                (self.note)(&text);
                continue;
            };
            let step = checkpoint.step;
            if let Some(state) = parse(checkpoint) {
                self.last_step = step;
                return Some(state);
            }
            // Another version of the program wrote it: it is ignored, and deleted later.
        }
        None
    }

    /// Whether a checkpoint is due after this many steps.
    pub fn is_due(&self, step: u64) -> bool {
        let CheckpointSettings { seconds, steps, .. } = self.settings;
        let by_time = seconds > 0 && self.last_time.elapsed() >= Duration::from_secs(seconds);
        let by_step = steps > 0 && step >= self.last_step + steps;
        let writer = self.writer.as_ref();
        let is_writing = writer.is_some_and(|writer| !writer.is_finished());
        (by_time || by_step) && !is_writing
    }

    /// Writes a checkpoint in the background.
    pub fn save(&mut self, checkpoint: Checkpoint) {
        self.begin(checkpoint.step);
        let (folder, keep) = (self.folder.clone(), self.settings.keep);
        self.writer = Some(thread::spawn(move || write(&checkpoint, &folder, keep)));
    }

    /// Writes a checkpoint and waits until it is on the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_now(&mut self, checkpoint: &Checkpoint) -> Result<PathBuf, ArtifactError> {
        self.begin(checkpoint.step);
        write(checkpoint, &self.folder, self.settings.keep)
    }

    fn begin(&mut self, step: u64) {
        self.finish();
        self.last_time = Instant::now();
        self.last_step = step;
    }

    /// Waits for the checkpoint that is being written. A failed write does not end the training: it is reported, and
    /// the next checkpoint is written when it is due.
    pub fn finish(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        match writer.join() {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error);
                let cause = cause.map_or_else(String::new, |cause| format!(" ({cause})"));
                let text = format!("{error}{cause}: training continues without this checkpoint");
                (self.note)(&text);
            }
            Err(_) => (self.note)("failed to write a checkpoint: training continues without it"),
        }
    }
}

impl Drop for CheckpointManager<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Writes a checkpoint and deletes all but the newest `keep`.
fn write(checkpoint: &Checkpoint, folder: &Path, keep: u32) -> Result<PathBuf, ArtifactError> {
    let path = checkpoint.write(folder)?;
    let paths = list_checkpoints(folder).into_iter();
    for old in paths.skip(keep.max(1) as usize) {
        // A file that cannot be deleted is harmless.
        let _ = fs::remove_file(old);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::checkpoint::tests::made_up;

    fn settings(seconds: u64, steps: u64) -> CheckpointSettings {
        CheckpointSettings {
            seconds,
            steps,
            keep: 2,
        }
    }

    #[test]
    fn the_newest_are_kept_and_damaged_ones_are_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        let mut manager = CheckpointManager::new(folder.path(), settings(0, 10), &note);
        assert!(manager.latest(Some).is_none());
        for step in [10, 20, 30] {
            assert!(manager.is_due(step) && !manager.is_due(step - 1));
            manager.save(made_up(step));
            manager.finish();
        }
        let paths = list_checkpoints(folder.path());
        assert_eq!(paths.len(), 2);
        assert_eq!(manager.latest(Some).expect("it is there").step, 30);
        // A checkpoint that cannot be parsed is skipped, too.
        let older = |found: Checkpoint| (found.step < 30).then_some(found);
        assert_eq!(manager.latest(older).expect("it is there").step, 20);
        fs::write(&paths[0], "torn").expect("written");
        assert_eq!(manager.latest(Some).expect("it is there").step, 20);
        assert!(notes.borrow()[0].contains("damaged"), "{notes:?}");
    }

    #[test]
    fn a_failed_write_is_reported_and_training_continues() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        // A folder has the name of the file to be written.
        fs::create_dir(folder.path().join("checkpoint.partial")).expect("a folder");
        let mut manager = CheckpointManager::new(folder.path(), settings(0, 1), &note);
        manager.save(made_up(1));
        manager.finish();
        assert!(notes.borrow()[0].contains("continues without"), "{notes:?}");
        manager
            .save_now(&made_up(2))
            .expect_err("the folder still has that name");
    }
}
