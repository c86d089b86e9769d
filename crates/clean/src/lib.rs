//! The stage `clean`: normalised texts, no copies, and the split, decided here and never again.
//!
//! Tables are read, filtered and written with polars, part by part; what is done to a text and to a
//! row are plain functions. Copies are found among all rows: of each some hundred bytes are kept in
//! memory, and the texts in a file where they are many.

mod duplicates;
mod error;
mod language;
mod near;
pub mod profile;
mod read;
mod row;
mod split;
mod summarise;
mod table;
mod texts;
mod write;

use std::io;

use artifact::{Artifact, Contract, Failure, Sentiment, Split, StageName, format};
use rayon::prelude::*;
use settings::CleanSettings;
use stage::{Context, NoOptions, Outcome, Stage};

pub use error::CleanError;
pub use near::{Link, near_duplicates};
pub use texts::{Stretch, TextStore};

use duplicates::Reason;
use near::Clusters;
use read::Reviews;
use row::Row;
use split::{Divider, Key, Splitter};
use summarise::Decided;
use table::Source;

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct Clean;

impl Stage for Clean {
    const NAME: StageName = StageName::Clean;
    const ABOUT: &'static str = "Normalise texts, remove copies and leaks, and decide the split

Reads `reviews.parquet`. Writes `clean.parquet` with a split on every row, `removed.parquet` with what was left out and
why, and `profile.json`: counts, lengths, duplicates, leaks, and the most telling words of each class.";
    type Settings = CleanSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: CleanSettings) -> Result<Outcome, Failure> {
        let input: &Artifact = context.input(StageName::Ingest);
        let path = input.file("reviews.parquet")?;
        let wanted = language::wanted(&settings.languages)?;
        let source = Source::open(&path)?;
        let task = context
            .progress()
            .task("normalising", Some(source.rows() as u64), "reviews");
        let reviews = read::read(&source, context.output(), &settings, &wanted, &task)?;
        drop(task);
        Ok(decide(context, &settings, &source, &reviews)?)
    }
}

/// Decides about every row and writes what was decided.
fn decide(
    context: &Context,
    settings: &CleanSettings,
    source: &Source,
    reviews: &Reviews,
) -> Result<Outcome, CleanError> {
    let rows = &reviews.rows;
    if rows.iter().all(|row| row.label.is_none()) {
        return Err(CleanError::NothingLabelled {
            rows: rows.len() as u64,
            ratings: read::ratings(source)?,
        });
    }
    let divider = Divider::of(rows)?;
    let mut audit = duplicates::audit(rows);
    let near = find_near(context, settings, reviews, &audit.kept())?;
    if let Some((clusters, links)) = &near {
        audit.near(rows, clusters, links);
    }
    let clusters = near.as_ref().map(|(clusters, _)| clusters);
    let splitter = Splitter {
        divider,
        settings: &settings.split,
        seed: settings.seed.unwrap_or_default(),
    };
    let sides = sides(reviews, &audit.kept(), &splitter, clusters)
        .map_err(CleanError::texts(context.output()))?;
    let decided = Decided {
        reviews,
        audit: &audit,
        near: near.as_ref().map(|(_, links)| links.as_slice()),
        sides: &sides,
        divider,
    };
    check(&decided, settings)?;
    let files = write::write(context, settings, source, &decided)?;
    let contract = Contract::Clean {
        train: decided.count(Split::Train),
        validation: decided.count(Split::Validation),
        test: decided.count(Split::Test),
        unlabelled: decided.count(Split::Unlabelled),
        classes: Sentiment::class_names(),
        normalization: Some(settings.normalization()),
    };
    Ok(Outcome::new(contract, files, summary(&decided)))
}

/// The rows that are left after copies were removed and share most of their wording; nothing where
/// that is not asked for.
fn find_near(
    context: &Context,
    settings: &CleanSettings,
    reviews: &Reviews,
    kept: &[bool],
) -> Result<Option<(Clusters, Vec<Link>)>, CleanError> {
    if !settings.near_duplicates.find {
        return Ok(None);
    }
    let _task = context
        .progress()
        .task("looking for near-duplicates", None, "reviews");
    near::clusters(&reviews.texts, kept, settings.near_duplicates.threshold)
        .map(Some)
        .map_err(CleanError::texts(context.output()))
}

/// The side of every row that is kept.
fn sides(
    reviews: &Reviews,
    kept: &[bool],
    splitter: &Splitter<'_>,
    clusters: Option<&Clusters>,
) -> io::Result<Vec<Option<Split>>> {
    let (texts, groups) = (&reviews.texts, &reviews.groups);
    let keys = split::keys(texts, groups, splitter.settings.grouped, clusters)?;
    let side = |(key, (row, kept)): (&Key, (&Row, &bool))| {
        if !kept {
            return Ok(None);
        }
        let (kind, key) = key.resolve(texts, groups)?;
        Ok(Some(splitter.side(row, (kind, &key))))
    };
    keys.par_iter()
        .zip(reviews.rows.par_iter().zip(kept))
        .map(side)
        .collect()
}

/// Refuses splits that nothing can be learned from or measured on.
fn check(decided: &Decided<'_>, settings: &CleanSettings) -> Result<(), CleanError> {
    let grouped =
        settings.split.grouped && decided.reviews.groups.iter().any(|group| group.is_some());
    let wanted = [
        (Split::Train, true),
        (Split::Validation, settings.split.validation > 0.0),
        (
            Split::Test,
            decided.divider == Divider::Official || settings.split.test > 0.0,
        ),
    ];
    if let Some((split, _)) = wanted
        .into_iter()
        .find(|(split, wanted)| *wanted && decided.count(*split) == 0)
    {
        return Err(CleanError::EmptySplit { split, grouped });
    }
    match Sentiment::ALL
        .into_iter()
        .find(|class| decided.count_class(Split::Train, *class) == 0)
    {
        Some(class) => Err(CleanError::MissingClass { class, grouped }),
        None => Ok(()),
    }
}

/// One line for the screen.
fn summary(decided: &Decided<'_>) -> String {
    let sides = [
        Split::Train,
        Split::Validation,
        Split::Test,
        Split::Unlabelled,
    ];
    let sides = sides.map(|split| (decided.count(split), split.as_str()));
    let removals = Reason::ALL.map(|reason| (decided.count_removed(reason), reason.as_str()));
    let list = |counts: &[(u64, &str)]| {
        let present = counts.iter().filter(|(rows, _)| *rows > 0);
        present
            .map(|(rows, name)| format!("{} {name}", format::count(*rows)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let kept = decided.sides.iter().flatten().count() as u64;
    let removed = list(&removals);
    let removed = if removed.is_empty() {
        "nothing".to_owned()
    } else {
        removed
    };
    format!(
        "{}: {}; removed {removed}",
        format::plural(kept, "review", "reviews"),
        list(&sides)
    )
}
