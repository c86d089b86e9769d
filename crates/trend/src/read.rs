//! Reads reviews from files and predicts them. Files are read several times instead of being kept in memory.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::PathBuf;

use artifact::files::is_sampled;
use artifact::{Digest, format};
use bundle::Predictor;
use ingest::{InputError, Review, for_each_review};
use settings::IngestSettings;
use stage::{Progress, ProgressMode, ProgressTask};

use crate::data::{ChangePoint, Input, ScoredReview, TextOrigin};
use crate::domain_shift::CommonWords;
use crate::error::{Result, TrendError, UnusableReviews};
use crate::error_rates::TrainingTexts;
use crate::options::Options;
use crate::word_changes::WordCounts;

/// Milliseconds per day.
const DAY: i64 = 86_400_000;

/// The topic of reviews without a topic.
const NO_TOPIC: &str = "no topic";

/// Maximum number of words listed for a change.
const MAX_WORDS: usize = 20;

/// Number of topics listed in the error for an unknown topic.
const LISTED_TOPICS: usize = 5;

/// Maximum size of the texts of a batch, in bytes.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// The files and options of a trend.
#[derive(Clone, Copy, Debug)]
pub struct TrendQuery<'a> {
    /// Files of reviews, all with the same columns.
    pub files: &'a [PathBuf],
    /// How the files are read: `[ingest]`.
    pub reading: &'a IngestSettings,
    /// Topics to select; all if empty.
    pub topics: &'a [String],
    /// How the trend is computed.
    pub options: Options,
}

/// The model that predicts the reviews, limits, and progress display.
pub struct TrendContext<'a> {
    /// The model.
    pub predictor: &'a Predictor,
    /// The texts that the model was trained on.
    pub training_texts: &'a TrainingTexts,
    /// Shows the progress.
    pub progress: &'a Progress,
    /// Receives messages for the user, see [`Predictor::take_notes`].
    pub on_note: &'a (dyn Fn(&str) + Sync),
    /// Maximum number of reviews; more are an error before any prediction.
    pub max_reviews: u64,
    /// Number of reviews that are predicted together.
    pub batch_rows: usize,
    /// Whether the trend is cancelled; checked for every review.
    pub is_stopped: &'a (dyn Fn() -> bool + Sync),
}

/// Counts of the reviews in the files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReviewCounts {
    all: u64,
    /// With a selected topic.
    selected: u64,
    /// With a selected topic and a time.
    pub(crate) dated: u64,
    /// With a selected topic, a time and a label.
    pub(crate) labelled: u64,
}

/// Reads and predicts the reviews of a query.
pub(crate) struct ReviewReader<'a> {
    pub(crate) query: &'a TrendQuery<'a>,
    pub(crate) context: &'a TrendContext<'a>,
}

impl ReviewReader<'_> {
    /// Reads the files once without the model, so that problems are found before any prediction.
    pub(crate) fn count(&self) -> Result<ReviewCounts> {
        let (context, wanted) = (self.context, self.query.topics);
        let max_reviews = context.max_reviews;
        let mut counts = ReviewCounts::default();
        let mut topics: HashMap<String, u64> = HashMap::new();
        let (summary, unread_times) = self.for_each(context.progress, |review| {
            counts.all += 1;
            if let Some(topic) = review.topic.as_deref().filter(|_| !wanted.is_empty()) {
                *topics.entry(topic.to_owned()).or_default() += 1;
            }
            if self.is_selected(review) {
                counts.selected += 1;
                let is_dated = review.timestamp.is_some();
                counts.dated += u64::from(is_dated);
                counts.labelled += u64::from(is_dated && review.label.is_some());
            }
            match counts.dated > max_reviews {
                true => Err(TrendError::TooMany { max_reviews }),
                false => Ok(()),
            }
        })?;
        if counts.dated == 0 {
            let (read, wanted, there) = (counts.all, wanted.to_vec(), most_common(topics));
            if let (Some(hint), true) = (unread_times, counts.selected > 0) {
                let message = UnusableReviews::NoTime { read }.to_string();
                return Err(InputError::other(message, hint).into());
            }
            return Err(TrendError::UnusableReviews(match counts.selected > 0 {
                true => UnusableReviews::NoTime { read },
                false => UnusableReviews::NoTopic {
                    read,
                    wanted,
                    there,
                },
            }));
        }
        context.progress.note(&summary);
        Ok(counts)
    }

    /// The predicted reviews with a time and their languages; and sentences about skipped reviews. Without `words`, the common words are
    /// those of the first batch.
    pub(crate) fn score(
        &self,
        counts: ReviewCounts,
        words: Option<CommonWords>,
    ) -> Result<(Input, Vec<String>)> {
        let progress = self.context.progress;
        let task = progress.task("predicting", Some(counts.dated), "reviews");
        let quiet = progress.with_mode(ProgressMode::None);
        let (mut sample, mut position) = (Vec::new(), 0);
        let (mut input, empty) = self.predict_all(&quiet, &task, words, |review| {
            let day = self.day(review)?;
            if is_sampled(position, counts.dated) {
                sample.push(review.text.to_owned());
            }
            position += 1;
            Some(day)
        })?;
        drop(task);
        input.languages = self.context.predictor.languages(&sample);
        let wanted = self.query.topics.iter();
        let missing = wanted.filter(|it| !input.topics.contains(it));
        let missing = missing.map(|wanted| format!("No review with a time is about `{wanted}`"));
        let mut skipped: Vec<String> = missing.collect();
        for (count, what) in [
            (counts.selected - counts.dated, "without a time"),
            (empty, "without any text after cleaning"),
        ] {
            if count > 0 {
                let reviews = format::plural(count, "review", "reviews");
                skipped.push(format!("Skipped {reviews} {what}"));
            }
        }
        match input.rows.is_empty() {
            true => Err(UnusableReviews::NoText.into()),
            false => Ok((input, skipped)),
        }
    }

    /// The predicted labelled reviews, with or without a time.
    pub(crate) fn score_labelled(&self) -> Result<Input> {
        let progress = self.context.progress;
        let task = progress.task("predicting", None, "labelled reviews");
        let any_day = |review: &Review<'_>| review.label.map(|_| 0);
        Ok(self.predict_all(progress, &task, None, any_day)?.0)
    }

    /// Adds the words whose frequency changed most to a change point.
    pub(crate) fn add_words(&self, change: &mut ChangePoint) -> Result<()> {
        let mut counts = WordCounts::default();
        let quiet = self.context.progress.with_mode(ProgressMode::None);
        self.for_each(&quiet, |review| {
            let day = self.day(review);
            for (is_after, (from, to)) in [false, true].into_iter().zip(change.days) {
                if day.is_some_and(|day| (from..=to).contains(&day)) {
                    counts.add(review.text, is_after);
                }
            }
            Ok(())
        })?;
        change.words = counts.largest_changes(MAX_WORDS);
        Ok(())
    }

    fn is_selected(&self, review: &Review<'_>) -> bool {
        let wanted = self.query.topics;
        wanted.is_empty() || wanted.iter().any(|wanted| wanted == topic(review))
    }

    /// The day of a selected review.
    fn day(&self, review: &Review<'_>) -> Option<i64> {
        let time = review.timestamp.filter(|_| self.is_selected(review));
        time.map(|milliseconds| milliseconds.div_euclid(DAY))
    }

    /// Predicts all reviews for which `day` returns a day. Returns them and the number of reviews whose text is
    /// empty after cleaning.
    fn predict_all(
        &self,
        progress: &Progress,
        task: &ProgressTask,
        words: Option<CommonWords>,
        mut day: impl FnMut(&Review<'_>) -> Option<i64>,
    ) -> Result<(Input, u64)> {
        let context = self.context;
        let mut batch = Batch::default();
        batch.input.words = words;
        self.for_each(progress, |review| {
            if let Some(day) = day(review) {
                batch.add(review, day);
            }
            if batch.texts.len() < context.batch_rows && batch.bytes < MAX_BATCH_BYTES {
                return Ok(());
            }
            task.advance(batch.texts.len() as u64);
            batch.predict(context)
        })?;
        batch.predict(context)?;
        Ok((batch.input, batch.empty))
    }

    /// Calls `visit` with every review until it fails or the trend is cancelled.
    fn for_each(
        &self,
        progress: &Progress,
        mut visit: impl FnMut(&Review<'_>) -> Result<()>,
    ) -> Result<(String, Option<String>)> {
        let mut result = Ok(());
        let found = for_each_review(self.query.files, self.query.reading, progress, |review| {
            if result.is_ok() {
                result = match (self.context.is_stopped)() {
                    true => Err(TrendError::Stopped),
                    false => visit(review),
                };
            }
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result.map(|()| found)
    }
}

/// The most common topics, in descending order.
fn most_common(topics: HashMap<String, u64>) -> Vec<String> {
    let mut topics: Vec<(String, u64)> = topics.into_iter().collect();
    topics.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let first = topics.into_iter().take(LISTED_TOPICS);
    first.map(|(topic, _)| topic).collect()
}

fn topic<'r>(review: &'r Review<'_>) -> &'r str {
    review.topic.as_deref().unwrap_or(NO_TOPIC)
}

/// Reviews that wait for their prediction, and the predicted ones.
#[derive(Default)]
struct Batch {
    texts: Vec<String>,
    bytes: usize,
    /// The reviews of `texts`, still without a probability.
    rows: Vec<ScoredReview>,
    topic_indices: HashMap<String, usize>,
    input: Input,
    /// Texts of the model's data set that were found.
    known_texts: HashSet<Digest>,
    /// Number of reviews whose text is empty after cleaning.
    empty: u64,
}

impl Batch {
    fn add(&mut self, review: &Review<'_>, day: i64) {
        let name = topic(review);
        let next = self.topic_indices.len();
        let topic = *self.topic_indices.entry(name.to_owned()).or_insert(next);
        if topic == next {
            self.input.topics.push(name.to_owned());
        }
        self.bytes += review.text.len();
        self.texts.push(review.text.to_owned());
        self.rows.push(ScoredReview {
            topic,
            day,
            probability: f32::NAN,
            author_label: review.label.map(|label| label.id()),
            words: 0,
            origin: TextOrigin::New,
        });
    }

    /// Predicts the waiting texts.
    fn predict(&mut self, context: &TrendContext<'_>) -> Result<()> {
        let probabilities = context.predictor.probabilities(&self.texts);
        for note in context.predictor.take_notes() {
            (context.on_note)(&note);
        }
        let probabilities = probabilities.map_err(TrendError::Failed)?;
        let texts = context.predictor.normalised(&self.texts);
        let words = &mut self.input.words;
        let words = words.get_or_insert_with(|| CommonWords::new(&texts));
        for ((row, probability), text) in self.rows.drain(..).zip(probabilities).zip(&texts) {
            let Some(probability) = probability else {
                self.empty += 1;
                continue;
            };
            self.input.rows.push(ScoredReview {
                probability,
                words: words.find(text),
                origin: (context.training_texts).origin(text, &mut self.known_texts),
                ..row
            });
        }
        self.texts.clear();
        self.bytes = 0;
        Ok(())
    }
}
