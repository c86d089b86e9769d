//! `.cargo/libtorch.toml`, which `.cargo/config.toml` includes: it passes the libtorch folder to every cargo
//! command in this checkout.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::assets::Layout;
use crate::cache::write_atomically;
use crate::error::Result;

/// The variable that torch-sys reads.
pub(crate) const LIBTORCH: &str = "LIBTORCH";

/// The content of the file after the last set-up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LibtorchConfig {
    text: String,
    libtorch: Option<String>,
    /// The layout that the user requested. Later set-ups without `--cpu` or `--cuda` use it again.
    pub(crate) requested: Option<Layout>,
}

fn path(root: &Path) -> PathBuf {
    root.join(".cargo/libtorch.toml")
}

/// The first line of the file names the command that wrote it, and so stores the requested layout.
fn first_line(requested: Option<Layout>) -> String {
    let option = |layout: Layout| format!(" --{}", layout.name());
    let option = requested.map(option).unwrap_or_default();
    format!("# Written by `cargo xtask setup{option}`; not under version control.")
}

impl LibtorchConfig {
    /// Reads the file. A missing or foreign file counts as empty and will be replaced.
    pub(crate) fn read(root: &Path) -> Self {
        let text = fs::read_to_string(path(root)).unwrap_or_default();
        let file: toml::Table = text.parse().unwrap_or_default();
        let libtorch = file.get("env").and_then(|env| env.get(LIBTORCH)?.as_str());
        let first = text.lines().next().unwrap_or_default();
        let mut layouts = Layout::ALL.into_iter();
        Self {
            libtorch: libtorch.map(str::to_owned),
            requested: layouts.find(|layout| first_line(Some(*layout)) == first),
            text,
        }
    }

    /// The value that the user set in the environment. Cargo passes its own `[env]` to xtask, so a value equal to
    /// the one in the file comes from the file.
    pub(crate) fn set_by_the_user(&self, value: Option<OsString>) -> Option<OsString> {
        value.filter(|value| self.libtorch.as_deref().is_none_or(|ours| value != ours))
    }

    /// Writes `folder` to the file if it changed. An unchanged file avoids a rebuild of torch-sys, which takes minutes.
    pub(crate) fn update(&self, root: &Path, folder: &Path, layout: Option<Layout>) -> Result<()> {
        let value = toml::Value::from(folder.to_string_lossy().into_owned());
        let text = format!("{}\n[env]\n{LIBTORCH} = {value}\n", first_line(layout));
        if text == self.text {
            return Ok(());
        }
        write_atomically(&path(root), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(root.path().join(".cargo")).expect("a folder");
        root
    }

    #[test]
    fn what_is_written_is_read_back() {
        for requested in [None, Some(Layout::Cpu), Some(Layout::Cuda)] {
            let root = checkout();
            assert_eq!(LibtorchConfig::read(root.path()), LibtorchConfig::default());
            let folder = Path::new("/cache of \"me\"/libtorch");
            LibtorchConfig::default()
                .update(root.path(), folder, requested)
                .unwrap_or_else(|error| panic!("{error}"));
            let written = LibtorchConfig::read(root.path());
            assert_eq!(
                (written.libtorch.as_deref(), written.requested),
                (folder.to_str(), requested)
            );
        }
    }

    #[test]
    fn the_same_contents_leave_the_file_untouched() {
        let root = checkout();
        let update = |folder: &str| {
            let result =
                LibtorchConfig::read(root.path()).update(root.path(), Path::new(folder), None);
            result.unwrap_or_else(|error| panic!("{error}"));
        };
        update("/a");
        let file = path(root.path());
        fs::File::open(&file)
            .and_then(|file| file.set_modified(std::time::UNIX_EPOCH))
            .expect("our own file");
        let is_old = || {
            fs::metadata(&file)
                .and_then(|file| file.modified())
                .expect("it is there")
                == std::time::UNIX_EPOCH
        };
        update("/a");
        assert!(is_old());
        update("/b");
        assert!(!is_old());
    }

    #[test]
    fn a_value_that_is_not_in_the_file_is_the_users() {
        let check = |file: Option<&str>, value: Option<&str>, expected: Option<&str>| {
            let written = LibtorchConfig {
                libtorch: file.map(str::to_owned),
                ..LibtorchConfig::default()
            };
            let found = written.set_by_the_user(value.map(OsString::from));
            assert_eq!(found, expected.map(OsString::from));
        };
        check(None, None, None);
        check(None, Some("/theirs"), Some("/theirs"));
        check(Some("/ours"), Some("/theirs"), Some("/theirs"));
        check(Some("/ours"), Some("/ours"), None);
        check(Some("/ours"), None, None);
    }
}
