//! `cargo xtask check`: format, banned phrases, spelling, and lints.

use std::env;
use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::archive::unpack_wheel;
use crate::assets::Assets;
use crate::cache::Cache;
use crate::cargo::{cargo, run_command};
use crate::error::{Error, Result};
use crate::packages::Packages;
use crate::phrases::find_banned_phrases;
use crate::progress::Step;
use crate::setup::{LibtorchSource, set_up};

/// Runs all checks and stops at the first one that fails. The quick ones run first.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut format = cargo(root, LibtorchSource::UserProvided);
    format.args(["fmt", "--all", "--check"]);
    run_command(format)?;
    let found = find_banned_phrases(root);
    if !found.is_empty() {
        let found = found.join("\n");
        let message = format!("Found phrases of xtask/banned_phrases.txt:\n{found}");
        return Err(Error::new(message).with_hint("Use the plain term after the arrow"));
    }
    let mut typos = Command::new(find_typos(root)?);
    typos.current_dir(root);
    run_command(typos)?;
    let mut clippy = cargo(root, set_up(root, None, &[])?);
    clippy.args(["clippy", "--workspace", "--all-targets"]);
    clippy.args(["--", "--deny", "warnings"]);
    run_command(clippy)
}

/// The program `typos`: the one on the PATH, or else the pinned one, which is downloaded into the cache.
fn find_typos(root: &Path) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut programs = env::split_paths(&path).map(|folder| folder.join("typos"));
    if let Some(program) = programs.find(|program| program.is_file()) {
        return Ok(program);
    }
    if (OS, ARCH) != ("linux", "x86_64") {
        let error = Error::new("Failed to find the spelling checker `typos` on the PATH");
        return Err(error.with_hint("Install it with `cargo install typos-cli`"));
    }
    let assets = Assets::read(&root.join("data/assets.toml"))?;
    let package = assets.package("typos").expect("it is in assets.toml");
    let cache = Cache::locate(|name| env::var_os(name))?;
    let folder = cache.tool(&package.name, &package.version);
    let program = folder.join("typos");
    if !program.is_file() {
        let lock = cache.lock()?;
        let wheel = Packages::new(&cache, &lock).fetch(package, "typos")?;
        let scratch = lock.scratch("typos")?;
        let destination = |member: &str| member.ends_with("/typos").then(|| "typos".to_owned());
        let mut step = Step::start("typos", "unpacking", package.bytes);
        unpack_wheel(&wheel, &scratch, destination, &mut step)?;
        lock.publish(&scratch, &folder)?;
    }
    Ok(program)
}
