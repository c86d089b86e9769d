//! Waits for a stage program, and stops it if its heartbeat stops.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use artifact::{host_name, process_name};

use crate::interrupt;

/// Time between two checks of the heartbeat.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Prefix of the heartbeat files. The host, the process id of `ressenti` and the slot follow.
const PREFIX: &str = "heartbeat-";

/// Time that a stopped stage has to save its state.
const GRACE: Duration = Duration::from_secs(5);

/// Where stages write their heartbeat, and how long it may stop.
#[derive(Clone, Debug)]
pub(crate) struct Watchdog {
    /// The folder of the heartbeat files, one for each slot. A stage updates the time of its file.
    work: PathBuf,
    /// The longest time without a heartbeat; `None` waits forever.
    timeout: Option<Duration>,
}

impl Watchdog {
    /// A watchdog for the stages of one run. A timeout of 0 seconds waits forever.
    pub(crate) fn new(work: &Path, seconds: u64) -> Self {
        remove_stale_heartbeats(work);
        let timeout = (seconds > 0).then(|| Duration::from_secs(seconds));
        let work = work.to_owned();
        Self { work, timeout }
    }

    /// The heartbeat file of the stage in a slot.
    pub(crate) fn file(&self, slot: usize) -> PathBuf {
        self.work.join(format!("{PREFIX}{}-{slot}", process_name()))
    }

    /// Waits for the child process in a slot and forwards signals to it. The process id stays reserved until no
    /// signal can be sent any more. Returns how the child ended, or the timeout after which it was stopped.
    ///
    /// # Errors
    /// The system does not report how the child ended.
    pub(crate) fn wait(
        &self,
        mut child: Child,
        slot: usize,
    ) -> io::Result<Result<ExitStatus, Duration>> {
        let file = self.file(slot);
        let id = child.id().cast_signed();
        interrupt::set_child(slot, id);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(wait_for_end(id)));
        let mut last_change = (last_heartbeat(&file), Instant::now());
        let end = loop {
            if let Ok(ended) = receiver.recv_timeout(POLL_INTERVAL) {
                break ended.map(|()| None);
            }
            // Compare times only for equality, because the clock may have been set back.
            let heartbeat = last_heartbeat(&file);
            if heartbeat != last_change.0 {
                last_change = (heartbeat, Instant::now());
            }
            if let Some(timeout) = self.timeout.filter(|it| last_change.1.elapsed() >= *it) {
                signal(id, libc::SIGTERM);
                if receiver.recv_timeout(GRACE).is_err() {
                    signal(id, libc::SIGKILL);
                    let _ = receiver.recv();
                }
                break Ok(Some(timeout));
            }
        };
        interrupt::clear_child(slot);
        let status = child.wait()?;
        let _ = fs::remove_file(&file);
        Ok(end?.map_or(Ok(status), Err))
    }
}

fn last_heartbeat(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|file| file.modified()).ok()
}

/// Removes heartbeat files of killed runs on this host. Whether runs on other hosts still live is unknown.
fn remove_stale_heartbeats(work: &Path) {
    let own = format!("{PREFIX}{}-", host_name());
    for entry in fs::read_dir(work).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let id = |name: &str| name.strip_prefix(&own)?.split('-').next()?.parse().ok();
        let id: Option<i32> = name.to_str().and_then(id);
        // SAFETY: `kill` accepts any numbers; signal 0 only tests whether the process exists.
        if id.is_some_and(|id| unsafe { libc::kill(id, 0) } != 0) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Waits until a child has ended but keeps it as a zombie, so that its process id is not reused.
fn wait_for_end(id: i32) -> io::Result<()> {
    loop {
        // SAFETY: the struct is valid when zeroed, and `waitid` writes nothing else.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let options = libc::WEXITED | libc::WNOWAIT;
            libc::waitid(libc::P_PID, id.cast_unsigned(), &raw mut info, options)
        };
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn signal(id: i32, signal: i32) {
    // SAFETY: `kill` accepts any numbers; the process is a child of ours and not waited for yet.
    unsafe { libc::kill(id, signal) };
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::atomic::Ordering;

    use super::*;

    fn wait(seconds: u64, script: &str) -> (Result<ExitStatus, Duration>, Duration) {
        let folder = tempfile::tempdir().expect("a folder");
        let watchdog = Watchdog::new(folder.path(), seconds);
        let clock = Instant::now();
        let child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(watchdog.file(3))
            .spawn()
            .expect("a shell");
        let wait = watchdog.wait(child, 3).expect("our own child");
        assert!(!watchdog.file(3).exists());
        (wait, clock.elapsed())
    }

    #[test]
    fn heartbeat_files_of_killed_runs_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut gone = Command::new("true").spawn().expect("a program");
        gone.wait().expect("our own child");
        let stale = folder
            .path()
            .join(format!("{PREFIX}{}-{}-0", host_name(), gone.id()));
        let living = folder.path().join(format!("{PREFIX}{}-1", process_name()));
        let elsewhere = folder.path().join(format!("{PREFIX}elsewhere-1-0"));
        for file in [&stale, &living, &elsewhere] {
            fs::write(file, "").expect("a file");
        }
        Watchdog::new(folder.path(), 1);
        assert!(!stale.exists() && living.exists() && elsewhere.exists());
    }

    #[test]
    fn a_child_keeps_its_process_id_until_it_is_waited_for() {
        let mut child = Command::new("true").spawn().expect("a program");
        let id = child.id().cast_signed();
        wait_for_end(id).expect("our own child");
        // It has ended, and its process id still exists.
        // SAFETY: `kill` accepts any numbers; signal 0 only tests whether the process exists.
        assert_eq!(unsafe { libc::kill(id, 0) }, 0);
        assert!(child.wait().expect("its status is kept").success());
        assert!(wait_for_end(id).is_err(), "it is no longer a child");

        let (end, _) = wait(0, "exit 0");
        assert!(matches!(end, Ok(status) if status.success()));
        let child = interrupt::CHILDREN[3].load(Ordering::SeqCst);
        assert_eq!(child, 0, "no signal is forwarded to it");
    }

    #[test]
    fn a_stage_without_a_heartbeat_is_stopped_and_others_are_not() {
        let (end, _) = wait(0, "sleep 1; exit 3");
        assert!(
            matches!(end, Ok(status) if status.code() == Some(3)),
            "{end:?}"
        );
        let busy = "for n in 1 2 3 4 5 6; do sleep 0.5; date > $1; done";
        let (end, _) = wait(2, busy);
        assert!(matches!(end, Ok(status) if status.success()), "{end:?}");
        let (end, time) = wait(1, "sleep 60");
        assert!(end.is_err() && time < Duration::from_secs(8), "{end:?}");
        // A process that ignores SIGTERM is killed.
        let (end, time) = wait(1, "trap '' TERM; while true; do sleep 1; done");
        assert!(end.is_err() && time < Duration::from_secs(20), "{end:?}");
    }
}
