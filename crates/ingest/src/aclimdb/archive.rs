//! The packed set, streamed once.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use settings::IngestSettings;
use stage::ProgressTask;
use tables::{Content, InputError};
use tar::{Archive, Entry, EntryType};

use super::Scan;
use crate::row::excerpt;

/// Reads the members of the archive. Entries are taken raw: extended headers, whose lengths only the
/// archive vouches for, are stepped over and not read into memory. No name in the set is long enough to
/// need them.
pub(super) fn read(scan: &mut Scan<'_>, task: &ProgressTask) -> Result<(), InputError> {
    let set = scan.path;
    // The last member that was begun.
    let mut last = "the start".to_owned();
    let damaged = |last: &str, error| InputError::damaged(set, last, error);
    let mut input = open(set, scan.settings, task)?;
    let mut archive = Archive::new(&mut input);
    let entries = archive.entries().map_err(|error| damaged(&last, error))?;
    for entry in entries.raw(true) {
        let mut entry = entry.map_err(|error| damaged(&last, error))?;
        let kind = entry.header().entry_type();
        if matches!(
            kind,
            EntryType::Directory | EntryType::XHeader | EntryType::XGlobalHeader
        ) {
            continue;
        }
        let path = match entry.path() {
            Ok(path) => path.into_owned(),
            Err(_) => PathBuf::from(String::from_utf8_lossy(&entry.path_bytes()).into_owned()),
        };
        last = format!("`{}`", excerpt(path.to_string_lossy().as_bytes()));
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
        scan.take(&path, is_file, |buffer, limit| {
            read_entry(&mut entry, buffer, limit).map_err(|error| damaged(&last, error))
        })?;
    }
    // Only the end of the stream has the checksum of its content.
    io::copy(&mut input, &mut io::sink()).map_err(|error| damaged(&last, error))?;
    Ok(())
}

fn open<'a>(
    path: &Path,
    settings: &IngestSettings,
    task: &'a ProgressTask,
) -> Result<Box<dyn BufRead + 'a>, InputError> {
    let unpacked = tables::unpack(path, None, settings.max_unpacked_bytes, |bytes| {
        task.advance(bytes)
    })?;
    match (unpacked.packing, unpacked.content) {
        ("gzip" | "zstd", _) | (_, Content::Tar) => Ok(unpacked.input),
        (_, Content::Empty) => Err(InputError::nothing(path, "no content")),
        (_, other) => Err(InputError::other_kind(path, other, "a `.tar.gz` archive")),
    }
}

/// Reads an entry up to one byte more than a limit. The length in its header is compared with what
/// comes, never trusted.
fn read_entry<R: Read>(
    entry: &mut Entry<'_, R>,
    buffer: &mut Vec<u8>,
    limit: u64,
) -> io::Result<()> {
    let announced = entry.header().entry_size()?;
    entry.take(limit + 1).read_to_end(buffer)?;
    if (buffer.len() as u64) < announced.min(limit + 1) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
