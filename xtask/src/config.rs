//! `.cargo/libtorch.toml`, which `.cargo/config.toml` includes: it tells every cargo command in this checkout
//! where libtorch is, so that nobody has to set a variable.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::assets::Layout;
use crate::cache::write_atomically;
use crate::error::Result;

/// The variable that torch-sys reads.
pub(crate) const LIBTORCH: &str = "LIBTORCH";

/// What the last set-up left in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    text: String,
    libtorch: Option<String>,
    /// The layout a person asked for; a later set-up without a wish keeps to it.
    pub(crate) asked: Option<Layout>,
}

fn path(root: &Path) -> PathBuf {
    root.join(".cargo/libtorch.toml")
}

/// The first line says which command wrote the file, and so keeps the wish.
fn first_line(asked: Option<Layout>) -> String {
    let option = |layout: Layout| format!(" --{}", layout.name());
    let wish = asked.map(option).unwrap_or_default();
    format!("# Written by `cargo xtask setup{wish}`; not under version control.")
}

impl Written {
    /// A file that is absent or not ours counts as empty: it will be written anew.
    pub(crate) fn read(root: &Path) -> Self {
        let text = fs::read_to_string(path(root)).unwrap_or_default();
        let file: toml::Table = text.parse().unwrap_or_default();
        let libtorch = file.get("env").and_then(|env| env.get(LIBTORCH)?.as_str());
        let libtorch = libtorch.map(str::to_owned);
        let is_asked = |layout: &Layout| text.lines().next() == Some(&*first_line(Some(*layout)));
        let asked = Layout::ALL.into_iter().find(is_asked);
        Self {
            text,
            libtorch,
            asked,
        }
    }

    /// The value a person set in the environment. Cargo passes its own `[env]` on to us, so a value that
    /// stands in the file is ours, any other is theirs.
    pub(crate) fn set_by_the_user(&self, value: Option<OsString>) -> Option<OsString> {
        value.filter(|value| self.libtorch.as_deref().is_none_or(|ours| value != ours))
    }

    /// Names `folder` to cargo. The file is touched only if it changes: torch-sys takes minutes to rebuild.
    pub(crate) fn update(&self, root: &Path, folder: &Path, asked: Option<Layout>) -> Result<()> {
        let value = toml::Value::from(folder.to_string_lossy().into_owned());
        let text = format!("{}\n[env]\n{LIBTORCH} = {value}\n", first_line(asked));
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
        for asked in [None, Some(Layout::Cpu), Some(Layout::Cuda)] {
            let root = checkout();
            assert_eq!(Written::read(root.path()), Written::default());
            let folder = Path::new("/cache of \"me\"/libtorch");
            Written::default()
                .update(root.path(), folder, asked)
                .unwrap_or_else(|error| panic!("{error}"));
            let written = Written::read(root.path());
            assert_eq!(
                (written.libtorch.as_deref(), written.asked),
                (folder.to_str(), asked)
            );
        }
    }

    #[test]
    fn the_same_contents_leave_the_file_untouched() {
        let root = checkout();
        let update = |folder: &str| {
            let result = Written::read(root.path()).update(root.path(), Path::new(folder), None);
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
            let written = Written {
                libtorch: file.map(str::to_owned),
                ..Written::default()
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
