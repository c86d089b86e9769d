//! What Slurm's programs answer, read.

use crate::{SlurmError, TaskId};

/// A task that `squeue` lists: it has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Which one.
    pub id: TaskId,
    /// What it does.
    pub state: QueueState,
    /// The node that it runs on, or the reason why it waits.
    pub place: String,
}

impl Queued {
    /// Whether it waits for nothing but a time that Slurm has set.
    pub fn waits_for_a_time(&self) -> bool {
        self.state == QueueState::Waits && self.place == "BeginTime"
    }
}

/// What a task does that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// It waits for its turn, or for what it depends on.
    Waits,
    /// It waits for a task that failed.
    NeverRuns,
    /// It runs, or is about to, or is about to end.
    Runs,
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
pub(crate) fn queued(text: &str) -> Result<Vec<Queued>, SlurmError> {
    text.lines().map(queued_line).collect()
}

fn queued_line(line: &str) -> Result<Queued, SlurmError> {
    let answer = || SlurmError::Answer {
        program: "squeue",
        answer: line.to_owned(),
    };
    let fields: Vec<&str> = line.splitn(4, '|').collect();
    let [id, state, nodes, reason] = fields[..] else {
        return Err(answer());
    };
    let state = match state {
        "PENDING" if reason == NEVER => QueueState::NeverRuns,
        "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" => {
            QueueState::Waits
        }
        _ => QueueState::Runs,
    };
    let place = if state == QueueState::Runs {
        nodes
    } else {
        reason
    };
    Ok(Queued {
        id: id.parse().map_err(|_| answer())?,
        state,
        place: place.to_owned(),
    })
}

/// How a task ended, by Slurm's accounting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounted {
    /// Which one.
    pub id: TaskId,
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
pub(crate) fn accounted(text: &str) -> Vec<Accounted> {
    let read = |line: &str| {
        let fields: Vec<&str> = line.split('|').collect();
        let [id, state, exit, node, memory] = fields[..] else {
            return None;
        };
        Some(Accounted {
            id: id.parse().ok()?,
            // `CANCELLED by 1000`
            state: state_of(state.split_whitespace().next()?, exit),
            node: node.to_owned(),
            memory: mebibytes(memory),
        })
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
pub(crate) fn shown(text: &str) -> Vec<Accounted> {
    let field = |line: &str, name: &str| {
        let found = line.split_whitespace().find_map(|word| {
            let (key, value) = word.split_once('=')?;
            (key == name).then(|| value.to_owned())
        });
        found.unwrap_or_default()
    };
    let read = |line: &str| {
        let array: Option<u64> = field(line, "ArrayJobId").parse().ok();
        let id = match array {
            Some(job) => TaskId {
                job,
                task: Some(field(line, "ArrayTaskId").parse().ok()?),
            },
            None => TaskId {
                job: field(line, "JobId").parse().ok()?,
                task: None,
            },
        };
        Some(Accounted {
            id,
            state: state_of(&field(line, "JobState"), &field(line, "ExitCode")),
            node: field(line, "NodeList"),
            memory: mebibytes(&field(line, "MinMemoryNode")),
        })
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
        let of = |place: usize| {
            (
                read[place].id,
                read[place].state,
                read[place].place.as_str(),
            )
        };
        assert_eq!(of(0), (id("12_3"), QueueState::Runs, "node2"));
        assert_eq!(of(1), (id("13"), QueueState::Waits, "Dependency"));
        assert_eq!(of(2).1, QueueState::NeverRuns);
        assert_eq!(of(3), (id("15"), QueueState::Runs, "node1"));
        assert_eq!(of(4).2, "(a | b)");
        let error = queued("slurm_load_jobs error").expect_err("no line of squeue");
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
        let told = |read: Vec<Accounted>| {
            read.into_iter()
                .map(|it| (it.id.to_string(), it.state, it.node))
                .collect::<Vec<_>>()
        };
        let expected =
            expected.map(|(id, state, node)| (id.to_owned(), state.to_owned(), node.to_owned()));
        let memory: Vec<_> = accounted(text).iter().map(|task| task.memory).collect();
        assert_eq!(memory, [Some(1000), None, Some(3584), None]);
        assert_eq!(told(accounted(text)), expected);
        let text = "JobId=20 ArrayJobId=12 ArrayTaskId=0 JobName=x JobState=COMPLETED Reason=None ExitCode=0:0 NodeList=node1\n\
                    JobId=13 JobName=x=y JobState=CANCELLED ExitCode=0:15 NodeList=node2\n\
                    JobId=14 JobName=x JobState=FAILED ExitCode=0:9 NodeList=node3\n\
                    JobId=15 JobName=x JobState=FAILED ExitCode=1:0 NodeList=node3\n";
        assert_eq!(told(shown(text)), expected);
    }
}
