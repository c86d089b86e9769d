//! One process at a time for each shard, on whichever machine. The lock is the operating system's
//! (`flock`), which network file systems pass on to their server: it ends with the process that holds
//! it, however that ends.

use std::env;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process;
use std::thread::sleep;
use std::time::Duration;

use artifact::ArtifactError;
use stage::{Failure, FailureKind, Progress, stop_requested};

use crate::job::unwritten;

/// How often a process that waits for another looks whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The right to work on something; given back when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Takes the lock, and waits for another process that holds it. A note says which.
///
/// # Errors
/// The file cannot be locked, or we were asked to stop meanwhile.
pub(super) fn wait_for(path: &Path, progress: &Progress) -> Result<Lock, Failure> {
    let mut said = false;
    loop {
        match take(path)? {
            Ok(lock) => return Ok(lock),
            Err(holder) if !said => progress.note(&format!("waiting for {holder}, which is at it")),
            Err(_) => {}
        }
        said = true;
        if stop_requested() {
            return Err(Failure::new("asked to, while waiting for another process")
                .with_kind(FailureKind::Interrupted));
        }
        sleep(LOOK_EVERY);
    }
}

/// Takes the lock if nobody has it.
///
/// # Errors
/// Somebody has it, or the file cannot be locked.
pub(super) fn take_now(path: &Path) -> Result<Lock, Failure> {
    take(path)?.map_err(|holder| {
        let folder = path.parent().unwrap_or(path).display();
        Failure::new(format!("{holder} works in `{folder}` already"))
            .with_hint("Wait for it or end it, or give `--output` another name".to_owned())
    })
}

/// The lock, or who has it.
fn take(path: &Path) -> Result<Result<Lock, String>, Failure> {
    let open = || {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        options.open(path)
    };
    let file = open().map_err(ArtifactError::io("open", path));
    let mut file = file.map_err(unwritten)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who holds it is a courtesy: unreadable, the wait is the same.
            let _ = file.read_to_string(&mut holder);
            let known = !holder.trim().is_empty();
            let holder = if known {
                holder.trim()
            } else {
                "another process"
            };
            return Ok(Err(holder.to_owned()));
        }
        Err(TryLockError::Error(error)) => {
            return Err(ArtifactError::io("lock", path)(error).into());
        }
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(ourselves().as_bytes()))
        .map_err(ArtifactError::io("write", path))?;
    Ok(Ok(Lock { _file: file }))
}

/// Host, process, and the job of a cluster that this process is part of.
fn ourselves() -> String {
    let mut text = format!("host {}, process {}", host(), process::id());
    if let Ok(job) = env::var("SLURM_JOB_ID") {
        text.push_str(&format!(", Slurm job {job}"));
    }
    text
}

fn host() -> String {
    let mut name = [0_u8; 256];
    // SAFETY: the buffer is as long as said; its last byte stays zero, whatever is cut off.
    unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    String::from_utf8_lossy(&name[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("0001-of-0002.lock");
        let first = take_now(&path).expect("nobody has it");
        let refused = take_now(&path).expect_err("somebody has it");
        let who = format!("host {}, process {} works in", host(), process::id());
        assert!(refused.chain()[0].starts_with(&who), "{refused:?}");
        drop(first);
        take_now(&path).expect("nobody has it any more");
    }
}
