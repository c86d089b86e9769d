//! Which reader a source needs.

use std::path::Path;

use settings::SourceFormat;

use crate::error::IngestError;

/// The form of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    AclimdbFolder,
    AclimdbArchive,
    /// A file of rows.
    Delimited {
        /// TSV: tabs and no quotes, unlike CSV.
        tabs: bool,
    },
}

impl Form {
    /// The form that the settings name, or that the path's name tells.
    pub(crate) fn of(path: &Path, format: SourceFormat) -> Result<Self, IngestError> {
        let folder = path.metadata().map_err(IngestError::read(path))?.is_dir();
        match (format, folder) {
            (SourceFormat::Auto | SourceFormat::Aclimdb, true) => Ok(Self::AclimdbFolder),
            (SourceFormat::Csv | SourceFormat::Tsv, true) => Err(IngestError::OtherKind {
                path: path.to_owned(),
                found: "a folder",
                expected: "a CSV or TSV file",
                hint: "Name the file in it with `--source PATH`; for the unpacked aclImdb use `--set ingest.format=aclimdb`".to_owned(),
            }),
            (SourceFormat::Aclimdb, false) => Ok(Self::AclimdbArchive),
            (SourceFormat::Csv, false) => Ok(Self::Delimited { tabs: false }),
            (SourceFormat::Tsv, false) => Ok(Self::Delimited { tabs: true }),
            (SourceFormat::Auto, false) => Ok(of_name(&path.file_name().unwrap_or_default().to_string_lossy())),
        }
    }
}

fn of_name(name: &str) -> Form {
    let name = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".tar.gz", ".tgz", ".tar"]) {
        Form::AclimdbArchive
    } else {
        Form::Delimited {
            tabs: ends(&[".tsv", ".txt", ".tsv.gz", ".txt.gz"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell() {
        let check = |name: &str, expected: Form| assert_eq!(of_name(name), expected, "{name}");
        check("aclImdb_v1.tar.gz", Form::AclimdbArchive);
        check("imdb.TGZ", Form::AclimdbArchive);
        check("reviews.tsv", Form::Delimited { tabs: true });
        check("reviews.txt", Form::Delimited { tabs: true });
        check("reviews.tsv.gz", Form::Delimited { tabs: true });
        check("IMDB Dataset.csv", Form::Delimited { tabs: false });
        check("reviews.csv.gz", Form::Delimited { tabs: false });
        check("reviews", Form::Delimited { tabs: false });
    }
}
