//! Reads wheels (zip) and source distributions (tar.gz) safely: writes only named members, only into the given
//! folder, and never more bytes than announced.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use crate::error::{Error, Result, delete_hint};
use crate::progress::Step;
use crate::sha256::CHUNK;

/// Largest size of a file in a wheel, in bytes. The largest one now is libcublasLt with 542 MB.
const LARGEST_MEMBER: u64 = 2_000_000_000;

/// Largest size of an archive inside an archive, in bytes.
const LARGEST_ARCHIVE: u64 = 64_000_000;

/// Unpacks `wheel` into `folder`. `destination` returns the path for a member, or `None` to skip it.
pub(crate) fn unpack_wheel(
    wheel: &Path,
    folder: &Path,
    destination: impl Fn(&str) -> Option<String>,
    step: &mut Step,
) -> Result<()> {
    let mut zip = open_wheel(wheel)?;
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).map_err(unreadable(wheel))?;
        let Some(destination) = destination(member.name()).filter(|_| member.is_file()) else {
            continue;
        };
        let (name, size, mode) = (member.name().to_owned(), member.size(), member.unix_mode());
        if size > LARGEST_MEMBER {
            return Err(size_error(wheel, &name, LARGEST_MEMBER, size));
        }
        let path = join_inside(folder, &destination).ok_or_else(|| {
            let outside = format!("`{name}` would be written outside the folder");
            Error::archive(wheel)(io::Error::other(outside))
        })?;
        // Progress is the position in the archive, so skipped members count, too.
        let (start, packed) = (member.data_start(), member.compressed_size() as f64);
        let on_write =
            |written: u64| step.set_done(start + (packed * written as f64 / size as f64) as u64);
        let written = write_member(&mut member, size, &path, mode, on_write)
            .map_err(Error::archive(wheel))?;
        if written != size {
            return Err(size_error(wheel, &name, size, written));
        }
    }
    Ok(())
}

fn open_wheel(wheel: &Path) -> Result<zip::ZipArchive<io::BufReader<File>>> {
    let file = File::open(wheel).map_err(Error::file("open", wheel))?;
    zip::ZipArchive::new(io::BufReader::new(file)).map_err(unreadable(wheel))
}

fn unreadable(wheel: &Path) -> impl Fn(zip::result::ZipError) -> Error {
    |error| Error::archive(wheel)(error.into())
}

/// Joins `destination` to `folder`; `None` if the path would leave the folder.
fn join_inside(folder: &Path, destination: &str) -> Option<PathBuf> {
    let mut parts = Path::new(destination).components();
    let plain = parts.all(|part| matches!(part, Component::Normal(_)));
    (plain && !destination.is_empty()).then(|| folder.join(destination))
}

/// Writes at most one byte more than `size`; returns the number of bytes written.
fn write_member(
    member: &mut impl Read,
    size: u64,
    path: &Path,
    mode: Option<u32>,
    mut on_write: impl FnMut(u64),
) -> io::Result<u64> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // The same path in two wheels is an error in the pins.
    let mut file = File::create_new(path)?;
    let mut member = member.take(size + 1);
    let mut written = 0;
    loop {
        match io::copy(&mut member.by_ref().take(CHUNK), &mut file)? {
            0 => break,
            count => written += count,
        }
        on_write(written);
    }
    // Of the mode in the archive, only the executable bit is used.
    if mode.is_some_and(|mode| mode & 0o100 != 0) {
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
    }
    Ok(written)
}

fn size_error(archive: &Path, member: &str, expected: u64, found: u64) -> Error {
    let found = match found > expected {
        true => "more".to_owned(),
        false => found.to_string(),
    };
    let file = format!("`{member}` in `{}`", archive.display());
    let size = format!("expected {expected} bytes, found {found}");
    let error = Error::new(format!("{file} has the wrong size: {size}"));
    error.with_hint(delete_hint(archive))
}

/// Reads the file `member` of a wheel, which must have exactly `bytes` bytes.
pub(crate) fn read_from_wheel(wheel: &Path, member: &str, bytes: u64) -> Result<Vec<u8>> {
    let mut zip = open_wheel(wheel)?;
    let found = zip.by_name(member).map_err(unreadable(wheel))?;
    if bytes > LARGEST_MEMBER {
        return Err(size_error(wheel, member, LARGEST_MEMBER, bytes));
    }
    read_whole(found, wheel, member, bytes)
}

/// Reads everything from `reader`, which must be exactly `bytes` bytes.
fn read_whole(reader: impl Read, archive: &Path, member: &str, bytes: u64) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    let read = reader.take(bytes + 1).read_to_end(&mut contents);
    read.map_err(Error::archive(archive))?;
    match contents.len() as u64 {
        found if found == bytes => Ok(contents),
        found => Err(size_error(archive, member, bytes, found)),
    }
}

/// Reads a file of exactly `bytes` bytes from a tar.gz. All `members` but the last are archives inside it.
pub(crate) fn read_nested(archive: &Path, members: &[String], bytes: u64) -> Result<Vec<u8>> {
    let file = File::open(archive).map_err(Error::file("open", archive))?;
    read_member(Box::new(io::BufReader::new(file)), archive, members, bytes)
}

fn read_member(
    reader: Box<dyn Read + '_>,
    archive: &Path,
    members: &[String],
    bytes: u64,
) -> Result<Vec<u8>> {
    let parts = members.split_first();
    let (name, inner) = parts.expect("assets with no members are refused");
    let mut tar = tar::Archive::new(GzDecoder::new(reader));
    for entry in tar.entries().map_err(Error::archive(archive))? {
        let entry = entry.map_err(Error::archive(archive))?;
        if !entry.header().entry_type().is_file() || *entry.path_bytes() != *name.as_bytes() {
            continue;
        }
        if !inner.is_empty() {
            return read_member(Box::new(entry.take(LARGEST_ARCHIVE)), archive, inner, bytes);
        }
        return read_whole(entry, archive, name, bytes);
    }
    Err(Error::member(archive, name))
}

#[cfg(test)]
pub(crate) mod tests;
