//! What can go wrong while setting up, each with its cause and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::assets::Package;
use crate::pip::Fault;

/// A task that cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("Cannot provision libtorch on {os} {arch}: only Linux on x86-64 is supported")]
    Platform {
        os: String,
        arch: String,
        libtorch: String,
    },
    #[error("Cannot find the root of the checkout")]
    NoRoot,
    #[error(
        "Cannot find a folder for downloads: none of RESSENTI_CACHE, XDG_CACHE_HOME and HOME is set"
    )]
    NoCache,
    #[error("Cannot {action} `{}`", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("Cannot read the pinned assets in `{}`", path.display())]
    Assets {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("Asset `{name}` in `{}` {fault}", path.display())]
    Asset {
        path: PathBuf,
        name: String,
        fault: String,
    },
    #[error("Nothing optional is called `{name}`")]
    NoExtra { name: String, known: String },
    #[error("Cannot find Python 3: neither `python3` nor `python` starts")]
    NoPython,
    #[error("Cannot use pip: `{python} -m pip --version` failed: {detail}")]
    NoPip { python: String, detail: String },
    #[error("Cannot download {name} {version} with pip{}: {detail}", fault.in_words())]
    Pip {
        name: String,
        version: String,
        fault: Fault,
        detail: String,
        place: PathBuf,
    },
    #[error("`{}` is not the file that is pinned: expected SHA-256 {expected}, found {found}", path.display())]
    Checksum {
        path: PathBuf,
        expected: String,
        found: String,
    },
    #[error("Cannot unpack `{}`", archive.display())]
    Archive { archive: PathBuf, source: io::Error },
    #[error("`{}` does not hold `{member}`", archive.display())]
    Member { archive: PathBuf, member: String },
    #[error("`{member}` in `{}` is not as announced: expected {expected}, found {found}", archive.display())]
    MemberSize {
        archive: PathBuf,
        member: String,
        expected: String,
        found: String,
    },
    #[error("Cannot find a C compiler: none of {tried} starts")]
    NoCompiler { tried: String },
    #[error("Cannot make `libtorch.so` with `{compiler}`: {detail}")]
    Compiler { compiler: String, detail: String },
    #[error("Cannot find the program `{}`", path.display())]
    NoBinary { path: PathBuf },
    #[error("`{program}` failed")]
    Command { program: String },
    #[error("The pack has {bytes} bytes, more than {limit}")]
    PackSize {
        bytes: u64,
        limit: u64,
        largest: String,
    },
    #[error("`{}` holds other files than a pack's, and is not replaced", folder.display())]
    NotAPack { folder: PathBuf },
    #[error("Cannot find `{}`", script.display())]
    NoPack { script: PathBuf },
    #[error("Cannot start `{program}`")]
    Start { program: String, source: io::Error },
    /// A command failed and has said why itself; its exit code becomes ours.
    #[error("A command failed")]
    Exit(ExitCode),
}

impl Error {
    /// For `map_err`: `Cannot {action} {path}`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// For `map_err`: what is wrong while reading or writing what an archive holds.
    pub(crate) fn archive(archive: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Archive {
            archive: archive.to_owned(),
            source,
        }
    }

    /// pip failed on `package`; `place` is where the file can be put by hand.
    pub(crate) fn pip(package: &Package, log: &str, place: PathBuf) -> Self {
        Self::Pip {
            name: package.name.clone(),
            version: package.version.clone(),
            fault: Fault::of(log),
            detail: crate::pip::last_words(log),
            place,
        }
    }

    /// What to do about it, where we know.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Platform { libtorch, .. } => Some(format!(
                "Unpack a libtorch {libtorch} for this platform yourself and set LIBTORCH to its folder"
            )),
            Self::NoExtra { known, .. } => Some(format!("There is `{known}`")),
            Self::NoRoot => Some("Start it as `cargo xtask` inside the checkout".to_owned()),
            Self::NoCache => Some("Set RESSENTI_CACHE to a folder with 2 GB free".to_owned()),
            Self::NoPython | Self::NoPip { .. } => Some(
                "Install Python 3 with pip (Debian, Ubuntu: `apt install python3 python3-pip`), \
                 or set LIBTORCH to a libtorch that you have"
                    .to_owned(),
            ),
            Self::Pip {
                fault: Fault::DiskFull,
                ..
            } => Some(DISK_FULL.to_owned()),
            Self::Pip { place, .. } => Some(format!(
                "Run `cargo xtask setup` again once the cause is mended, it goes on with what is missing; \
                 without a network, bring the file from elsewhere as `{}`",
                place.display()
            )),
            Self::Checksum { path, .. } => Some(format!(
                "Delete `{}` if it exists and run `cargo xtask setup` again; if it comes back, what the \
                 registry serves is not what data/assets.toml pins: do not use it",
                path.display()
            )),
            Self::NoCompiler { .. } => Some(
                "Install a C and C++ compiler (Debian, Ubuntu: `apt install g++`) or set CC"
                    .to_owned(),
            ),
            Self::File { source, .. } | Self::Archive { source, .. } if is_disk_full(source) => {
                Some(DISK_FULL.to_owned())
            }
            Self::Archive { archive, .. }
            | Self::Member { archive, .. }
            | Self::MemberSize { archive, .. } => Some(format!(
                "Delete `{}` and run `cargo xtask setup` again",
                archive.display()
            )),
            Self::NoBinary { path } => Some(if path.ends_with("ressenti-train-faults") {
                "Build it with `cargo build --package ressenti-train --features faults --bin ressenti-train-faults`"
                    .to_owned()
            } else {
                "Build it with `cargo build --workspace`, or name its folder with `--binaries FOLDER`"
                    .to_owned()
            }),
            Self::PackSize { largest, .. } => Some(format!(
                "The largest file is `{largest}`: pack programs that were built with `--release`"
            )),
            Self::NotAPack { .. } => Some("Name another folder with `--out FOLDER`".to_owned()),
            Self::NoPack { .. } => Some("Make a pack with `cargo xtask gpu pack core`".to_owned()),
            Self::Start { program, .. } if program == "strip" => {
                Some("Install binutils (Debian, Ubuntu: `apt install binutils`)".to_owned())
            }
            Self::Start { program, .. } if program.ends_with("ressenti") => {
                Some("Build it with `cargo build --workspace`".to_owned())
            }
            _ => None,
        }
    }
}

const DISK_FULL: &str = "Free some space (the cpu set-up needs 2 GB, the cuda set-up 7 GB), \
    or set RESSENTI_CACHE to a folder on a larger disk";

fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_damaged_archive() {
        let hint = |kind: io::ErrorKind| {
            Error::archive(Path::new("torch.whl"))(kind.into())
                .hint()
                .expect("an archive error has a hint")
        };
        assert!(hint(io::ErrorKind::StorageFull).contains("RESSENTI_CACHE"));
        assert!(hint(io::ErrorKind::InvalidData).contains("Delete `torch.whl`"));
    }
}
