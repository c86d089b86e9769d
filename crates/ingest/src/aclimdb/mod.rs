//! Reads the Large Movie Review Dataset (Maas et al. 2011), aclImdb, as an archive or a folder.
//!
//! A review is a file `train/pos/<id>_<rating>.txt`; line `id + 1` of `train/urls_pos.txt` is the
//! address of its film. Rows are sorted by part, id, rating and name, so the archive and the unpacked
//! folder give the same artifact.

mod archive;
mod films;
mod folder;
mod member;
mod spool;

use std::borrow::Cow;
use std::io;
use std::path::Path;

use settings::IngestSettings;
use stage::Progress;
use tables::{InputError, Result};

use crate::row::{ExcludedRow, Reason, Review, check_text, excerpt};
use crate::sink::{ParquetSink, RowSink};

use films::Films;
use member::{Member, ReviewName, classify};
use spool::{Spool, TextLocation};

/// Maximum number of reviews. More are treated as an attack, because an entry can take less than a
/// byte in the archive but needs memory here.
const MAX_REVIEWS: u64 = 1_000_000;

const INVALID_NAME: &str = "the name is not `<id>_<rating>.txt`";

const SPECIAL: &str = "a link or special file, which is never followed";

/// Maximum size of `urls_*.txt` in bytes; the real files have 0.6 to 2.5 MB.
const MAX_FILM_BYTES: u64 = 64 << 20;

/// Reads the archive or the folder and writes its rows to the sink. Temporary files are created in `scratch`.
pub(crate) fn read(
    path: &Path,
    settings: &IngestSettings,
    scratch: &Path,
    progress: &Progress,
    sink: &mut ParquetSink,
) -> Result<()> {
    let mut importer = Importer {
        path,
        settings,
        spool: Spool::create(scratch)?,
        films: Films::default(),
        reviews: Vec::new(),
        excluded: Vec::new(),
        buffer: Vec::new(),
    };
    let metadata = path.metadata().map_err(InputError::io(path))?;
    if metadata.is_dir() {
        let task = progress.task("reading the folder", None, "bytes");
        folder::read(&mut importer, &task)?;
    } else {
        let task = progress.task("reading the archive", Some(metadata.len()), "bytes");
        archive::read(&mut importer, &task)?;
    }
    importer.write(sink, progress)
}

/// Collects the members of the data set, which may come in any order.
struct Importer<'a> {
    /// The path for messages.
    path: &'a Path,
    settings: &'a IngestSettings,
    spool: Spool,
    films: Films,
    reviews: Vec<(ReviewName, TextLocation)>,
    excluded: Vec<ExcludedRow>,
    buffer: Vec<u8>,
}

impl Importer<'_> {
    /// Adds a member, by its path within the data set. `read` appends its content to a buffer, up to one
    /// byte more than a limit.
    fn add_member(
        &mut self,
        path: &Path,
        is_file: bool,
        read: impl FnOnce(&mut Vec<u8>, u64) -> Result<(), InputError>,
    ) -> Result<()> {
        let source = || excerpt(path.to_string_lossy().as_bytes());
        self.buffer.clear();
        match classify(path) {
            Err(reason) => self.exclude(source(), reason),
            Ok(Member::Other) => return Ok(()),
            Ok(_) if !is_file => self.exclude(source(), SPECIAL),
            Ok(Member::Misnamed) => self.exclude(source(), INVALID_NAME),
            Ok(Member::Films(part)) => {
                read(&mut self.buffer, MAX_FILM_BYTES)?;
                if self.buffer.len() as u64 > MAX_FILM_BYTES {
                    let reason = "the list of films is too long";
                    let reason = io::Error::new(io::ErrorKind::InvalidData, reason);
                    let location = format!("in `{}`", source());
                    return Err(InputError::damaged(self.path, location, reason));
                }
                let list = String::from_utf8_lossy(&self.buffer);
                self.films.insert(part, &list);
            }
            Ok(Member::Review(name)) => {
                let limit = self.settings.max_text_bytes;
                read(&mut self.buffer, limit as u64)?;
                match check_text(&self.buffer, limit) {
                    Ok(text) => self.reviews.push((name, self.spool.push(text)?)),
                    Err(reason) => {
                        let row = ExcludedRow::file(name.source(), reason, &self.buffer);
                        self.excluded.push(row);
                    }
                }
            }
        }
        if (self.reviews.len() + self.excluded.len()) as u64 <= MAX_REVIEWS {
            return Ok(());
        }
        let (path, most) = (self.path.display(), artifact::format::count(MAX_REVIEWS));
        let message = format!("`{path}` has more than {most} reviews, the maximum for an archive");
        let hint = "Check that the path names the right archive or folder";
        Err(InputError::other(message, hint))
    }

    fn exclude(&mut self, source: String, reason: &'static str) {
        let reason = Reason::rejected(reason);
        self.excluded.push(ExcludedRow::file(source, reason, b""));
    }

    /// Writes all members in the order of the rows, and warns about reviews without a film.
    fn write(mut self, sink: &mut ParquetSink, progress: &Progress) -> Result<()> {
        if self.reviews.is_empty() && self.excluded.is_empty() {
            let missing = "no reviews in the aclImdb layout, such as `train/pos/0_9.txt`";
            return Err(InputError::empty(self.path, missing));
        }
        self.spool.flush()?;
        self.sort_and_reject_duplicates();
        let reviews = self.reviews.len() as u64;
        let task = progress.task("writing reviews", Some(reviews), "reviews");
        let mut unknown_films = 0;
        for (name, location) in &self.reviews {
            let label = name.part.label();
            let film = self.films.film(name.part, name.id);
            unknown_films += u64::from(film.is_none());
            let review = Review {
                text: self.spool.read(*location, &mut self.buffer)?,
                label,
                split: name.part.split(),
                rating: label.map(|_| f32::from(name.rating)),
                group: film.map(Cow::Borrowed),
                topic: self.settings.topic.as_deref().map(Cow::Borrowed),
                timestamp: None,
            };
            sink.accept(&review, &name.source())?;
            task.advance(1);
        }
        if unknown_films > 0 {
            let reviews = artifact::format::plural(unknown_films, "review", "reviews");
            progress.warn(&format!("the film of {reviews} is unknown, because `urls_*.txt` is missing or too short: reviews of one film may get into different splits"));
        }
        let mut excluded = self.excluded;
        excluded.sort_by(|one, two| one.source.cmp(&two.source));
        excluded.iter().try_for_each(|row| sink.exclude(row))
    }

    /// Sorts the reviews. Of members with the same name the last is used, as if the archive were unpacked;
    /// the others are rejected.
    fn sort_and_reject_duplicates(&mut self) {
        // The sort is stable, so that members with the same name keep their order.
        self.reviews.sort_by(|one, two| one.0.cmp(&two.0));
        let mut duplicates = Vec::new();
        self.reviews.dedup_by(|later, kept| {
            let is_repeat = later.0 == kept.0;
            if is_repeat {
                duplicates.push(kept.0.source());
                kept.1 = later.1;
            }
            is_repeat
        });
        for source in duplicates {
            self.exclude(source, "a later file of the archive has the same name");
        }
    }
}
