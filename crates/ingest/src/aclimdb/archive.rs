//! The packed set, streamed once.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use settings::IngestSettings;
use stage::{Progress, Task};
use tar::{Archive, Entry, EntryType};

use super::member::{Member, Part, ReviewName, member};
use super::spool::{Place, Spool};
use super::{Found, MAX_FILM_BYTES, MISNAMED, SPECIAL};
use crate::error::IngestError;

use crate::row::{LeftOut, check_text, excerpt};
use crate::sink::Sink;
use tables::{Content, TableError};

/// Reads the archive into the sink. `scratch` is a folder for the texts on their way.
pub(crate) fn read(
    path: &Path,
    settings: &IngestSettings,
    scratch: &Path,
    progress: &Progress,
    sink: &mut Sink,
) -> Result<(), IngestError> {
    let size = path.metadata().map_err(TableError::read(path))?.len();
    let mut scan = Scan {
        spool: Spool::create(scratch)?,
        reviews: Vec::new(),
        found: Found::new(path, settings),
        buffer: Vec::new(),
        last: "the start".to_owned(),
    };
    {
        let task = progress.task("reading the archive", Some(size), "bytes");
        scan.run(open(path, settings, &task)?)?;
    }
    scan.spool.flush()?;
    let reviews = sort_and_reject_repeats(scan.reviews, &mut scan.found);
    scan.found.reviews = reviews.len() as u64;
    let task = progress.task("writing reviews", Some(scan.found.reviews), "reviews");
    for (name, place) in &reviews {
        let text = scan.spool.read(*place, &mut scan.buffer)?;
        scan.found.accept(name, text, sink)?;
        task.advance(1);
    }
    scan.found.finish(sink, progress)
}

fn open<'a>(
    path: &Path,
    settings: &IngestSettings,
    task: &'a Task,
) -> Result<Box<dyn BufRead + 'a>, IngestError> {
    let unpacked = tables::unpack(path, None, settings.max_unpacked_bytes, task)?;
    match (unpacked.packing, unpacked.content) {
        ("gzip" | "zstd", _) | (_, Content::Tar) => Ok(unpacked.input),
        (_, Content::Empty) => Err(TableError::nothing(path, "no content"))?,
        (_, other) => Err(TableError::other_kind(path, other, "a `.tar.gz` archive"))?,
    }
}

/// One pass over the members.
struct Scan<'a> {
    spool: Spool,
    reviews: Vec<(ReviewName, Place)>,
    found: Found<'a>,
    buffer: Vec<u8>,
    /// The last member that was begun, for messages.
    last: String,
}

impl Scan<'_> {
    /// Entries are taken raw: extended headers, whose lengths only the archive vouches for, are
    /// stepped over and not read into memory. No name in the set is long enough to need them.
    fn run(&mut self, mut input: Box<dyn BufRead + '_>) -> Result<(), IngestError> {
        let mut archive = Archive::new(&mut input);
        let entries = archive
            .entries()
            .map_err(|error| self.damaged(error))?
            .raw(true);
        for entry in entries {
            let mut entry = entry.map_err(|error| self.damaged(error))?;
            self.entry(&mut entry)?;
        }
        // Only the end of the stream has the checksum of its content.
        io::copy(&mut input, &mut io::sink()).map_err(|error| self.damaged(error))?;
        Ok(())
    }

    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<(), IngestError> {
        let kind = entry.header().entry_type();
        if matches!(
            kind,
            EntryType::Directory | EntryType::XHeader | EntryType::XGlobalHeader
        ) {
            return Ok(());
        }
        let path = entry.path().map(Cow::into_owned).unwrap_or_else(|_| {
            PathBuf::from(String::from_utf8_lossy(&entry.path_bytes()).into_owned())
        });
        let source = excerpt(path.to_string_lossy().as_bytes());
        self.last = format!("`{source}`");
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
        let reason = match member(&path) {
            Err(reason) => reason,
            Ok(_) if !is_file => SPECIAL,
            Ok(Member::Review(name)) => return self.review(name, entry),
            Ok(Member::Films(part)) => return self.films(part, entry),
            Ok(Member::Misnamed) => MISNAMED,
            Ok(Member::Other) => return Ok(()),
        };
        self.found.leave_out(source, reason);
        self.found.check_count(self.reviews.len())
    }

    fn review<R: Read>(
        &mut self,
        name: ReviewName,
        entry: &mut Entry<'_, R>,
    ) -> Result<(), IngestError> {
        let limit = self.found.settings.max_text_bytes;
        self.read(entry, limit as u64)?;
        match check_text(&self.buffer, limit) {
            Ok(text) => self.reviews.push((name, self.spool.push(text)?)),
            Err(reason) => {
                self.found
                    .left_out
                    .push(LeftOut::file(name.source(), reason, &self.buffer))
            }
        }
        self.found.check_count(self.reviews.len())
    }

    fn films<R: Read>(&mut self, part: Part, entry: &mut Entry<'_, R>) -> Result<(), IngestError> {
        self.read(entry, MAX_FILM_BYTES)?;
        if self.buffer.len() as u64 > MAX_FILM_BYTES {
            let reason = io::Error::new(
                io::ErrorKind::InvalidData,
                "the list of films is longer than any",
            );
            return Err(self.damaged(reason));
        }
        self.found
            .films
            .insert(part, &String::from_utf8_lossy(&self.buffer));
        Ok(())
    }

    /// Reads an entry into the buffer, up to one byte more than allowed. The length in its header
    /// is compared with what comes, never trusted.
    fn read<R: Read>(&mut self, entry: &mut Entry<'_, R>, limit: u64) -> Result<(), IngestError> {
        self.buffer.clear();
        let announced = entry
            .header()
            .entry_size()
            .map_err(|error| self.damaged(error))?;
        let mut bounded = entry.take(limit + 1);
        bounded
            .read_to_end(&mut self.buffer)
            .map_err(|error| self.damaged(error))?;
        if (self.buffer.len() as u64) < announced.min(limit + 1) {
            return Err(self.damaged(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    fn damaged(&self, error: io::Error) -> IngestError {
        TableError::damaged(self.found.path, self.last.clone(), error).into()
    }
}

/// Sorts into the order of the rows. Of members with the same name the last counts, as if the
/// archive were unpacked; the others are kept aside.
fn sort_and_reject_repeats(
    mut reviews: Vec<(ReviewName, Place)>,
    found: &mut Found<'_>,
) -> Vec<(ReviewName, Place)> {
    // A stable sort: of equal names the later member stays the later one.
    reviews.sort_by(|one, two| one.0.cmp(&two.0));
    reviews.dedup_by(|later, kept| {
        let is_repeat = later.0 == kept.0;
        if is_repeat {
            let reason = "a later file of the archive has the same name";
            found.leave_out(kept.0.source(), reason);
            kept.1 = later.1;
        }
        is_repeat
    });
    reviews
}
