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

use crate::error::IngestError;
use crate::row::{LeftOut, Review};
use crate::sink::{Sink, Taker};

pub(crate) use archive::read as read_archive;
pub(crate) use folder::read as read_folder;

use films::Films;
use member::{Part, ReviewName};

/// More reviews than this are no archive of reviews but an attack: an entry of an archive takes
/// less than a byte of it, and memory here.
const MAX_REVIEWS: u64 = 1_000_000;

/// Longest `urls_*.txt`; those of the real set have 0.6 to 2.5 MB.
const MAX_FILM_BYTES: u64 = 64 << 20;

/// What was found besides the texts.
#[derive(Default)]
struct Found {
    films: Films,
    left_out: Vec<LeftOut>,
}

/// Turns a name and text into a row.
fn review<'a>(
    name: &ReviewName,
    text: &'a str,
    films: &'a Films,
    settings: &'a IngestSettings,
) -> Review<'a> {
    Review {
        text,
        label: name.part.label(),
        split: name.part.split(),
        rating: name.part.label().map(|_| f32::from(name.rating)),
        group: films.film(name.part, name.id).map(Cow::Borrowed),
        topic: settings.topic.as_deref().map(Cow::Borrowed),
        timestamp: None,
    }
}

/// Hands over what was kept aside, and tells what is missing.
fn finish(
    path: &Path,
    reviews: u64,
    unknown_films: u64,
    mut found: Found,
    sink: &mut Sink,
    progress: &Progress,
) -> Result<(), IngestError> {
    if reviews == 0 && found.left_out.is_empty() {
        return Err(IngestError::NothingThere {
            path: path.to_owned(),
            what: "no reviews of the aclImdb layout, like `train/pos/0_9.txt`",
        });
    }
    if unknown_films > 0 {
        let reviews = artifact::format::plural(unknown_films, "review", "reviews");
        progress.warn(&format!("{reviews} without a film, because `urls_*.txt` is missing or too short: a film may end up in two splits"));
    }
    found
        .left_out
        .sort_by(|one, two| one.source.cmp(&two.source));
    found
        .left_out
        .iter()
        .try_for_each(|row| sink.leave_out(row))
}

/// The parts of the set, in the order of the rows.
fn parts() -> impl Iterator<Item = Part> {
    Part::ALL.into_iter()
}
