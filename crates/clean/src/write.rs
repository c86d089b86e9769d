//! What was decided, as files.

use std::fs;
use std::ops::Range;

use artifact::{ArtifactError, OutputFile, Split};
use polars::prelude::*;
use settings::CleanSettings;
use stage::Context;

use crate::error::CleanError;
use crate::summarise::Decided;
use crate::table::{Sink, Source};

/// The cleaned table.
const CLEAN: &str = "clean.parquet";

/// The table of removed rows.
const REMOVED: &str = "removed.parquet";

/// The data profile, see [`crate::profile::Profile`].
const PROFILE: &str = "profile.json";

/// Characters of a removed text that are kept to recognise it by.
const EXCERPT: usize = 200;

/// Writes the tables, with the columns of the source that clean does not touch, and the profile.
///
/// # Errors
/// The source is damaged, or the disk refuses.
pub(crate) fn write(
    context: &Context,
    settings: &CleanSettings,
    source: &Source,
    decided: &Decided<'_>,
) -> Result<Vec<OutputFile>, CleanError> {
    let folder = context.output();
    let rows = decided.reviews.rows.len() as u64;
    let task = context.progress().task("writing", Some(rows), "reviews");
    let mut clean = Sink::new(&folder.join(CLEAN));
    let mut removed = Sink::new(&folder.join(REMOVED));
    for part in source.parts() {
        let texts = texts(decided, part).map_err(CleanError::texts(folder))?;
        let untouched = [
            "row_id",
            "label",
            "rating",
            "group",
            "topic",
            "timestamp",
            "source",
        ];
        let frame = source.read(part, &untouched)?;
        let frames = frames(decided, part, &frame, texts).map_err(source.failed())?;
        clean.write(frames.0)?;
        removed.write(frames.1)?;
        task.advance(part.len() as u64);
    }
    let files = [(CLEAN, clean.finish()?), (REMOVED, removed.finish()?)];
    let path = folder.join(PROFILE);
    let profile = decided
        .profile(settings)
        .map_err(CleanError::texts(folder))?;
    let mut text = serde_json::to_vec_pretty(&profile).expect("a profile is plain data");
    text.push(b'\n');
    fs::write(&path, text).map_err(ArtifactError::io("write", &path))?;
    let tables = files.map(|(name, rows)| OutputFile::table(name, rows));
    Ok(tables
        .into_iter()
        .chain([OutputFile::data(PROFILE)])
        .collect())
}

/// The texts of a part's kept rows, and excerpts of those of its removed rows.
fn texts(decided: &Decided<'_>, part: &Range<usize>) -> std::io::Result<[StringChunked; 2]> {
    let mut kept = StringChunkedBuilder::new("text".into(), part.len());
    let mut excerpts = StringChunkedBuilder::new("excerpt".into(), 0);
    let store = &decided.reviews.texts;
    for range in store.stretches_of(part.clone()) {
        let stretch = store.read(range.clone())?;
        for (side, text) in decided.sides[range].iter().zip(stretch.iter()) {
            if side.is_some() {
                kept.append_value(text);
            } else {
                excerpts.append_value(text.chars().take(EXCERPT).collect::<String>());
            }
        }
    }
    Ok([kept.finish(), excerpts.finish()])
}

/// The kept rows of a part as `clean.parquet` has them, and its removed rows as `removed.parquet`
/// has them.
fn frames(
    decided: &Decided<'_>,
    part: &Range<usize>,
    frame: &DataFrame,
    [texts, excerpts]: [StringChunked; 2],
) -> PolarsResult<(DataFrame, DataFrame)> {
    let sides = &decided.sides[part.clone()];
    let kept: BooleanChunked = sides.iter().map(|side| Some(side.is_some())).collect();
    let splits: StringChunked = sides
        .iter()
        .flatten()
        .copied()
        .map(Split::as_str)
        .map(Some)
        .collect();
    let removals = || decided.audit.removals[part.clone()].iter().flatten();
    let reasons: StringChunked = removals()
        .map(|removal| Some(removal.reason.as_str()))
        .collect();
    let row_ids = &decided.reviews.row_ids;
    let stand_ins: UInt64Chunked = removals()
        .map(|removal| removal.kept.map(|kept| row_ids[kept]))
        .collect();

    let mut clean = frame.filter(&kept)?;
    clean.with_column(texts.into_column())?;
    clean.with_column(splits.with_name("split".into()).into_column())?;
    let clean = clean.select([
        "row_id",
        "text",
        "label",
        "split",
        "rating",
        "group",
        "topic",
        "timestamp",
    ])?;
    let mut removed = frame.filter(&!kept)?;
    removed.with_column(reasons.with_name("reason".into()).into_column())?;
    removed.with_column(stand_ins.with_name("kept".into()).into_column())?;
    removed.with_column(excerpts.into_column())?;
    let removed = removed.select(["row_id", "reason", "kept", "source", "excerpt"])?;
    Ok((clean, removed))
}
