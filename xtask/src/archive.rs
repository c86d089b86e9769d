//! Reading wheels (zip) and source distributions (tar.gz) without trusting them: only members we name are
//! written, only below the folder we name, and never more bytes than announced.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use crate::error::Error;
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
) -> Result<(), Error> {
    let file = File::open(wheel).map_err(Error::file("open", wheel))?;
    let unreadable = |error: zip::result::ZipError| Error::archive(wheel)(error.into());
    let mut zip = zip::ZipArchive::new(io::BufReader::new(file)).map_err(unreadable)?;
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).map_err(unreadable)?;
        let Some(place) = member
            .is_file()
            .then(|| destination(member.name()))
            .flatten()
        else {
            continue;
        };
        let (name, size, mode) = (member.name().to_owned(), member.size(), member.unix_mode());
        if size > LARGEST_MEMBER {
            return Err(member_size(wheel, &name, LARGEST_MEMBER, size));
        }
        let path = below(folder, &place).ok_or_else(|| Error::Archive {
            archive: wheel.to_owned(),
            source: io::Error::other(format!("`{name}` leads out of the folder")),
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

/// `place` below `folder`, unless it would lead out of it.
fn below(folder: &Path, place: &str) -> Option<PathBuf> {
    let plain = Path::new(place)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
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
    let mut buffer = vec![0; CHUNK.min(size as usize + 1)];
    let mut written = 0;
    loop {
        match member.read(&mut buffer)? {
            0 => break,
            count => {
                file.write_all(&buffer[..count])?;
                written += count as u64;
                on_write(written);
            }
        }
    }
    // Of the mode in the archive, whether the file can be run is all we take over.
    if mode.is_some_and(|mode| mode & 0o100 != 0) {
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
    }
    Ok(written)
}

fn member_size(archive: &Path, member: &str, expected: u64, found: u64) -> Error {
    Error::MemberSize {
        archive: archive.to_owned(),
        member: member.to_owned(),
        expected: format!("{expected} bytes"),
        found: if found > expected {
            "more".to_owned()
        } else {
            found.to_string()
        },
    }
}

/// The file `member` of a wheel, of exactly `bytes`.
pub(crate) fn read_from_wheel(wheel: &Path, member: &str, bytes: u64) -> Result<Vec<u8>, Error> {
    let file = File::open(wheel).map_err(Error::file("open", wheel))?;
    let unreadable = |error: zip::result::ZipError| Error::archive(wheel)(error.into());
    let mut zip = zip::ZipArchive::new(io::BufReader::new(file)).map_err(unreadable)?;
    let found = zip.by_name(member).map_err(unreadable)?;
    if bytes > LARGEST_MEMBER {
        return Err(member_size(wheel, member, LARGEST_MEMBER, bytes));
    }
    read_whole(found, wheel, member, bytes)
}

/// All that `reader` has, which must be exactly `bytes`.
fn read_whole(
    reader: impl Read,
    archive: &Path,
    member: &str,
    bytes: u64,
) -> Result<Vec<u8>, Error> {
    let mut contents = Vec::new();
    reader
        .take(bytes + 1)
        .read_to_end(&mut contents)
        .map_err(Error::archive(archive))?;
    match contents.len() as u64 {
        found if found == bytes => Ok(contents),
        found => Err(member_size(archive, member, bytes, found)),
    }
}

/// The file that `members` leads to from the tar.gz `archive`, through archives in it, of exactly `bytes`.
pub(crate) fn read_nested(
    archive: &Path,
    members: &[String],
    bytes: u64,
) -> Result<Vec<u8>, Error> {
    let file = File::open(archive).map_err(Error::file("open", archive))?;
    read_member(Box::new(io::BufReader::new(file)), archive, members, bytes)
}

fn read_member(
    reader: Box<dyn Read + '_>,
    archive: &Path,
    members: &[String],
    bytes: u64,
) -> Result<Vec<u8>, Error> {
    let (name, inner) = members
        .split_first()
        .expect("assets with no members are refused");
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
    Err(Error::Member {
        archive: archive.to_owned(),
        member: name.clone(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use zip::write::SimpleFileOptions;

    /// A wheel of the members given.
    pub(crate) fn make_wheel(path: &Path, members: &[(&str, &str)]) {
        let mut zip = zip::ZipWriter::new(File::create(path).expect("a temporary file"));
        for (name, text) in members {
            let mode = if name.contains(".so") { 0o755 } else { 0o644 };
            zip.start_file(*name, SimpleFileOptions::default().unix_permissions(mode))
                .expect("a member");
            zip.write_all(text.as_bytes()).expect("a member");
        }
        zip.finish().expect("a zip");
    }

    /// A tar.gz of one member.
    pub(crate) fn make_tar_gz(name: &str, contents: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, contents)
            .expect("a member");
        tar.into_inner()
            .and_then(GzEncoder::finish)
            .expect("a tar.gz")
    }

    fn step() -> Step {
        Step::start("test", "unpacking", 0)
    }

    #[test]
    fn only_named_members_are_unpacked() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wheel = folder.path().join("a.whl");
        make_wheel(
            &wheel,
            &[
                ("a/lib/liba.so", "code"),
                ("a/x.py", "python"),
                ("../evil", "evil"),
            ],
        );
        let into = folder.path().join("into");
        let place = |name: &str| {
            name.strip_prefix("a/lib/")
                .map(|name| format!("lib/{name}"))
        };
        unpack_wheel(&wheel, &into, place, &mut step()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            fs::read(into.join("lib/liba.so")).expect("unpacked"),
            b"code"
        );
        assert_eq!(fs::read_dir(&into).expect("a folder").count(), 1);
        let mode = fs::metadata(into.join("lib/liba.so"))
            .expect("unpacked")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn nothing_is_written_outside_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wheel = folder.path().join("a.whl");
        for name in ["../evil", "/tmp/evil", "lib/../../evil", ""] {
            make_wheel(&wheel, &[("member", "evil")]);
            let into = folder.path().join("into");
            let result = unpack_wheel(&wheel, &into, |_| Some(name.to_owned()), &mut step());
            assert!(
                matches!(result, Err(Error::Archive { .. })),
                "`{name}` was written"
            );
        }
    }

    #[test]
    fn a_damaged_wheel_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wheel = folder.path().join("a.whl");
        make_wheel(
            &wheel,
            &[("lib/a.so", "the same text, the same text, the same text")],
        );
        let whole = fs::read(&wheel).expect("it is there");
        let unpack = |bytes: &[u8]| {
            let into = tempfile::tempdir().expect("a temporary folder");
            fs::write(&wheel, bytes).expect("a temporary file");
            unpack_wheel(
                &wheel,
                into.path(),
                |name| Some(name.to_owned()),
                &mut step(),
            )
        };
        assert!(unpack(&whole).is_ok());
        assert!(matches!(
            unpack(&whole[..whole.len() / 2]),
            Err(Error::Archive { .. })
        ));
        assert!(matches!(unpack(b""), Err(Error::Archive { .. })));
        let mut flipped = whole.clone();
        // The member's data starts behind its local header of 30 bytes and its name.
        flipped[30 + "lib/a.so".len() + 4] ^= 0xff;
        assert!(unpack(&flipped).is_err());
    }

    #[test]
    fn one_name_in_two_wheels_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wheel = folder.path().join("a.whl");
        make_wheel(&wheel, &[("a/lib/x.so", "one"), ("b/lib/x.so", "two")]);
        let result = unpack_wheel(
            &wheel,
            &folder.path().join("into"),
            |_| Some("x.so".to_owned()),
            &mut step(),
        );
        assert!(matches!(result, Err(Error::Archive { .. })));
    }

    #[test]
    fn a_file_is_found_through_an_archive_in_an_archive() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.tar.gz");
        let inner = make_tar_gz("in/words.tsv", b"good\tbad");
        fs::write(&path, make_tar_gz("out/in.tar.gz", &inner)).expect("a temporary file");
        let read = |members: &[&str], bytes: u64| {
            let members: Vec<String> = members.iter().map(|&member| member.to_owned()).collect();
            read_nested(&path, &members, bytes).map_err(|error| error.to_string())
        };
        assert_eq!(
            read(&["out/in.tar.gz", "in/words.tsv"], 8),
            Ok(b"good\tbad".to_vec())
        );
        assert_eq!(
            read(&["out/in.tar.gz"], inner.len() as u64),
            Ok(inner.clone())
        );
        let check = |members: &[&str], bytes: u64, expected: &str| {
            let message = read(members, bytes).expect_err("it must be refused");
            assert!(
                message.contains(expected),
                "expected `{expected}` in `{message}`"
            );
        };
        check(
            &["out/in.tar.gz", "in/words.tsv"],
            7,
            "expected 7 bytes, found more",
        );
        check(
            &["out/in.tar.gz", "in/words.tsv"],
            9,
            "expected 9 bytes, found 8",
        );
        check(
            &["out/in.tar.gz", "words.tsv"],
            8,
            "does not hold `words.tsv`",
        );
        check(
            &["in.tar.gz", "in/words.tsv"],
            8,
            "does not hold `in.tar.gz`",
        );

        let whole = fs::read(&path).expect("it is there");
        fs::write(&path, &whole[..whole.len() / 2]).expect("a temporary file");
        check(&["out/in.tar.gz", "in/words.tsv"], 8, "Cannot unpack");
        fs::write(&path, "no archive").expect("a temporary file");
        check(&["out/in.tar.gz", "in/words.tsv"], 8, "Cannot unpack");
    }
}
