//! When the state of a training is saved, and which of the saved states stay.
//!
//! The training thread only copies the state; another thread writes it. While one state is being written
//! no other is due: nothing queues up.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use artifact::ArtifactError;
use settings::CheckpointSettings;

use super::file::{Checkpoint, list_checkpoints};

/// Called with a message for the user.
pub type Note<'a> = dyn Fn(&str) + 'a;

/// Writes the states of one training into a folder and finds the newest again.
pub struct CheckpointManager<'a> {
    folder: PathBuf,
    settings: CheckpointSettings,
    note: &'a Note<'a>,
    last_time: Instant,
    last_step: u64,
    writer: Option<JoinHandle<Result<PathBuf, ArtifactError>>>,
}

impl<'a> CheckpointManager<'a> {
    /// A manager for a folder that exists.
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

    /// Passes a message to the user.
    pub fn note(&self, text: &str) {
        (self.note)(text);
    }

    /// The newest whole state that `parse` can read; damaged ones are named and skipped.
    pub fn latest<T>(&mut self, parse: impl Fn(Checkpoint) -> Option<T>) -> Option<T> {
        self.begin(0);
        for path in list_checkpoints(&self.folder) {
            match Checkpoint::read(&path) {
                Some(checkpoint) => {
                    let step = checkpoint.step;
                    if let Some(state) = parse(checkpoint) {
                        self.last_step = step;
                        return Some(state);
                    }
                    // Of another version of the program: left alone, and overtaken soon.
                }
                None => self.note(&format!(
                    "the checkpoint `{}` is damaged: the one before it is used",
                    path.display()
                )),
            }
        }
        None
    }

    /// Whether the state after this many steps is to be saved.
    pub fn is_due(&self, step: u64) -> bool {
        let CheckpointSettings { seconds, steps, .. } = self.settings;
        let by_time = seconds > 0 && self.last_time.elapsed() >= Duration::from_secs(seconds);
        let by_step = steps > 0 && step >= self.last_step + steps;
        let writer = self.writer.as_ref();
        let is_writing = writer.is_some_and(|writer| !writer.is_finished());
        (by_time || by_step) && !is_writing
    }

    /// Writes a state while training goes on.
    pub fn save(&mut self, checkpoint: Checkpoint) {
        self.begin(checkpoint.step);
        let (folder, keep) = (self.folder.clone(), self.settings.keep);
        self.writer = Some(thread::spawn(move || write(&checkpoint, &folder, keep)));
    }

    /// Writes a state and waits for it to be on the disk.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_now(&mut self, checkpoint: &Checkpoint) -> Result<PathBuf, ArtifactError> {
        self.begin(checkpoint.step);
        write(checkpoint, &self.folder, self.settings.keep)
    }

    fn begin(&mut self, step: u64) {
        self.finish();
        self.last_time = Instant::now();
        self.last_step = step;
    }

    /// Waits for the state that is being written. One that could not be written is no reason to end
    /// the training that it is to protect: it is said, and tried again when the next one is due.
    pub fn finish(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        match writer.join() {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error);
                let cause = cause.map_or_else(String::new, |cause| format!(" ({cause})"));
                self.note(&format!(
                    "{error}{cause}: training goes on without this checkpoint"
                ));
            }
            Err(_) => self.note("a checkpoint could not be written: training goes on without it"),
        }
    }
}

impl Drop for CheckpointManager<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Writes the newest and removes the oldest.
fn write(checkpoint: &Checkpoint, folder: &Path, keep: u32) -> Result<PathBuf, ArtifactError> {
    let path = checkpoint.write(folder)?;
    let paths = list_checkpoints(folder).into_iter();
    for old in paths.skip(keep.max(1) as usize) {
        // One too many does no harm.
        let _ = fs::remove_file(old);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::checkpoint::file::tests::made_up;

    fn settings(seconds: u64, steps: u64) -> CheckpointSettings {
        CheckpointSettings {
            seconds,
            steps,
            keep: 2,
        }
    }

    #[test]
    fn the_newest_are_kept_and_a_damaged_one_gives_way_to_the_one_before() {
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
        // One that cannot be understood gives way, too.
        let older = |found: Checkpoint| (found.step < 30).then_some(found);
        assert_eq!(manager.latest(older).expect("it is there").step, 20);
        fs::write(&paths[0], "torn").expect("written");
        assert_eq!(manager.latest(Some).expect("it is there").step, 20);
        assert!(notes.borrow()[0].contains("damaged"), "{notes:?}");
    }

    #[test]
    fn a_disk_that_refuses_is_told_and_training_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        // A folder stands where the file is to be written.
        fs::create_dir(folder.path().join("checkpoint.partial")).expect("a folder");
        let mut manager = CheckpointManager::new(folder.path(), settings(0, 1), &note);
        manager.save(made_up(1));
        manager.finish();
        assert!(notes.borrow()[0].contains("goes on without"), "{notes:?}");
        manager
            .save_now(&made_up(2))
            .expect_err("it is still there");
    }
}
