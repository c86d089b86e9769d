//! Which column is what: the settings' names and positions against the file's own columns.

use std::path::Path;

use settings::{Column, IngestSettings};

use super::record::Record;
use crate::error::IngestError;

/// Headers that need no settings: the review's column and the label's.
const KNOWN_HEADERS: [(&str, &str); 2] = [("review", "sentiment"), ("text", "label")];

/// Positions of columns, from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ColumnMap {
    pub(super) text: usize,
    pub(super) label: Option<usize>,
    pub(super) rating: Option<usize>,
    pub(super) split: Option<usize>,
    pub(super) group: Option<usize>,
    pub(super) topic: Option<usize>,
    pub(super) timestamp: Option<usize>,
    pub(super) id: Option<usize>,
}

impl ColumnMap {
    /// Finds every column that the settings name. `first` is the header, or the first row of a file
    /// without one.
    pub(super) fn resolve(
        path: &Path,
        settings: &IngestSettings,
        first: &Record,
    ) -> Result<Self, IngestError> {
        let names: Vec<String> = (0..first.len())
            .map(|column| match settings.header {
                true => String::from_utf8_lossy(first.field(column))
                    .trim()
                    .to_owned(),
                false => (column + 1).to_string(),
            })
            .collect();
        let finder = Finder {
            path,
            header: settings.header,
            names: &names,
        };
        let columns = &settings.columns;
        let Some(text) = &columns.text else {
            return finder.known_header(settings);
        };
        let map = Self {
            text: finder.find("text", text)?,
            label: finder.optional("label", columns.label.as_ref())?,
            rating: finder.optional("rating", columns.rating.as_ref())?,
            split: finder.optional("split", columns.split.as_ref())?,
            group: finder.optional("group", columns.group.as_ref())?,
            topic: finder.optional("topic", columns.topic.as_ref())?,
            timestamp: finder.optional("timestamp", columns.timestamp.as_ref())?,
            id: finder.optional("id", columns.id.as_ref())?,
        };
        if settings.rating.is_some() && map.rating.is_none() && map.label.is_none() {
            return Err(IngestError::Setting {
                setting: "ingest.rating",
                problem: "makes labels from ratings, and no column holds one".to_owned(),
                hint: "Name it with `--set ingest.columns.rating=NAME`",
            });
        }
        Ok(map)
    }
}

struct Finder<'a> {
    path: &'a Path,
    header: bool,
    names: &'a [String],
}

impl Finder<'_> {
    /// The columns of a file for which no column of the text is named.
    fn known_header(&self, settings: &IngestSettings) -> Result<ColumnMap, IngestError> {
        if settings.columns != settings::Columns::default() {
            return Err(IngestError::Setting {
                setting: "ingest.columns.text",
                problem: "must say which column holds the review, as other columns are named"
                    .to_owned(),
                hint: "Name it with `--set ingest.columns.text=NAME`, or by its position from 1",
            });
        }
        let position = |name: &str| {
            self.names
                .iter()
                .position(|present| present.eq_ignore_ascii_case(name))
        };
        let known = KNOWN_HEADERS
            .iter()
            .find_map(|(text, label)| Some((position(text)?, position(label)?)));
        let unknown = || IngestError::UnknownColumns {
            path: self.path.to_owned(),
            known: self.names.to_vec(),
        };
        let (text, label) = known.ok_or_else(unknown)?;
        Ok(ColumnMap {
            text,
            label: Some(label),
            ..ColumnMap::default()
        })
    }

    fn optional(&self, role: &str, column: Option<&Column>) -> Result<Option<usize>, IngestError> {
        column.map(|column| self.find(role, column)).transpose()
    }

    fn find(&self, role: &str, column: &Column) -> Result<usize, IngestError> {
        let setting = format!("ingest.columns.{role}");
        let missing = |name: String| IngestError::NoColumn {
            path: self.path.to_owned(),
            setting: setting.clone(),
            name,
            known: self.names.to_vec(),
        };
        match column {
            Column::Position(position) if (1..=self.names.len()).contains(position) => {
                Ok(position - 1)
            }
            Column::Position(position) => Err(missing(position.to_string())),
            Column::Name(name) if !self.header => Err(IngestError::Setting {
                setting: "ingest.header",
                problem: format!(
                    "is false, so that `{setting}` must be a position from 1 and not the name `{name}`"
                ),
                hint: "Give positions, or set `ingest.header` to true if the first line names the columns",
            }),
            Column::Name(name) => {
                let mut places = (0..self.names.len()).filter(|place| self.names[*place] == *name);
                match (places.next(), places.next()) {
                    (Some(place), None) => Ok(place),
                    (None, _) => Err(missing(name.clone())),
                    (Some(_), Some(_)) => Err(IngestError::Setting {
                        setting: "ingest.columns",
                        problem: format!(
                            "names the column `{name}` for `{role}`, and the file has two of that name"
                        ),
                        hint: "Give the position instead, from 1",
                    }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Dialect, RecordReader};
    use super::*;

    fn first(line: &str) -> Record {
        let mut record = Record::default();
        let mut reader = RecordReader::new(
            line.as_bytes(),
            Dialect {
                separator: b',',
                quotes: true,
            },
            1000,
        );
        reader.read(&mut record).expect("no disk");
        record
    }

    fn check(settings: &str, line: &str, expected: &str) {
        let settings: IngestSettings = toml::from_str(settings).expect("settings of a test");
        let found = match ColumnMap::resolve(Path::new("x.csv"), &settings, &first(line)) {
            Ok(map) => format!(
                "text {} label {:?} rating {:?}",
                map.text, map.label, map.rating
            ),
            Err(error) => format!("{error}. {}", error.hint().unwrap_or_default()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn columns_are_found() {
        check("", "review,sentiment", "text 0 label Some(1) rating None");
        check("", "id,Label,Text", "text 2 label Some(1) rating None");
        check(
            "columns = { text = 'quote', label = 2 }",
            "quote,fresh",
            "text 0 label Some(1) rating None",
        );
        check(
            "header = false\ncolumns = { text = 3, rating = 2 }",
            "1,0.5,fine",
            "text 2 label None rating Some(1)",
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        check(
            "columns = { text = 'reveiw' }",
            "review,sentiment",
            "`ingest.columns.text` names the column `reveiw`, which `x.csv` does not have. \
             Did you mean `review`? The columns are `review`, `sentiment`",
        );
        check(
            "columns = { text = 4 }",
            "a,b",
            "`ingest.columns.text` names the column `4`, which `x.csv` does not have. The columns are `a`, `b`",
        );
        check(
            "columns = { text = 0 }",
            "a,b",
            "`ingest.columns.text` names the column `0`, which `x.csv` does not have. The columns are `a`, `b`",
        );
        check(
            "",
            "quote,fresh",
            "The columns of `x.csv` are none that ingest knows by itself. Say which is which with \
             `--set ingest.columns.text=NAME --set ingest.columns.label=NAME`; the columns are `quote`, `fresh`",
        );
        check(
            "",
            "review;sentiment",
            "The columns of `x.csv` are none that ingest knows by itself. \
             Name the separator with `--set 'ingest.delimiter=\";\"'`",
        );
        check(
            "columns = { label = 'b' }",
            "a,b",
            "`ingest.columns.text` must say which column holds the review, as other columns are named. \
             Name it with `--set ingest.columns.text=NAME`, or by its position from 1",
        );
        check(
            "header = false\ncolumns = { text = 'a' }",
            "x,y",
            "`ingest.header` is false, so that `ingest.columns.text` must be a position from 1 and not the name `a`. \
             Give positions, or set `ingest.header` to true if the first line names the columns",
        );
        check(
            "columns = { text = 'a' }",
            "a,a",
            "`ingest.columns` names the column `a` for `text`, and the file has two of that name. \
             Give the position instead, from 1",
        );
        check(
            "columns = { text = 'a' }\nrating = { centre = 0 }",
            "a,b",
            "`ingest.rating` makes labels from ratings, and no column holds one. \
             Name it with `--set ingest.columns.rating=NAME`",
        );
    }
}
