//! Reads the aclImdb archive in one pass.

use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use stage::ProgressTask;
use tables::{Content, InputError, Result};
use tar::EntryType::{Continuous, Directory, Regular, XGlobalHeader, XHeader};
use tar::{Archive, Entry};

use super::Importer;
use crate::row::excerpt;

/// Reads the members of the archive. Extended headers are skipped and not loaded into memory, because their
/// length cannot be trusted and no name in the data set needs them.
pub(super) fn read(importer: &mut Importer<'_>, task: &ProgressTask) -> Result<()> {
    let set = importer.path;
    // The last member that was started.
    let mut location = "near its start".to_owned();
    let damaged = |location: &str, error| InputError::damaged(set, location, error);
    let mut input = open(importer, task)?;
    let mut archive = Archive::new(&mut input);
    let entries = archive.entries();
    let entries = entries.map_err(|error| damaged(&location, error))?;
    for entry in entries.raw(true) {
        let mut entry = entry.map_err(|error| damaged(&location, error))?;
        let kind = entry.header().entry_type();
        if matches!(kind, Directory | XHeader | XGlobalHeader) {
            continue;
        }
        let path = match entry.path() {
            Ok(path) => path.into_owned(),
            Err(_) => PathBuf::from(String::from_utf8_lossy(&entry.path_bytes()).into_owned()),
        };
        location = format!("after `{}`", excerpt(path.to_string_lossy().as_bytes()));
        let is_file = matches!(kind, Regular | Continuous);
        importer.add_member(&path, is_file, |buffer, limit| {
            read_entry(&mut entry, buffer, limit).map_err(|error| damaged(&location, error))
        })?;
    }
    // The checksum is at the end of the compressed stream.
    io::copy(&mut input, &mut io::sink()).map_err(|error| damaged(&location, error))?;
    Ok(())
}

fn open<'a>(importer: &Importer<'_>, task: &'a ProgressTask) -> Result<Box<dyn BufRead + 'a>> {
    let (path, most_bytes) = (importer.path, importer.settings.max_decompressed_bytes);
    let opened = tables::decompress(path, None, most_bytes, |bytes| task.advance(bytes))?;
    match (opened.compression, opened.content) {
        ("gzip" | "zstd", _) | (_, Content::Tar) => Ok(opened.input),
        (_, Content::Empty) => Err(InputError::empty(path, "no content")),
        (_, other) => Err(InputError::wrong_format(path, other, "a `.tar.gz` archive")),
    }
}

/// Reads an entry, up to one byte more than `limit`. The length in the header is checked, but not trusted.
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
