//! What files come packed in: gzip, zstd, zip. Told by the first bytes, never by the name, and
//! unpacked as a stream of bounded length.

mod input;
mod zip;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use artifact::ArtifactError;
use flate2::bufread::MultiGzDecoder;
use stage::Task;

use crate::error::IngestError;
use crate::limit::{Bounded, Limit};
use crate::sniff::{BUFFER, Content, Watched, content_of};
use input::Started;

/// A file, unpacked.
pub(crate) struct Unpacked<'a> {
    pub(crate) input: Box<dyn BufRead + 'a>,
    pub(crate) content: Content,
    /// How it was packed, for people; empty for a plain file.
    pub(crate) packing: &'static str,
}

/// Opens a file and unpacks it if it is packed. `scratch` is a folder for the member of a zip.
pub(crate) fn open<'a>(
    path: &Path,
    scratch: &Path,
    most_bytes: u64,
    task: &'a Task,
) -> Result<Unpacked<'a>, IngestError> {
    let file = File::open(path).map_err(IngestError::read(path))?;
    let size = file.metadata().map_err(IngestError::read(path))?.len();
    let mut input = started(Watched::new(file, task));
    let content = content_of(&mut input).map_err(IngestError::read(path))?;
    let limit = Limit::new(size, most_bytes);
    let damaged = |error| IngestError::damaged(path, "the start", error);
    let (mut input, packing): (Box<dyn BufRead + 'a>, _) = match content {
        Content::Gzip => {
            let decoder = Bounded::new(MultiGzDecoder::new(input), limit);
            (Box::new(started(decoder)), "gzip")
        }
        Content::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(damaged)?;
            (Box::new(started(Bounded::new(decoder, limit))), "zstd")
        }
        Content::Zip => (Box::new(started(zip::unpack(path, scratch, limit)?)), "zip"),
        content => {
            return Ok(Unpacked {
                input: Box::new(input),
                content,
                packing: "",
            });
        }
    };
    let content = content_of(&mut input).map_err(damaged)?;
    Ok(Unpacked {
        input,
        content,
        packing,
    })
}

fn started<R: Read>(input: R) -> Started<BufReader<R>> {
    Started::new(BufReader::with_capacity(BUFFER, input))
}

impl Unpacked<'_> {
    /// The content as a file, for readers that go back and forth in it: `path` itself, or a file
    /// without a name in `scratch`.
    pub(crate) fn into_file(mut self, path: &Path, scratch: &Path) -> Result<File, IngestError> {
        if self.packing.is_empty() {
            return File::open(path).map_err(IngestError::read(path));
        }
        let mut spool = nameless(&scratch.join("table.spool"))?;
        io::copy(&mut self.input, &mut spool)
            .map_err(|error| IngestError::damaged(path, "the start", error))?;
        spool.rewind().map_err(IngestError::read(path))?;
        Ok(spool)
    }
}

/// A new file that is gone with the process, however that ends.
pub(crate) fn nameless(path: &Path) -> Result<File, ArtifactError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path);
    let file = file.map_err(ArtifactError::io("create", path))?;
    fs::remove_file(path).map_err(ArtifactError::io("remove", path))?;
    Ok(file)
}
