//! The rows of ingest: texts normalised on all threads, and what is known of every row.

use std::path::Path;

use artifact::{Sentiment, Split};
use polars::prelude::*;
use rayon::prelude::*;
use settings::CleanSettings;
use stage::Task;
use text::normalize::normalize;
use whatlang::Lang;

use crate::error::CleanError;
use crate::row::{GroupColumn, Row, TextFacts};
use crate::table::Source;
use crate::texts::{IN_MEMORY, TextStore, TextStoreWriter};

/// Texts normalised by all threads together before the next ones are taken.
const BATCH: usize = 8192;

/// What is known of all rows, by position.
pub(crate) struct Reviews {
    pub(crate) rows: Vec<Row>,
    pub(crate) row_ids: Vec<u64>,
    pub(crate) groups: GroupColumn,
    /// Normalised.
    pub(crate) texts: TextStore,
}

/// Reads and normalises a table of reviews, part by part. Texts that do not fit into memory go into
/// a file in `folder`.
///
/// # Errors
/// The table is damaged, or the folder refuses the file.
pub(crate) fn read(
    source: &Source,
    folder: &Path,
    settings: &CleanSettings,
    wanted: &[Lang],
    task: &Task,
) -> Result<Reviews, CleanError> {
    let steps = settings.normalization();
    let mut rows = Vec::with_capacity(source.rows());
    let mut row_ids = Vec::with_capacity(source.rows());
    let mut groups = GroupColumn::default();
    let mut texts = TextStoreWriter::new(folder, IN_MEMORY);
    for part in source.parts() {
        let frame = source.read(part, &["row_id", "text", "label", "split", "group"])?;
        let columns = Columns::of(&frame).map_err(source.failed())?;
        let raw: Vec<&str> = columns
            .texts
            .iter()
            .map(Option::unwrap_or_default)
            .collect();
        let mut facts = Vec::with_capacity(raw.len());
        for batch in raw.chunks(BATCH) {
            let done: Vec<(String, TextFacts)> = batch
                .par_iter()
                .map(|raw| {
                    let text = normalize(raw, &steps);
                    let facts = TextFacts::of(raw, &text, wanted);
                    (text, facts)
                })
                .collect();
            for (text, text_facts) in done {
                texts.push(&text).map_err(CleanError::texts(folder))?;
                facts.push(text_facts);
            }
            task.advance(batch.len() as u64);
        }
        row_ids.extend(columns.row_ids.iter().map(Option::unwrap_or_default));
        columns.groups.iter().for_each(|group| groups.push(group));
        let labels = columns.labels.iter().zip(columns.splits.iter());
        rows.extend(facts.into_iter().zip(labels).map(|(text, (label, split))| {
            Row {
                text,
                label: label.and_then(Sentiment::from_id),
                official: split
                    .and_then(Split::parse)
                    .filter(|_| settings.split.official),
            }
        }));
    }
    Ok(Reviews {
        rows,
        row_ids,
        groups,
        texts: texts.finish().map_err(CleanError::texts(folder))?,
    })
}

/// The lowest and the highest rating of a table; `None` where no row has one.
///
/// # Errors
/// The table is damaged.
pub(crate) fn ratings(source: &Source) -> Result<Option<(f32, f32)>, CleanError> {
    let mut range: Option<(f32, f32)> = None;
    for part in source.parts() {
        let frame = source.read(part, &["rating"])?;
        let column = frame.column("rating").and_then(|column| column.f32());
        let ratings = column.map_err(source.failed())?;
        if let (Some(low), Some(high)) = (ratings.min(), ratings.max()) {
            let (lowest, highest) = range.unwrap_or((low, high));
            range = Some((lowest.min(low), highest.max(high)));
        }
    }
    Ok(range)
}

/// The columns of a part.
struct Columns<'a> {
    row_ids: &'a UInt64Chunked,
    texts: &'a StringChunked,
    labels: &'a UInt8Chunked,
    splits: &'a StringChunked,
    groups: &'a StringChunked,
}

impl<'a> Columns<'a> {
    fn of(frame: &'a DataFrame) -> PolarsResult<Self> {
        Ok(Self {
            row_ids: frame.column("row_id")?.u64()?,
            texts: frame.column("text")?.str()?,
            labels: frame.column("label")?.u8()?,
            splits: frame.column("split")?.str()?,
            groups: frame.column("group")?.str()?,
        })
    }
}
