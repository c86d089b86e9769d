//! Where things are kept: is there room, and does what is written come back?

use std::ffi::CString;
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, FileLock, format};

use super::Finding;

/// Less room than this is short: an encoder, its copies and a training run take a few gigabytes.
const LITTLE_ROOM: u64 = 4 << 30;

/// Bytes written and read back.
const TRIAL: usize = 8 << 20;

pub(super) fn examine(artifacts: &Path) -> Vec<Finding> {
    let cache = match artifact::cache_folder() {
        Some(folder) => room("cache", &folder),
        None => Finding::ok("cache", "there is no folder for it")
            .warn_if(true, "Set `HOME` or `RESSENTI_CACHE`"),
    };
    vec![cache, room("artifacts", artifacts), trial(artifacts)]
}

fn room(what: &str, folder: &Path) -> Finding {
    let path = folder.display();
    match free_bytes(&nearest(folder)) {
        Some(free) => Finding::ok(what, format!("{path}, {} free", format::bytes(free))).warn_if(
            free < LITTLE_ROOM,
            "Make room, for example with `ressenti gc`",
        ),
        None => Finding::ok(
            what,
            format!("{path}: the system does not say how much is free"),
        )
        .warn_if(true, "Check that the path exists"),
    }
}

/// The folder itself or the nearest above it that is there.
fn nearest(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = absolute.ancestors().find(|path| path.is_dir());
    there.unwrap_or(Path::new("/")).to_owned()
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut facts = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is a C string, and `statvfs` fills the structure or says that it did not.
    let status = unsafe { libc::statvfs(path.as_ptr(), facts.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    // SAFETY: filled, as the status says.
    let facts = unsafe { facts.assume_init() };
    Some(facts.f_bavail * facts.f_frsize)
}

/// Does where artifacts go what an artifact needs: locks, writes, renames, reads back; and clears it away again.
fn trial(folder: &Path) -> Finding {
    const WHAT: &str = "artifact self-test";
    let trial = nearest(folder).join(format!(".ressenti-doctor-{}", std::process::id()));
    let outcome = write_and_read(&trial);
    let _ = fs::remove_dir_all(&trial);
    let size = format::bytes(TRIAL as u64);
    let (found, hint) = match outcome {
        Ok(true) => return Finding::ok(WHAT, format!("{size} written, renamed and read back")),
        Ok(false) => (
            format!("of {size} something else was read than was written"),
            "Check the disk, or name another folder as `pipeline.artifacts`",
        ),
        Err(error) => (
            error.to_string(),
            "Artifacts need a folder that can be written, on a file system with renames and locks; name another as `pipeline.artifacts`",
        ),
    };
    Finding::failed(WHAT, found, hint)
}

/// Whether what is read is what was written.
fn write_and_read(folder: &Path) -> Result<bool, ArtifactError> {
    let _lock = FileLock::acquire(&folder.join("lock"), |_| ())?;
    let (pending, path) = (folder.join("pending"), folder.join("trial"));
    let content = (0..TRIAL).map(|place| (place * 131 + place / 4099) as u8);
    let content: Vec<u8> = content.collect();
    fs::write(&pending, &content).map_err(ArtifactError::io("write", &pending))?;
    fs::rename(&pending, &path).map_err(ArtifactError::io("rename", &pending))?;
    let found = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
    Ok(found == content)
}
