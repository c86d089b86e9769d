//! The stage `clean`: normalised texts, no copies, and the split, decided here and never again.
//!
//! Tables are read, filtered and written with polars; what is done to a text and to a row are plain
//! functions. Unlike ingest it holds all texts in memory at once, because copies are found among
//! all of them.

mod duplicates;
mod error;
mod language;
mod near;
mod normalize;
pub mod profile;
mod row;
mod split;
mod summarise;
mod table;
mod texts;

use std::fs;

use artifact::{Artifact, ArtifactError, Contract, OutputFile, Sentiment, Split, StageName};
use polars::prelude::*;
use settings::CleanSettings;
use stage::{Context, Failure, NoOptions, Outcome, Stage, format};

pub use error::CleanError;
pub use near::{Link, near_duplicates};
pub use normalize::normalize;

use duplicates::{Audit, Reason};
use near::Clusters;
use split::{Divider, Splitter};
use summarise::Decided;
use texts::{Cleaned, normalise};

/// The cleaned table.
const CLEAN: &str = "clean.parquet";

/// The table of removed rows.
const REMOVED: &str = "removed.parquet";

/// The data profile, see [`profile::Profile`].
const PROFILE: &str = "profile.json";

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
        let raw = table::read(&path)?;
        let task = context
            .progress()
            .task("normalising", Some(raw.height() as u64), "reviews");
        let cleaned =
            normalise(raw, &settings, &wanted, &task).map_err(CleanError::table("read", &path))?;
        drop(task);
        Ok(decide(context, &settings, &cleaned)?)
    }
}

/// Decides about every row and writes what was decided.
fn decide(
    context: &Context,
    settings: &CleanSettings,
    cleaned: &Cleaned,
) -> Result<Outcome, CleanError> {
    let rows = &cleaned.rows;
    if rows.iter().all(|row| row.label.is_none()) {
        return Err(CleanError::NothingLabelled {
            rows: rows.len() as u64,
        });
    }
    let divider = Divider::of(rows)?;
    let mut audit = duplicates::audit(rows);
    let columns =
        Columns::of(&cleaned.reviews).map_err(CleanError::table("read", context.output()))?;
    let near = settings
        .near_duplicates
        .find
        .then(|| find_near(context, settings, &columns.texts, &audit));
    if let Some((clusters, links)) = &near {
        audit.near(rows, clusters, links);
    }
    let clusters = near.as_ref().map(|(clusters, _)| clusters);
    let keys = split::keys(
        &columns.texts,
        &columns.groups,
        settings.split.grouped,
        clusters,
    );
    let splitter = Splitter {
        divider,
        settings: &settings.split,
        seed: settings.seed.unwrap_or_default(),
    };
    let sides: Vec<Option<Split>> = (0..rows.len())
        .map(|position| {
            let kept = audit.removals[position].is_none();
            kept.then(|| splitter.side(&rows[position], keys[position]))
        })
        .collect();
    let decided = Decided {
        rows,
        row_ids: &columns.row_ids,
        texts: &columns.texts,
        groups: &columns.groups,
        audit: &audit,
        near: near.as_ref().map(|(_, links)| links.as_slice()),
        sides: &sides,
        divider,
    };
    check(&decided, settings)?;
    let files = write(context, settings, &cleaned.reviews, &decided)?;
    let contract = Contract::Clean {
        train: decided.count(Split::Train),
        validation: decided.count(Split::Validation),
        test: decided.count(Split::Test),
        unlabelled: decided.count(Split::Unlabelled),
        classes: Sentiment::class_names(),
    };
    Ok(Outcome::new(contract, files, summary(&decided)))
}

/// The rows that are left after copies were removed and share most of their wording.
fn find_near(
    context: &Context,
    settings: &CleanSettings,
    texts: &[&str],
    audit: &Audit,
) -> (Clusters, Vec<Link>) {
    let _task = context
        .progress()
        .task("looking for near-duplicates", None, "reviews");
    let left: Vec<Option<&str>> = texts
        .iter()
        .zip(&audit.removals)
        .map(|(text, removal)| removal.is_none().then_some(*text))
        .collect();
    near::clusters(&left, settings.near_duplicates.threshold)
}

/// Columns as slices by position.
struct Columns<'a> {
    row_ids: Vec<u64>,
    texts: Vec<&'a str>,
    groups: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(reviews: &'a DataFrame) -> PolarsResult<Self> {
        Ok(Self {
            row_ids: reviews
                .column("row_id")?
                .u64()?
                .iter()
                .map(Option::unwrap_or_default)
                .collect(),
            texts: reviews
                .column("text")?
                .str()?
                .iter()
                .map(Option::unwrap_or_default)
                .collect(),
            groups: reviews.column("group")?.str()?.iter().collect(),
        })
    }
}

/// Refuses splits that nothing can be learned from or measured on.
fn check(decided: &Decided<'_>, settings: &CleanSettings) -> Result<(), CleanError> {
    let grouped = settings.split.grouped && decided.groups.iter().any(Option::is_some);
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

fn write(
    context: &Context,
    settings: &CleanSettings,
    reviews: &DataFrame,
    decided: &Decided<'_>,
) -> Result<Vec<OutputFile>, CleanError> {
    let Audit { removals, .. } = decided.audit;
    let kept: BooleanChunked = removals
        .iter()
        .map(|removal| Some(removal.is_none()))
        .collect();
    let splits: StringChunked = decided
        .sides
        .iter()
        .map(|side| side.map(Split::as_str))
        .collect();
    let reasons: StringChunked = removals
        .iter()
        .map(|removal| removal.map(|removal| removal.reason.as_str()))
        .collect();
    let kept_rows: UInt64Chunked = removals
        .iter()
        .map(|removal| Some(decided.row_ids[removal.as_ref()?.kept?]))
        .collect();
    let path = context.output().join(CLEAN);
    let clean_rows = table::write_clean(
        &path,
        reviews,
        &kept,
        splits.with_name("split".into()).into_column(),
    )?;
    let path = context.output().join(REMOVED);
    let reasons = reasons.with_name("reason".into()).into_column();
    let kept_rows = kept_rows.with_name("kept".into()).into_column();
    let removed_rows = table::write_removed(&path, reviews, &kept, reasons, kept_rows)?;
    let path = context.output().join(PROFILE);
    let mut text =
        serde_json::to_vec_pretty(&decided.profile(settings)).expect("a profile is plain data");
    text.push(b'\n');
    fs::write(&path, text).map_err(ArtifactError::io("write", &path))?;
    Ok(vec![
        OutputFile::table(CLEAN, clean_rows),
        OutputFile::table(REMOVED, removed_rows),
        OutputFile::data(PROFILE),
    ])
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
