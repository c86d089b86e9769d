//! Slurm's own programs, called.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::parse::{self, ACCOUNT_FORMAT, QUEUE_FORMAT};
use crate::{AccountingEntry, QueueEntry, SlurmError, TaskId};

/// Tasks asked about in one call: the list stands on a command line.
const ASKED_AT_ONCE: usize = 500;

/// The Slurm that this machine belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Slurm;

impl Slurm {
    /// Slurm, after a look whether it answers.
    ///
    /// # Errors
    /// Its programs are not on the PATH, or its controller does not answer.
    pub fn find() -> Result<Self, SlurmError> {
        call("sbatch", &["--version"], "")?;
        call("squeue", &["--noheader", "--me", "--format=%i"], "")?;
        Ok(Self)
    }

    /// Submits a script that waits for what [`crate::after_ok`] says, and gives the number of its job.
    ///
    /// # Errors
    /// Slurm refuses it.
    pub fn submit(&self, script: &str, after: Option<&str>) -> Result<u64, SlurmError> {
        let dependency = after.map(|after| format!("--dependency={after}"));
        let mut arguments = vec!["--parsable"];
        arguments.extend(dependency.as_deref());
        let answer = call("sbatch", &arguments, script)?;
        // `12`, or `12;cluster` where there are several.
        let number = answer.trim().split(';').next().unwrap_or_default();
        let number = number.parse();
        number.map_err(|_| SlurmError::Answer("sbatch", answer.trim().to_owned()))
    }

    /// The user's tasks that have not ended, by their numbers.
    ///
    /// # Errors
    /// The controller does not answer.
    pub fn queue(&self) -> Result<BTreeMap<TaskId, QueueEntry>, SlurmError> {
        let format = format!("--format={QUEUE_FORMAT}");
        let text = call("squeue", &["--noheader", "--me", "--array", &format], "")?;
        Ok(parse::queued(&text)?.into_iter().collect())
    }

    /// How tasks ended, as far as Slurm knows: by its accounting, and where a site has none from the
    /// controller, which forgets a job after some minutes.
    pub fn ends(&self, tasks: &[TaskId]) -> BTreeMap<TaskId, AccountingEntry> {
        let mut ends = BTreeMap::new();
        for chunk in tasks.chunks(ASKED_AT_ONCE) {
            let names: Vec<String> = chunk.iter().map(TaskId::to_string).collect();
            let jobs = format!("--jobs={}", names.join(","));
            let format = format!("--format={ACCOUNT_FORMAT}");
            let options = ["--noheader", "--parsable2", "--allocations", &jobs, &format];
            if let Ok(text) = call("sacct", &options, "") {
                ends.extend(parse::accounted(&text));
                continue;
            }
            for name in names {
                // A job that the controller has forgotten is an error of `scontrol`.
                let text = call("scontrol", &["show", "job", "--oneliner", &name], "");
                ends.extend(parse::shown(&text.unwrap_or_default()));
            }
        }
        ends
    }

    /// Ends tasks, or takes them out of the queue. Those that have ended are no error.
    ///
    /// # Errors
    /// Slurm refuses.
    pub fn cancel(&self, tasks: &[TaskId]) -> Result<(), SlurmError> {
        for chunk in tasks.chunks(ASKED_AT_ONCE) {
            let names: Vec<String> = chunk.iter().map(TaskId::to_string).collect();
            let mut arguments = vec!["--quiet"];
            arguments.extend(names.iter().map(String::as_str));
            call("scancel", &arguments, "")?;
        }
        Ok(())
    }

    /// Puts a running task back into the queue; whoever runs in it is ended.
    ///
    /// # Errors
    /// The site does not allow it.
    pub fn requeue(&self, task: TaskId) -> Result<(), SlurmError> {
        call("scontrol", &["requeue", &task.to_string()], "").map(drop)
    }

    /// Lets a task that was put back into the queue run as soon as there is room: Slurm holds it back for two
    /// minutes, in which the last run's credential could still be used.
    ///
    /// # Errors
    /// It does not wait for that, or the site does not allow it.
    pub fn start_now(&self, task: TaskId) -> Result<(), SlurmError> {
        let id = format!("JobId={task}");
        call("scontrol", &["update", &id, "StartTime=now"], "").map(drop)
    }

    /// How many tasks an array may have at most.
    ///
    /// # Errors
    /// The controller does not answer.
    pub fn max_array_size(&self) -> Result<usize, SlurmError> {
        let text = call("scontrol", &["show", "config"], "")?;
        let line = text.lines().find(|line| line.starts_with("MaxArraySize"));
        let number = line.and_then(|line| line.split_once('=')?.1.trim().parse().ok());
        let answer = line.unwrap_or("no MaxArraySize");
        number.ok_or_else(|| SlurmError::Answer("scontrol", answer.to_owned()))
    }
}

/// What a program of Slurm's answers.
fn call(program: &'static str, arguments: &[&str], input: &str) -> Result<String, SlurmError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => SlurmError::NoProgram(program),
        _ => SlurmError::Start(program, error),
    };
    let mut command = Command::new(program);
    // Within a job, or where a person has set defaults for jobs of his own, these would reach ours: a restart
    // count that is none, another partition than the one that is asked for.
    for (name, _) in env::vars_os() {
        let is = |prefix: &str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
        let is_needed = name == "SLURM_CONF" || name == "SLURM_CLUSTERS";
        if is("SBATCH_") || is("SLURM_") && !is_needed {
            command.env_remove(&name);
        }
    }
    command.args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read all says why itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let name = format!("{program}: ");
    let lines = said.lines().map(|line| line.trim_start_matches(&name));
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    Err(SlurmError::Refused(program, lines.join("; ")))
}
