//! Checks of the disk: free space, and whether a written file is read back unchanged.

use std::ffi::CString;
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, FileLock, format};

use super::Finding;

/// Bytes that should be free: an encoder, its copies and a training run need a few gigabytes.
const MIN_FREE_SPACE: u64 = 4 << 30;

/// Bytes written and read back.
const SELF_TEST_BYTES: usize = 8 << 20;

pub(super) fn examine(artifacts: &Path) -> Vec<Finding> {
    let cache = match artifact::cache_folder() {
        Some(folder) => free_space("cache", &folder),
        None => Finding::ok("cache", "the cache folder is unknown")
            .warn_if(true, "Set `HOME` or `RESSENTI_CACHE`"),
    };
    let space = free_space("artifacts", artifacts);
    vec![cache, space, self_test(artifacts)]
}

fn free_space(what: &str, folder: &Path) -> Finding {
    let path = folder.display();
    match free_bytes(&nearest_existing_folder(folder)) {
        Some(free) => {
            let hint = "Free some disk space, for example with `ressenti gc`";
            let found = format!("{path}, {} free", format::bytes(free));
            Finding::ok(what, found).warn_if(free < MIN_FREE_SPACE, hint)
        }
        None => Finding::ok(what, format!("{path}, free space unknown"))
            .warn_if(true, "Check that the path exists"),
    }
}

/// The folder itself, or its nearest parent that exists.
fn nearest_existing_folder(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = absolute.ancestors().find(|path| path.is_dir());
    there.unwrap_or(Path::new("/")).to_owned()
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut stats = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is a C string; `statvfs` fills the structure or returns an error.
    let status = unsafe { libc::statvfs(path.as_ptr(), stats.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    // SAFETY: `statvfs` succeeded, so the structure is filled.
    let stats = unsafe { stats.assume_init() };
    Some(stats.f_bavail * stats.f_frsize)
}

/// Tests locks, writes, renames and reads in the artifacts folder, and removes its files again.
fn self_test(folder: &Path) -> Finding {
    const NAME: &str = "artifact self-test";
    let self_test =
        nearest_existing_folder(folder).join(format!(".ressenti-doctor-{}", std::process::id()));
    let outcome = write_and_read(&self_test);
    let _ = fs::remove_dir_all(&self_test);
    let size = format::bytes(SELF_TEST_BYTES as u64);
    let (found, hint) = match outcome {
        Ok(true) => return Finding::ok(NAME, format!("{size} written, renamed and read back")),
        Ok(false) => (
            format!("{size} written, but different bytes were read back"),
            "Check the disk, or set `pipeline.artifacts` to a folder on another disk",
        ),
        Err(error) => (
            error.to_string(),
            "Set `pipeline.artifacts` to a writable folder on a file system that supports renames and locks",
        ),
    };
    Finding::failed(NAME, found, hint)
}

/// Whether the bytes read are equal to the bytes written.
fn write_and_read(folder: &Path) -> Result<bool, ArtifactError> {
    let _lock = FileLock::acquire(&folder.join("lock"), |_| ())?;
    let (pending, path) = (folder.join("pending"), folder.join("self_test"));
    let content = (0..SELF_TEST_BYTES).map(|index| (index * 131 + index / 4099) as u8);
    let content: Vec<u8> = content.collect();
    fs::write(&pending, &content).map_err(ArtifactError::io("write", &pending))?;
    fs::rename(&pending, &path).map_err(ArtifactError::io("rename", &pending))?;
    let found = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
    Ok(found == content)
}
