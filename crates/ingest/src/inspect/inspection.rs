//! Collects what `inspect` prints about table files.

use std::path::Path;

use artifact::Sentiment;
use settings::{IngestSettings, RatingRule};
use toml::{Table, Value};

use crate::row::Review;
use crate::row_counts::RowCounts;
use crate::rows::{Layout, Role};
use crate::sink::RowSink;
use crate::text_lengths::TextLengths;
use tables::Result;

/// Number of example rows.
const EXAMPLE_ROWS: usize = 10;

/// Reading stops after this many bytes of text.
const MAX_TEXT_BYTES: usize = 200 << 20;

/// The result of `inspect`.
pub(super) struct Inspection<'a> {
    pub(super) source: &'a Path,
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) settings: &'a IngestSettings,
    pub(super) layout: Layout,
    pub(super) rows: RowSummary<'a>,
}

/// Counts and examples of the rows that were read.
#[derive(Default)]
pub(super) struct RowSummary<'a> {
    /// Receives the accepted reviews.
    pub(super) on_review: Option<&'a mut dyn FnMut(&Review<'_>)>,
    pub(super) counts: RowCounts,
    pub(super) with_time: u64,
    /// The first and the last time, in milliseconds since 1970.
    pub(super) times: Option<(i64, i64)>,
    pub(super) lengths: TextLengths,
    pub(super) examples: Vec<ExampleRow>,
    pub(super) bytes: usize,
}

/// An example row.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct ExampleRow {
    #[serde(rename = "place")]
    pub(super) source: String,
    pub(super) label: Option<&'static str>,
    pub(super) rating: Option<f32>,
    pub(super) topic: Option<String>,
    pub(super) timestamp: Option<i64>,
    pub(super) text: String,
}

impl Inspection<'_> {
    /// How ratings become labels, from the settings or detected; `None` if labels do not come from ratings.
    pub(super) fn rating(&self) -> Option<RatingRule> {
        let roles = &self.layout.roles;
        let is_used = roles.map.get(Role::Label).is_none() && roles.map.get(Role::Rating).is_some();
        let detected = roles.rating.map(|scale| scale.rule);
        self.settings.rating.or(detected).filter(|_| is_used)
    }

    /// The `[ingest]` table with everything that was detected, for a pipeline file.
    pub(super) fn settings_table(&self) -> String {
        let (layout, roles) = (&self.layout, &self.layout.roles);
        let mut ingest = non_default_settings(self.settings);
        let source = Value::from(self.source.to_string_lossy().as_ref());
        ingest.insert("source".to_owned(), source);
        if let Some(encoding) = layout.guessed_encoding {
            ingest.insert("encoding".to_owned(), Value::from(encoding));
        }
        if !layout.is_named() {
            ingest.insert("header".to_owned(), Value::from(false));
        }
        let columns = Role::all().filter_map(|role| {
            let column = roles.map.get(role)?;
            let name = layout.names[column].as_str();
            let is_only = layout.names.iter().filter(|other| *other == name).count() == 1;
            // A duplicate name is ambiguous, so the position is used.
            let value = match layout.is_named() && is_only {
                true => Value::from(name),
                false => Value::from(column as i64 + 1),
            };
            Some((role.as_str().to_owned(), value))
        });
        ingest.insert("columns".to_owned(), Value::Table(columns.collect()));
        if let Some(format) = &roles.date_format {
            let times = ingest.entry("timestamp");
            let times = times.or_insert_with(|| Value::Table(Table::new()));
            if let Some(times) = times.as_table_mut() {
                times.insert("format".to_owned(), Value::from(format.as_str()));
            }
        }
        if let Some(scale) = roles.rating {
            let rule = Table::try_from(scale.rule).expect("a rule is valid TOML");
            ingest.insert("rating".to_owned(), Value::Table(rule));
        }
        let whole = Table::from_iter([("ingest".to_owned(), Value::Table(ingest))]);
        toml::to_string(&whole).expect("a table is valid TOML")
    }
}

/// The settings that differ from their defaults, without the columns.
fn non_default_settings(settings: &IngestSettings) -> Table {
    let table = |settings: &IngestSettings| Table::try_from(settings).unwrap_or_default();
    let (mut changed, defaults) = (table(settings), table(&IngestSettings::default()));
    changed.retain(|key, value| key != "columns" && defaults.get(key) != Some(value));
    changed
}

impl RowSink for RowSummary<'_> {
    fn counts(&mut self) -> &mut RowCounts {
        &mut self.counts
    }

    fn accept(&mut self, review: &Review<'_>, source: &str) -> Result<()> {
        if let Some(on_review) = &mut self.on_review {
            on_review(review);
        }
        self.counts.accept(review);
        self.bytes += review.text.len();
        self.lengths.add(review.text);
        if let Some(time) = review.timestamp {
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
            self.with_time += 1;
        }
        if self.examples.len() < EXAMPLE_ROWS {
            self.examples.push(ExampleRow {
                source: source.to_owned(),
                label: review.label.map(Sentiment::as_str),
                rating: review.rating,
                topic: review.topic.as_deref().map(str::to_owned),
                timestamp: review.timestamp,
                text: crate::row::excerpt(review.text.as_bytes()),
            });
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes >= MAX_TEXT_BYTES
    }
}
