//! The id of a Slurm task.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of a job, or of one task of a job array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TaskId {
    /// The number of the job or of the job array.
    pub job: u64,
    /// The index of the task in the array.
    pub task: Option<u32>,
}

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Some(task) => write!(formatter, "{}_{task}", self.job),
            None => write!(formatter, "{}", self.job),
        }
    }
}

impl FromStr for TaskId {
    type Err = String;

    /// Parses `12` or `12_3`. Several tasks, as in `12_[3-7]`, are an error.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(2, '_');
        let job = parts.next().unwrap_or_default().parse();
        match (job, parts.next().map(str::parse).transpose()) {
            (Ok(job), Ok(task)) => Ok(Self { job, task }),
            _ => Err(format!("`{text}` is not a job id")),
        }
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TaskId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_is_written_as_slurm_writes_it() {
        for text in ["12", "12_3"] {
            assert_eq!(text.parse::<TaskId>().expect("a task id").to_string(), text);
        }
        for text in ["", "12_", "_3", "12_[3-7]", "12+0", "-1"] {
            assert!(text.parse::<TaskId>().is_err(), "{text}");
        }
    }
}
