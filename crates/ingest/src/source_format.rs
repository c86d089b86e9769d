//! Which reader a source needs.

use std::path::Path;

use settings::{IngestSettings, SourceFormat};
use tables::{InputError, pattern_hint};

/// Refuses folders and archives where a file of rows is expected, which `expected` says as the rest of
/// the sentence; `hint` is what to do where no file of a folder can be named.
pub(crate) fn check_rows(
    path: &Path,
    settings: &IngestSettings,
    expected: &str,
    hint: &str,
) -> Result<(), InputError> {
    if !is_aclimdb(path, settings.format)? {
        return Ok(());
    }
    let hint = pattern_hint(path).unwrap_or_else(|| hint.to_owned());
    let path = path.display();
    let message = format!("`{path}` is a folder or an archive, and {expected}");
    Err(InputError::other(message, hint))
}

/// As [`check_rows`], for the input of a command.
pub(crate) fn check_input(path: &Path, settings: &IngestSettings) -> Result<(), InputError> {
    let hint = "Name a CSV, JSON or Parquet file with `--input FILE`, plain or packed with gzip, zstd or zip";
    check_rows(path, settings, "a file of rows was expected", hint)
}

/// Whether a source is the aclImdb archive or folder, and not a file of rows: the settings name it, or the
/// path's name tells.
pub(crate) fn is_aclimdb(path: &Path, format: SourceFormat) -> Result<bool, InputError> {
    let is_folder = path
        .metadata()
        .map_err(InputError::cannot_read(path))?
        .is_dir();
    match format {
        SourceFormat::Aclimdb => Ok(true),
        SourceFormat::Auto if is_folder || has_archive_name(path) => Ok(true),
        _ if is_folder => {
            let hint = "Name the files in it with `--source 'FOLDER/*'`; for the unpacked aclImdb use `--set ingest.format=aclimdb`";
            Err(InputError::unexpected(path, "a folder", "a file", hint))
        }
        _ => Ok(false),
    }
}

/// Only an archive is told by its name; what a file of rows is, its content tells.
fn has_archive_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    let mut endings = [".tar.gz", ".tgz", ".tar"].iter();
    endings.any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell() {
        let check = |name: &str, expected| {
            assert_eq!(has_archive_name(Path::new(name)), expected, "{name}");
        };
        check("aclImdb_v1.tar.gz", true);
        check("imdb.TGZ", true);
        check("reviews.tsv", false);
        check("reviews.txt", false);
        check("reviews.tsv.gz", false);
        check("IMDB Dataset.csv", false);
        check("reviews.csv.gz", false);
        check("reviews", false);
    }
}
