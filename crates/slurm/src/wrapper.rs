//! The command of a task within its job: `ressenti job`, which watches over the program itself.

use std::path::Path;

use crate::{Record, Task};

/// How jobs watch over their programs.
#[derive(Clone, Copy, Debug)]
pub struct JobWrapper<'a> {
    /// The program `ressenti`.
    pub ressenti: &'a Path,
    /// Where jobs note what becomes of them.
    pub record: &'a Record,
    /// How the paths of folders begin in which the program saves what it can go on from.
    pub resume_prefix: &'a Path,
    /// How often a job is put back into the queue after a fault that may pass.
    pub retries: u32,
    /// Seconds without progress after which the program is stopped; 0 waits for ever.
    pub stall_timeout: u64,
}

impl JobWrapper<'_> {
    /// A program with its arguments as a task of a job.
    pub fn wrap(&self, name: &str, command: Vec<String>) -> Task {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut whole = vec![text(self.ressenti), "job".to_owned()];
        for (option, value) in [
            ("--record", text(self.record.folder())),
            ("--name", name.to_owned()),
            ("--kept", text(self.resume_prefix)),
            ("--retries", self.retries.to_string()),
            ("--stall-timeout", self.stall_timeout.to_string()),
        ] {
            whole.extend([option.to_owned(), value]);
        }
        whole.push("--".to_owned());
        whole.extend(command);
        Task {
            name: name.to_owned(),
            command: whole,
        }
    }
}
