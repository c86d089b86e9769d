//! The cache folder of the user, shared by all checkouts: downloaded packages, unpacked libtorch and a lock.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind::NotFound;
use std::path::{Path, PathBuf};

use crate::assets::Layout;
use crate::error::{Error, Result};
use crate::progress::print_status;

pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// `$RESSENTI_CACHE`, else `$XDG_CACHE_HOME/ressenti`, else `~/.cache/ressenti`. The same rule as
    /// `artifact::cache_folder`, which xtask cannot use because it would have to build Arrow first.
    pub(crate) fn locate(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let named = |name: &str| set(name).map(PathBuf::from);
        let folder = named("RESSENTI_CACHE")
            .or_else(|| Some(named("XDG_CACHE_HOME")?.join("ressenti")))
            .or_else(|| Some(named("HOME")?.join(".cache/ressenti")))
            .ok_or_else(|| {
                let cause = "none of RESSENTI_CACHE, XDG_CACHE_HOME and HOME is set";
                let message = format!("Failed to find a folder for downloads: {cause}");
                Error::new(message).with_hint("Set RESSENTI_CACHE to a folder with 2 GB free")
            })?;
        // The path is passed to cargo, which works in other folders, so it must be absolute.
        let folder = std::path::absolute(&folder).map_err(Error::file("resolve", &folder))?;
        Ok(Self { folder })
    }

    /// The folder of one libtorch; it exists after the set-up.
    pub(crate) fn libtorch(&self, version: &str, layout: Layout) -> PathBuf {
        self.tool("libtorch", &format!("{version}-{}", layout.name()))
    }

    /// The folder of a program for developers.
    pub(crate) fn tool(&self, name: &str, version: &str) -> PathBuf {
        self.folder.join(format!("{name}-{version}"))
    }

    /// The folder of downloaded packages. It can be deleted after the set-up.
    pub(crate) fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }

    /// Waits until no other set-up uses this folder.
    pub(crate) fn lock(&self) -> Result<CacheLock> {
        fs::create_dir_all(&self.folder).map_err(Error::file("create", &self.folder))?;
        let path = self.folder.join("setup.lock");
        let file = File::create(&path).map_err(Error::file("create", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                print_status("set-up", "waiting for another set-up on this machine ...");
                file.lock().map_err(Error::file("lock", &path))?;
            }
            Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path)(source)),
        }
        let scratch = self.folder.join("unfinished");
        remove_folder(&scratch)?;
        Ok(CacheLock {
            scratch,
            _lock: file,
        })
    }
}

/// Holds the lock of the cache, with a folder for unfinished work. Leftovers of an interrupted set-up are
/// removed: while this process holds the lock, no other process uses them.
pub(crate) struct CacheLock {
    scratch: PathBuf,
    _lock: File,
}

impl CacheLock {
    /// A new empty folder on the file system of the cache.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.scratch.join(name);
        remove_folder(&folder)?;
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        Ok(folder)
    }

    /// Renames the finished `folder` to `target`. An old target is moved away first. Between the two renames the
    /// target does not exist, but it is never incomplete.
    pub(crate) fn publish(&self, folder: &Path, target: &Path) -> Result<()> {
        let replaced = self.scratch("replaced")?.join("folder");
        match fs::rename(target, &replaced) {
            Err(error) if error.kind() != NotFound => Err(Error::file("move", target)(error)),
            _ => fs::rename(folder, target).map_err(Error::file("create", target)),
        }
    }
}

impl Drop for CacheLock {
    fn drop(&mut self) {
        // If this fails, the next set-up removes the folder.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// Removes a folder if it exists.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != NotFound => Err(Error::file("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// Writes a file atomically.
pub(crate) fn write_atomically(path: &Path, contents: &[u8]) -> Result<()> {
    let mut unfinished = path.to_owned().into_os_string();
    unfinished.push(format!(".unfinished-{}", std::process::id()));
    let write = || {
        fs::write(&unfinished, contents)?;
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&unfinished);
        Error::file("write", path)(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_names_the_folder() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let variable = |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| OsString::from(value))
            };
            let found = Cache::locate(variable).ok().map(|cache| cache.folder);
            assert_eq!(found.as_deref(), expected.map(Path::new));
        };
        check(
            &[
                ("RESSENTI_CACHE", "/a"),
                ("XDG_CACHE_HOME", "/b"),
                ("HOME", "/c"),
            ],
            Some("/a"),
        );
        check(
            &[
                ("RESSENTI_CACHE", ""),
                ("XDG_CACHE_HOME", "/b"),
                ("HOME", "/c"),
            ],
            Some("/b/ressenti"),
        );
        check(&[("HOME", "/c")], Some("/c/.cache/ressenti"));
        check(&[("HOME", "")], None);
        check(&[], None);
    }

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = Cache {
            folder: folder.path().join("cache"),
        };
        (folder, cache)
    }

    #[test]
    fn leftovers_of_an_interrupted_set_up_are_removed() {
        let (_folder, cache) = cache();
        let left = cache.folder.join("unfinished/torch/half.whl");
        fs::create_dir_all(left.parent().expect("a parent")).expect("a folder");
        fs::write(&left, "half").expect("a file");
        let lock = cache.lock().expect("the lock is free");
        assert!(!left.exists());
        let scratch = lock.scratch("torch").expect("a folder can be made");
        assert!(scratch.starts_with(cache.folder.join("unfinished")));
        drop(lock);
        assert!(!scratch.exists());
    }

    #[test]
    fn a_second_set_up_waits_for_the_lock() {
        let (_folder, cache) = cache();
        let _locked = cache.lock().expect("the lock is free");
        let second = File::open(cache.folder.join("setup.lock")).expect("the lock file is there");
        assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)));
    }

    #[test]
    fn a_published_folder_replaces_the_whole_old_one() {
        let (_folder, cache) = cache();
        let lock = cache.lock().expect("the lock is free");
        let target = cache.libtorch("1", Layout::Cpu);
        for text in ["old", "new"] {
            let folder = lock.scratch("libtorch").expect("a folder can be made");
            fs::write(folder.join(text), text).expect("a file");
            lock.publish(&folder, &target).expect("a rename");
            let names: Vec<_> = fs::read_dir(&target)
                .expect("it is there")
                .flatten()
                .collect();
            assert_eq!(names.len(), 1);
            assert_eq!(names[0].file_name(), text);
        }
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.toml");
        write_atomically(&path, b"one").expect("a write");
        write_atomically(&path, b"two").expect("a write");
        assert_eq!(fs::read(&path).expect("it is there"), b"two");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let nowhere = folder.path().join("no/a.toml");
        let error = write_atomically(&nowhere, b"one").expect_err("it has no folder");
        assert!(error.to_string().starts_with("Failed to write"), "{error}");
    }
}
