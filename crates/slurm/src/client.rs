//! Slurm's own programs, called.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::thread;

use crate::answers::{self, ACCOUNT_FORMAT, QUEUE_FORMAT};
use crate::{Accounted, Queued, SlurmError, TaskId};

/// Tasks asked about in one call: the list stands on a command line.
const ASKED_AT_ONCE: usize = 500;

/// Calls that submit at the same time; the controller answers them one by one, the rest overlaps.
const SUBMITTED_AT_ONCE: usize = 4;

/// The Slurm that this machine belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Slurm;

/// A script and what it waits for, see [`crate::after_ok`].
pub type Submitted<'a> = (&'a str, Option<String>);

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

    /// Submits scripts that do not wait for each other, and gives the numbers of their jobs in the same
    /// order; `on_submit` is told each as soon as it is known.
    ///
    /// # Errors
    /// Slurm refuses one. Those before it are submitted.
    pub fn submit(
        &self,
        scripts: &[Submitted<'_>],
        mut on_submit: impl FnMut(usize, u64),
    ) -> Result<(), SlurmError> {
        for (chunk_number, chunk) in scripts.chunks(SUBMITTED_AT_ONCE).enumerate() {
            let answers: Vec<Result<u64, SlurmError>> = thread::scope(|scope| {
                let submit = |submitted| scope.spawn(move || submit_one(submitted));
                let running: Vec<_> = chunk.iter().map(submit).collect();
                let join = |thread: thread::ScopedJoinHandle<'_, _>| match thread.join() {
                    Ok(answer) => answer,
                    Err(panic) => std::panic::resume_unwind(panic),
                };
                running.into_iter().map(join).collect()
            });
            let first = chunk_number * SUBMITTED_AT_ONCE;
            let mut refused = None;
            for (place, answer) in answers.into_iter().enumerate() {
                match answer {
                    Ok(job) => on_submit(first + place, job),
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
            if let Some(error) = refused {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The user's tasks that have not ended, by their numbers.
    ///
    /// # Errors
    /// The controller does not answer.
    pub fn queue(&self) -> Result<BTreeMap<TaskId, Queued>, SlurmError> {
        let format = format!("--format={QUEUE_FORMAT}");
        let text = call("squeue", &["--noheader", "--me", "--array", &format], "")?;
        let queued = answers::queued(&text)?;
        Ok(queued.into_iter().map(|task| (task.id, task)).collect())
    }

    /// How tasks ended, as far as Slurm knows: by its accounting, and where a site has none from the
    /// controller, which forgets a job after some minutes.
    ///
    /// # Errors
    /// Neither can be asked.
    pub fn ends(&self, tasks: &[TaskId]) -> Result<BTreeMap<TaskId, Accounted>, SlurmError> {
        let mut ends = BTreeMap::new();
        for chunk in tasks.chunks(ASKED_AT_ONCE) {
            let names: Vec<String> = chunk.iter().map(TaskId::to_string).collect();
            let jobs = format!("--jobs={}", names.join(","));
            let format = format!("--format={ACCOUNT_FORMAT}");
            let options = ["--noheader", "--parsable2", "--allocations", &jobs, &format];
            let accounted = match call("sacct", &options, "") {
                Ok(text) => answers::accounted(&text),
                Err(SlurmError::Refused { .. }) => {
                    names.iter().flat_map(|name| show(name)).collect()
                }
                Err(error) => return Err(error),
            };
            ends.extend(accounted.into_iter().map(|task| (task.id, task)));
        }
        Ok(ends)
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
    pub fn largest_array(&self) -> Result<usize, SlurmError> {
        let text = call("scontrol", &["show", "config"], "")?;
        let line = text.lines().find(|line| line.starts_with("MaxArraySize"));
        let number = line.and_then(|line| line.split_once('=')?.1.trim().parse().ok());
        number.ok_or_else(|| SlurmError::Answer {
            program: "scontrol",
            answer: line.unwrap_or("no MaxArraySize").to_owned(),
        })
    }
}

fn submit_one((script, dependency): &Submitted<'_>) -> Result<u64, SlurmError> {
    let dependency = dependency
        .as_ref()
        .map(|text| format!("--dependency={text}"));
    let mut arguments = vec!["--parsable"];
    arguments.extend(dependency.as_deref());
    let answer = call("sbatch", &arguments, script)?;
    // `12`, or `12;cluster` where there are several.
    let number = answer.trim().split(';').next().unwrap_or_default();
    number.parse().map_err(|_| SlurmError::Answer {
        program: "sbatch",
        answer: answer.trim().to_owned(),
    })
}

/// A job that the controller has forgotten is none that it could tell of.
fn show(name: &str) -> Vec<Accounted> {
    let text = call("scontrol", &["show", "job", "--oneliner", name], "");
    text.map_or_else(|_| Vec::new(), |text| answers::shown(&text))
}

/// What a program of Slurm's answers.
fn call(program: &'static str, arguments: &[&str], input: &str) -> Result<String, SlurmError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SlurmError::NoProgram { program },
        _ => SlurmError::Start { program, source },
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
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read all says why itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said
        .lines()
        .map(|line| line.trim_start_matches(&format!("{program}: ")));
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    Err(SlurmError::Refused {
        program,
        message: lines.join("; "),
    })
}
