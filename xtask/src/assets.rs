//! Reads `data/assets.toml`, the list of pinned downloads. It is read at run time, so a changed pin needs no
//! rebuild.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::sha256::is_digest;

/// The pinned assets. Names and references are checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assets {
    /// The version of libtorch, part of its folder name.
    pub(crate) libtorch: String,
    #[serde(rename = "package")]
    pub(crate) packages: Vec<Package>,
    #[serde(default, rename = "joined")]
    joined: Vec<SplitArchive>,
    #[serde(rename = "data")]
    pub(crate) data: Vec<DataFile>,
}

/// A zip file that is too large for one package of the registry. Several wheels hold one piece each.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SplitArchive {
    pub(crate) name: String,
    pub(crate) pieces: Vec<Piece>,
}

/// One piece: the file `member` of a wheel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Piece {
    pub(crate) package: String,
    pub(crate) member: String,
    pub(crate) bytes: u64,
}

/// The package or split archive that contains a data file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'a> {
    Package(&'a Package),
    SplitArchive(&'a SplitArchive),
}

/// One file of the Python package registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) kind: PackageKind,
    /// The libtorch layouts that need this wheel.
    #[serde(default)]
    pub(crate) layouts: Vec<Layout>,
    /// Whether it is a program for developers.
    #[serde(default)]
    tool: bool,
    pub(crate) file: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Information for readers of the file; the code does not use it.
    #[serde(rename = "licence")]
    _licence: String,
    #[serde(rename = "origin")]
    _origin: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PackageKind {
    Wheel,
    Sdist,
}

/// Which libtorch: for CPU only, or with all CUDA libraries.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layout {
    Cpu,
    Cuda,
}

impl Layout {
    pub(crate) const ALL: [Self; 2] = [Self::Cpu, Self::Cuda];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// One file for `data/`, extracted from a package.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataFile {
    pub(crate) name: String,
    pub(crate) file: String,
    /// The `name` of the package or split archive that contains it.
    pub(crate) package: String,
    /// If set, the file is only provided when this name is requested.
    pub(crate) optional: Option<String>,
    /// Path of the file through nested archives; in a wheel only its name.
    pub(crate) members: Vec<String>,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Number of rows, for a table.
    pub(crate) rows: Option<u64>,
    #[serde(rename = "licence")]
    _licence: String,
    #[serde(rename = "origin")]
    _origin: String,
}

impl Origin<'_> {
    /// Whether it can contain archives.
    fn is_nested(self) -> bool {
        matches!(self, Self::Package(package) if package.kind == PackageKind::Sdist)
    }
}

impl Assets {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
        Self::parse(&text, path)
    }

    /// Parses the text; `path` is only for messages.
    fn parse(text: &str, path: &Path) -> Result<Self> {
        let path = path.display();
        let error = Error::new(format!("Failed to read the pinned assets in `{path}`"));
        let assets: Self = toml::from_str(text).map_err(|cause| error.with_cause(cause))?;
        if let Some((name, problem)) = assets.problem() {
            return Err(Error::new(format!("Asset `{name}` in `{path}` {problem}")));
        }
        Ok(assets)
    }

    /// The wheels of `layout`, in the order of the file.
    pub(crate) fn wheels(&self, layout: Layout) -> impl Iterator<Item = &Package> {
        let packages = self.packages.iter();
        packages.filter(move |package| package.layouts.contains(&layout))
    }

    /// The data files of the default pipeline, and the optional ones named in `extras`.
    pub(crate) fn select_data(&self, extras: &[String]) -> Result<Vec<&DataFile>> {
        let optional = self.data.iter().filter_map(|data| data.optional.clone());
        let mut known: Vec<String> = optional.collect();
        known.dedup();
        if let Some(unknown) = extras.iter().find(|extra| !known.contains(extra)) {
            let hint = format!("Optional data: `{}`", known.join("`, `"));
            let error = Error::new(format!("There are no optional data `{unknown}`"));
            return Err(error.with_hint(hint));
        }
        let is_requested = |name: &String| extras.contains(name);
        let is_wanted = |data: &&DataFile| data.optional.as_ref().is_none_or(is_requested);
        Ok(self.data.iter().filter(is_wanted).collect())
    }

    /// The package or split archive that contains `data`.
    pub(crate) fn origin_of(&self, data: &DataFile) -> Origin<'_> {
        let origin = self.origin(&data.package);
        origin.expect("`problem` has checked that it exists")
    }

    fn origin(&self, name: &str) -> Option<Origin<'_>> {
        let joined = || self.joined.iter().find(|joined| joined.name == name);
        (self.package(name).map(Origin::Package)).or_else(|| joined().map(Origin::SplitArchive))
    }

    fn has_data(&self, package: &Package) -> bool {
        let pieces = || self.joined.iter().flat_map(|joined| &joined.pieces);
        self.data.iter().any(|data| data.package == package.name)
            || pieces().any(|piece| piece.package == package.name)
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The first invalid asset and what is wrong with it, as the end of a sentence.
    fn problem(&self) -> Option<(&str, String)> {
        if !is_plain(&self.libtorch) {
            let problem = "needs a version of letters, digits, `.`, `_`, `-` and `+`";
            return Some(("libtorch", problem.to_owned()));
        }
        for package in &self.packages {
            if let Some(problem) = self.package_problem(package) {
                return Some((&package.name, problem.to_owned()));
            }
        }
        for joined in &self.joined {
            for Piece { package: name, .. } in &joined.pieces {
                let package = self.package(name);
                if package.is_none_or(|package| package.kind != PackageKind::Wheel) {
                    let problem = format!("has a piece from an unknown wheel `{name}`");
                    return Some((&joined.name, problem));
                }
            }
        }
        let mut data = self.data.iter();
        data.find_map(|data| Some((&*data.name, self.data_problem(data)?)))
    }

    fn package_problem(&self, package: &Package) -> Option<&'static str> {
        let is_wheel = package.kind == PackageKind::Wheel;
        let in_layout = !package.layouts.is_empty();
        let same_name = |other: &&Package| other.name == package.name;
        Some(match () {
            () if self.packages.iter().filter(same_name).count() > 1 => "is listed twice",
            () if !is_plain(&package.name) || !is_plain(&package.version) => {
                "needs a name and a version of letters, digits, `.`, `_`, `-` and `+`"
            }
            () if !is_plain(&package.file) => "needs a file name without folders",
            () if !is_digest(&package.sha256) => NO_DIGEST,
            () if is_wheel != package.file.ends_with(".whl") => "has another kind than its file",
            () if !is_wheel && in_layout => "has `layouts` but is not a wheel",
            () if is_wheel && !in_layout && !package.tool && !self.has_data(package) => {
                "needs `layouts`, `tool = true`, or a data file that uses it"
            }
            () => return None,
        })
    }

    fn data_problem(&self, data: &DataFile) -> Option<String> {
        let Some(origin) = self.origin(&data.package) else {
            return Some(format!("comes from an unknown package `{}`", data.package));
        };
        let problem = match data.members.len() {
            0 => "has no members",
            2.. if !origin.is_nested() => "has several members, but a wheel contains no archives",
            _ if !data.file.split('/').all(is_plain) => {
                "needs a relative path of letters, digits, `.`, `_`, `-` and `+`"
            }
            _ if !is_digest(&data.sha256) => NO_DIGEST,
            _ => return None,
        };
        Some(problem.to_owned())
    }
}

const NO_DIGEST: &str = "needs a SHA-256 of 64 hexadecimal digits in lower case";

/// Whether a name is safe in a path, a requirements file and an argument.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(allowed)
}

#[cfg(test)]
pub(crate) mod tests;
