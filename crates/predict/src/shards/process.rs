//! The process of a shard on this machine: started so that it does not outlive whoever started it, told
//! of his signals, and heard when it fails.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use artifact::ArtifactError;
use stage::Failure;

/// The exit code of a process that met a fault worth trying again, see DESIGN section 5.
const TRANSIENT: i32 = 75;

/// Lines of what a process said that are told where it failed.
const LINES: usize = 12;

/// A process under way.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Well.
    Done,
    /// By a fault that may pass; what it was, in words.
    Passing(String),
    /// With an error, or by the hand of somebody else.
    Failed(String),
}

impl Process {
    /// Starts this program with other arguments. What it says goes to a file.
    ///
    /// It is in a group of its own, so that Ctrl-C reaches it through us alone and once; and it is sent
    /// SIGTERM where the thread ends that started it, so that a coordinator that is killed leaves nothing
    /// behind that would go on: the process keeps the chunk that it is at and leaves.
    pub(super) fn start(arguments: Vec<OsString>, log: &Path) -> Result<Self, Failure> {
        let program = env::current_exe()
            .map_err(ArtifactError::io("find", Path::new("the running program")))?;
        let said = File::create(log).map_err(ArtifactError::io("create", log))?;
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .process_group(0);
        let parent = std::process::id();
        // SAFETY: between fork and exec nothing is called but `prctl` and `getppid`, which may be, and
        // nothing is allocated: an error is made of a number.
        unsafe {
            command.pre_exec(move || end_with(parent));
        }
        let child = command
            .spawn()
            .map_err(ArtifactError::io("start", &program))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// How it ended, if it has.
    pub(super) fn ending(&mut self) -> Result<Option<Ending>, Failure> {
        let status = self.child.try_wait();
        let status = status.map_err(ArtifactError::io("wait for", &self.log))?;
        Ok(status.map(|status| ending(status, &self.log)))
    }

    /// Asks it to keep what it has done and to leave.
    pub(super) fn ask_to_stop(&self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // SAFETY: `kill` takes any numbers; the process is our own child, not waited for yet.
            unsafe { libc::kill(id, libc::SIGTERM) };
        }
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        // It has ended already, or does now: both is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has the system send SIGTERM to this process where its parent ends, also one that has ended before.
fn end_with(parent: u32) -> io::Result<()> {
    // SAFETY: both take plain numbers and touch no memory.
    let (set, now) = unsafe {
        (
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM),
            libc::getppid(),
        )
    };
    if set != 0 {
        return Err(io::Error::last_os_error());
    }
    match u32::try_from(now) == Ok(parent) {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(libc::ESRCH)),
    }
}

fn ending(status: ExitStatus, log: &Path) -> Ending {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ending::Done,
        (Some(TRANSIENT), _) => Ending::Passing(with_last_lines("exit code 75", log)),
        (_, Some(libc::SIGKILL)) => {
            Ending::Passing("killed by SIGKILL, as the system does where memory ran out".to_owned())
        }
        (_, Some(signal)) => {
            Ending::Failed(with_last_lines(&format!("killed by signal {signal}"), log))
        }
        (code, None) => {
            let code = code.unwrap_or(1);
            Ending::Failed(with_last_lines(&format!("exit code {code}"), log))
        }
    }
}

/// How it ended and the last that it said.
fn with_last_lines(how: &str, log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    match last {
        [] => how.to_owned(),
        last => format!("{how}\n{}", last.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_faults_are_told_from_errors() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        fs::write(&log, "error: It is full\n\nhint: Make room\n").expect("written");
        let said = "\nerror: It is full\nhint: Make room";
        let check = |status: i32, expected: Ending| {
            assert_eq!(
                ending(ExitStatus::from_raw(status), &log),
                expected,
                "{status}"
            );
        };
        check(0, Ending::Done);
        check(1 << 8, Ending::Failed(format!("exit code 1{said}")));
        check(130 << 8, Ending::Failed(format!("exit code 130{said}")));
        check(75 << 8, Ending::Passing(format!("exit code 75{said}")));
        check(
            libc::SIGSEGV,
            Ending::Failed(format!("killed by signal 11{said}")),
        );
        let killed = "killed by SIGKILL, as the system does where memory ran out";
        check(libc::SIGKILL, Ending::Passing(killed.to_owned()));
    }
}
