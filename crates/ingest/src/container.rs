//! What files come packed in: gzip, zstd, zip. Told by the first bytes, never by the name, and
//! unpacked as a stream of bounded length.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use artifact::ArtifactError;
use flate2::bufread::MultiGzDecoder;
use stage::{Task, format};

use crate::error::IngestError;
use crate::sniff::{Content, Watched, content_of};

/// Bytes asked of the disk at a time, and looked at to tell what a file is.
pub(crate) const BUFFER: usize = 1 << 18;

/// Text packs to a tenth, logs to a hundredth. What unpacks to more than a thousand times its size
/// was made to do harm.
const LARGEST_RATIO: u64 = 1000;

/// Below this many bytes no ratio matters.
const HARMLESS: u64 = 100 << 20;

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
    let mut input = buffered(Watched::new(file, task));
    let content = content_of(&mut input).map_err(IngestError::read(path))?;
    let limit = most_bytes.min(size.saturating_mul(LARGEST_RATIO).max(HARMLESS));
    let damaged = |error| IngestError::damaged(path, "the start", error);
    let (input, packing): (Box<dyn BufRead + 'a>, _) = match content {
        Content::Gzip => (
            Box::new(buffered(Bounded::new(MultiGzDecoder::new(input), limit))),
            "gzip",
        ),
        Content::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(damaged)?;
            (Box::new(buffered(Bounded::new(decoder, limit))), "zstd")
        }
        Content::Zip => (Box::new(buffered(unzip(path, scratch, limit)?)), "zip"),
        content => {
            return Ok(Unpacked {
                input: Box::new(input),
                content,
                packing: "",
            });
        }
    };
    let mut input = input;
    let content = content_of(&mut input).map_err(damaged)?;
    Ok(Unpacked {
        input,
        content,
        packing,
    })
}

fn buffered<R: Read>(input: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER, input)
}

/// The one file in a zip, unpacked into a file without a name: a zip is read from its end, and what
/// follows reads from the start.
fn unzip(path: &Path, scratch: &Path, limit: u64) -> Result<File, IngestError> {
    let refused = |problem: String| IngestError::Archive {
        path: path.to_owned(),
        problem,
    };
    let unreadable = |error: zip::result::ZipError| {
        IngestError::damaged(
            path,
            "the start",
            io::Error::new(io::ErrorKind::InvalidData, error),
        )
    };
    let file = File::open(path).map_err(IngestError::read(path))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
    let mut found: Option<(usize, String)> = None;
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(unreadable)?;
        let name = member.name().to_owned();
        // What a Mac adds beside every file.
        if member.is_dir() || name.starts_with("__MACOSX/") {
            continue;
        }
        if member.enclosed_name().is_none() {
            return Err(refused(format!(
                "its member `{name}` leads out of it, which no archive of reviews does"
            )));
        }
        if member.is_symlink() {
            return Err(refused(format!(
                "its member `{name}` is a link, which is never followed"
            )));
        }
        if member.encrypted() {
            return Err(refused(format!("its member `{name}` is encrypted")));
        }
        if let Some((_, other)) = &found {
            return Err(refused(format!(
                "it has several files, among them `{other}` and `{name}`"
            )));
        }
        found = Some((index, name));
    }
    let (index, _) = found.ok_or_else(|| refused("there is no file in it".to_owned()))?;
    let member = archive.by_index(index).map_err(unreadable)?;
    let mut spool = nameless(&scratch.join("member.spool"))?;
    io::copy(&mut Bounded::new(member, limit), &mut spool)
        .map_err(|error| IngestError::damaged(path, "the start", error))?;
    spool.rewind().map_err(IngestError::read(path))?;
    Ok(spool)
}

/// A new file that is gone with the process, however that ends.
fn nameless(path: &Path) -> Result<File, ArtifactError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path);
    let file = file.map_err(ArtifactError::io("create", path))?;
    fs::remove_file(path).map_err(ArtifactError::io("remove", path))?;
    Ok(file)
}

/// An input that fails rather than going on beyond a limit.
struct Bounded<R> {
    input: R,
    left: u64,
    limit: u64,
}

impl<R: Read> Bounded<R> {
    fn new(input: R, limit: u64) -> Self {
        Self {
            input,
            left: limit,
            limit,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.left = self.left.checked_sub(bytes as u64).ok_or_else(|| {
            let message = format!("it unpacks to more than {}", format::bytes(self.limit));
            io::Error::new(io::ErrorKind::FileTooLarge, message)
        })?;
        Ok(bytes)
    }
}
