//! The command `ressenti job`, which runs and supervises the program of a task inside a job.

use std::path::Path;

use crate::{Record, Task};

/// Options of `ressenti job` that all tasks share.
#[derive(Clone, Copy, Debug)]
pub struct JobWrapper<'a> {
    /// Path of the program `ressenti`.
    pub ressenti: &'a Path,
    /// The record to which jobs write events and logs.
    pub record: &'a Record,
    /// Common prefix of the paths of resume directories.
    pub resume_prefix: &'a Path,
    /// How often a job is put back into the queue after a transient error.
    pub retries: u32,
    /// Seconds without progress after which the program is stopped; 0 disables the check.
    pub stall_timeout: u64,
}

impl JobWrapper<'_> {
    /// The task that runs a program with its arguments through `ressenti job`.
    pub fn wrap(&self, name: &str, wrapped: Vec<String>) -> Task {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut command = vec![text(self.ressenti), "job".to_owned()];
        for (option, value) in [
            ("--record", text(self.record.folder())),
            ("--name", name.to_owned()),
            ("--kept", text(self.resume_prefix)),
            ("--retries", self.retries.to_string()),
            ("--stall-timeout", self.stall_timeout.to_string()),
        ] {
            command.extend([option.to_owned(), value]);
        }
        command.push("--".to_owned());
        command.extend(wrapped);
        let name = name.to_owned();
        Task { name, command }
    }
}
