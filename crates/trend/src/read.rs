//! From files to reviews that a model has read. Files are read as often as it takes, and nothing of them is
//! kept but what a trend needs.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use artifact::format;
use bundle::Predictor;
use ingest::{Review, read_each};
use settings::IngestSettings;
use stage::{Progress, ProgressMode, Task};

use crate::data::{Change, Input, Row};
use crate::refused::{Refused, Unfit};
use crate::words::WordCounts;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What reviews without a topic are put under.
const NO_TOPIC: &str = "no topic";

/// Words that are named of a change.
const WORDS: usize = 20;

/// Topics that are named where none of those asked for is there.
const TOPICS: usize = 5;

/// Bytes of texts that a model reads together, at most.
const BATCH_BYTES: usize = 16 << 20;

/// Reviews of files, by what they are about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reviews<'a> {
    /// Files of rows, all of one shape.
    pub(crate) files: &'a [PathBuf],
    /// How they are read.
    pub(crate) settings: &'a IngestSettings,
    /// Topics that count; all where none are named.
    pub(crate) wanted: &'a [String],
}

/// A model that reads reviews, and within what bounds.
pub struct Reader<'a> {
    /// The model.
    pub predictor: &'a Predictor,
    /// Shows how far it is.
    pub progress: &'a Progress,
    /// Receives messages for the user, see [`Predictor::take_notes`].
    pub on_note: &'a (dyn Fn(&str) + Sync),
    /// Most reviews; if there are more, the model reads none.
    pub most: u64,
    /// Reviews that it reads together.
    pub together: usize,
    /// Whether nobody waits for the trend any more; looked at again and again.
    pub is_stopped: &'a (dyn Fn() -> bool + Sync),
}

/// What the reviews of files are, without a look at their texts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Reviews.
    all: u64,
    /// Those about a wanted topic.
    wanted: u64,
    /// Those of them with a time.
    pub(crate) dated: u64,
    /// Those of them whose authors say what they feel.
    pub(crate) labelled: u64,
}

impl Reviews<'_> {
    /// Reads the files once without the model: whatever is wrong with them is found before it is asked.
    pub(crate) fn count(&self, reader: &Reader<'_>) -> Result<Counts, Refused> {
        let mut counts = Counts::default();
        let summary = self.each(reader.progress, reader, |review| {
            counts.all += 1;
            if self.is_wanted(review) {
                counts.wanted += 1;
                let is_dated = review.timestamp.is_some();
                counts.dated += u64::from(is_dated);
                counts.labelled += u64::from(is_dated && review.label.is_some());
            }
            match counts.dated > reader.most {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        if counts.dated > reader.most {
            return Err(Refused::TooMany { most: reader.most });
        }
        if counts.dated == 0 {
            return Err(self.nothing(counts, reader)?);
        }
        reader.progress.note(&summary);
        Ok(counts)
    }

    /// The reviews with a time, as the model reads them; and in sentences what was left out.
    pub(crate) fn asked(
        &self,
        counts: Counts,
        reader: &Reader<'_>,
    ) -> Result<(Input, Vec<String>), Refused> {
        let task = reader
            .progress
            .task("reading", Some(counts.dated), "reviews");
        let quiet = reader.progress.with_mode(ProgressMode::None);
        let day = |review: &Review<'_>| self.day(review);
        let batch = self.read(&quiet, reader, &task, day)?;
        drop(task);
        let mut left_out = Vec::new();
        for wanted in self.wanted {
            if !batch.places.contains_key(wanted) {
                left_out.push(format!("No review with a time is about `{wanted}`"));
            }
        }
        let undated = counts.wanted - counts.dated;
        for (count, what) in [
            (undated, "without a time"),
            (
                batch.empty,
                "of which nothing is left once they are cleaned",
            ),
        ] {
            if count > 0 {
                let reviews = format::plural(count, "review", "reviews");
                left_out.push(format!("Left out: {reviews} {what}"));
            }
        }
        if batch.input.rows.is_empty() {
            return Err(Unfit::NoText.into());
        }
        Ok((batch.input, left_out))
    }

    /// The labelled reviews, with or without a time: labels and what the model says.
    pub(crate) fn labelled(&self, reader: &Reader<'_>) -> Result<(Vec<u8>, Vec<f32>), Refused> {
        let task = reader.progress.task("reading", None, "labelled reviews");
        let any_day = |review: &Review<'_>| review.label.map(|_| 0);
        let batch = self.read(reader.progress, reader, &task, any_day)?;
        let rows = batch.input.rows.iter();
        Ok(rows
            .filter_map(|row| Some((row.verdict?, row.probability)))
            .unzip())
    }

    /// Adds the words that moved with a change.
    pub(crate) fn explain(&self, change: &mut Change, reader: &Reader<'_>) -> Result<(), Refused> {
        let mut counts = WordCounts::default();
        let quiet = reader.progress.with_mode(ProgressMode::None);
        self.each(&quiet, reader, |review| {
            let side = self.day(review).and_then(|day| {
                let mut sides = change.days.iter();
                sides.position(|(from, to)| (*from..=*to).contains(&day))
            });
            if let Some(side) = side {
                counts.add(review.text, side == 1);
            }
            ControlFlow::Continue(())
        })?;
        change.words = counts.moved(WORDS);
        Ok(())
    }

    fn is_wanted(&self, review: &Review<'_>) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| wanted == topic(review))
    }

    /// The day of a review that counts.
    fn day(&self, review: &Review<'_>) -> Option<i64> {
        let time = review.timestamp.filter(|_| self.is_wanted(review));
        time.map(|milliseconds| milliseconds.div_euclid(DAY))
    }

    /// Lets the model read all reviews for which there is a day.
    fn read<'r>(
        &self,
        progress: &Progress,
        reader: &'r Reader<'r>,
        task: &Task,
        day: impl Fn(&Review<'_>) -> Option<i64>,
    ) -> Result<Batch<'r>, Refused> {
        let mut batch = Batch::new(reader);
        let mut failed = None;
        self.each(progress, reader, |review| {
            if let Some(day) = day(review) {
                batch.add(review, day);
            }
            if !batch.is_full() {
                return ControlFlow::Continue(());
            }
            task.advance(batch.texts.len() as u64);
            match batch.ask() {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        batch.ask()?;
        Ok(batch)
    }

    /// Gives every review to `take` until it has enough, or nobody waits any more.
    fn each(
        &self,
        progress: &Progress,
        reader: &Reader<'_>,
        mut take: impl FnMut(&Review<'_>) -> ControlFlow<()>,
    ) -> Result<String, Refused> {
        let mut is_stopped = false;
        let summary = read_each(self.files, self.settings, progress, |review| {
            is_stopped |= (reader.is_stopped)();
            match is_stopped {
                true => ControlFlow::Break(()),
                false => take(review),
            }
        })?;
        match is_stopped {
            true => Err(Refused::Stopped),
            false => Ok(summary),
        }
    }

    fn nothing(&self, counts: Counts, reader: &Reader<'_>) -> Result<Refused, Refused> {
        let read = counts.all;
        Ok(Refused::Unfit(match counts.wanted > 0 {
            true => Unfit::NoTime { read },
            false => Unfit::NoTopic {
                read,
                wanted: self.wanted.to_vec(),
                there: self.topics(reader)?,
            },
        }))
    }

    /// The topics that most reviews are about, the first of them first.
    fn topics(&self, reader: &Reader<'_>) -> Result<Vec<String>, Refused> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        let quiet = reader.progress.with_mode(ProgressMode::None);
        self.each(&quiet, reader, |review| {
            if let Some(topic) = review.topic.as_deref() {
                *counts.entry(topic.to_owned()).or_default() += 1;
            }
            ControlFlow::Continue(())
        })?;
        let mut topics: Vec<(u64, String)> = counts
            .into_iter()
            .map(|(topic, count)| (count, topic))
            .collect();
        topics.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        let first = topics.into_iter().take(TOPICS);
        Ok(first.map(|(_, topic)| topic).collect())
    }
}

fn topic<'r>(review: &'r Review<'_>) -> &'r str {
    review.topic.as_deref().unwrap_or(NO_TOPIC)
}

/// Reviews that wait to be read together, and those that were.
struct Batch<'a> {
    reader: &'a Reader<'a>,
    texts: Vec<String>,
    bytes: usize,
    /// What is known of each of the texts; the probability is not yet.
    rows: Vec<Row>,
    places: HashMap<String, usize>,
    input: Input,
    /// Texts of which nothing was left.
    empty: u64,
}

impl<'a> Batch<'a> {
    fn new(reader: &'a Reader<'a>) -> Self {
        Self {
            reader,
            texts: Vec::new(),
            bytes: 0,
            rows: Vec::new(),
            places: HashMap::new(),
            input: Input::default(),
            empty: 0,
        }
    }

    fn add(&mut self, review: &Review<'_>, day: i64) {
        let name = topic(review);
        let topic = match self.places.get(name) {
            Some(place) => *place,
            None => {
                let place = self.input.topics.len();
                self.input.topics.push(name.to_owned());
                self.places.insert(name.to_owned(), place);
                place
            }
        };
        self.bytes += review.text.len();
        self.texts.push(review.text.to_owned());
        self.rows.push(Row {
            topic,
            day,
            probability: f32::NAN,
            verdict: review.label.map(|label| label.id()),
        });
    }

    fn is_full(&self) -> bool {
        self.texts.len() >= self.reader.together || self.bytes >= BATCH_BYTES
    }

    fn ask(&mut self) -> Result<(), Refused> {
        let said = self.reader.predictor.probabilities(&self.texts);
        for note in self.reader.predictor.take_notes() {
            (self.reader.on_note)(&note);
        }
        for (row, probability) in self.rows.drain(..).zip(said.map_err(Refused::Failed)?) {
            match probability {
                Some(probability) => self.input.rows.push(Row { probability, ..row }),
                None => self.empty += 1,
            }
        }
        self.texts.clear();
        self.bytes = 0;
        Ok(())
    }
}
