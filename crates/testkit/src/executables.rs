//! Writes programs that a test starts afterwards.
//!
//! Another process writes them. If this process had the file open for writing, a child that another test starts at
//! the same moment would inherit the descriptor, and Linux refuses to start a program that is open for writing
//! (`ETXTBSY`, "Text file busy").

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

/// Writes a script, which must start with `#!`, as a program.
pub fn write_script(path: &Path, text: &str) {
    let draft = tempfile::NamedTempFile::new().expect("a file");
    fs::write(draft.path(), text).expect("written");
    copy_program(draft.path(), path);
}
