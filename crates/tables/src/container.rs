//! What files come packed in: gzip, zstd, zip. Told by the first bytes, never by the name, and
//! unpacked as a stream of bounded length.

mod zip;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

use artifact::ArtifactError;
use flate2::bufread::MultiGzDecoder;

use crate::content::{BUFFER, Content, content_of};
use crate::error::InputError;
use crate::limit::Limit;

/// A file, unpacked.
pub struct Unpacked<'a> {
    /// What is in it.
    pub input: Box<dyn BufRead + 'a>,
    /// The kind of it.
    pub content: Content,
    /// How it was packed, for people; empty for a plain file.
    pub packing: &'static str,
}

/// Opens a file and unpacks it if it is packed. `scratch` is a folder for the member of a zip; without
/// one a zip stays packed. `read` is given the bytes that each reading took.
///
/// # Errors
/// The file cannot be read, or its start is damaged.
pub fn unpack<'a>(
    path: &Path,
    scratch: Option<&Path>,
    most_bytes: u64,
    read: impl Fn(u64) + 'a,
) -> Result<Unpacked<'a>, InputError> {
    let file = File::open(path).map_err(InputError::read(path))?;
    let size = file.metadata().map_err(InputError::read(path))?.len();
    let report = move |bytes| {
        read(bytes);
        Ok(())
    };
    let mut input = started(Reported {
        input: file,
        report,
    });
    let mut content = content_of(&mut input).map_err(InputError::read(path))?;
    let limit = Limit::new(size, most_bytes);
    let damaged = |error| InputError::damaged(path, "the start", error);
    let mut packing = "";
    match (content, scratch) {
        (Content::Gzip, _) => {
            input = started(bounded(MultiGzDecoder::new(input), limit));
            packing = "gzip";
        }
        (Content::Zstd, _) => {
            let decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(damaged)?;
            input = started(bounded(decoder, limit));
            packing = "zstd";
        }
        (Content::Zip, Some(scratch)) => {
            input = started(zip::unpack(path, scratch, limit)?);
            packing = "zip";
        }
        _ => {}
    }
    if !packing.is_empty() {
        content = content_of(&mut input).map_err(damaged)?;
    }
    Ok(Unpacked {
        input,
        content,
        packing,
    })
}

/// An input that reports how much was read of it.
struct Reported<R, F> {
    input: R,
    report: F,
}

impl<R: Read, F: FnMut(u64) -> io::Result<()>> Read for Reported<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        (self.report)(bytes as u64)?;
        Ok(bytes)
    }
}

/// An input that fails rather than going on beyond a limit.
fn bounded<R: Read>(input: R, limit: Limit) -> impl Read + use<R> {
    let mut all = 0;
    let report = move |bytes| {
        all += bytes;
        limit.check(all)
    };
    Reported { input, report }
}

/// An input whose beginning lies in memory as a whole. A packed file may come in pieces of a few
/// bytes, one for each of several members, and a few bytes tell nothing about the rest.
fn started<'a>(input: impl Read + 'a) -> Box<dyn BufRead + 'a> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut start = Vec::new();
    let read = input.by_ref().take(BUFFER as u64).read_to_end(&mut start);
    // What went wrong behind the start is said when that is reached.
    let error = BufReader::with_capacity(1, Failing(read.err()));
    Box::new(Cursor::new(start).chain(error).chain(input))
}

/// Nothing, or an error in its place.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl Unpacked<'_> {
    /// The content as a file, for readers that go back and forth in it: `path` itself, or a file
    /// without a name in `scratch`.
    pub(crate) fn into_file(self, path: &Path, scratch: &Path) -> Result<File, InputError> {
        if self.packing.is_empty() {
            return File::open(path).map_err(InputError::read(path));
        }
        spool(path, self.input, scratch)
    }
}

/// What is in an input, as a file without a name in a folder. `path` is what people know it by.
fn spool(path: &Path, mut input: impl Read, folder: &Path) -> Result<File, InputError> {
    let mut file = nameless(folder)?;
    io::copy(&mut input, &mut file)
        .map_err(|error| InputError::damaged(path, "the start", error))?;
    file.rewind().map_err(InputError::read(path))?;
    Ok(file)
}

/// A new file in a folder that is gone with the process, however that ends.
pub fn nameless(folder: &Path) -> Result<File, ArtifactError> {
    tempfile::tempfile_in(folder).map_err(ArtifactError::io("create a file in", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_whole_and_its_error_comes_after_it() {
        // Comes byte by byte, and fails after the fifth.
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
        let mut input = started(Pieces(0));
        assert_eq!(input.fill_buf().expect("a start"), [1, 2, 3, 4, 5]);
        let mut all = Vec::new();
        let error = input.read_to_end(&mut all).expect_err("damage");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }
}
