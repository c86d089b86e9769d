//! Calling Slurm's programs.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::parse::{self, ACCOUNT_FORMAT, QUEUE_FORMAT};
use crate::{AccountingEntry, QueueEntry, SlurmError, TaskId};

/// Most tasks per call, because the list is an argument of the command line.
const MAX_TASKS_PER_CALL: usize = 500;

/// The Slurm cluster of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Slurm;

impl Slurm {
    /// Checks that Slurm is available.
    ///
    /// # Errors
    /// Its programs are not on the PATH, or its controller does not answer.
    pub fn find() -> Result<Self, SlurmError> {
        call("sbatch", &["--version"], "")?;
        call("squeue", &["--noheader", "--me", "--format=%i"], "")?;
        Ok(Self)
    }

    /// Submits a script with a dependency from [`crate::after_ok`], and returns the number of the job.
    ///
    /// # Errors
    /// Slurm rejects the job.
    pub fn submit(&self, script: &str, after: Option<&str>) -> Result<u64, SlurmError> {
        let dependency = after.map(|after| format!("--dependency={after}"));
        let mut arguments = vec!["--parsable"];
        arguments.extend(dependency.as_deref());
        let answer = call("sbatch", &arguments, script)?;
        // `12`, or `12;CLUSTER` with several clusters.
        let number = answer.trim().split(';').next().unwrap_or_default();
        let number = number.parse();
        number.map_err(|_| SlurmError::UnexpectedOutput("sbatch", answer.trim().to_owned()))
    }

    /// The user's tasks in the queue, by their numbers.
    ///
    /// # Errors
    /// The controller does not answer.
    pub fn queue(&self) -> Result<BTreeMap<TaskId, QueueEntry>, SlurmError> {
        let format = format!("--format={QUEUE_FORMAT}");
        let text = call("squeue", &["--noheader", "--me", "--array", &format], "")?;
        Ok(parse::parse_queue(&text)?.into_iter().collect())
    }

    /// How tasks ended: from Slurm accounting (sacct), or from the controller of a cluster without accounting, which
    /// forgets a job after some minutes. Tasks that Slurm does not know are missing.
    pub fn accounting(&self, tasks: &[TaskId]) -> BTreeMap<TaskId, AccountingEntry> {
        let mut entries = BTreeMap::new();
        for chunk in tasks.chunks(MAX_TASKS_PER_CALL) {
            let names: Vec<String> = chunk.iter().map(TaskId::to_string).collect();
            let jobs = format!("--jobs={}", names.join(","));
            let format = format!("--format={ACCOUNT_FORMAT}");
            let options = ["--noheader", "--parsable2", "--allocations", &jobs, &format];
            if let Ok(text) = call("sacct", &options, "") {
                entries.extend(parse::parse_accounting(&text));
                continue;
            }
            for name in names {
                // `scontrol` fails for a job that the controller has forgotten.
                let text = call("scontrol", &["show", "job", "--oneliner", &name], "");
                entries.extend(parse::parse_job_details(&text.unwrap_or_default()));
            }
        }
        entries
    }

    /// Cancels tasks; tasks that have ended are ignored.
    ///
    /// # Errors
    /// Slurm rejects the request.
    pub fn cancel(&self, tasks: &[TaskId]) -> Result<(), SlurmError> {
        for chunk in tasks.chunks(MAX_TASKS_PER_CALL) {
            let names: Vec<String> = chunk.iter().map(TaskId::to_string).collect();
            let mut arguments = vec!["--quiet"];
            arguments.extend(names.iter().map(String::as_str));
            call("scancel", &arguments, "")?;
        }
        Ok(())
    }

    /// Stops a running task and puts it back into the queue.
    ///
    /// # Errors
    /// The cluster does not allow it.
    pub fn requeue(&self, task: TaskId) -> Result<(), SlurmError> {
        call("scontrol", &["requeue", &task.to_string()], "").map(drop)
    }

    /// Lets a requeued task start as soon as resources are free. By default Slurm delays it for two minutes, until the
    /// credential of its last run has expired.
    ///
    /// # Errors
    /// The task is not delayed, or the cluster does not allow it.
    pub fn start_now(&self, task: TaskId) -> Result<(), SlurmError> {
        let id = format!("JobId={task}");
        call("scontrol", &["update", &id, "StartTime=now"], "").map(drop)
    }

    /// Largest number of tasks of a job array.
    ///
    /// # Errors
    /// The controller does not answer.
    pub fn max_array_size(&self) -> Result<usize, SlurmError> {
        let text = call("scontrol", &["show", "config"], "")?;
        let line = text.lines().find(|line| line.starts_with("MaxArraySize"));
        let number = line.and_then(|line| line.split_once('=')?.1.trim().parse().ok());
        let answer = line.unwrap_or("no MaxArraySize");
        number.ok_or_else(|| SlurmError::UnexpectedOutput("scontrol", answer.to_owned()))
    }
}

/// Runs a program of Slurm and returns its output.
fn call(program: &'static str, arguments: &[&str], input: &str) -> Result<String, SlurmError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => SlurmError::NoProgram(program),
        _ => SlurmError::Start(program, error),
    };
    let mut command = Command::new(program);
    // These variables come from a surrounding job or from the user's defaults, and would change our jobs: for example
    // their partition or restart count.
    for (name, _) in env::vars_os() {
        let has_prefix = |prefix: &str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
        let is_needed = name == "SLURM_CONF" || name == "SLURM_CLUSTERS";
        if has_prefix("SBATCH_") || has_prefix("SLURM_") && !is_needed {
            command.env_remove(&name);
        }
    }
    command.args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read all input reports the reason itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let name = format!("{program}: ");
    let lines = errors.lines().map(|line| line.trim_start_matches(&name));
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    Err(SlurmError::Rejected(program, lines.join("; ")))
}
