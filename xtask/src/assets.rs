//! `data/assets.toml`: everything the set-up downloads, pinned. Read when xtask runs, so that a changed
//! pin needs no rebuild.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::sha256::is_digest;

/// The pinned assets, checked: names are plain, references lead somewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assets {
    /// The version of libtorch, part of its folder's name.
    pub(crate) libtorch: String,
    #[serde(rename = "package")]
    pub(crate) packages: Vec<Package>,
    #[serde(default, rename = "joined")]
    joined: Vec<Joined>,
    #[serde(rename = "data")]
    pub(crate) data: Vec<DataFile>,
}

/// A zip too large for one package of the registry: cut in pieces, one in each of several wheels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joined {
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

/// What holds a data file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'a> {
    Package(&'a Package),
    Joined(&'a Joined),
}

/// One file of the Python package registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) kind: PackageKind,
    /// The libtorch layouts a wheel is part of.
    #[serde(default)]
    pub(crate) layouts: Vec<Layout>,
    pub(crate) file: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// For the reader of the file; nothing here depends on it.
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

/// Which libtorch: the processor alone, or the full set of CUDA libraries.
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

/// One file for `data/`, taken out of a package.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataFile {
    pub(crate) name: String,
    pub(crate) file: String,
    /// The `name` of the package, or of the joined zip, that holds it.
    pub(crate) package: String,
    /// Provided only where it is asked for by this name.
    pub(crate) optional: Option<String>,
    /// Through archives in archives to the file itself; in a wheel just its name there.
    pub(crate) members: Vec<String>,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Rows of a table.
    pub(crate) rows: Option<u64>,
    #[serde(rename = "licence")]
    _licence: String,
    #[serde(rename = "origin")]
    _origin: String,
}

impl Origin<'_> {
    /// Whether archives can lie in it.
    fn is_nested(self) -> bool {
        matches!(self, Self::Package(package) if package.kind == PackageKind::Sdist)
    }
}

impl Assets {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
        Self::parse(&text, path)
    }

    /// `path` is for messages only.
    fn parse(text: &str, path: &Path) -> Result<Self> {
        let path = path.display();
        let assets: Self = toml::from_str(text).map_err(|cause| {
            Error::new(format!("Cannot read the pinned assets in `{path}`")).with_cause(cause)
        })?;
        match assets.fault() {
            None => Ok(assets),
            Some((name, fault)) => Err(Error::new(format!("Asset `{name}` in `{path}` {fault}"))),
        }
    }

    /// The wheels that make up `layout`, in the order of the file.
    pub(crate) fn wheels(&self, layout: Layout) -> impl Iterator<Item = &Package> {
        let packages = self.packages.iter();
        packages.filter(move |package| package.layouts.contains(&layout))
    }

    /// The data files of the default pipeline, and the optional ones named in `extras`.
    pub(crate) fn wanted(&self, extras: &[String]) -> Result<Vec<&DataFile>> {
        let optional = self.data.iter().filter_map(|data| data.optional.clone());
        let mut known: Vec<String> = optional.collect();
        known.dedup();
        if let Some(unknown) = extras.iter().find(|extra| !known.contains(extra)) {
            let hint = format!("There is `{}`", known.join("`, `"));
            return Err(
                Error::new(format!("Nothing optional is called `{unknown}`")).with_hint(hint),
            );
        }
        let is_asked = |name: &String| extras.contains(name);
        let is_wanted = |data: &&DataFile| data.optional.as_ref().is_none_or(is_asked);
        Ok(self.data.iter().filter(is_wanted).collect())
    }

    /// What holds `data`.
    pub(crate) fn origin_of(&self, data: &DataFile) -> Origin<'_> {
        self.origin(&data.package)
            .expect("`fault` has checked that it exists")
    }

    fn origin(&self, name: &str) -> Option<Origin<'_>> {
        let joined = || self.joined.iter().find(|joined| joined.name == name);
        (self.package(name).map(Origin::Package)).or_else(|| joined().map(Origin::Joined))
    }

    fn has_data(&self, package: &Package) -> bool {
        let pieces = || self.joined.iter().flat_map(|joined| &joined.pieces);
        self.data.iter().any(|data| data.package == package.name)
            || pieces().any(|piece| piece.package == package.name)
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The first asset that breaks a rule, and the rule in words.
    fn fault(&self) -> Option<(&str, String)> {
        if !is_plain(&self.libtorch) {
            return Some(("libtorch", "needs a plain version".to_owned()));
        }
        for package in &self.packages {
            if let Some(fault) = self.fault_of_package(package) {
                return Some((&package.name, fault.to_owned()));
            }
        }
        for joined in &self.joined {
            for Piece { package: name, .. } in &joined.pieces {
                let package = self.package(name);
                if package.is_none_or(|package| package.kind != PackageKind::Wheel) {
                    let fault = format!("has a piece from an unknown wheel `{name}`");
                    return Some((&joined.name, fault));
                }
            }
        }
        let data = self.data.iter();
        let mut faults = data.map(|data| (&*data.name, self.fault_of_data(data)));
        faults.find_map(|(name, fault)| Some((name, fault?)))
    }

    fn fault_of_package(&self, package: &Package) -> Option<&'static str> {
        let is_wheel = package.kind == PackageKind::Wheel;
        let in_layout = !package.layouts.is_empty();
        let same_name = |other: &&Package| other.name == package.name;
        Some(match () {
            () if self.packages.iter().filter(same_name).count() > 1 => "stands there twice",
            () if !is_plain(&package.name) || !is_plain(&package.version) => {
                "needs a name and a version of letters, digits, `.`, `_` and `-`"
            }
            () if !is_plain(&package.file) => "needs a file name without folders",
            () if !is_digest(&package.sha256) => NO_DIGEST,
            () if is_wheel != package.file.ends_with(".whl") => "is of another kind than its file",
            () if !is_wheel && in_layout => "has `layouts` and is no wheel",
            () if is_wheel && !in_layout && !self.has_data(package) => {
                "needs `layouts`, or data that come from it"
            }
            () => return None,
        })
    }

    fn fault_of_data(&self, data: &DataFile) -> Option<String> {
        let Some(origin) = self.origin(&data.package) else {
            return Some(format!("comes from an unknown package `{}`", data.package));
        };
        let fault = match data.members.len() {
            0 => "names no members",
            2.. if !origin.is_nested() => "names several members, and a wheel holds no archives",
            _ if !data.file.split('/').all(is_plain) => "needs a path of plain names",
            _ if !is_digest(&data.sha256) => NO_DIGEST,
            _ => return None,
        };
        Some(fault.to_owned())
    }
}

const NO_DIGEST: &str = "needs a SHA-256 of 64 hexadecimal digits in lower case";

/// A name that can stand in a path, a requirements file and an argument without surprise.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(allowed)
}

#[cfg(test)]
pub(crate) mod tests;
