//! The packed set, streamed once.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use settings::IngestSettings;
use stage::{Progress, Task};
use tar::{Archive, Entry, EntryType};

use super::member::{Member, Part, ReviewName, member};
use super::spool::{Place, Spool, SpoolReader};
use super::{Found, MAX_FILM_BYTES, MAX_REVIEWS, finish, review};
use crate::error::IngestError;
use crate::limit::{Bounded, Limit};
use crate::row::{LeftOut, Reason, check_text, excerpt};
use crate::sink::{Sink, Taker};
use crate::sniff::{BUFFER, Content, Watched, content_of};

/// Reads the archive into the sink. `scratch` is a folder for the texts on their way.
pub(crate) fn read(
    path: &Path,
    settings: &IngestSettings,
    scratch: &Path,
    progress: &Progress,
    sink: &mut Sink,
) -> Result<(), IngestError> {
    let size = path.metadata().map_err(IngestError::read(path))?.len();
    let mut scan = Scan::new(path, settings, Spool::create(scratch)?);
    {
        let task = progress.task("reading the archive", Some(size), "bytes");
        let limit = Limit::new(size, settings.max_unpacked_bytes);
        scan.run(open(path, limit, &task)?)?;
    }
    let Scan {
        spool,
        mut reviews,
        mut found,
        ..
    } = scan;
    sort_and_reject_repeats(&mut reviews, &mut found.left_out);
    let task = progress.task("writing reviews", Some(reviews.len() as u64), "reviews");
    let unknown_films = write(
        &reviews,
        &spool.into_reader()?,
        &found,
        settings,
        &task,
        sink,
    )?;
    finish(
        path,
        reviews.len() as u64,
        unknown_films,
        found,
        sink,
        progress,
    )
}

fn open<'a>(path: &Path, limit: Limit, task: &'a Task) -> Result<Box<dyn Read + 'a>, IngestError> {
    let file = File::open(path).map_err(IngestError::read(path))?;
    let mut input = BufReader::with_capacity(BUFFER, Watched::new(file, task));
    match content_of(&mut input).map_err(IngestError::read(path))? {
        Content::Gzip => Ok(Box::new(Bounded::new(MultiGzDecoder::new(input), limit))),
        Content::Tar => Ok(Box::new(input)),
        Content::Empty => Err(IngestError::NothingThere {
            path: path.to_owned(),
            what: "no content",
        }),
        other => Err(IngestError::OtherKind {
            path: path.to_owned(),
            found: other.name(),
            expected: "a `.tar.gz` archive",
            hint: other.hint(),
        }),
    }
}

/// One pass over the members.
struct Scan<'a> {
    path: &'a Path,
    settings: &'a IngestSettings,
    spool: Spool,
    reviews: Vec<(ReviewName, Place)>,
    found: Found,
    buffer: Vec<u8>,
    last: String,
}

impl<'a> Scan<'a> {
    fn new(path: &'a Path, settings: &'a IngestSettings, spool: Spool) -> Self {
        let last = "the start".to_owned();
        Self {
            path,
            settings,
            spool,
            reviews: Vec::new(),
            found: Found::default(),
            buffer: Vec::new(),
            last,
        }
    }

    /// Entries are taken raw: extended headers, whose lengths only the archive vouches for, are
    /// stepped over and not read into memory. No name in the set is long enough to need them.
    fn run(&mut self, mut input: Box<dyn Read + '_>) -> Result<(), IngestError> {
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
        let path = entry
            .path()
            .map(Cow::into_owned)
            .unwrap_or_else(|_| PathBuf::from(lossy(&entry.path_bytes())));
        self.last = format!("`{}`", excerpt(path.to_string_lossy().as_bytes()));
        let member = match member(&path) {
            Ok(member) => member,
            Err(reason) => return self.leave_out(&path, reason),
        };
        if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
            return self.leave_out(
                &path,
                Reason::rejected("a link or special file, which is never followed"),
            );
        }
        match member {
            Member::Review(name) => self.review(name, entry),
            Member::Films(part) => self.films(part, entry),
            Member::Misnamed => self.leave_out(
                &path,
                Reason::rejected("the name is not `<id>_<rating>.txt`"),
            ),
            Member::Other => Ok(()),
        }
    }

    fn review<R: Read>(
        &mut self,
        name: ReviewName,
        entry: &mut Entry<'_, R>,
    ) -> Result<(), IngestError> {
        self.read(entry, self.settings.max_text_bytes as u64)?;
        let text = match check_text(&self.buffer, self.settings.max_text_bytes) {
            Ok(text) => text,
            Err(reason) => {
                let row = LeftOut {
                    source: name.source(),
                    line: 1,
                    reason,
                    excerpt: excerpt(&self.buffer),
                };
                self.found.left_out.push(row);
                return self.check_count();
            }
        };
        let place = self.spool.push(text)?;
        self.reviews.push((name, place));
        self.check_count()
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

    fn leave_out(&mut self, path: &Path, reason: Reason) -> Result<(), IngestError> {
        let source = excerpt(path.to_string_lossy().as_bytes());
        self.found.left_out.push(LeftOut {
            source,
            line: 1,
            reason,
            excerpt: String::new(),
        });
        self.check_count()
    }

    fn check_count(&self) -> Result<(), IngestError> {
        if (self.reviews.len() + self.found.left_out.len()) as u64 > MAX_REVIEWS {
            return Err(IngestError::TooManyMembers {
                path: self.path.to_owned(),
                limit: MAX_REVIEWS,
            });
        }
        Ok(())
    }

    fn damaged(&self, error: io::Error) -> IngestError {
        IngestError::damaged(self.path, self.last.clone(), error)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Sorts into the order of the rows. Of members with the same name the last counts, as if the
/// archive were unpacked; the others are kept aside.
fn sort_and_reject_repeats(reviews: &mut Vec<(ReviewName, Place)>, left_out: &mut Vec<LeftOut>) {
    // A stable sort: of equal names the later member stays the later one.
    reviews.sort_by(|one, two| one.0.cmp(&two.0));
    let mut kept: Vec<(ReviewName, Place)> = Vec::with_capacity(reviews.len());
    for (name, place) in reviews.drain(..) {
        match kept.last_mut() {
            Some(last) if last.0 == name => {
                let reason = Reason::rejected("a later file of the archive has the same name");
                left_out.push(LeftOut {
                    source: name.source(),
                    line: 1,
                    reason,
                    excerpt: String::new(),
                });
                last.1 = place;
            }
            _ => kept.push((name, place)),
        }
    }
    *reviews = kept;
}

/// Writes the rows; returns how many have no film.
fn write(
    reviews: &[(ReviewName, Place)],
    texts: &SpoolReader,
    found: &Found,
    settings: &IngestSettings,
    task: &Task,
    sink: &mut Sink,
) -> Result<u64, IngestError> {
    let mut buffer = Vec::new();
    let mut unknown_films = 0;
    for (name, place) in reviews {
        let text = texts.read(*place, &mut buffer)?;
        let row = review(name, text, &found.films, settings);
        unknown_films += u64::from(row.group.is_none());
        sink.accept(&row, &name.source())?;
        task.advance(1);
    }
    Ok(unknown_films)
}
