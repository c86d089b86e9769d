//! From files to reviews that a model has read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{TimestampMillisecondType, UInt8Type};
use artifact::{read_table, schema};
use predict::Predictor;
use settings::IngestSettings;
use stage::{Failure, FailureKind, Progress, format};
use tempfile::TempDir;

use crate::data::{Change, Input, Row};
use crate::words::WordCounts;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What reviews without a topic are put under.
const NO_TOPIC: &str = "no topic";

/// Words that are named of a change.
const WORDS: usize = 20;

/// Reviews of files as one table on the disk.
pub(crate) struct Reviews {
    folder: TempDir,
    wanted: Vec<String>,
}

impl Reviews {
    /// Reads files as `ingest` does. Only reviews of the wanted topics count, all where none are named.
    pub(crate) fn read(
        files: &[PathBuf],
        settings: &IngestSettings,
        wanted: &[String],
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|error| {
            Failure::new(format!("There is no place for what is read: {error}"))
        })?;
        let summary = ingest::read_reviews(files, settings, folder.path(), progress)?;
        progress.note(&summary);
        Ok(Self {
            folder,
            wanted: wanted.to_vec(),
        })
    }

    fn batches(&self) -> Result<impl Iterator<Item = Result<RecordBatch, Failure>>, Failure> {
        let path: &Path = &self.folder.path().join("reviews.parquet");
        let batches = read_table(path, &schema::reviews())?;
        Ok(batches.map(|batch| batch.map_err(Failure::from)))
    }

    fn is_wanted(&self, topic: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| wanted == topic)
    }

    /// The reviews with a time, as the model reads them.
    pub(crate) fn asked(
        &self,
        predictor: &Predictor,
        progress: &Progress,
    ) -> Result<Input, Failure> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut input = Input::default();
        let (mut without_time, mut empty, mut read) = (0_u64, 0_u64, 0_u64);
        let task = progress.task("reading", None, "reviews");
        for batch in self.batches()? {
            let columns = Columns::of(&batch?);
            read += columns.count as u64;
            let rows: Vec<usize> = (0..columns.count)
                .filter(|row| self.is_wanted(columns.topic(*row)))
                .collect();
            let (dated, undated): (Vec<usize>, Vec<usize>) = rows
                .into_iter()
                .partition(|row| columns.day(*row).is_some());
            without_time += undated.len() as u64;
            let texts: Vec<&str> = dated.iter().map(|row| columns.texts.value(*row)).collect();
            let said = predictor.probabilities(&texts)?;
            for (row, probability) in dated.into_iter().zip(said) {
                let (Some(probability), Some(day)) = (probability, columns.day(row)) else {
                    empty += 1;
                    continue;
                };
                let topic = columns.topic(row);
                let next = places.len();
                let topic = *places.entry(topic.to_owned()).or_insert_with(|| {
                    input.topics.push(topic.to_owned());
                    next
                });
                input.rows.push(Row {
                    topic,
                    day,
                    probability,
                    verdict: columns.verdict(row),
                });
            }
            task.advance(columns.count as u64);
        }
        drop(task);
        if empty > 0 {
            progress.note(&format!(
                "nothing is left of {} texts once they are cleaned",
                format::count(empty)
            ));
        }
        if input.rows.is_empty() {
            return Err(self.nothing(read, without_time));
        }
        if without_time > 0 {
            progress.warn(&format!(
                "{} reviews have no time and are left out",
                format::count(without_time)
            ));
        }
        Ok(input)
    }

    /// The labelled reviews, with or without a time: labels and what the model says.
    pub(crate) fn labelled(&self, predictor: &Predictor) -> Result<(Vec<u8>, Vec<f32>), Failure> {
        let (mut labels, mut probabilities) = (Vec::new(), Vec::new());
        for batch in self.batches()? {
            let columns = Columns::of(&batch?);
            let rows: Vec<(usize, u8)> = (0..columns.count)
                .filter_map(|row| Some((row, columns.verdict(row)?)))
                .collect();
            let texts: Vec<&str> = rows
                .iter()
                .map(|(row, _)| columns.texts.value(*row))
                .collect();
            for ((_, label), probability) in rows.iter().zip(predictor.probabilities(&texts)?) {
                if let Some(probability) = probability {
                    labels.push(*label);
                    probabilities.push(probability);
                }
            }
        }
        Ok((labels, probabilities))
    }

    /// Adds the words that moved with a change.
    pub(crate) fn explain(&self, change: &mut Change) -> Result<(), Failure> {
        let mut counts = WordCounts::default();
        for batch in self.batches()? {
            let columns = Columns::of(&batch?);
            for row in (0..columns.count).filter(|row| self.is_wanted(columns.topic(*row))) {
                let Some(day) = columns.day(row) else {
                    continue;
                };
                let side = change
                    .days
                    .iter()
                    .position(|(from, to)| (*from..=*to).contains(&day));
                if let Some(side) = side {
                    counts.add(columns.texts.value(row), side == 1);
                }
            }
        }
        change.words = counts.moved(WORDS);
        Ok(())
    }

    fn nothing(&self, read: u64, without_time: u64) -> Failure {
        let read = format::plural(read, "review was", "reviews were");
        if without_time > 0 {
            return Failure::new(format!("{read} read, and none of them has a time"))
                .with_kind(FailureKind::Mendable)
                .with_hint(
                    "`ressenti inspect FILE` shows what the columns are taken for; name the one with the time: `--set ingest.columns.timestamp=NAME`"
                        .to_owned(),
                );
        }
        match self.wanted.as_slice() {
            [] => Failure::new(format!("{read} read, and no text is among them")),
            wanted => Failure::new(format!("{read} read, and none of them is about {}", wanted.join(" or "))).with_hint(
                "`ressenti inspect FILE` shows which column is taken for the topic; name another with `--set ingest.columns.topic=NAME`"
                    .to_owned(),
            ),
        }
    }
}

/// The columns of a batch that a trend needs.
struct Columns {
    count: usize,
    texts: arrow::array::StringArray,
    labels: arrow::array::UInt8Array,
    topics: arrow::array::StringArray,
    times: arrow::array::TimestampMillisecondArray,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Self {
        Self {
            count: batch.num_rows(),
            texts: batch.column(1).as_string::<i32>().clone(),
            labels: batch.column(2).as_primitive::<UInt8Type>().clone(),
            topics: batch.column(6).as_string::<i32>().clone(),
            times: batch
                .column(7)
                .as_primitive::<TimestampMillisecondType>()
                .clone(),
        }
    }

    fn topic(&self, row: usize) -> &str {
        match self.topics.is_null(row) {
            true => NO_TOPIC,
            false => self.topics.value(row),
        }
    }

    fn day(&self, row: usize) -> Option<i64> {
        (!self.times.is_null(row)).then(|| self.times.value(row).div_euclid(DAY))
    }

    fn verdict(&self, row: usize) -> Option<u8> {
        (!self.labels.is_null(row)).then(|| self.labels.value(row))
    }
}
