//! The texts of a table, normalised on all threads.

use artifact::{Sentiment, Split};
use polars::prelude::*;
use rayon::prelude::*;
use settings::CleanSettings;
use stage::Task;
use whatlang::Lang;

use crate::normalize::normalize;
use crate::row::{Row, TextFacts};

/// Texts normalised by all threads together before the next ones are taken.
const BATCH: usize = 8192;

/// The table with normalised texts, and what is known of every row.
pub(crate) struct Cleaned {
    pub(crate) reviews: DataFrame,
    pub(crate) rows: Vec<Row>,
}

/// Normalises the texts of a table of reviews.
pub(crate) fn normalise(
    mut reviews: DataFrame,
    settings: &CleanSettings,
    wanted: &[Lang],
    task: &Task,
) -> PolarsResult<Cleaned> {
    let (texts, keys) = normalise_texts(reviews.column("text")?.str()?, settings, wanted, task);
    let labels = reviews.column("label")?.u8()?.iter();
    let splits = reviews.column("split")?.str()?.iter();
    let rows = keys
        .into_iter()
        .zip(labels.zip(splits))
        .map(|(text, (label, split))| Row {
            text,
            label: label.and_then(Sentiment::from_id),
            official: split
                .and_then(Split::parse)
                .filter(|_| settings.split.official),
        });
    let rows = rows.collect();
    reviews.with_column(texts.into_column())?;
    Ok(Cleaned { reviews, rows })
}

/// Normalises texts on all threads; batch by batch, so that what the threads make does not all wait
/// in memory beside the column it goes into.
fn normalise_texts(
    texts: &StringChunked,
    settings: &CleanSettings,
    wanted: &[Lang],
    task: &Task,
) -> (StringChunked, Vec<TextFacts>) {
    let mut normalised = StringChunkedBuilder::new("text".into(), texts.len());
    let mut facts = Vec::with_capacity(texts.len());
    let mut texts = texts.iter().map(Option::unwrap_or_default);
    loop {
        let batch: Vec<&str> = texts.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return (normalised.finish(), facts);
        }
        let done: Vec<(String, TextFacts)> = batch
            .par_iter()
            .map(|raw| {
                let text = normalize(raw, settings);
                let facts = TextFacts::of(raw, &text, wanted);
                (text, facts)
            })
            .collect();
        task.advance(done.len() as u64);
        for (text, text_facts) in done {
            normalised.append_value(text);
            facts.push(text_facts);
        }
    }
}
