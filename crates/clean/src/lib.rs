//! The stage `clean`: normalises texts, removes duplicates, and splits the reviews. No later stage changes the
//! split.
//!
//! Tables are read and written in batches. Duplicates are found among all rows: about a hundred bytes per row
//! are kept in memory. The texts are kept in memory too while their total size is small, otherwise in a file.

mod duplicates;
mod input;
mod language;
mod near;
mod output;
pub mod profile;
mod profile_builder;
mod row;
mod split;
mod text_store;

use std::io;
use std::path::Path;

use artifact::{Artifact, Contract, Failure, Sentiment, Split, StageName, format};
use metrics::FEW_OF_A_CLASS;
use rayon::prelude::*;
use settings::CleanSettings;
use stage::{Context, NoOptions, Outcome, Stage};

pub use near::{Link, near_duplicates};
pub use text_store::{TextChunk, TextStore};

use duplicates::Reason;
use input::Reviews;
use near::Clusters;
use profile_builder::Decisions;
use row::Row;
use split::{Key, SplitMethod, Splitter};
use text_store::store_failed;

/// The stage `clean`.
#[derive(Clone, Copy, Debug)]
pub struct Clean;

impl Stage for Clean {
    const NAME: StageName = StageName::Clean;
    const ABOUT: &'static str = "Normalise texts, remove duplicates and leaks, and split the reviews

Reads `reviews.parquet`. Writes `clean.parquet` with the kept reviews and their split, `removed.parquet` with the removed rows and the
reasons, and `profile.json` with counts, lengths, duplicates, leaks and the most distinctive words of each class.";
    type Settings = CleanSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: CleanSettings) -> Result<Outcome, Failure> {
        let input: &Artifact = context.input(StageName::Ingest);
        let source = input.file("reviews.parquet")?;
        let languages = language::parse_languages(&settings.languages)?;
        let total = match input.manifest().contract {
            Contract::Reviews { rows } => rows,
            _ => 0,
        };
        let progress = context.progress();
        let task = progress.task("normalising", Some(total), "reviews");
        let (folder, languages) = (context.output(), (&languages[..], total));
        let reviews = input::read_reviews(&source, folder, &settings, languages, &task)?;
        drop(task);
        decide(context, &settings, &source, &reviews)
    }
}

/// Decides about every row and writes the output.
fn decide(
    context: &Context,
    settings: &CleanSettings,
    source: &Path,
    reviews: &Reviews,
) -> Result<Outcome, Failure> {
    let rows = &reviews.rows;
    if rows.iter().all(|row| row.label.is_none()) {
        return Err(no_labels(rows.len() as u64, input::rating_range(source)?));
    }
    let method = SplitMethod::of(rows)?;
    let mut audit = duplicates::audit(rows);
    let (near, kept) = (&settings.near_duplicates, audit.is_kept());
    let find_near = || {
        let progress = context.progress();
        let _task = progress.task("looking for near-duplicates", None, "reviews");
        near::clusters(&reviews.texts, &kept, near.threshold, near::MAX_PREFIXES)
    };
    let near = near.enabled.then(find_near).transpose();
    let near = near.map_err(store_failed(context.output()))?;
    if let Some((clusters, links)) = &near {
        audit.add_near(rows, clusters, links);
    }
    let splitter = Splitter {
        method,
        settings: &settings.split,
        seed: settings.seed.unwrap_or_default(),
    };
    let clusters = near.as_ref().map(|(clusters, _)| clusters);
    let row_splits = split_rows(reviews, &audit.is_kept(), &splitter, clusters);
    let row_splits = row_splits.map_err(store_failed(context.output()))?;
    let decisions = Decisions {
        reviews,
        audit: &audit,
        near: near.as_ref().map(|(_, links)| links.as_slice()),
        row_splits: &row_splits,
        method,
    };
    check(&decisions, settings)?;
    let few = few_of_a_class(&decisions);
    for (warning, _) in &few {
        context.progress().warn(warning);
    }
    let files = output::write_tables(context, settings, source, &decisions)?;
    let contract = Contract::Clean {
        train: decisions.count(Split::Train),
        validation: decisions.count(Split::Validation),
        test: decisions.count(Split::Test),
        unlabelled: decisions.count(Split::Unlabelled),
        classes: Sentiment::class_names(),
        normalization: Some(settings.normalization()),
        languages: decisions.languages(Split::Train).learned(),
    };
    // The summary is also printed while planning and if the step is fresh.
    let mut summary = summary(&decisions);
    if !few.is_empty() {
        let counts: Vec<String> = few.into_iter().map(|(_, counts)| counts).collect();
        summary += &format!("; few reviews of a class: {}", counts.join(", "));
    }
    Ok(Outcome::new(contract, files, summary))
}

/// No row has a label. `ratings` are the lowest and the highest rating, if there are ratings.
fn no_labels(rows: u64, ratings: Option<(f32, f32)>) -> Failure {
    let hint = match ratings {
        Some((low, high)) => format!(
            "There are ratings from {low} to {high}, but their scale is ambiguous: set the neutral \
             rating with `--set ingest.rating.centre=NUMBER`"
        ),
        None => "Set the column of labels with `--set ingest.columns.label=NAME` and define its values in `[ingest.labels]`, or \
             set the column of ratings with `--set ingest.columns.rating=NAME` and the neutral rating with \
             `--set ingest.rating.centre=NUMBER`; `ressenti inspect FILE` shows the columns of a file"
            .to_owned(),
    };
    let rows = format::plural(rows, "review", "reviews");
    let message = format!("No review has a label ({rows}), so a model cannot be trained");
    Failure::new(message).with_hint(hint)
}

/// The split of every kept row.
fn split_rows(
    reviews: &Reviews,
    kept: &[bool],
    splitter: &Splitter<'_>,
    clusters: Option<&Clusters>,
) -> io::Result<Vec<Option<Split>>> {
    let (texts, groups) = (&reviews.texts, &reviews.groups);
    let keys = split::keys(texts, groups, splitter.settings.grouped, clusters)?;
    let split = |(key, (row, kept)): (&Key, (&Row, &bool))| {
        if !kept {
            return Ok(None);
        }
        let (kind, key) = key.resolve(texts, groups)?;
        Ok(Some(splitter.split(row, (kind, &key))))
    };
    let rows = reviews.rows.par_iter().zip(kept);
    keys.par_iter().zip(rows).map(split).collect()
}

/// Fails if a split or a class of the training split is empty.
fn check(decisions: &Decisions<'_>, settings: &CleanSettings) -> Result<(), Failure> {
    let shares = &settings.split;
    let failed = |message, hint| too_few_rows(decisions, shares.grouped, message, hint);
    let test = decisions.method == SplitMethod::Official || shares.test > 0.0;
    let required = [
        (Split::Train, true),
        (Split::Validation, shares.validation > 0.0),
        (Split::Test, test),
    ];
    for (split, is_required) in required {
        if is_required && decisions.count(split) == 0 {
            let raise = match split {
                Split::Train => String::new(),
                _ => format!("raise `--set clean.split.{split}=SHARE`, "),
            };
            let message = format!("The split `{split}` has no reviews");
            return Err(failed(message, (&raise, "reviews")));
        }
    }
    for class in Sentiment::ALL {
        if decisions.count_class(Split::Train, class) == 0 {
            let what = format!("{class} reviews");
            let message = format!("The training split has no {what}");
            return Err(failed(message, ("", &what)));
        }
    }
    Ok(())
}

/// For each evaluated split with few rows of a class: a warning with what to do, and the counts for the summary.
fn few_of_a_class(decisions: &Decisions<'_>) -> Vec<(String, String)> {
    let splits = [Split::Validation, Split::Test].into_iter();
    let warning = |split: Split| {
        let count = |class| decisions.count_class(split, class);
        let classes = Sentiment::ALL.map(|class| (class.as_str(), count(class)));
        let warning = metrics::few_of_a_class(split.as_str(), &classes)?;
        let mut few = Sentiment::ALL.to_vec();
        few.retain(|class| count(*class) < FEW_OF_A_CLASS);
        let list = |describe: &dyn Fn(&Sentiment) -> String| {
            few.iter().map(describe).collect::<Vec<_>>().join(" and ")
        };
        let names = list(&Sentiment::to_string);
        let counts = list(&|class| format!("{} {class}", count(*class)));
        // A larger share helps only if there are enough reviews for all splits.
        let in_split = |class, split| decisions.count_class(split, class);
        let all = |class| Split::ALL.map(|it| in_split(class, it)).iter().sum::<u64>();
        let is_share = decisions.method != SplitMethod::Official || split == Split::Validation;
        let raise = match is_share && few.iter().all(|class| all(*class) >= 3 * FEW_OF_A_CLASS) {
            true => format!(", or raise `--set clean.split.{split}=SHARE`"),
            false => String::new(),
        };
        let warning = format!("{warning}; add {names} reviews to your source file{raise}");
        Some((warning, format!("{counts} in {split}")))
    };
    splits.filter_map(warning).collect()
}

/// An error for an empty split. With few groups, a larger share may still leave a split empty, so splitting by
/// row is suggested first.
fn too_few_rows(
    decisions: &Decisions<'_>,
    grouped: bool,
    message: String,
    (raise, what): (&str, &str),
) -> Failure {
    let has_groups = decisions.reviews.groups.iter().any(|group| group.is_some());
    let hint = match grouped && has_groups {
        true => format!(
            "There may be too few groups: split by row with `--set clean.split.grouped=false`, {raise}or add {what}"
        ),
        false => format!(
            "There are too few {what}: {raise}add {what}, or try another seed with `--set clean.seed=NUMBER`"
        ),
    };
    Failure::new(message).with_hint(hint)
}

/// A summary in one line.
fn summary(decisions: &Decisions<'_>) -> String {
    let row_splits = Split::ALL.map(|split| (decisions.count(split), split.as_str()));
    let removals = Reason::NAMED.map(|(reason, name)| (decisions.count_removed(reason), name));
    let list = |counts: &[(u64, &str)]| {
        let present = counts.iter().filter(|(rows, _)| *rows > 0);
        let parts = present.map(|(rows, name)| format!("{} {name}", format::count(*rows)));
        parts.collect::<Vec<_>>().join(", ")
    };
    let kept = format::plural(decisions.kept(), "review", "reviews");
    let removed = Some(list(&removals)).filter(|removed| !removed.is_empty());
    let removed = removed.as_deref().unwrap_or("nothing");
    format!("{kept}: {}; removed: {removed}", list(&row_splits))
}
