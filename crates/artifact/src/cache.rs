//! The per-user cache folder for downloads, which all checkouts share.

use std::env;
use std::path::PathBuf;

/// The per-user cache: `$RESSENTI_CACHE`, else `$XDG_CACHE_HOME/ressenti`, else
/// `~/.cache/ressenti`; `None` if the user has no home folder.
pub fn cache_folder() -> Option<PathBuf> {
    let value = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let variable = |name: &str| value(name).map(PathBuf::from);
    variable("RESSENTI_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("ressenti")))
        .or_else(|| Some(variable("HOME")?.join(".cache").join("ressenti")))
}
