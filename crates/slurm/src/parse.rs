//! Parsing the output of Slurm's programs.

use crate::{JobState, SlurmError, TaskId};

/// A task in the list of `squeue`; it has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueEntry {
    /// Pending, running, or never to run.
    pub state: JobState,
    /// The node of a running task; empty for a pending one.
    pub node: String,
}

impl QueueEntry {
    /// Whether the task waits only for a start time set by Slurm.
    pub(crate) fn waits_for_start_time(&self) -> bool {
        matches!(&self.state, JobState::Pending(reason) if reason == "BeginTime")
    }
}

/// `squeue --format` for [`parse_queue`]. The last field may contain any character.
pub(crate) const QUEUE_FORMAT: &str = "%i|%T|%N|%r";

/// `sacct --format` for [`parse_accounting`].
pub(crate) const ACCOUNT_FORMAT: &str = "JobID,State,ExitCode,NodeList,ReqMem";

/// State of a job whose program was killed by signal 9. Clusters that measure memory instead of limiting it kill a
/// program that uses too much, and Slurm accounting then has only `FAILED` with signal 9.
pub(crate) const KILLED: &str = "KILLED";

/// Reason in `squeue` for a task that can never run.
const NEVER_SATISFIED: &str = "DependencyNeverSatisfied";

/// Parses the output of `squeue`.
///
/// # Errors
/// A line does not have the expected fields.
pub(crate) fn parse_queue(text: &str) -> Result<Vec<(TaskId, QueueEntry)>, SlurmError> {
    let parse = |line: &str| {
        let fields: Vec<&str> = line.splitn(4, '|').collect();
        let [id, state, node, reason] = fields[..] else {
            return None;
        };
        let state = match state {
            "PENDING" if reason == NEVER_SATISFIED => JobState::DependencyFailed,
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" => {
                JobState::Pending(reason.to_owned())
            }
            // Also starting and completing tasks.
            _ => JobState::Running,
        };
        let node = node.to_owned();
        Some((id.parse().ok()?, QueueEntry { state, node }))
    };
    let unexpected = |line: &str| SlurmError::UnexpectedOutput("squeue", line.to_owned());
    let entry = |line: &str| parse(line).ok_or_else(|| unexpected(line));
    text.lines().map(entry).collect()
}

/// A task in Slurm accounting (sacct).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountingEntry {
    /// Slurm's state: `COMPLETED`, `FAILED`, `OUT_OF_MEMORY`, `NODE_FAIL`, `TIMEOUT`, `CANCELLED` ..., or `KILLED`
    /// for `FAILED` by signal 9.
    pub state: String,
    /// The node it ran on.
    pub node: String,
    /// The memory that was requested or set by the cluster, in MiB; `None` without a limit.
    pub memory: Option<u64>,
}

/// Parses the output of `sacct`. A line for several tasks of an array is skipped: these tasks have not ended.
pub(crate) fn parse_accounting(text: &str) -> Vec<(TaskId, AccountingEntry)> {
    let parse = |line: &str| {
        let fields: Vec<&str> = line.split('|').collect();
        let [id, state, exit, node, memory] = fields[..] else {
            return None;
        };
        let entry = AccountingEntry {
            // The first word, for example of `CANCELLED by 1000`.
            state: normalize_state(state.split_whitespace().next()?, exit),
            node: node.to_owned(),
            memory: mebibytes(memory),
        };
        Some((id.parse().ok()?, entry))
    };
    text.lines().filter_map(parse).collect()
}

/// Parses a size of Slurm and returns MiB: `1000M`, `3.91G`, or `4Gn` (per node) of older versions.
fn mebibytes(text: &str) -> Option<u64> {
    let text = text.trim_end_matches('n');
    let number = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
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

/// The state, or `KILLED` for `FAILED` by signal 9. `exit` is `CODE:SIGNAL`.
fn normalize_state(state: &str, exit: &str) -> String {
    match (state, exit) {
        ("FAILED", "0:9") => KILLED.to_owned(),
        _ => state.to_owned(),
    }
}

/// Parses `scontrol show job --oneliner`, which shows jobs for some minutes after their end.
pub(crate) fn parse_job_details(text: &str) -> Vec<(TaskId, AccountingEntry)> {
    let parse = |line: &str| {
        let field = |name: &str| {
            let words = line.split_whitespace();
            let mut pairs = words.filter_map(|word| word.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        let id = match field("ArrayJobId") {
            Some(job) => format!("{job}_{}", field("ArrayTaskId")?),
            None => field("JobId")?.to_owned(),
        };
        let entry = AccountingEntry {
            state: normalize_state(field("JobState")?, field("ExitCode").unwrap_or_default()),
            node: field("NodeList").unwrap_or_default().to_owned(),
            memory: field("MinMemoryNode").and_then(mebibytes),
        };
        Some((id.parse().ok()?, entry))
    };
    text.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TaskId {
        text.parse().expect("a task number")
    }

    #[test]
    fn squeue_output_is_parsed() {
        let text = "12_3|RUNNING|node2|None\n13|PENDING||Dependency\n14|PENDING||DependencyNeverSatisfied\n\
                    15|COMPLETING|node1|None\n16|PENDING||(a | b)\n";
        let found = parse_queue(text).expect("lines of squeue");
        let queued = |state: JobState, node: &str| QueueEntry {
            state,
            node: node.to_owned(),
        };
        let pending = |reason: &str| queued(JobState::Pending(reason.to_owned()), "");
        let expected = [
            (id("12_3"), queued(JobState::Running, "node2")),
            (id("13"), pending("Dependency")),
            (id("14"), queued(JobState::DependencyFailed, "")),
            (id("15"), queued(JobState::Running, "node1")),
            (id("16"), pending("(a | b)")),
        ];
        assert_eq!(found, expected);
        let error = parse_queue("slurm_load_jobs error").expect_err("no line of squeue");
        assert!(error.to_string().contains("`slurm_load_jobs error`"));
    }

    #[test]
    fn sacct_and_scontrol_output_are_parsed() {
        let text = "12_0|COMPLETED|0:0|node1|1000M\n12_[3-7]|PENDING|0:0|None assigned|1000M\n13|CANCELLED by 0|0:15|node2|\n\
                    14|FAILED|0:9|node3|3.50G\n15|FAILED|1:0|node3|0\n";
        let expected = [
            ("12_0", "COMPLETED", "node1"),
            ("13", "CANCELLED", "node2"),
            ("14", "KILLED", "node3"),
            ("15", "FAILED", "node3"),
        ];
        let summaries = |entries: Vec<(TaskId, AccountingEntry)>| {
            entries
                .into_iter()
                .map(|(id, it)| (id.to_string(), it.state, it.node))
                .collect::<Vec<_>>()
        };
        let expected =
            expected.map(|(id, state, node)| (id.to_owned(), state.to_owned(), node.to_owned()));
        let memory: Vec<_> = parse_accounting(text)
            .iter()
            .map(|(_, it)| it.memory)
            .collect();
        assert_eq!(memory, [Some(1000), None, Some(3584), None]);
        assert_eq!(summaries(parse_accounting(text)), expected);
        let text = "JobId=20 ArrayJobId=12 ArrayTaskId=0 JobName=x JobState=COMPLETED Reason=None ExitCode=0:0 NodeList=node1\n\
                    JobId=13 JobName=x=y JobState=CANCELLED ExitCode=0:15 NodeList=node2\n\
                    JobId=14 JobName=x JobState=FAILED ExitCode=0:9 NodeList=node3\n\
                    JobId=15 JobName=x JobState=FAILED ExitCode=1:0 NodeList=node3\n";
        assert_eq!(summaries(parse_job_details(text)), expected);
    }
}
