//! Downloads packages into the cache. Each file is complete or absent, so an interrupted set-up resumes with the
//! missing ones.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use crate::assets::Package;
use crate::cache::{Cache, CacheLock};
use crate::error::{Error, Result};
use crate::pip::Pip;
use crate::progress::{Step, megabytes, print_status};
use crate::sha256;

pub(crate) struct Packages<'a> {
    pub(crate) cache: &'a Cache,
    pub(crate) lock: &'a CacheLock,
    /// Found when the first package is missing; otherwise Python is not needed.
    pip: OnceCell<Pip>,
}

impl<'a> Packages<'a> {
    pub(crate) fn new(cache: &'a Cache, lock: &'a CacheLock) -> Self {
        let pip = OnceCell::new();
        Self { cache, lock, pip }
    }

    /// The path of the package's file, after downloading it if needed. Its digest is always checked.
    pub(crate) fn fetch(&self, package: &Package, subject: &str) -> Result<PathBuf> {
        let folder = self.cache.packages();
        let path = folder.join(&package.file);
        if path.is_file() {
            let found = digest(package, &path, subject)?;
            let Err(error) = sha256::check(&package.sha256, &found, &path) else {
                return Ok(path);
            };
            print_status(subject, format_args!("{error}; downloading it again"));
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
        let scratch = self.lock.scratch("download")?;
        let (name, version, size) = (&package.name, &package.version, megabytes(package.bytes));
        let action = format!("downloading {name} {version}, {size}");
        let mut step = Step::start(subject, action, package.bytes);
        let file = self.pip()?.download(package, &scratch, &path, &mut step)?;
        drop(step);
        sha256::check(&package.sha256, &digest(package, &file, subject)?, &file)?;
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        fs::rename(&file, &path).map_err(Error::file("create", &path))?;
        Ok(path)
    }

    fn pip(&self) -> Result<&Pip> {
        if self.pip.get().is_none() {
            let _ = self.pip.set(Pip::find()?);
        }
        Ok(self.pip.get().expect("it was set above"))
    }
}

fn digest(package: &Package, path: &Path, subject: &str) -> Result<String> {
    let action = format!("checking {} {}", package.name, package.version);
    let mut step = Step::start(subject, action, package.bytes);
    sha256::of_file(path, |more| step.add(more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::tests::small;

    #[test]
    fn a_correct_file_is_used_without_pip() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().as_os_str().to_owned();
        let cache = Cache::locate(|name| (name == "RESSENTI_CACHE").then(|| home.clone()))
            .expect("the variable is set");
        let lock = cache.lock().expect("the lock is free");
        let mut package = small().packages.remove(0);
        package.sha256 = sha256::of_bytes(b"wheel");
        fs::create_dir_all(cache.packages()).expect("a folder");
        fs::write(cache.packages().join(&package.file), "wheel").expect("a file");
        let packages = Packages::new(&cache, &lock);
        let path = packages
            .fetch(&package, "test")
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fs::read(path).expect("it is there"), b"wheel");
        assert!(packages.pip.get().is_none());
    }
}
