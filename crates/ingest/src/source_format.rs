//! Distinguishes the aclImdb data set from table files.

use std::path::Path;

use settings::{IngestSettings, SourceFormat};
use tables::{InputError, Result, pattern_hint};

/// Refuses folders and archives where a table file is needed. `expected` completes the sentence "`FILE` is a
/// folder or an archive, but ..."; `hint` is used if the folder has no files to suggest.
pub(crate) fn check_rows(
    path: &Path,
    settings: &IngestSettings,
    expected: &str,
    hint: &str,
) -> Result<()> {
    if !is_aclimdb(path, settings.format)? {
        return Ok(());
    }
    let hint = pattern_hint(path).unwrap_or_else(|| hint.to_owned());
    let path = path.display();
    let message = format!("`{path}` is a folder or an archive, but {expected}");
    Err(InputError::other(message, hint))
}

/// Refuses folders and archives as the input of a command.
pub(crate) fn check_input(path: &Path, settings: &IngestSettings) -> Result<()> {
    let hint = "Use a CSV, JSON or Parquet file, plain or compressed with gzip, zstd or zip";
    let expected = "a CSV, JSON or Parquet file was expected";
    check_rows(path, settings, expected, hint)
}

/// Whether a source is the aclImdb archive or folder and not a table file, according to the settings or to its
/// name.
pub(crate) fn is_aclimdb(path: &Path, format: SourceFormat) -> Result<bool> {
    let is_folder = path.metadata().map_err(InputError::io(path))?.is_dir();
    match format {
        SourceFormat::Aclimdb => Ok(true),
        SourceFormat::Auto if is_folder || is_archive(path) => Ok(true),
        _ if is_folder => {
            let hint = "Name the files in it with a pattern in quotes, such as 'FOLDER/*'; for the unpacked aclImdb data set, set `--set ingest.format=aclimdb`";
            Err(InputError::unexpected(path, "a folder", "a file", hint))
        }
        _ => Ok(false),
    }
}

/// Only archives are recognised by their name; the format of a table file is detected from its content.
fn is_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    let mut endings = [".tar.gz", ".tgz", ".tar"].iter();
    endings.any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_recognised_by_their_name() {
        let check = |name: &str, expected| {
            assert_eq!(is_archive(Path::new(name)), expected, "{name}");
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
