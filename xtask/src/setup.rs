//! The set-up: libtorch and the default data, and nothing else. With all there it is a matter of
//! milliseconds, so every task begins with it.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

use crate::assets::{Assets, DataFile, Layout};
use crate::cache::Cache;
use crate::config::{LIBTORCH, Written};
use crate::error::Error;
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
pub(crate) fn set_up(
    root: &Path,
    asked: Option<Layout>,
    extras: &[String],
) -> Result<Source, Error> {
    let start = Instant::now();
    let assets = Assets::read(&root.join("data/assets.toml"))?;
    let files = assets.wanted(extras)?;
    let cache = Cache::locate(|name| env::var_os(name))?;
    let written = Written::read(root);
    let layout = match users_libtorch(&written) {
        Some(variable) => {
            say(
                "libtorch",
                format_args!("as {variable} says; none is provisioned"),
            );
            None
        }
        None => Some(choose(asked, written.asked, libtorch::has_nvidia_driver)),
    };
    let present = is_present(
        &assets,
        &files,
        &cache,
        root,
        layout.map(|choice| choice.layout),
    );
    if !present {
        provide(&assets, &files, &cache, root, layout)?;
    }
    if let Some(choice) = layout {
        let folder = cache.libtorch(&assets.libtorch, choice.layout);
        written.update(root, &folder, choice.asked)?;
    }
    let outcome = if present {
        "all present".to_owned()
    } else {
        format!("done in {} s", start.elapsed().as_secs())
    };
    let inventory = inventory(&assets, &files, layout);
    say("set-up", format_args!("{outcome}: {inventory}"));
    Ok(if layout.is_some() {
        Source::Ours
    } else {
        Source::Users
    })
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
    let (layout, asked, reason) = match (asked, before) {
        (Some(layout), _) => (layout, asked, "as asked for"),
        (None, Some(layout)) => (layout, before, "as asked for at the last set-up"),
        (None, None) if has_driver() => (Layout::Cuda, None, "there is an NVIDIA driver"),
        (None, None) => {
            let reason = "no NVIDIA driver found, `--cuda` takes it all the same";
            (Layout::Cpu, None, reason)
        }
    };
    Choice {
        layout,
        asked,
        reason,
    }
}

fn is_present(
    assets: &Assets,
    files: &[&DataFile],
    cache: &Cache,
    root: &Path,
    layout: Option<Layout>,
) -> bool {
    let libtorch_is_whole = layout.is_none_or(|layout| {
        let folder = cache.libtorch(&assets.libtorch, layout);
        marker::fault(&folder, &libtorch::recipe(assets, layout)).is_none()
    });
    libtorch_is_whole
        && files
            .iter()
            .all(|file| data::is_there(file, &root.join("data")))
}

/// Fetches what is missing, alone on this cache.
fn provide(
    assets: &Assets,
    files: &[&DataFile],
    cache: &Cache,
    root: &Path,
    choice: Option<Choice>,
) -> Result<(), Error> {
    let locked = cache.lock()?;
    if let Some(Choice { layout, reason, .. }) = choice {
        libtorch::check_platform(env::consts::OS, env::consts::ARCH, &assets.libtorch)?;
        say(&libtorch::subject(&assets.libtorch, layout), reason);
        libtorch::provide(assets, layout, cache, &locked)?;
    }
    data::provide(assets, files, &root.join("data"), cache, &locked)
}

/// What is there now, for the last line.
fn inventory(assets: &Assets, files: &[&DataFile], choice: Option<Choice>) -> String {
    let libtorch = choice.map(|choice| libtorch::subject(&assets.libtorch, choice.layout));
    let files = files.iter().map(|file| format!("data/{}", file.file));
    libtorch
        .into_iter()
        .chain(files)
        .collect::<Vec<_>>()
        .join(", ")
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
