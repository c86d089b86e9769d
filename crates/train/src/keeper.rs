//! When a training's state is saved, by whom, and which of the saved ones are kept.
//!
//! The training thread only copies the state; a thread of its own writes it. A state that comes while
//! the one before is still being written is left out: nothing queues up.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use artifact::ArtifactError;
use settings::CheckpointSettings;

use crate::checkpoint::{Checkpoint, checkpoints_in};

/// Told what a person may want to know.
pub type Note<'a> = dyn Fn(&str) + 'a;

/// Keeps the states of one training in a folder.
pub struct Keeper<'a> {
    folder: PathBuf,
    settings: CheckpointSettings,
    note: &'a Note<'a>,
    last_time: Instant,
    last_step: u64,
    writer: Option<JoinHandle<Result<PathBuf, ArtifactError>>>,
}

impl<'a> Keeper<'a> {
    /// A keeper for a folder that is there.
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

    /// Says something.
    pub(crate) fn note(&self, text: &str) {
        (self.note)(text);
    }

    /// The newest whole checkpoint; damaged ones are named and left out.
    pub(crate) fn latest(&mut self) -> Option<Checkpoint> {
        self.finish();
        let found = checkpoints_in(&self.folder).into_iter().find_map(|path| {
            let checkpoint = Checkpoint::read(&path);
            if checkpoint.is_none() {
                self.note(&format!(
                    "the checkpoint `{}` is damaged: the one before it is taken",
                    path.display()
                ));
            }
            checkpoint
        });
        self.last_time = Instant::now();
        self.last_step = found.as_ref().map_or(0, |found| found.position.step);
        found
    }

    /// Whether the state after this many steps is to be saved.
    pub(crate) fn is_due(&self, step: u64) -> bool {
        let CheckpointSettings { seconds, steps, .. } = self.settings;
        let by_time = seconds > 0 && self.last_time.elapsed() >= Duration::from_secs(seconds);
        let by_step = steps > 0 && step >= self.last_step + steps;
        let is_writing = self
            .writer
            .as_ref()
            .is_some_and(|writer| !writer.is_finished());
        (by_time || by_step) && !is_writing
    }

    /// Writes a state while training goes on.
    pub(crate) fn save(&mut self, checkpoint: Checkpoint) {
        self.finish();
        self.last_time = Instant::now();
        self.last_step = checkpoint.position.step;
        let (folder, keep) = (self.folder.clone(), self.settings.keep);
        self.writer = Some(thread::spawn(move || write(&checkpoint, &folder, keep)));
    }

    /// Writes a state and waits for it to be on the disk.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn save_now(&mut self, checkpoint: &Checkpoint) -> Result<PathBuf, ArtifactError> {
        self.finish();
        self.last_time = Instant::now();
        self.last_step = checkpoint.position.step;
        write(checkpoint, &self.folder, self.settings.keep)
    }

    /// Waits for the state that is being written. One that could not be written is no reason to end
    /// the training that it is to protect: it is said, and tried again when the next one is due.
    pub(crate) fn finish(&mut self) {
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

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Writes the newest and removes the oldest.
fn write(checkpoint: &Checkpoint, folder: &Path, keep: u32) -> Result<PathBuf, ArtifactError> {
    let path = checkpoint.write(folder)?;
    for old in checkpoints_in(folder)
        .into_iter()
        .skip(keep.max(1) as usize)
    {
        // One too many does no harm.
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
    fn the_newest_are_kept_and_a_damaged_one_gives_way_to_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        let mut keeper = Keeper::new(folder.path(), settings(0, 10), &note);
        assert!(keeper.latest().is_none());
        for step in [10, 20, 30] {
            assert!(keeper.is_due(step) && !keeper.is_due(step - 1));
            keeper.save(made_up(step));
            keeper.finish();
        }
        let paths = checkpoints_in(folder.path());
        assert_eq!(paths.len(), 2);
        assert_eq!(keeper.latest().expect("it is there").position.step, 30);
        fs::write(&paths[0], "torn").expect("written");
        assert_eq!(keeper.latest().expect("it is there").position.step, 20);
        assert!(notes.borrow()[0].contains("damaged"), "{notes:?}");
    }

    #[test]
    fn a_disk_that_refuses_is_told_and_training_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        // A folder stands where the file is to be written.
        fs::create_dir(folder.path().join("checkpoint.partial")).expect("a folder");
        let mut keeper = Keeper::new(folder.path(), settings(0, 1), &note);
        keeper.save(made_up(1));
        keeper.finish();
        assert!(notes.borrow()[0].contains("goes on without"), "{notes:?}");
        keeper.save_now(&made_up(2)).expect_err("it is still there");
    }
}
