//! The set-up: libtorch and the default data, and nothing else. With all there it is a matter of
//! milliseconds, so every task begins with it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::assets::{Assets, DataFile, Layout};
use crate::cache::Cache;
use crate::config::{LIBTORCH, Written};
use crate::error::Result;
use crate::progress::say;
use crate::{data, libtorch, marker};

/// Where the commands that follow find libtorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `.cargo/libtorch.toml` names ours.
    Ours,
    /// A variable of the user's names theirs, and they inherit it.
    Users,
}

/// Sets up the checkout at `root`; `asked` is the layout a person wants, `extras` are optional data.
pub(crate) fn set_up(root: &Path, asked: Option<Layout>, extras: &[String]) -> Result<Source> {
    let start = Instant::now();
    let assets = Assets::read(&root.join("data/assets.toml"))?;
    let written = Written::read(root);
    let users = users_libtorch(&written);
    let set_up = SetUp {
        files: assets.wanted(extras)?,
        assets: &assets,
        cache: Cache::locate(|name| env::var_os(name))?,
        data: root.join("data"),
        choice: match &users {
            Some(_) => None,
            None => Some(choose(asked, written.asked, libtorch::has_nvidia_driver)),
        },
    };
    if let Some(variable) = users {
        let text = format!("as {variable} says; none is provisioned");
        say("libtorch", text);
    }
    let outcome = if set_up.is_present() {
        "all present".to_owned()
    } else {
        set_up.provide()?;
        format!("done in {} s", start.elapsed().as_secs())
    };
    let source = match set_up.choice {
        Some(Choice { layout, asked, .. }) => {
            let folder = set_up.cache.libtorch(&assets.libtorch, layout);
            written.update(root, &folder, asked)?;
            Source::Ours
        }
        None => Source::Users,
    };
    say("set-up", format_args!("{outcome}: {}", set_up.inventory()));
    Ok(source)
}

/// A libtorch the user has chosen by a variable of torch-sys, in words.
fn users_libtorch(written: &Written) -> Option<String> {
    if let Some(value) = written.set_by_the_user(env::var_os(LIBTORCH)) {
        return Some(format!("LIBTORCH=`{}`", value.display()));
    }
    env::var_os("LIBTORCH_USE_PYTORCH").map(|_: OsString| "LIBTORCH_USE_PYTORCH".to_owned())
}

/// A layout, who asked for it, and the reason to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    layout: Layout,
    asked: Option<Layout>,
    reason: &'static str,
}

/// What is asked for now, else what was asked for last, else what the machine can use.
fn choose(asked: Option<Layout>, before: Option<Layout>, has_driver: impl Fn() -> bool) -> Choice {
    let no_driver = "no NVIDIA driver found, `--cuda` takes it all the same";
    let (layout, reason) = match (asked, before) {
        (Some(layout), _) => (layout, "as asked for"),
        (None, Some(layout)) => (layout, "as asked for at the last set-up"),
        (None, None) if has_driver() => (Layout::Cuda, "there is an NVIDIA driver"),
        (None, None) => (Layout::Cpu, no_driver),
    };
    let asked = asked.or(before);
    Choice {
        layout,
        asked,
        reason,
    }
}

/// What is to be there, and where.
struct SetUp<'a> {
    assets: &'a Assets,
    files: Vec<&'a DataFile>,
    cache: Cache,
    /// The folder `data` of the checkout.
    data: PathBuf,
    /// `None` where the user has a libtorch of their own.
    choice: Option<Choice>,
}

impl SetUp<'_> {
    fn is_present(&self) -> bool {
        let is_whole = |Choice { layout, .. }: Choice| {
            let folder = self.cache.libtorch(&self.assets.libtorch, layout);
            marker::fault(&folder, &libtorch::recipe(self.assets, layout)).is_none()
        };
        let is_there = |file: &&DataFile| data::is_there(file, &self.data);
        self.choice.is_none_or(is_whole) && self.files.iter().all(is_there)
    }

    /// Fetches what is missing, alone on this cache.
    fn provide(&self) -> Result<()> {
        let (assets, cache) = (self.assets, &self.cache);
        let locked = cache.lock()?;
        if let Some(Choice { layout, reason, .. }) = self.choice {
            libtorch::check_platform(env::consts::OS, env::consts::ARCH, &assets.libtorch)?;
            say(&libtorch::subject(&assets.libtorch, layout), reason);
            libtorch::provide(assets, layout, cache, &locked)?;
        }
        data::provide(assets, &self.files, &self.data, cache, &locked)
    }

    /// What is there now, for the last line.
    fn inventory(&self) -> String {
        let subject = |choice: Choice| libtorch::subject(&self.assets.libtorch, choice.layout);
        let files = self.files.iter().map(|file| format!("data/{}", file.file));
        let all: Vec<String> = self.choice.map(subject).into_iter().chain(files).collect();
        all.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_goes_before_what_the_machine_has() {
        let (cpu, cuda) = (Some(Layout::Cpu), Some(Layout::Cuda));
        let check = |asked, before, has_driver: bool, layout, kept| {
            let choice = choose(asked, before, || has_driver);
            assert_eq!((choice.layout, choice.asked), (layout, kept));
        };
        check(None, None, false, Layout::Cpu, None);
        check(None, None, true, Layout::Cuda, None);
        check(cpu, None, true, Layout::Cpu, cpu);
        check(cuda, cpu, false, Layout::Cuda, cuda);
        check(None, cpu, true, Layout::Cpu, cpu);
        check(None, cuda, false, Layout::Cuda, cuda);
    }
}
