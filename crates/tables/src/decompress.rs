//! Opens gzip, zstd and zip files as a stream of bounded length. The first bytes tell the format;
//! the file name is not used.

mod zip;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

use artifact::ArtifactError;
use flate2::bufread::MultiGzDecoder;

use crate::content::{BUFFER_BYTES, Content, content_of};
use crate::error::{InputError, Result};
use crate::limit::Limit;

/// A file after decompression.
pub struct Decompressed<'a> {
    /// The decompressed bytes.
    pub input: Box<dyn BufRead + 'a>,
    /// What the bytes are.
    pub content: Content,
    /// Name of the compression, for messages; empty for a plain file.
    pub compression: &'static str,
}

/// Opens a file and decompresses it if needed. The member of a zip is written to the folder `scratch`;
/// without `scratch` a zip is not opened. `on_read` gets the number of bytes of every read.
///
/// # Errors
/// The file cannot be read, or its first bytes are damaged.
pub fn decompress<'a>(
    path: &Path,
    scratch: Option<&Path>,
    most_bytes: u64,
    on_read: impl Fn(u64) + 'a,
) -> Result<Decompressed<'a>> {
    let input = File::open(path).map_err(InputError::io(path))?;
    let size = input.metadata().map_err(InputError::io(path))?.len();
    let report = move |bytes| {
        on_read(bytes);
        Ok(())
    };
    let mut input = with_start(MeteredReader { input, report });
    let mut content = content_of(&mut input).map_err(InputError::io(path))?;
    let limit = Limit::new(size, most_bytes);
    let damaged = |error| InputError::damaged(path, "near its start", error);
    let (mut input, compression) = match (content, scratch) {
        (Content::Gzip, _) => {
            let decoder = MultiGzDecoder::new(input);
            (with_start(with_limit(decoder, limit)), "gzip")
        }
        (Content::Zstd, _) => {
            let decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(damaged)?;
            (with_start(with_limit(decoder, limit)), "zstd")
        }
        (Content::Zip, Some(scratch)) => {
            let member = zip::decompress(path, scratch, limit)?;
            (with_start(member), "zip")
        }
        _ => (input, ""),
    };
    if !compression.is_empty() {
        content = content_of(&mut input).map_err(damaged)?;
    }
    Ok(Decompressed {
        input,
        content,
        compression,
    })
}

/// A reader that reports how many bytes each read returned.
struct MeteredReader<R, F> {
    input: R,
    report: F,
}

impl<R: Read, F: FnMut(u64) -> io::Result<()>> Read for MeteredReader<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        (self.report)(bytes as u64)?;
        Ok(bytes)
    }
}

/// A reader that fails once it has returned more bytes than the limit allows.
fn with_limit<R: Read>(input: R, limit: Limit) -> impl Read + use<R> {
    let mut all = 0;
    let report = move |bytes| {
        all += bytes;
        limit.check(all)
    };
    MeteredReader { input, report }
}

/// A reader with its first bytes buffered. A compressed file of several members may return only a few
/// bytes per read, too few to detect the format of the content.
fn with_start<'a>(input: impl Read + 'a) -> Box<dyn BufRead + 'a> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let mut start = Vec::new();
    let mut first = input.by_ref().take(BUFFER_BYTES as u64);
    let read = first.read_to_end(&mut start);
    // An error after these bytes is reported when the reader gets there.
    let error = BufReader::with_capacity(1, DeferredError(read.err()));
    Box::new(Cursor::new(start).chain(error).chain(input))
}

/// Returns one stored error, then the end of the input.
struct DeferredError(Option<io::Error>);

impl Read for DeferredError {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl Decompressed<'_> {
    /// The content as a file that supports seeking: `path` itself, or an unnamed file in `scratch`.
    pub(crate) fn into_file(self, path: &Path, scratch: &Path) -> Result<File> {
        if self.compression.is_empty() {
            return File::open(path).map_err(InputError::io(path));
        }
        spool(path, self.input, scratch)
    }
}

/// Copies an input to an unnamed file in a folder. `path` is used in messages.
fn spool(path: &Path, mut input: impl Read, folder: &Path) -> Result<File> {
    let mut file = create_temporary_file(folder)?;
    let damaged = |error| InputError::damaged(path, "near its start", error);
    io::copy(&mut input, &mut file).map_err(damaged)?;
    file.rewind().map_err(InputError::io(path))?;
    Ok(file)
}

/// Creates an unnamed file in a folder. The system deletes it when the process ends.
pub fn create_temporary_file(folder: &Path) -> Result<File, ArtifactError> {
    tempfile::tempfile_in(folder).map_err(ArtifactError::io("create a file in", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_are_buffered_and_an_error_follows_them() {
        // Returns one byte per read, and fails after the fifth.
        struct Pieces(u8);
        impl Read for Pieces {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if self.0 == 5 {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                self.0 += 1;
                buffer[0] = self.0;
                Ok(1)
            }
        }
        let mut input = with_start(Pieces(0));
        assert_eq!(input.fill_buf().expect("a start"), [1, 2, 3, 4, 5]);
        let mut all = Vec::new();
        let error = input.read_to_end(&mut all).expect_err("damage");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }
}
