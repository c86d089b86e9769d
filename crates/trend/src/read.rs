//! From files to reviews that a model has read. Files are read as often as it takes, and nothing of them is
//! kept but what a trend needs.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use artifact::format;
use bundle::Predictor;
use ingest::{Review, read_each};
use settings::IngestSettings;
use stage::{Progress, ProgressMode, ProgressTask};

use crate::data::{Change, Input, Options, Row};
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

/// Reviews, and what is wanted of them.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Files of rows, all of one shape.
    pub files: &'a [PathBuf],
    /// How they are read: `[ingest]`.
    pub reading: &'a IngestSettings,
    /// Topics that count; all where none are named.
    pub topics: &'a [String],
    /// How the trend is made.
    pub options: Options,
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

impl Question<'_> {
    /// Reads the files once without the model: whatever is wrong with them is found before it is asked.
    pub(crate) fn count(&self, reader: &Reader<'_>) -> Result<Counts, Refused> {
        let mut counts = Counts::default();
        let mut topics: HashMap<String, u64> = HashMap::new();
        let summary = self.each(reader.progress, reader, |review| {
            counts.all += 1;
            if let Some(topic) = review.topic.as_deref().filter(|_| !self.topics.is_empty()) {
                *topics.entry(topic.to_owned()).or_default() += 1;
            }
            if self.is_wanted(review) {
                counts.wanted += 1;
                let is_dated = review.timestamp.is_some();
                counts.dated += u64::from(is_dated);
                counts.labelled += u64::from(is_dated && review.label.is_some());
            }
            match counts.dated > reader.most {
                true => Err(Refused::TooMany { most: reader.most }),
                false => Ok(()),
            }
        })?;
        if counts.dated == 0 {
            let (read, wanted, there) = (counts.all, self.topics.to_vec(), most_common(topics));
            return Err(Refused::Unfit(match counts.wanted > 0 {
                true => Unfit::NoTime { read },
                false => Unfit::NoTopic {
                    read,
                    wanted,
                    there,
                },
            }));
        }
        reader.progress.note(&summary);
        Ok(counts)
    }

    /// The reviews with a time, as the model reads them; and in sentences what was left out.
    pub(crate) fn input(
        &self,
        counts: Counts,
        reader: &Reader<'_>,
    ) -> Result<(Input, Vec<String>), Refused> {
        let progress = reader.progress;
        let task = progress.task("reading", Some(counts.dated), "reviews");
        let quiet = progress.with_mode(ProgressMode::None);
        let (input, empty) = self.read(&quiet, reader, &task, |review| self.day(review))?;
        drop(task);
        let missing = self.topics.iter().filter(|it| !input.topics.contains(it));
        let missing = missing.map(|wanted| format!("No review with a time is about `{wanted}`"));
        let mut left_out: Vec<String> = missing.collect();
        for (count, what) in [
            (counts.wanted - counts.dated, "without a time"),
            (empty, "of which nothing is left once they are cleaned"),
        ] {
            if count > 0 {
                let reviews = format::plural(count, "review", "reviews");
                left_out.push(format!("Left out: {reviews} {what}"));
            }
        }
        match input.rows.is_empty() {
            true => Err(Unfit::NoText.into()),
            false => Ok((input, left_out)),
        }
    }

    /// The labelled reviews, with or without a time: labels and what the model says.
    pub(crate) fn labelled(&self, reader: &Reader<'_>) -> Result<(Vec<u8>, Vec<f32>), Refused> {
        let task = reader.progress.task("reading", None, "labelled reviews");
        let any_day = |review: &Review<'_>| review.label.map(|_| 0);
        let (input, _) = self.read(reader.progress, reader, &task, any_day)?;
        let rows = input.rows.iter();
        Ok(rows
            .filter_map(|row| Some((row.verdict?, row.probability)))
            .unzip())
    }

    /// Adds the words that moved with a change.
    pub(crate) fn explain(&self, change: &mut Change, reader: &Reader<'_>) -> Result<(), Refused> {
        let mut counts = WordCounts::default();
        let quiet = reader.progress.with_mode(ProgressMode::None);
        self.each(&quiet, reader, |review| {
            let day = self.day(review);
            for (is_after, (from, to)) in [false, true].into_iter().zip(change.days) {
                if day.is_some_and(|day| (from..=to).contains(&day)) {
                    counts.add(review.text, is_after);
                }
            }
            Ok(())
        })?;
        change.words = counts.moved(WORDS);
        Ok(())
    }

    fn is_wanted(&self, review: &Review<'_>) -> bool {
        self.topics.is_empty() || self.topics.iter().any(|wanted| wanted == topic(review))
    }

    /// The day of a review that counts.
    fn day(&self, review: &Review<'_>) -> Option<i64> {
        let time = review.timestamp.filter(|_| self.is_wanted(review));
        time.map(|milliseconds| milliseconds.div_euclid(DAY))
    }

    /// Lets the model read all reviews for which there is a day. Returns them and the number of those of which
    /// nothing was left.
    fn read(
        &self,
        progress: &Progress,
        reader: &Reader<'_>,
        task: &ProgressTask,
        day: impl Fn(&Review<'_>) -> Option<i64>,
    ) -> Result<(Input, u64), Refused> {
        let mut batch = Batch::default();
        self.each(progress, reader, |review| {
            if let Some(day) = day(review) {
                batch.add(review, day);
            }
            if batch.texts.len() < reader.together && batch.bytes < BATCH_BYTES {
                return Ok(());
            }
            task.advance(batch.texts.len() as u64);
            batch.predict(reader)
        })?;
        batch.predict(reader)?;
        Ok((batch.input, batch.empty))
    }

    /// Gives every review to `take` until that fails, or nobody waits any more.
    fn each(
        &self,
        progress: &Progress,
        reader: &Reader<'_>,
        mut take: impl FnMut(&Review<'_>) -> Result<(), Refused>,
    ) -> Result<String, Refused> {
        let mut taken = Ok(());
        let summary = read_each(self.files, self.reading, progress, |review| {
            if taken.is_ok() {
                taken = match (reader.is_stopped)() {
                    true => Err(Refused::Stopped),
                    false => take(review),
                };
            }
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        taken.map(|()| summary)
    }
}

/// The topics that most reviews are about, the first of them first.
fn most_common(topics: HashMap<String, u64>) -> Vec<String> {
    let mut topics: Vec<(String, u64)> = topics.into_iter().collect();
    topics.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let first = topics.into_iter().take(TOPICS);
    first.map(|(topic, _)| topic).collect()
}

fn topic<'r>(review: &'r Review<'_>) -> &'r str {
    review.topic.as_deref().unwrap_or(NO_TOPIC)
}

/// Reviews that wait to be read together, and those that were.
#[derive(Default)]
struct Batch {
    texts: Vec<String>,
    bytes: usize,
    /// What is known of each of the texts; the probability is not yet.
    rows: Vec<Row>,
    places: HashMap<String, usize>,
    input: Input,
    /// Texts of which nothing was left.
    empty: u64,
}

impl Batch {
    fn add(&mut self, review: &Review<'_>, day: i64) {
        let name = topic(review);
        let next = self.places.len();
        let topic = *self.places.entry(name.to_owned()).or_insert(next);
        if topic == next {
            self.input.topics.push(name.to_owned());
        }
        self.bytes += review.text.len();
        self.texts.push(review.text.to_owned());
        self.rows.push(Row {
            topic,
            day,
            probability: f32::NAN,
            verdict: review.label.map(|label| label.id()),
        });
    }

    /// Lets the model read the texts that wait.
    fn predict(&mut self, reader: &Reader<'_>) -> Result<(), Refused> {
        let said = reader.predictor.probabilities(&self.texts);
        for note in reader.predictor.take_notes() {
            (reader.on_note)(&note);
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
