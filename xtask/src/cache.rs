//! The per-user folder that all checkouts share: packages as downloaded, libtorch unpacked, and one lock.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::assets::Layout;
use crate::error::{Error, Result};
use crate::progress::say;

pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// `$RESSENTI_CACHE`, else `$XDG_CACHE_HOME/ressenti`, else `~/.cache/ressenti`: the same rule as
    /// `artifact::cache_folder`, which xtask cannot use because it would have to build Arrow first.
    pub(crate) fn locate(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let named = |name: &str| set(name).map(PathBuf::from);
        let folder = named("RESSENTI_CACHE")
            .or_else(|| Some(named("XDG_CACHE_HOME")?.join("ressenti")))
            .or_else(|| Some(named("HOME")?.join(".cache/ressenti")))
            .ok_or_else(|| {
                let variables = "none of RESSENTI_CACHE, XDG_CACHE_HOME and HOME is set";
                Error::new(format!("Cannot find a folder for downloads: {variables}"))
                    .with_hint("Set RESSENTI_CACHE to a folder with 2 GB free")
            })?;
        // libtorch is named to cargo by this path, and cargo works in other folders than we do.
        let folder = std::path::absolute(&folder).map_err(Error::file("resolve", &folder))?;
        Ok(Self { folder })
    }

    /// The folder of one libtorch; it exists once it was set up.
    pub(crate) fn libtorch(&self, version: &str, layout: Layout) -> PathBuf {
        let name = format!("libtorch-{version}-{}", layout.name());
        self.folder.join(name)
    }

    /// Packages as downloaded. Once what is made of them is whole, it can be deleted.
    pub(crate) fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }

    /// Waits until no other set-up works on this folder.
    pub(crate) fn lock(&self) -> Result<Locked> {
        fs::create_dir_all(&self.folder).map_err(Error::file("create", &self.folder))?;
        let path = self.folder.join("setup.lock");
        let file = File::create(&path).map_err(Error::file("create", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                say("set-up", "waiting for another set-up on this machine ...");
                file.lock().map_err(Error::file("lock", &path))?;
            }
            Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path)(source)),
        }
        let scratch = self.folder.join("unfinished");
        remove_folder(&scratch)?;
        Ok(Locked {
            scratch,
            _lock: file,
        })
    }
}

/// Proof that this process alone sets up, and a place for what is unfinished. What an interrupted set-up
/// left there is removed: whoever holds the lock knows that its owner is gone.
pub(crate) struct Locked {
    scratch: PathBuf,
    _lock: File,
}

impl Locked {
    /// A new empty folder on the same file system as everything else in the cache.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.scratch.join(name);
        remove_folder(&folder)?;
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        Ok(folder)
    }

    /// Puts the finished `folder` where `target` is named. What stands there goes aside first; between the
    /// two renames the target is absent, never half there.
    pub(crate) fn publish(&self, folder: &Path, target: &Path) -> Result<()> {
        let aside = self.scratch("replaced")?.join("folder");
        match fs::rename(target, &aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::file("move aside", target)(error))
            }
            _ => fs::rename(folder, target).map_err(Error::file("create", target)),
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // The next set-up removes what could not be removed here.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// Removes a folder, which need not be there.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn write_atomically(path: &Path, contents: &[u8]) -> Result<()> {
    let name = path.file_name().expect("we write to files by name");
    let mut name = name.to_owned();
    name.push(format!(".unfinished-{}", std::process::id()));
    let unfinished = path.with_file_name(name);
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
    fn what_an_interrupted_set_up_left_is_removed() {
        let (_folder, cache) = cache();
        let left = cache.folder.join("unfinished/torch/half.whl");
        fs::create_dir_all(left.parent().expect("a parent")).expect("a folder");
        fs::write(&left, "half").expect("a file");
        let locked = cache.lock().expect("nobody else holds it");
        assert!(!left.exists());
        let scratch = locked.scratch("torch").expect("a folder can be made");
        assert!(scratch.starts_with(cache.folder.join("unfinished")));
        drop(locked);
        assert!(!scratch.exists());
    }

    #[test]
    fn a_second_set_up_cannot_begin() {
        let (_folder, cache) = cache();
        let _locked = cache.lock().expect("nobody else holds it");
        let second = File::open(cache.folder.join("setup.lock")).expect("the lock file is there");
        assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)));
    }

    #[test]
    fn a_published_folder_replaces_the_old_one_whole() {
        let (_folder, cache) = cache();
        let locked = cache.lock().expect("nobody else holds it");
        let target = cache.libtorch("1", Layout::Cpu);
        for text in ["old", "new"] {
            let folder = locked.scratch("libtorch").expect("a folder can be made");
            fs::write(folder.join(text), text).expect("a file");
            locked.publish(&folder, &target).expect("a rename");
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
        assert!(error.to_string().starts_with("Cannot write"), "{error}");
    }
}
