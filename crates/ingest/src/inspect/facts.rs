//! What is found out about a file of rows.

use std::path::Path;

use artifact::Sentiment;
use settings::IngestSettings;
use toml::{Table, Value};

use crate::row::{LeftOut, Review};
use crate::row_counts::Tally;
use crate::rows::{Layout, Role};
use crate::sink::Taker;
use tables::InputError;

/// Rows shown.
const SHOWN: usize = 10;

/// Bytes of text after which enough was read.
const ENOUGH: usize = 200 << 20;

/// All that `inspect` says.
pub(super) struct Facts<'a> {
    pub(super) source: &'a Path,
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) settings: &'a IngestSettings,
    pub(super) layout: Layout,
    pub(super) seen: Seen,
}

/// The rows that came by.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) tally: Tally,
    pub(super) with_time: u64,
    pub(super) shown: Vec<ShownRow>,
    bytes: usize,
}

/// A row to look at.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct ShownRow {
    pub(super) place: String,
    pub(super) label: Option<&'static str>,
    pub(super) rating: Option<f32>,
    pub(super) topic: Option<String>,
    pub(super) timestamp: Option<i64>,
    pub(super) text: String,
}

impl Facts<'_> {
    /// The `[ingest]` table that says what was found, so that nothing needs to be found again.
    pub(super) fn table(&self) -> String {
        let (layout, roles) = (&self.layout, &self.layout.roles);
        let mut ingest = given(self.settings);
        let source = Value::from(self.source.to_string_lossy().as_ref());
        ingest.insert("source".to_owned(), source);
        if !layout.is_named() {
            ingest.insert("header".to_owned(), Value::from(false));
        }
        let columns = Role::all().filter_map(|role| {
            let column = roles.map.get(role)?;
            let name = layout.names[column].as_str();
            let is_only = layout.names.iter().filter(|other| *other == name).count() == 1;
            // Of two columns of one name only the position tells which.
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
            let rule = Table::try_from(scale.rule).expect("a rule is plain data");
            ingest.insert("rating".to_owned(), Value::Table(rule));
        }
        let whole = Table::from_iter([("ingest".to_owned(), Value::Table(ingest))]);
        toml::to_string(&whole).expect("a table is plain data")
    }
}

/// The settings that are not the usual ones; what columns are is said as it was found.
fn given(settings: &IngestSettings) -> Table {
    let table = |settings: &IngestSettings| Table::try_from(settings).unwrap_or_default();
    let (mut given, usual) = (table(settings), table(&IngestSettings::default()));
    given.retain(|key, value| key != "columns" && usual.get(key) != Some(value));
    given
}

impl Seen {
    /// Whether reading ended before the file did.
    pub(super) fn is_partial(&self) -> bool {
        self.bytes >= ENOUGH
    }
}

impl Taker for Seen {
    fn accept(&mut self, review: &Review<'_>, place: &str) -> Result<(), InputError> {
        self.tally.accept(review.label);
        self.bytes += review.text.len();
        self.with_time += u64::from(review.timestamp.is_some());
        if self.shown.len() < SHOWN {
            self.shown.push(ShownRow {
                place: place.to_owned(),
                label: review.label.map(Sentiment::as_str),
                rating: review.rating,
                topic: review.topic.as_deref().map(str::to_owned),
                timestamp: review.timestamp,
                text: crate::row::excerpt(review.text.as_bytes()),
            });
        }
        Ok(())
    }

    fn leave_out(&mut self, row: &LeftOut) -> Result<(), InputError> {
        self.tally.leave_out(row);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.is_partial()
    }
}
