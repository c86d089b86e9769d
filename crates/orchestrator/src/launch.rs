//! Starts stage programs and reports how they ended.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use artifact::{ArtifactError, Failure, StageName};
use stage::HEARTBEAT;

use crate::interrupt;
use crate::schedule::visible_device;
use crate::watchdog::Watchdog;

/// The exit code of a stage after a transient error, which is worth a retry.
pub(crate) const TRANSIENT: u8 = 75;

/// The exit code of a process killed by SIGKILL, for example when memory runs out.
pub(crate) const KILLED: u8 = 137;

/// The environment variable with the GPUs that a process may use.
const DEVICES: &str = "CUDA_VISIBLE_DEVICES";

/// The exit code of a stage that was interrupted and saved its state.
pub(crate) const INTERRUPTED: u8 = 130;

/// Delays before the retries after transient errors: growing, at most a minute.
pub(crate) fn retry_delays(retries: u32) -> impl Iterator<Item = Duration> {
    (0..retries).map(|number| Duration::from_secs(5_u64.saturating_pow(number).min(60)))
}

/// A stage program to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StageJob {
    /// The stage.
    pub(crate) stage: StageName,
    /// Arguments of its program.
    pub(crate) arguments: Vec<String>,
    /// Its slot among the steps that run at the same time, from 0.
    pub(crate) slot: usize,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcessEnd {
    /// The exit code: 0 for success, [`INTERRUPTED`] if the user stopped it, and 128 plus the signal for a
    /// killed process, as in shells.
    pub(crate) code: u8,
    /// The same as text. The process itself has printed its error.
    pub(crate) reason: String,
}

impl ProcessEnd {
    /// The end of a process with an exit code.
    pub(crate) fn of_code(code: u8) -> Self {
        let reason = format!("exit code {code}");
        Self { code, reason }
    }
}

/// Starts a stage, and starts it again after each delay as long as it ends with a transient error, for example
/// a lost GPU. The stage resumes from its last checkpoint.
///
/// # Errors
/// The program does not exist or cannot be started.
pub(crate) fn with_retries(
    retry_delays: impl IntoIterator<Item = Duration>,
    mut once: impl FnMut() -> Result<ProcessEnd, Failure>,
    mut on_retry: impl FnMut(&str, Duration),
) -> Result<ProcessEnd, Failure> {
    let mut ending = once()?;
    for wait in retry_delays {
        if ending.code != TRANSIENT {
            break;
        }
        on_retry(&ending.reason, wait);
        if !interrupt::sleep(wait) {
            return Ok(ProcessEnd::of_code(INTERRUPTED));
        }
        ending = once()?;
    }
    Ok(ending)
}

/// Runs a stage program until it ends, or stops it if its heartbeat stops. The GPUs `0..gpus` are assigned to
/// the slots in turn; with 0 the stage chooses.
///
/// # Errors
/// The program does not exist or cannot be started.
pub(crate) fn run_program(
    job: &StageJob,
    watchdog: &Watchdog,
    gpus: usize,
) -> Result<ProcessEnd, Failure> {
    let mut command = Command::new(program(job.stage.binary())?);
    command.args(&job.arguments);
    if let Some(device) = visible_device(job.slot, gpus, env::var(DEVICES).ok().as_deref()) {
        command.env(DEVICES, device);
    }
    run_command(command, job.slot, watchdog)
}

/// Runs a command until it ends, or stops it if its heartbeat stops.
///
/// # Errors
/// It cannot be started.
pub(crate) fn run_command(
    mut command: Command,
    slot: usize,
    watchdog: &Watchdog,
) -> Result<ProcessEnd, Failure> {
    let program = PathBuf::from(command.get_program());
    let failed = |error| not_started(&program, error);
    command.env(HEARTBEAT, watchdog.file(slot));
    let child = command.spawn().map_err(failed)?;
    Ok(match watchdog.wait(child, slot).map_err(failed)? {
        Ok(status) => process_end(status, interrupt::requested()),
        Err(_) if interrupt::requested() => ProcessEnd::of_code(INTERRUPTED),
        Err(timeout) => ProcessEnd {
            code: TRANSIENT,
            reason: format!("stopped: no progress for {} s", timeout.as_secs()),
        },
    })
}

fn process_end(status: ExitStatus, interrupted: bool) -> ProcessEnd {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let interrupted = interrupted || status.signal() == Some(libc::SIGINT);
    match (code, status.signal()) {
        (Some(code @ (0 | INTERRUPTED)), _) => ProcessEnd::of_code(code),
        _ if interrupted => ProcessEnd::of_code(INTERRUPTED),
        (_, Some(signal)) => ProcessEnd {
            code: u8::try_from(128 + signal).unwrap_or(1),
            reason: format!("killed by {}", describe_signal(signal)),
        },
        (code, None) => ProcessEnd::of_code(code.unwrap_or(1)),
    }
}

fn describe_signal(signal: i32) -> String {
    match signal {
        libc::SIGKILL => "signal 9 (SIGKILL), probably because memory ran out".to_owned(),
        libc::SIGSEGV => "signal 11 (SIGSEGV)".to_owned(),
        libc::SIGABRT => "signal 6 (SIGABRT)".to_owned(),
        libc::SIGBUS => "signal 7 (SIGBUS)".to_owned(),
        libc::SIGTERM => "signal 15 (SIGTERM)".to_owned(),
        other => format!("signal {other}"),
    }
}

fn not_started(program: &Path, error: io::Error) -> Failure {
    Failure::from_error(ArtifactError::io("start", program)(error))
        .with_hint("Rebuild the programs with `cargo build`".to_owned())
}

/// Replaces this process with another program: `ressenti train ...` becomes `ressenti-train ...`. Returns
/// only on failure.
pub(crate) fn exec_program(name: &str, arguments: &[OsString]) -> Failure {
    match program(name) {
        Ok(program) => not_started(&program, Command::new(&program).args(arguments).exec()),
        Err(failure) => failure,
    }
}

/// The path of a Ressenti program: beside `ressenti`, or else on the PATH.
///
/// # Errors
/// It is in neither place.
pub(crate) fn program(name: &str) -> Result<PathBuf, Failure> {
    let own = env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = beside.into_iter().chain(env::split_paths(&path));
    let mut programs = folders.map(|folder| folder.join(name));
    programs.find(|program| program.is_file()).ok_or_else(|| {
        let message = format!(
            "Failed to find the program `{name}`: it is neither beside `ressenti` nor on the PATH"
        );
        Failure::new(message).with_hint("Build the programs with `cargo build`".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: u8, reason: &str) -> ProcessEnd {
        ProcessEnd {
            code,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn the_end_of_a_process_is_described() {
        let cases = [
            (0, false, ProcessEnd::of_code(0)),
            (1 << 8, false, failed(1, "exit code 1")),
            (1 << 8, true, ProcessEnd::of_code(INTERRUPTED)),
            (75 << 8, false, failed(75, "exit code 75")),
            (130 << 8, false, ProcessEnd::of_code(INTERRUPTED)),
            (libc::SIGINT, false, ProcessEnd::of_code(INTERRUPTED)),
            (libc::SIGTERM, true, ProcessEnd::of_code(INTERRUPTED)),
            (
                libc::SIGSEGV,
                false,
                failed(139, "killed by signal 11 (SIGSEGV)"),
            ),
            (
                libc::SIGKILL,
                false,
                failed(
                    137,
                    "killed by signal 9 (SIGKILL), probably because memory ran out",
                ),
            ),
        ];
        for (status, interrupted, expected) in cases {
            assert_eq!(
                process_end(ExitStatus::from_raw(status), interrupted),
                expected,
                "{status}"
            );
        }
    }

    /// How often a stage is started if it ends in these ways, and its last end.
    fn starts(endings: &[ProcessEnd]) -> (usize, ProcessEnd) {
        let mut started = 0;
        let retry_delays = [Duration::ZERO; 2];
        let last = with_retries(
            retry_delays,
            || {
                started += 1;
                Ok(endings[started - 1].clone())
            },
            |_, _| {},
        );
        (started, last.expect("it starts"))
    }

    #[test]
    fn only_transient_errors_are_retried_a_limited_number_of_times() {
        let lost = failed(75, "exit code 75");
        let wrong = failed(1, "exit code 1");
        assert_eq!(
            starts(&[ProcessEnd::of_code(0)]),
            (1, ProcessEnd::of_code(0))
        );
        assert_eq!(starts(std::slice::from_ref(&wrong)), (1, wrong.clone()));
        assert_eq!(
            starts(&[lost.clone(), ProcessEnd::of_code(0)]),
            (2, ProcessEnd::of_code(0))
        );
        assert_eq!(starts(&[lost.clone(), wrong.clone()]), (2, wrong));
        assert_eq!(
            starts(&[lost.clone(), lost.clone(), lost.clone()]),
            (3, lost)
        );
    }
}
