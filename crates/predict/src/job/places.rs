//! Where the answers about a file go, and what lies beside them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, FileLock};

use crate::misuse;

/// A path with one ending more.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Where the rows go that are kept aside.
pub(crate) fn rejects_of(output: &Path) -> PathBuf {
    with_ending(output, "rejected.jsonl")
}

/// Checks that nothing is written over the input, whatever name that has there.
///
/// # Errors
/// The input is the output or lies where something beside that is to be; or the output is a folder.
pub(crate) fn check_places(input: &Path, output: &Path) -> Result<(), Failure> {
    let refused = |problem: String| Err(misuse(problem, "Give `--output` another name"));
    if output.is_dir() {
        let output = output.display();
        return refused(format!(
            "The answers cannot be written to `{output}`, which is a folder"
        ));
    }
    for (place, what) in [
        (output.to_owned(), "the answers"),
        (rejects_of(output), "the rows that are kept aside"),
        (with_ending(output, "partial"), "the work under way"),
        (with_ending(output, "shards"), "the shards"),
    ] {
        if is_at(input, &place) {
            let (input, place) = (input.display(), place.display());
            return refused(format!(
                "The input `{input}` lies at `{place}`, where {what} would be written over it"
            ));
        }
    }
    Ok(())
}

/// Whether a file is what is at a place, by whichever of its names, or lies in the folder there.
fn is_at(file: &Path, place: &Path) -> bool {
    let (Ok(one), Ok(two)) = (fs::metadata(file), fs::metadata(place)) else {
        // What is not there is not written over.
        return false;
    };
    if (one.dev(), one.ino()) == (two.dev(), two.ino()) {
        return true;
    }
    let inside = file
        .canonicalize()
        .and_then(|file| Ok(file.starts_with(place.canonicalize()?)));
    inside.unwrap_or(false)
}

/// Takes the lock of a folder in which an output is made.
///
/// # Errors
/// Another process holds it, or the lock file cannot be created or locked.
pub(crate) fn lock(path: &Path) -> Result<FileLock, Failure> {
    let lock = FileLock::try_acquire(path).map_err(unwritten)?;
    lock.ok_or_else(|| {
        let holder = FileLock::holder(path).filter(|holder| !holder.is_empty());
        let holder = holder.unwrap_or_else(|| "another process".to_owned());
        let folder = path.parent().unwrap_or(path).display();
        Failure::new(format!("`{folder}` is in use by {holder}"))
            .with_hint("Wait for it or end it, or give `--output` another name".to_owned())
    })
}

/// A failure to write the output or what lies beside it, with the option that moves those.
pub(crate) fn unwritten(error: ArtifactError) -> Failure {
    let is_closed = match &error {
        ArtifactError::Io { action, source, .. } if *action != "read" => matches!(
            source.kind(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
        ),
        _ => false,
    };
    let failure = Failure::from(error);
    let hint = "Choose another folder with `--output FOLDER/FILE.csv`, or make this one writable";
    match is_closed {
        true => failure.with_hint(hint.to_owned()),
        false => failure,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_written_over_the_input() {
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
            let found = check_places(&path(input), &path(output)).err();
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
            Some("the answers would be written over"),
        );
        check("in.csv", "./in.csv", Some("the answers"));
        check("in.csv", "c.csv.partial/../in.csv", Some("the answers"));
        check("in.csv", "link.csv", Some("the answers"));
        check("link.csv", "in.csv", Some("the answers"));
        check("hard.csv", "in.csv", Some("the answers"));
        check("a.csv.rejected.jsonl", "a.csv", Some("kept aside"));
        check("b.csv.partial", "b.csv", Some("under way"));
        check("c.csv.partial/rows", "c.csv", Some("under way"));
        check("in.csv", "d.csv", Some("which is a folder"));
        check("in.csv", "out.csv", None);
        check("in.csv", "a.csv", None);
        check("none.csv", "none.csv", None);
    }

    #[test]
    fn the_second_process_is_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let first = lock(&path).expect("it is free");
        let refused = lock(&path).expect_err("it is held");
        let holder = format!("is in use by process {} on ", std::process::id());
        assert!(refused.chain()[0].contains(&holder), "{refused:?}");
        drop(first);
        lock(&path).expect("it is free again");
    }

    #[test]
    fn a_closed_folder_is_left_by_the_output() {
        let hint = |action, kind: io::ErrorKind| {
            let error = ArtifactError::io(action, Path::new("x.csv"))(kind.into());
            unwritten(error).hint().map(str::to_owned)
        };
        let closed = hint("create", io::ErrorKind::PermissionDenied);
        assert!(closed.is_some_and(|hint| hint.contains("--output")));
        let full = hint("write", io::ErrorKind::StorageFull);
        assert!(full.is_some_and(|hint| hint.contains("disk space")));
        assert_eq!(hint("read", io::ErrorKind::PermissionDenied), None);
    }
}
