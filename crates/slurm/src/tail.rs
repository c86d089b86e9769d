//! The end of a log: the progress of a job, or why it failed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::TaskId;

/// Bytes that are read from the end of a log.
const TAIL_BYTES: u64 = 16 << 10;

/// Most lines of a failure.
const MAX_LINES: usize = 12;

/// The last line that is not blank.
pub fn last_line(log: &Path) -> Option<String> {
    let text = read_tail(log)?;
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map(|line| line.trim().to_owned())
}

/// The last error message of a program, or its last lines if it printed no error.
pub fn failure_lines(log: &Path) -> Vec<String> {
    let text = read_tail(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let error = lines.iter().rposition(|line| line.starts_with("error"));
    let first = error.unwrap_or_else(|| lines.len().saturating_sub(MAX_LINES));
    let shown = lines[first..].iter().take(MAX_LINES);
    shown.map(|line| (*line).to_owned()).collect()
}

/// The messages about one job in the file of Slurm's messages.
pub fn slurm_messages(output: &Path, job: TaskId) -> Vec<String> {
    let markers = [format!("StepId={job}."), format!("JOB {job} ON ")];
    let text = read_tail(output).unwrap_or_default();
    let is_about_job = |line: &&str| markers.iter().any(|marker| line.contains(marker.as_str()));
    let lines = text.lines().filter(is_about_job).map(str::to_owned);
    let mut lines: Vec<String> = lines.collect();
    lines.dedup();
    lines
}

fn read_tail(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    let start = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_has_the_progress_or_the_failure() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a.log");
        assert_eq!(last_line(&log), None);
        assert!(failure_lines(&log).is_empty());
        let early = "x\n".repeat(20_000);
        std::fs::write(&log, format!("{early}  train lstm: epoch 3\n\n")).expect("written");
        assert_eq!(last_line(&log).as_deref(), Some("train lstm: epoch 3"));
        assert_eq!(failure_lines(&log).len(), MAX_LINES);
        let messages = "e: StepId=19.batch exceeded memory limit\ne: StepId=19.batch exceeded memory limit\n\
                    e: *** JOB 19 ON node1 CANCELLED ***\ne: StepId=190.batch\n";
        std::fs::write(&log, messages).expect("written");
        let job = TaskId {
            job: 19,
            task: None,
        };
        assert_eq!(slurm_messages(&log, job).len(), 2);
        std::fs::write(
            &log,
            "error: old\nfine\nerror: The disk is full\n  cause: x\n  hint: y\n",
        )
        .expect("written");
        assert_eq!(
            failure_lines(&log),
            ["error: The disk is full", "  cause: x", "  hint: y"]
        );
    }
}
