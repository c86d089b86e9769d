//! Which reader a source needs.

use std::path::Path;

use settings::{IngestSettings, SourceFormat};

use crate::error::{IngestError, files_in};
use crate::rows::Kind;

/// The form of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    AclimdbFolder,
    AclimdbArchive,
    /// A file of rows, or several.
    Rows(Kind),
}

/// How a file of rows is written, as far as the settings say it. Folders and archives are refused.
pub(crate) fn rows_of(path: &Path, settings: &IngestSettings) -> Result<Kind, IngestError> {
    match Form::of(path, settings.format)? {
        Form::Rows(kind) => Ok(kind),
        _ => {
            let hint = files_in(path).unwrap_or_else(|| "Name a CSV, JSON or Parquet file with `--input FILE`, plain or packed with gzip, zstd or zip".to_owned());
            let path = path.display();
            let message =
                format!("`{path}` is a folder or an archive, and a file of rows was expected");
            Err(IngestError::other(message, hint))
        }
    }
}

impl Form {
    /// The form that the settings name, or that the path's name tells.
    pub(crate) fn of(path: &Path, format: SourceFormat) -> Result<Self, IngestError> {
        let folder = path.metadata().map_err(IngestError::read(path))?.is_dir();
        let rows = |kind| {
            match folder {
            false => Ok(Self::Rows(kind)),
            true => Err(IngestError::OtherKind {
                path: path.to_owned(),
                found: "a folder",
                expected: "a file",
                hint: "Name the files in it with `--source 'FOLDER/*'`; for the unpacked aclImdb use `--set ingest.format=aclimdb`".to_owned(),
            }),
        }
        };
        match format {
            SourceFormat::Auto if folder => Ok(Self::AclimdbFolder),
            SourceFormat::Auto => Ok(of_name(
                &path.file_name().unwrap_or_default().to_string_lossy(),
            )),
            SourceFormat::Aclimdb if folder => Ok(Self::AclimdbFolder),
            SourceFormat::Aclimdb => Ok(Self::AclimdbArchive),
            SourceFormat::Csv => rows(Kind::Csv),
            SourceFormat::Tsv => rows(Kind::Tsv),
            SourceFormat::Jsonl => rows(Kind::Json),
            SourceFormat::Parquet => rows(Kind::Parquet),
        }
    }
}

/// Only an archive is told by its name; what a file of rows is, its content tells.
fn of_name(name: &str) -> Form {
    let name = name.to_ascii_lowercase();
    if [".tar.gz", ".tgz", ".tar"]
        .iter()
        .any(|ending| name.ends_with(ending))
    {
        Form::AclimdbArchive
    } else {
        Form::Rows(Kind::Any)
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
        check("reviews.tsv", Form::Rows(Kind::Any));
        check("reviews.txt", Form::Rows(Kind::Any));
        check("reviews.tsv.gz", Form::Rows(Kind::Any));
        check("IMDB Dataset.csv", Form::Rows(Kind::Any));
        check("reviews.csv.gz", Form::Rows(Kind::Any));
        check("reviews", Form::Rows(Kind::Any));
    }
}
