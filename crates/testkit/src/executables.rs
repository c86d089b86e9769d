//! Programs that a test puts into a folder and then starts.
//!
//! They are written by a process of their own. A file descriptor that this process has open for
//! writing is held, for an instant, by every child that another test's thread starts meanwhile, and
//! Linux starts no program that somebody holds open for writing (`ETXTBSY`, "Text file busy").

use std::fs;
use std::path::Path;
use std::process::Command;

/// Copies a program.
pub fn copy_program(from: &Path, to: &Path) {
    let status = Command::new("install")
        .args(["-m", "755", "--"])
        .args([from, to])
        .status();
    assert!(status.expect("`install` starts").success());
}

/// Makes a program of a script, which begins with its `#!`.
pub fn write_script(path: &Path, text: &str) {
    let draft = tempfile::NamedTempFile::new().expect("a file");
    fs::write(draft.path(), text).expect("written");
    copy_program(draft.path(), path);
}
