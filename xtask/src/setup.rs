//! The set-up: provides libtorch and the default data. If everything is present it takes milliseconds, so every
//! task starts with it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::assets::{Assets, DataFile, Layout};
use crate::cache::Cache;
use crate::config::{LIBTORCH, LibtorchConfig};
use crate::error::Result;
use crate::libtorch::has_nvidia_driver;
use crate::packages::Packages;
use crate::progress::print_status;
use crate::{data, libtorch, marker};

/// Which libtorch the following commands use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LibtorchSource {
    /// The one of the set-up, named in `.cargo/libtorch.toml`.
    Provisioned,
    /// The user's own one, named in an environment variable.
    UserProvided,
}

/// Sets up the checkout at `root`. `requested` is the layout of the command line, `extras` are optional data.
pub(crate) fn set_up(
    root: &Path,
    requested: Option<Layout>,
    extras: &[String],
) -> Result<LibtorchSource> {
    let start = Instant::now();
    let assets = Assets::read(&root.join("data/assets.toml"))?;
    let config = LibtorchConfig::read(root);
    let user_variable = user_libtorch(&config);
    let set_up = SetUp {
        files: assets.select_data(extras)?,
        assets: &assets,
        cache: Cache::locate(|name| env::var_os(name))?,
        data: root.join("data"),
        choice: match &user_variable {
            Some(_) => None,
            None => Some(choose(requested, config.requested, has_nvidia_driver)),
        },
    };
    if let Some(name) = user_variable {
        let text = format!("set by {name}; nothing is downloaded");
        print_status("libtorch", text);
    }
    let outcome = if set_up.is_present() {
        "all present".to_owned()
    } else {
        set_up.provide()?;
        format!("done in {} s", start.elapsed().as_secs())
    };
    let source = match set_up.choice {
        Some(choice) => {
            let folder = set_up.cache.libtorch(&assets.libtorch, choice.layout);
            config.update(root, &folder, choice.requested)?;
            LibtorchSource::Provisioned
        }
        None => LibtorchSource::UserProvided,
    };
    print_status("set-up", format_args!("{outcome}: {}", set_up.inventory()));
    Ok(source)
}

/// The environment variable with which the user chose a libtorch, as text.
fn user_libtorch(config: &LibtorchConfig) -> Option<String> {
    if let Some(value) = config.set_by_the_user(env::var_os(LIBTORCH)) {
        return Some(format!("LIBTORCH=`{}`", value.display()));
    }
    env::var_os("LIBTORCH_USE_PYTORCH").map(|_: OsString| "LIBTORCH_USE_PYTORCH".to_owned())
}

/// A layout, the layout that the user requested, and the reason to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    layout: Layout,
    requested: Option<Layout>,
    reason: &'static str,
}

/// The layout requested now, else the one requested last, else the one that the machine supports.
fn choose(requested: Option<Layout>, last: Option<Layout>, has_gpu: impl Fn() -> bool) -> Choice {
    let no_driver = "no NVIDIA driver found; `--cuda` installs CUDA anyway";
    let (layout, reason) = match (requested, last) {
        (Some(layout), _) => (layout, "as requested"),
        (None, Some(layout)) => (layout, "as requested at the last set-up"),
        (None, None) if has_gpu() => (Layout::Cuda, "there is an NVIDIA driver"),
        (None, None) => (Layout::Cpu, no_driver),
    };
    Choice {
        layout,
        requested: requested.or(last),
        reason,
    }
}

/// What the set-up provides, and where.
struct SetUp<'a> {
    assets: &'a Assets,
    files: Vec<&'a DataFile>,
    cache: Cache,
    /// The folder `data` of the checkout.
    data: PathBuf,
    /// `None` if the user has their own libtorch.
    choice: Option<Choice>,
}

impl SetUp<'_> {
    fn is_present(&self) -> bool {
        let is_whole = |Choice { layout, .. }: Choice| {
            let folder = self.cache.libtorch(&self.assets.libtorch, layout);
            marker::problem(&folder, &libtorch::recipe(self.assets, layout)).is_none()
        };
        let is_there = |file: &&DataFile| data::is_there(file, &self.data);
        self.choice.is_none_or(is_whole) && self.files.iter().all(is_there)
    }

    /// Provides missing files while it holds the lock of the cache.
    fn provide(&self) -> Result<()> {
        let (assets, lock) = (self.assets, self.cache.lock()?);
        let packages = Packages::new(&self.cache, &lock);
        if let Some(Choice { layout, reason, .. }) = self.choice {
            libtorch::check_platform(env::consts::OS, env::consts::ARCH, &assets.libtorch)?;
            print_status(&libtorch::subject(&assets.libtorch, layout), reason);
            libtorch::provide(assets, layout, &packages)?;
        }
        data::provide(assets, &self.files, &self.data, &packages)
    }

    /// What is present, for the last line.
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
    fn a_requested_layout_overrides_the_machine() {
        let (cpu, cuda) = (Some(Layout::Cpu), Some(Layout::Cuda));
        let check = |requested, before, has_driver: bool, layout, kept| {
            let choice = choose(requested, before, || has_driver);
            assert_eq!((choice.layout, choice.requested), (layout, kept));
        };
        check(None, None, false, Layout::Cpu, None);
        check(None, None, true, Layout::Cuda, None);
        check(cpu, None, true, Layout::Cpu, cpu);
        check(cuda, cpu, false, Layout::Cuda, cuda);
        check(None, cpu, true, Layout::Cpu, cpu);
        check(None, cuda, false, Layout::Cuda, cuda);
    }
}
