//! The Large Movie Review Dataset (Maas et al. 2011), as its archive or unpacked.
//!
//! A review is a file `train/pos/<id>_<rating>.txt`; line `id + 1` of `train/urls_pos.txt` is the
//! page of the film it is about. Rows come out in one order (part, id, rating, name) whatever order
//! the archive or the file system has, so the packed and the unpacked set give the same artifact.

mod archive;
mod films;
mod folder;
mod member;
mod spool;

use std::borrow::Cow;
use std::path::Path;

use settings::IngestSettings;
use stage::Progress;
use tables::TableError;

use crate::error::IngestError;
use crate::row::{LeftOut, Reason, Review};
use crate::sink::{Sink, Taker};

pub(crate) use archive::read as read_archive;
pub(crate) use folder::read as read_folder;

use films::Films;
use member::ReviewName;

/// More reviews than this are no archive of reviews but an attack: an entry of an archive takes
/// less than a byte of it, and memory here.
const MAX_REVIEWS: u64 = 1_000_000;

const MISNAMED: &str = "the name is not `<id>_<rating>.txt`";

const SPECIAL: &str = "a link or special file, which is never followed";

/// Longest `urls_*.txt`; those of the real set have 0.6 to 2.5 MB.
const MAX_FILM_BYTES: u64 = 64 << 20;

/// What was found besides the texts.
struct Found<'a> {
    /// What people know the set by.
    path: &'a Path,
    settings: &'a IngestSettings,
    films: Films,
    left_out: Vec<LeftOut>,
    reviews: u64,
    unknown_films: u64,
}

impl<'a> Found<'a> {
    fn new(path: &'a Path, settings: &'a IngestSettings) -> Self {
        Self {
            path,
            settings,
            films: Films::default(),
            left_out: Vec::new(),
            reviews: 0,
            unknown_films: 0,
        }
    }

    fn leave_out(&mut self, source: String, reason: &'static str) {
        let reason = Reason::rejected(reason);
        self.left_out.push(LeftOut::file(source, reason, b""));
    }

    /// Fails where there are more files than in any set of reviews.
    fn check_count(&self, reviews: usize) -> Result<(), IngestError> {
        if (reviews + self.left_out.len()) as u64 <= MAX_REVIEWS {
            return Ok(());
        }
        let (path, most) = (self.path.display(), artifact::format::count(MAX_REVIEWS));
        Err(IngestError::other(
            format!(
                "`{path}` has more than {most} reviews, the most that are read from an archive"
            ),
            "Check the path, or name another with `--source PATH`",
        ))
    }

    /// Writes a review as a row.
    fn accept(
        &mut self,
        name: &ReviewName,
        text: &str,
        sink: &mut Sink,
    ) -> Result<(), IngestError> {
        let label = name.part.label();
        let film = self.films.film(name.part, name.id);
        self.unknown_films += u64::from(film.is_none());
        let row = Review {
            text,
            label,
            split: name.part.split(),
            rating: label.map(|_| f32::from(name.rating)),
            group: film.map(Cow::Borrowed),
            topic: self.settings.topic.as_deref().map(Cow::Borrowed),
            timestamp: None,
        };
        sink.accept(&row, &name.source())
    }

    /// Hands over what was kept aside, and tells what is missing.
    fn finish(mut self, sink: &mut Sink, progress: &Progress) -> Result<(), IngestError> {
        if self.reviews == 0 && self.left_out.is_empty() {
            return Err(TableError::nothing(
                self.path,
                "no reviews of the aclImdb layout, like `train/pos/0_9.txt`",
            )
            .into());
        }
        if self.unknown_films > 0 {
            let reviews = artifact::format::plural(self.unknown_films, "review", "reviews");
            progress.warn(&format!("{reviews} without a film, because `urls_*.txt` is missing or too short: a film may end up in two splits"));
        }
        self.left_out
            .sort_by(|one, two| one.source.cmp(&two.source));
        self.left_out.iter().try_for_each(|row| sink.leave_out(row))
    }
}
