//! The stage `clean`: normalised texts, no copies, and the split, decided here and never again.
//!
//! Tables are read, filtered and written batch by batch; what is done to a text and to a row are plain
//! functions. Copies are found among all rows: of each some hundred bytes are kept in
//! memory, and the texts in a file where they are many.

mod duplicates;
mod language;
mod near;
pub mod profile;
mod read;
mod row;
mod split;
mod summarise;
mod texts;
mod write;

use std::io;
use std::path::Path;

use artifact::{Artifact, Contract, Failure, Sentiment, Split, StageName, format};
use rayon::prelude::*;
use settings::CleanSettings;
use stage::{Context, NoOptions, Outcome, Stage};

pub use near::{Link, near_duplicates};
pub use texts::{Stretch, TextStore};

use duplicates::Reason;
use near::Clusters;
use read::Reviews;
use row::Row;
use split::{Divider, Key, Splitter};
use summarise::{Decided, SPLITS};

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
        let source = input.file("reviews.parquet")?;
        let wanted = language::wanted(&settings.languages)?;
        let total = match input.manifest().contract {
            Contract::Reviews { rows } => Some(rows),
            _ => None,
        };
        let task = context.progress().task("normalising", total, "reviews");
        let reviews = read::read(&source, context.output(), &settings, &wanted, &task)?;
        drop(task);
        decide(context, &settings, &source, &reviews)
    }
}

/// Decides about every row and writes what was decided.
fn decide(
    context: &Context,
    settings: &CleanSettings,
    source: &Path,
    reviews: &Reviews,
) -> Result<Outcome, Failure> {
    let rows = &reviews.rows;
    if rows.iter().all(|row| row.label.is_none()) {
        return Err(nothing_labelled(rows.len() as u64, read::ratings(source)?));
    }
    let divider = Divider::of(rows)?;
    let mut audit = duplicates::audit(rows);
    let near = find_near(context, settings, reviews, &audit.kept())?;
    if let Some((clusters, links)) = &near {
        audit.near(rows, clusters, links);
    }
    let splitter = Splitter {
        divider,
        settings: &settings.split,
        seed: settings.seed.unwrap_or_default(),
    };
    let clusters = near.as_ref().map(|(clusters, _)| clusters);
    let sides = sides(reviews, &audit.kept(), &splitter, clusters);
    let sides = sides.map_err(texts::failed(context.output()))?;
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

/// No row has a label; `ratings` are the lowest and the highest, where there are any.
fn nothing_labelled(rows: u64, ratings: Option<(f32, f32)>) -> Failure {
    let hint = match ratings {
        Some((low, high)) => format!(
            "There are ratings from {low} to {high}, and it is not plain which scale they are on: say which one is neither \
             good nor bad with `--set ingest.rating.centre=NUMBER`"
        ),
        None => "Name the column of labels with `--set ingest.columns.label=NAME` and what its values mean in \
             `[ingest.labels]`, or that of ratings with `--set ingest.columns.rating=NAME` and their middle with \
             `--set ingest.rating.centre=NUMBER`; `ressenti inspect FILE` shows what is in the file"
            .to_owned(),
    };
    let rows = format::count(rows);
    Failure::new(format!(
        "None of the {rows} reviews has a label, so there is nothing to learn from"
    ))
    .with_hint(hint)
}

/// The rows that are left after copies were removed and share most of their wording; nothing where
/// that is not asked for.
fn find_near(
    context: &Context,
    settings: &CleanSettings,
    reviews: &Reviews,
    kept: &[bool],
) -> Result<Option<(Clusters, Vec<Link>)>, Failure> {
    if !settings.near_duplicates.enabled {
        return Ok(None);
    }
    let progress = context.progress();
    let _task = progress.task("looking for near-duplicates", None, "reviews");
    let threshold = settings.near_duplicates.threshold;
    let found = near::clusters(&reviews.texts, kept, threshold, near::HELD);
    found.map(Some).map_err(texts::failed(context.output()))
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
fn check(decided: &Decided<'_>, settings: &CleanSettings) -> Result<(), Failure> {
    let shares = &settings.split;
    let test = decided.divider == Divider::Official || shares.test > 0.0;
    let wanted = [
        (Split::Train, true),
        (Split::Validation, shares.validation > 0.0),
        (Split::Test, test),
    ];
    for (split, wanted) in wanted {
        if wanted && decided.count(split) == 0 {
            let raise = match split {
                Split::Train => String::new(),
                _ => format!("raise `--set clean.split.{split}=SHARE`, "),
            };
            let message = format!("The split `{split}` has no reviews");
            return Err(few_rows(decided, shares.grouped, message, &raise));
        }
    }
    for class in Sentiment::ALL {
        if decided.count_class(Split::Train, class) == 0 {
            let message = format!("The training split has no {class} reviews");
            return Err(few_rows(decided, shares.grouped, message, ""));
        }
    }
    Ok(())
}

/// A side lacks reviews. Of few groups a larger share still may get none, so that dividing by row
/// comes first.
fn few_rows(decided: &Decided<'_>, grouped: bool, message: String, raise: &str) -> Failure {
    let has_groups = decided.reviews.groups.iter().any(|group| group.is_some());
    let hint = match grouped && has_groups {
        true => format!(
            "There may be too few groups to divide: divide by row with `--set clean.split.grouped=false`, {raise}or add reviews"
        ),
        false => format!(
            "There are too few reviews to divide: {raise}add some, or try another `--set clean.seed=NUMBER`"
        ),
    };
    Failure::new(message).with_hint(hint)
}

/// One line for the screen.
fn summary(decided: &Decided<'_>) -> String {
    let sides = SPLITS.map(|split| (decided.count(split), split.as_str()));
    let removals = Reason::NAMED.map(|(reason, name)| (decided.count_removed(reason), name));
    let list = |counts: &[(u64, &str)]| {
        let present = counts.iter().filter(|(rows, _)| *rows > 0);
        let parts = present.map(|(rows, name)| format!("{} {name}", format::count(*rows)));
        parts.collect::<Vec<_>>().join(", ")
    };
    let kept = format::plural(decided.kept(), "review", "reviews");
    let removed = Some(list(&removals)).filter(|removed| !removed.is_empty());
    let removed = removed.as_deref().unwrap_or("nothing");
    format!("{kept}: {}; removed {removed}", list(&sides))
}
