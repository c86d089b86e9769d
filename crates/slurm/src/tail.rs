//! The end of a log: how far a job has come, or why it failed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::TaskId;

/// Bytes at the end of a log that are looked at.
const LOOKED_AT: u64 = 16 << 10;

/// Lines of a failure that are shown at most.
const SHOWN: usize = 12;

/// The last line that says something.
pub fn last_line(log: &Path) -> Option<String> {
    let text = end_of(log)?;
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map(|line| line.trim().to_owned())
}

/// What a program said last: from its last error on, or its last lines where it came to none.
pub fn failure_lines(log: &Path) -> Vec<String> {
    let text = end_of(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let error = lines.iter().rposition(|line| line.starts_with("error"));
    let first = error.unwrap_or_else(|| lines.len().saturating_sub(SHOWN));
    let shown = lines[first..].iter().take(SHOWN);
    shown.map(|line| (*line).to_owned()).collect()
}

/// What Slurm said of a job, in the file that holds what it says of all.
pub fn slurm_messages(output: &Path, job: TaskId) -> Vec<String> {
    let names = [format!("StepId={job}."), format!("JOB {job} ON ")];
    let text = end_of(output).unwrap_or_default();
    let is_its = |line: &&str| names.iter().any(|name| line.contains(name.as_str()));
    let mut lines: Vec<String> = text.lines().filter(is_its).map(str::to_owned).collect();
    lines.dedup();
    lines
}

fn end_of(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    let start = length.saturating_sub(LOOKED_AT);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_says_how_far_or_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a.log");
        assert_eq!(last_line(&log), None);
        assert!(failure_lines(&log).is_empty());
        let early = "x\n".repeat(20_000);
        std::fs::write(&log, format!("{early}  train lstm: epoch 3\n\n")).expect("written");
        assert_eq!(last_line(&log).as_deref(), Some("train lstm: epoch 3"));
        assert_eq!(failure_lines(&log).len(), SHOWN);
        let said = "e: StepId=19.batch exceeded memory limit\ne: StepId=19.batch exceeded memory limit\n\
                    e: *** JOB 19 ON node1 CANCELLED ***\ne: StepId=190.batch\n";
        std::fs::write(&log, said).expect("written");
        let job = TaskId {
            job: 19,
            task: None,
        };
        assert_eq!(slurm_messages(&log, job).len(), 2);
        std::fs::write(
            &log,
            "error: old\nfine\nerror: The disk is full\n  cause: x\n\nhint: y\n",
        )
        .expect("written");
        assert_eq!(
            failure_lines(&log),
            ["error: The disk is full", "  cause: x", "", "hint: y"]
        );
    }
}
