//! Starting a stage's program, called exactly as a person would call it, and saying how it ended.

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

/// The exit code of a stage that met a fault worth trying again.
pub(crate) const TRANSIENT: u8 = 75;

/// The exit code of a process that the system has killed, as where memory ran out.
pub(crate) const KILLED: u8 = 137;

/// The variable with the GPUs that a process sees.
const DEVICES: &str = "CUDA_VISIBLE_DEVICES";

/// The exit code of a stage that was interrupted and saved its state.
pub(crate) const INTERRUPTED: u8 = 130;

/// Waits before a stage that met a passing fault is started again: ever longer, up to a minute.
pub(crate) fn waits(retries: u32) -> impl Iterator<Item = Duration> {
    (0..retries).map(|number| Duration::from_secs(5_u64.saturating_pow(number).min(60)))
}

/// A stage to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// Which stage.
    pub(crate) stage: StageName,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Its place among the jobs that run at the same time, from 0.
    pub(crate) slot: usize,
}

/// How a stage's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Its exit code: 0 where it ended well, [`INTERRUPTED`] by the user's wish; 128 and the signal's number
    /// for a process that was killed, as in shells.
    pub(crate) code: u8,
    /// The same in words; what went wrong it has said itself.
    pub(crate) reason: String,
}

impl Ending {
    /// The end of a process that gave an exit code.
    pub(crate) fn of_code(code: u8) -> Self {
        let reason = format!("exit code {code}");
        Self { code, reason }
    }
}

/// Starts a stage and, where it met a fault that may pass (a lost GPU), starts it again after each
/// of the given waits. It goes on from its last checkpoint.
///
/// # Errors
/// The program is not there or cannot be started.
pub(crate) fn with_retries(
    waits: impl IntoIterator<Item = Duration>,
    mut once: impl FnMut() -> Result<Ending, Failure>,
    mut on_retry: impl FnMut(&str, Duration),
) -> Result<Ending, Failure> {
    let mut ending = once()?;
    for wait in waits {
        if ending.code != TRANSIENT {
            break;
        }
        on_retry(&ending.reason, wait);
        if !interrupt::sleep(wait) {
            return Ok(Ending::of_code(INTERRUPTED));
        }
        ending = once()?;
    }
    Ok(ending)
}

/// Runs a stage's program to its end, or until it gives no sign of life. `gpus` are shared by the
/// jobs in turn; 0 leaves the choice to the stage.
///
/// # Errors
/// The program is not there or cannot be started.
pub(crate) fn run_program(job: &Job, watchdog: &Watchdog, gpus: usize) -> Result<Ending, Failure> {
    let mut command = Command::new(program(job.stage.binary())?);
    command.args(&job.arguments);
    if let Some(device) = visible_device(job.slot, gpus, env::var(DEVICES).ok().as_deref()) {
        command.env(DEVICES, device);
    }
    run_command(command, job.slot, watchdog)
}

/// Runs a command to its end, or until it gives no sign of life.
///
/// # Errors
/// It cannot be started.
pub(crate) fn run_command(
    mut command: Command,
    slot: usize,
    watchdog: &Watchdog,
) -> Result<Ending, Failure> {
    let program = PathBuf::from(command.get_program());
    let failed = |error| not_started(&program, error);
    command.env(HEARTBEAT, watchdog.file(slot));
    let child = command.spawn().map_err(failed)?;
    Ok(match watchdog.wait(child, slot).map_err(failed)? {
        Ok(status) => ending(status, interrupt::requested()),
        Err(_) if interrupt::requested() => Ending::of_code(INTERRUPTED),
        Err(timeout) => Ending {
            code: TRANSIENT,
            reason: format!("stopped: no progress for {} s", timeout.as_secs()),
        },
    })
}

fn ending(status: ExitStatus, interrupted: bool) -> Ending {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    match (code, status.signal()) {
        (Some(code @ (0 | INTERRUPTED)), _) => Ending::of_code(code),
        (_, signal) if interrupted || signal == Some(libc::SIGINT) => Ending::of_code(INTERRUPTED),
        (_, Some(signal)) => Ending {
            code: u8::try_from(128 + signal).unwrap_or(1),
            reason: format!("killed by {}", signal_in_words(signal)),
        },
        (code, None) => Ending::of_code(code.unwrap_or(1)),
    }
}

fn signal_in_words(signal: i32) -> String {
    match signal {
        libc::SIGKILL => "signal 9 (SIGKILL; by the system, where memory ran out)".to_owned(),
        libc::SIGSEGV => "signal 11 (SIGSEGV)".to_owned(),
        libc::SIGABRT => "signal 6 (SIGABRT)".to_owned(),
        libc::SIGBUS => "signal 7 (SIGBUS)".to_owned(),
        libc::SIGTERM => "signal 15 (SIGTERM)".to_owned(),
        other => format!("signal {other}"),
    }
}

fn not_started(program: &Path, error: io::Error) -> Failure {
    Failure::from_error(ArtifactError::io("start", program)(error))
        .with_hint("Build the stages again with `cargo build`".to_owned())
}

/// Becomes another program: `ressenti train ...` is `ressenti-train ...`. Returns only if that did
/// not work.
pub(crate) fn become_program(name: &str, arguments: &[OsString]) -> Failure {
    match program(name) {
        Ok(program) => not_started(&program, Command::new(&program).args(arguments).exec()),
        Err(failure) => failure,
    }
}

/// Where one of our programs is: beside `ressenti`, else on the PATH.
///
/// # Errors
/// Neither.
pub(crate) fn program(name: &str) -> Result<PathBuf, Failure> {
    let own = env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = beside.into_iter().chain(env::split_paths(&path));
    let mut programs = folders.map(|folder| folder.join(name));
    programs.find(|program| program.is_file()).ok_or_else(|| {
        let message = format!("The program `{name}` is neither beside `ressenti` nor on the PATH");
        Failure::new(message).with_hint("Build the programs with `cargo build`".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: u8, reason: &str) -> Ending {
        Ending {
            code,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn the_end_of_a_process_is_told_in_words() {
        let cases = [
            (0, false, Ending::of_code(0)),
            (1 << 8, false, failed(1, "exit code 1")),
            (1 << 8, true, Ending::of_code(INTERRUPTED)),
            (75 << 8, false, failed(75, "exit code 75")),
            (130 << 8, false, Ending::of_code(INTERRUPTED)),
            (libc::SIGINT, false, Ending::of_code(INTERRUPTED)),
            (libc::SIGTERM, true, Ending::of_code(INTERRUPTED)),
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
                    "killed by signal 9 (SIGKILL; by the system, where memory ran out)",
                ),
            ),
        ];
        for (status, interrupted, expected) in cases {
            assert_eq!(
                ending(ExitStatus::from_raw(status), interrupted),
                expected,
                "{status}"
            );
        }
    }

    /// How often a stage is started that ends in this way, and how it ends at last.
    fn starts(endings: &[Ending]) -> (usize, Ending) {
        let mut started = 0;
        let waits = [Duration::ZERO; 2];
        let last = with_retries(
            waits,
            || {
                started += 1;
                Ok(endings[started - 1].clone())
            },
            |_, _| {},
        );
        (started, last.expect("the double starts"))
    }

    #[test]
    fn only_a_passing_fault_is_tried_again_and_not_for_ever() {
        let lost = failed(75, "exit code 75");
        let wrong = failed(1, "exit code 1");
        assert_eq!(starts(&[Ending::of_code(0)]), (1, Ending::of_code(0)));
        assert_eq!(starts(std::slice::from_ref(&wrong)), (1, wrong.clone()));
        assert_eq!(
            starts(&[lost.clone(), Ending::of_code(0)]),
            (2, Ending::of_code(0))
        );
        assert_eq!(starts(&[lost.clone(), wrong.clone()]), (2, wrong));
        assert_eq!(
            starts(&[lost.clone(), lost.clone(), lost.clone()]),
            (3, lost)
        );
    }
}
