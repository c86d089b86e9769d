//! The one folder outside the checkout that we write to: downloads shared by every checkout.

use std::env;
use std::path::PathBuf;

/// The per-user cache: `$RESSENTI_CACHE`, else `$XDG_CACHE_HOME/ressenti`, else
/// `~/.cache/ressenti`; `None` where the user has no home folder.
pub fn cache_folder() -> Option<PathBuf> {
    let named = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    named("RESSENTI_CACHE")
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("ressenti")))
        .or_else(|| Some(named("HOME")?.join(".cache").join("ressenti")))
}
