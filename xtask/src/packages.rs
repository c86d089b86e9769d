//! Packages in the cache: fetched one by one, each there whole or not at all, so that an interrupted set-up
//! goes on with what is missing.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use crate::assets::Package;
use crate::cache::{Cache, Locked};
use crate::error::{Error, Result};
use crate::pip::Pip;
use crate::progress::{Step, megabytes, say};
use crate::sha256;

pub(crate) struct Packages<'a> {
    cache: &'a Cache,
    locked: &'a Locked,
    /// Looked for when the first package is missing: with all there, Python is not needed.
    pip: OnceCell<Pip>,
}

impl<'a> Packages<'a> {
    pub(crate) fn new(cache: &'a Cache, locked: &'a Locked) -> Self {
        let pip = OnceCell::new();
        Self { cache, locked, pip }
    }

    /// The package's file, fetched if it is not there, its digest checked either way.
    pub(crate) fn fetch(&self, package: &Package, subject: &str) -> Result<PathBuf> {
        let path = self.cache.packages().join(&package.file);
        if path.is_file() {
            let found = digest(package, &path, subject)?;
            match sha256::check(&package.sha256, &found, &path) {
                Ok(()) => return Ok(path),
                Err(error) => {
                    say(subject, format_args!("{error}; downloading it again"));
                    fs::remove_file(&path).map_err(Error::file("remove", &path))?;
                }
            }
        }
        let scratch = self.locked.scratch("download")?;
        let (name, version, size) = (&package.name, &package.version, megabytes(package.bytes));
        let action = format!("downloading {name} {version}, {size}");
        let mut step = Step::start(subject, action, package.bytes);
        let file = self.pip()?.download(package, &scratch, &path, &mut step)?;
        drop(step);
        sha256::check(&package.sha256, &digest(package, &file, subject)?, &file)?;
        fs::create_dir_all(self.cache.packages())
            .map_err(Error::file("create", &self.cache.packages()))?;
        fs::rename(&file, &path).map_err(Error::file("create", &path))?;
        Ok(path)
    }

    fn pip(&self) -> Result<&Pip> {
        if self.pip.get().is_none() {
            let _ = self.pip.set(Pip::find()?);
        }
        Ok(self.pip.get().expect("it was set one line above"))
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
    fn a_file_that_is_there_and_right_is_used_without_pip() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().as_os_str().to_owned();
        let cache = Cache::locate(|name| (name == "RESSENTI_CACHE").then(|| home.clone()))
            .expect("the variable is set");
        let locked = cache.lock().expect("nobody else holds it");
        let mut package = small().packages.remove(0);
        package.sha256 = sha256::of_bytes(b"wheel");
        fs::create_dir_all(cache.packages()).expect("a folder");
        fs::write(cache.packages().join(&package.file), "wheel").expect("a file");
        let packages = Packages::new(&cache, &locked);
        let path = packages
            .fetch(&package, "test")
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fs::read(path).expect("it is there"), b"wheel");
        assert!(packages.pip.get().is_none());
    }
}
