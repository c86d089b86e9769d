//! Paths of the output and of the files next to it.

use std::fs;
use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, FileLock};

use crate::usage_error;

/// The file that lists the rejected rows.
pub(crate) fn rejected_path(output: &Path) -> PathBuf {
    output.with_added_extension("rejected.jsonl")
}

/// Checks that no written file replaces the input, also by a link or another path.
///
/// # Errors
/// The output is a folder, or the input is the output or one of the files next to it.
pub(crate) fn check_paths(input: &Path, output: &Path) -> Result<(), Failure> {
    let reject = |problem: String| Err(usage_error(problem, "Choose another name for `--output`"));
    if output.is_dir() {
        let output = output.display();
        return reject(format!("The output `{output}` is a folder"));
    }
    let beside_output = |extension: &str| output.with_added_extension(extension);
    for (path, content) in [
        (output.to_owned(), "predictions"),
        (rejected_path(output), "rejected rows"),
        (beside_output("partial"), "unfinished predictions"),
        (beside_output("shards"), "shards"),
    ] {
        if is_same_or_inside(input, &path) {
            let (input, path) = (input.display(), path.display());
            return reject(format!(
                "The input `{input}` would be overwritten by the {content} in `{path}`"
            ));
        }
    }
    Ok(())
}

/// Whether two paths are the same file, also by links, or the file is inside the folder `path`.
fn is_same_or_inside(file: &Path, path: &Path) -> bool {
    let (Ok(one), Ok(two)) = (fs::metadata(file), fs::metadata(path)) else {
        // A file that does not exist cannot be overwritten.
        return false;
    };
    if (one.dev(), one.ino()) == (two.dev(), two.ino()) {
        return true;
    }
    let is_inside = |file: PathBuf| Ok(file.starts_with(path.canonicalize()?));
    file.canonicalize().and_then(is_inside).unwrap_or(false)
}

/// Locks the folder of an unfinished output.
///
/// # Errors
/// Another process holds the lock, or the lock file cannot be created or locked.
pub(crate) fn lock(path: &Path) -> Result<FileLock, Failure> {
    let lock = FileLock::try_acquire(path).map_err(output_failure)?;
    lock.ok_or_else(|| {
        let holder = FileLock::holder(path).filter(|holder| !holder.is_empty());
        let holder = holder.unwrap_or_else(|| "another process".to_owned());
        let folder = path.parent().unwrap_or(path).display();
        let problem = format!("`{folder}` is in use by {holder}");
        let hint = "Wait until that process ends or stop it, or choose another name for `--output`";
        Failure::new(problem).with_hint(hint.to_owned())
    })
}

/// A failure to write the output or a file next to it; the hint names the flag that changes the folder.
pub(crate) fn output_failure(error: ArtifactError) -> Failure {
    let is_not_writable = match &error {
        ArtifactError::Io { action, source, .. } if *action != "read" => {
            matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem)
        }
        _ => false,
    };
    let failure = Failure::from(error);
    let hint =
        "Choose another folder with `--output FOLDER/FILE.csv`, or make this folder writable";
    match is_not_writable {
        true => failure.with_hint(hint.to_owned()),
        false => failure,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_input_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["in.csv", "a.csv.rejected.jsonl", "b.csv.partial"] {
            fs::write(path(name), "text\n").expect("written");
        }
        fs::create_dir(path("c.csv.partial")).expect("a folder");
        fs::write(path("c.csv.partial/rows"), "text\n").expect("written");
        fs::create_dir(path("d.csv")).expect("a folder");
        symlink(path("in.csv"), path("link.csv")).expect("a link");
        fs::hard_link(path("in.csv"), path("hard.csv")).expect("a link");
        let check = |input: &str, output: &str, expected: Option<&str>| {
            let found = check_paths(&path(input), &path(output)).err();
            let found = found.map(|failure| failure.chain().remove(0));
            match (&found, expected) {
                (None, None) => {}
                (Some(found), Some(part)) if found.contains(part) => {}
                _ => panic!("{input} {output}: {found:?}"),
            }
        };
        check(
            "in.csv",
            "in.csv",
            Some("would be overwritten by the predictions"),
        );
        check("in.csv", "./in.csv", Some("predictions"));
        check("in.csv", "c.csv.partial/../in.csv", Some("predictions"));
        check("in.csv", "link.csv", Some("predictions"));
        check("link.csv", "in.csv", Some("predictions"));
        check("hard.csv", "in.csv", Some("predictions"));
        check("a.csv.rejected.jsonl", "a.csv", Some("rejected rows"));
        check("b.csv.partial", "b.csv", Some("unfinished predictions"));
        check(
            "c.csv.partial/rows",
            "c.csv",
            Some("unfinished predictions"),
        );
        check("in.csv", "d.csv", Some("is a folder"));
        check("in.csv", "out.csv", None);
        check("in.csv", "a.csv", None);
        check("none.csv", "none.csv", None);
    }

    #[test]
    fn a_second_process_gets_the_name_of_the_lock_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let first = lock(&path).expect("it is free");
        let error = lock(&path).expect_err("it is locked");
        let holder = format!("is in use by process {} on ", std::process::id());
        assert!(error.chain()[0].contains(&holder), "{error:?}");
        drop(first);
        lock(&path).expect("it is free again");
    }

    #[test]
    fn the_hint_for_a_read_only_folder_names_output() {
        let hint = |action, kind: io::ErrorKind| {
            let error = ArtifactError::io(action, Path::new("x.csv"))(kind.into());
            output_failure(error).hint().map(str::to_owned)
        };
        let read_only = hint("create", io::ErrorKind::PermissionDenied);
        assert!(read_only.is_some_and(|hint| hint.contains("--output")));
        let full = hint("write", io::ErrorKind::StorageFull);
        assert!(full.is_some_and(|hint| hint.contains("disk space")));
        assert_eq!(hint("read", io::ErrorKind::PermissionDenied), None);
    }
}
