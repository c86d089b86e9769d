//! Reading wheels (zip) and source distributions (tar.gz) without trusting them: only members we name are
//! written, only below the folder we name, and never more bytes than announced.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use crate::error::{Error, Result, delete_hint};
use crate::progress::Step;
use crate::sha256::CHUNK;

/// No file of a wheel is larger than this; libcublasLt, the largest, has 542 MB.
const LARGEST_MEMBER: u64 = 2_000_000_000;

/// No archive inside an archive is larger than this.
const LARGEST_ARCHIVE: u64 = 64_000_000;

/// Writes each file of `wheel` that `destination` gives a place to below `folder`.
pub(crate) fn unpack_wheel(
    wheel: &Path,
    folder: &Path,
    destination: impl Fn(&str) -> Option<String>,
    step: &mut Step,
) -> Result<()> {
    let mut zip = open_wheel(wheel)?;
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).map_err(unreadable(wheel))?;
        let place = destination(member.name()).filter(|_| member.is_file());
        let Some(place) = place else { continue };
        let (name, size, mode) = (member.name().to_owned(), member.size(), member.unix_mode());
        if size > LARGEST_MEMBER {
            return Err(member_size(wheel, &name, LARGEST_MEMBER, size));
        }
        let path = below(folder, &place).ok_or_else(|| {
            let outside = format!("`{name}` leads out of the folder");
            Error::archive(wheel)(io::Error::other(outside))
        })?;
        // Progress is where in the archive we are, so what is passed over counts as well.
        let (start, packed) = (member.data_start(), member.compressed_size() as f64);
        let on_write =
            |written: u64| step.at(start + (packed * written as f64 / size as f64) as u64);
        let written = write_member(&mut member, size, &path, mode, on_write)
            .map_err(Error::archive(wheel))?;
        if written != size {
            return Err(member_size(wheel, &name, size, written));
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

/// `place` below `folder`, unless it would lead out of it.
fn below(folder: &Path, place: &str) -> Option<PathBuf> {
    let mut parts = Path::new(place).components();
    let plain = parts.all(|part| matches!(part, Component::Normal(_)));
    (plain && !place.is_empty()).then(|| folder.join(place))
}

/// Writes at most one byte more than `size`; returns how many there were.
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
    // A name that stands in two wheels is a fault in the pins, not something to settle by order.
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
    // Of the mode in the archive, whether the file can be run is all we take over.
    if mode.is_some_and(|mode| mode & 0o100 != 0) {
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
    }
    Ok(written)
}

fn member_size(archive: &Path, member: &str, expected: u64, found: u64) -> Error {
    let found = match found > expected {
        true => "more".to_owned(),
        false => found.to_string(),
    };
    let path = archive.display();
    Error::new(format!(
        "`{member}` in `{path}` is not as announced: expected {expected} bytes, found {found}"
    ))
    .with_hint(delete_hint(archive))
}

/// The file `member` of a wheel, of exactly `bytes`.
pub(crate) fn read_from_wheel(wheel: &Path, member: &str, bytes: u64) -> Result<Vec<u8>> {
    let mut zip = open_wheel(wheel)?;
    let found = zip.by_name(member).map_err(unreadable(wheel))?;
    if bytes > LARGEST_MEMBER {
        return Err(member_size(wheel, member, LARGEST_MEMBER, bytes));
    }
    read_whole(found, wheel, member, bytes)
}

/// All that `reader` has, which must be exactly `bytes`.
fn read_whole(reader: impl Read, archive: &Path, member: &str, bytes: u64) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    let read = reader.take(bytes + 1).read_to_end(&mut contents);
    read.map_err(Error::archive(archive))?;
    match contents.len() as u64 {
        found if found == bytes => Ok(contents),
        found => Err(member_size(archive, member, bytes, found)),
    }
}

/// The file that `members` leads to from the tar.gz `archive`, through archives in it, of exactly `bytes`.
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
