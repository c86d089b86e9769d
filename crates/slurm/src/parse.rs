//! What Slurm's programs answer, read.

use crate::{JobState, SlurmError, TaskId};

/// A task that `squeue` lists: it has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueEntry {
    /// Whether it waits, runs or can never run.
    pub state: JobState,
    /// The node that it runs on; empty while it waits.
    pub node: String,
}

impl QueueEntry {
    /// Whether it waits for nothing but a time that Slurm has set.
    pub(crate) fn waits_for_a_time(&self) -> bool {
        matches!(&self.state, JobState::Pending(reason) if reason == "BeginTime")
    }
}

/// The fields that [`queued`] reads, as `squeue --format` wants them. The last may hold anything.
pub(crate) const QUEUE_FORMAT: &str = "%i|%T|%N|%r";

/// The fields that [`accounted`] reads, as `sacct --format` wants them.
pub(crate) const ACCOUNT_FORMAT: &str = "JobID,State,ExitCode,NodeList,ReqMem";

/// Our word for a job whose program was killed: where a site measures memory instead of limiting it, Slurm
/// itself kills what takes too much, and its books say no more than `FAILED` by signal 9.
pub(crate) const KILLED: &str = "KILLED";

/// What `squeue` says of Slurm's own reason that a task can never run.
const NEVER: &str = "DependencyNeverSatisfied";

/// Reads the lines of `squeue`.
///
/// # Errors
/// A line that is none.
pub(crate) fn queued(text: &str) -> Result<Vec<(TaskId, QueueEntry)>, SlurmError> {
    let read = |line: &str| {
        let fields: Vec<&str> = line.splitn(4, '|').collect();
        let [id, state, node, reason] = fields[..] else {
            return None;
        };
        let state = match state {
            "PENDING" if reason == NEVER => JobState::DependencyFailed,
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" => {
                JobState::Pending(reason.to_owned())
            }
            // It runs, is about to, or is about to end.
            _ => JobState::Running,
        };
        let node = node.to_owned();
        Some((id.parse().ok()?, QueueEntry { state, node }))
    };
    let wrong = |line: &str| SlurmError::Answer("squeue", line.to_owned());
    let lines = text.lines();
    lines
        .map(|line| read(line).ok_or_else(|| wrong(line)))
        .collect()
}

/// How a task ended, by Slurm's accounting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountingEntry {
    /// Slurm's word for it: `COMPLETED`, `FAILED`, `OUT_OF_MEMORY`, `NODE_FAIL`, `TIMEOUT`, `CANCELLED` ...,
    /// or `KILLED` for what failed by signal 9.
    pub state: String,
    /// Where it ran.
    pub node: String,
    /// The memory it had asked for, or was given by the site, in MiB; `None` where nobody limits it.
    pub memory: Option<u64>,
}

/// Reads the lines of `sacct`. Tasks of an array that are still packed into one line have not ended, and
/// are left out.
pub(crate) fn accounted(text: &str) -> Vec<(TaskId, AccountingEntry)> {
    let read = |line: &str| {
        let fields: Vec<&str> = line.split('|').collect();
        let [id, state, exit, node, memory] = fields[..] else {
            return None;
        };
        let accounted = AccountingEntry {
            // `CANCELLED by 1000`
            state: state_of(state.split_whitespace().next()?, exit),
            node: node.to_owned(),
            memory: mebibytes(memory),
        };
        Some((id.parse().ok()?, accounted))
    };
    text.lines().filter_map(read).collect()
}

/// A size as Slurm writes it, in MiB: `1000M`, `3.91G`, and of older versions `4Gn`, per node.
fn mebibytes(text: &str) -> Option<u64> {
    let text = text.trim_end_matches('n');
    let number = text.trim_end_matches(|sign: char| sign.is_ascii_alphabetic());
    let factor = match &text[number.len()..] {
        "K" => 1.0 / 1024.0,
        "" | "M" => 1.0,
        "G" => 1024.0,
        "T" => 1024.0 * 1024.0,
        _ => return None,
    };
    let size = factor * number.parse::<f64>().ok()?;
    (size >= 1.0).then_some(size as u64)
}

/// `exit` is the exit code, a colon, and the signal.
fn state_of(state: &str, exit: &str) -> String {
    match (state, exit) {
        ("FAILED", "0:9") => KILLED.to_owned(),
        _ => state.to_owned(),
    }
}

/// Reads `scontrol show job --oneliner`, which knows jobs that ended minutes ago.
pub(crate) fn shown(text: &str) -> Vec<(TaskId, AccountingEntry)> {
    let read = |line: &str| {
        let field = |name: &str| {
            let words = line.split_whitespace();
            let mut pairs = words.filter_map(|word| word.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        let id = match field("ArrayJobId") {
            Some(job) => format!("{job}_{}", field("ArrayTaskId")?),
            None => field("JobId")?.to_owned(),
        };
        let accounted = AccountingEntry {
            state: state_of(field("JobState")?, field("ExitCode").unwrap_or_default()),
            node: field("NodeList").unwrap_or_default().to_owned(),
            memory: field("MinMemoryNode").and_then(mebibytes),
        };
        Some((id.parse().ok()?, accounted))
    };
    text.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TaskId {
        text.parse().expect("a number")
    }

    #[test]
    fn the_queue_is_read() {
        let text = "12_3|RUNNING|node2|None\n13|PENDING||Dependency\n14|PENDING||DependencyNeverSatisfied\n\
                    15|COMPLETING|node1|None\n16|PENDING||(a | b)\n";
        let read = queued(text).expect("lines of squeue");
        let queued = |state: JobState, node: &str| QueueEntry {
            state,
            node: node.to_owned(),
        };
        let waits = |reason: &str| queued(JobState::Pending(reason.to_owned()), "");
        let expected = [
            (id("12_3"), queued(JobState::Running, "node2")),
            (id("13"), waits("Dependency")),
            (id("14"), queued(JobState::DependencyFailed, "")),
            (id("15"), queued(JobState::Running, "node1")),
            (id("16"), waits("(a | b)")),
        ];
        assert_eq!(read, expected);
        let error = super::queued("slurm_load_jobs error").expect_err("no line of squeue");
        assert!(error.to_string().contains("`slurm_load_jobs error`"));
    }

    #[test]
    fn accounts_are_read_with_and_without_a_database() {
        let text = "12_0|COMPLETED|0:0|node1|1000M\n12_[3-7]|PENDING|0:0|None assigned|1000M\n13|CANCELLED by 0|0:15|node2|\n\
                    14|FAILED|0:9|node3|3.50G\n15|FAILED|1:0|node3|0\n";
        let expected = [
            ("12_0", "COMPLETED", "node1"),
            ("13", "CANCELLED", "node2"),
            ("14", "KILLED", "node3"),
            ("15", "FAILED", "node3"),
        ];
        let told = |read: Vec<(TaskId, AccountingEntry)>| {
            read.into_iter()
                .map(|(id, it)| (id.to_string(), it.state, it.node))
                .collect::<Vec<_>>()
        };
        let expected =
            expected.map(|(id, state, node)| (id.to_owned(), state.to_owned(), node.to_owned()));
        let memory: Vec<_> = accounted(text).iter().map(|(_, it)| it.memory).collect();
        assert_eq!(memory, [Some(1000), None, Some(3584), None]);
        assert_eq!(told(accounted(text)), expected);
        let text = "JobId=20 ArrayJobId=12 ArrayTaskId=0 JobName=x JobState=COMPLETED Reason=None ExitCode=0:0 NodeList=node1\n\
                    JobId=13 JobName=x=y JobState=CANCELLED ExitCode=0:15 NodeList=node2\n\
                    JobId=14 JobName=x JobState=FAILED ExitCode=0:9 NodeList=node3\n\
                    JobId=15 JobName=x JobState=FAILED ExitCode=1:0 NodeList=node3\n";
        assert_eq!(told(shown(text)), expected);
    }
}
