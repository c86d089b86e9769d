//! What was not decided about columns because it is not plain, and what decides it: nothing that
//! looks like labels, ratings or dates is dropped without a word.

use super::groups;
use super::names::Match;
use super::{Finder, Roles, days, is_number, labels};
use crate::rows::columns::Role;
use crate::rows::evidence::Evidence;

/// Values that a note shows.
const SHOWN: usize = 3;

/// Something that was not decided.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Note {
    /// Of a column, from 0.
    pub(crate) column: usize,
    /// For people, with the setting that decides it.
    pub(crate) text: String,
    /// Lines for a pipeline file, where one line is not enough.
    pub(crate) lines: Option<String>,
}

impl Note {
    fn new(column: usize, text: String) -> Self {
        let lines = None;
        Self {
            column,
            text,
            lines,
        }
    }
}

impl Finder<'_> {
    /// All that was not decided, in the order of the columns.
    pub(super) fn notes(&self, roles: &Roles) -> Vec<Note> {
        let mut notes = Vec::new();
        if roles.map.get(Role::Label).is_none() {
            notes.extend(self.unknown_labels(roles));
            notes.extend(self.ratings(roles));
        }
        if roles.map.get(Role::Timestamp).is_none() {
            notes.extend(self.dates(roles));
        }
        if roles.map.get(Role::Group).is_none() {
            notes.extend(self.few_groups(roles));
        }
        notes.extend(self.twins(roles));
        notes.sort_by_key(|note| note.column);
        notes
    }

    /// Columns that are labels by their names, whose values are none.
    fn unknown_labels(&self, roles: &Roles) -> Vec<Note> {
        let is_label = |name: Match| name.is_whole() && name.is_sure_label();
        let those = self.free(roles).filter(|column| {
            !self.columns[*column].is_empty()
                && self.name(Role::Label, *column).is_some_and(is_label)
        });
        those.map(|column| self.unknown_label(column)).collect()
    }

    fn unknown_label(&self, column: usize) -> Note {
        let evidence = &self.columns[column];
        let name = self.called(column);
        if evidence.distinct() <= labels::MOST {
            return Note {
                column,
                text: format!(
                    "{name}: {} are no known labels: say what they mean in `[ingest.labels]`, and take them \
                     with {}",
                    values(evidence),
                    self.set(Role::Label, column)
                ),
                lines: Some(labels::lines(&evidence.common(labels::MOST))),
            };
        }
        let text = match evidence.range() {
            Some((low, high)) => format!(
                "{name}: numbers from {low} to {high} are no labels: take them as ratings with {} and {CENTRE}",
                self.set(Role::Rating, column)
            ),
            None => format!(
                "{name}: {} different values are no labels, for example {}",
                evidence.distinct(),
                evidence.commonest()
            ),
        };
        Note::new(column, text)
    }

    /// Ratings that give no labels.
    fn ratings(&self, roles: &Roles) -> Vec<Note> {
        let is_ruled = self.settings.rating.is_some() || roles.rating.is_some();
        let Some(column) = roles.map.get(Role::Rating).filter(|_| !is_ruled) else {
            return self.written_ratings(roles);
        };
        let range = self.columns[column].range();
        let note = range.map(|(low, high)| Note {
            column,
            text: format!(
                "{}: ratings from {low} to {high} are on no scale that is plain, so they give no labels: \
                 say which rating is neither good nor bad with {CENTRE}",
                self.called(column)
            ),
            lines: Some(format!(
                "[ingest.rating]\ncentre = {:?} # if {low} to {high} is the whole scale\n",
                (low + high) / 2.0
            )),
        });
        note.into_iter().collect()
    }

    /// Columns of ratings by their names that are not numbers: `4 stars`, `4/5`.
    fn written_ratings(&self, roles: &Roles) -> Vec<Note> {
        if roles.map.get(Role::Rating).is_some() {
            return Vec::new();
        }
        let those = self.free(roles).filter(|column| {
            let evidence = &self.columns[*column];
            let named = self.name(Role::Rating, *column).is_some();
            named && !evidence.is_empty() && !evidence.is_numeric()
        });
        let note = |column: usize| {
            let evidence = &self.columns[column];
            let (name, shown) = (self.called(column), values(evidence));
            if evidence.distinct() > labels::MOST {
                let text = format!("{name}: {shown} are no numbers, so they give no labels");
                return Note::new(column, text);
            }
            Note {
                column,
                text: format!(
                    "{name}: {shown} are no numbers, so they give no labels: say what they mean in \
                     `[ingest.labels]`, and take them with {}",
                    self.set(Role::Label, column)
                ),
                lines: Some(labels::lines(&evidence.common(labels::MOST))),
            }
        };
        those.map(note).collect()
    }

    /// Dates that can be read in two ways, or in none.
    fn dates(&self, roles: &Roles) -> Vec<Note> {
        let note = |column: usize| {
            let evidence = &self.columns[column];
            let name = self.called(column);
            let text = match self.order_of_days(evidence) {
                Some(days::DayOrder::Open {
                    value,
                    day_first,
                    month_first,
                }) => format!(
                    "{name}: `{value}` can be read in two ways: say where the day stands with {} or {}, and take \
                     it with {}",
                    set("ingest.timestamp.format", &day_first),
                    set("ingest.timestamp.format", &month_first),
                    self.set(Role::Timestamp, column)
                ),
                _ if self.is_date_by_name(column) && evidence.is_numeric() => format!(
                    "{name}: {} are numbers that are no dates: write days as 2019-01-31, or seconds since 1970",
                    values(evidence)
                ),
                _ if self.is_date_by_name(column) => format!(
                    "{name}: {} are dates in no form that is known: name it in the signs of `strftime`, for \
                     example {}, and take it with {}",
                    values(evidence),
                    set("ingest.timestamp.format", "%d.%m.%Y"),
                    self.set(Role::Timestamp, column)
                ),
                _ => return None,
            };
            Some(Note::new(column, text))
        };
        self.free(roles).filter_map(note).collect()
    }

    /// Whether a column without a known form of dates may hold some. Numbers in a column named `time`
    /// are as often hours of play.
    fn is_date_by_name(&self, column: usize) -> bool {
        let evidence = &self.columns[column];
        let name = self.names.get(column).map(|name| name.to_lowercase());
        let says = name.is_some_and(|name| name.contains("date") || name.contains("timestamp"));
        self.name(Role::Timestamp, column).is_some()
            && !evidence.is_empty()
            && (says || evidence.share(is_number) == 0.0)
    }

    /// The column that would be the group if it had more values.
    fn few_groups(&self, roles: &Roles) -> Option<Note> {
        let few = |role: Role| {
            (0..self.columns.len()).find(|column| {
                let evidence = &self.columns[*column];
                let topic = roles.map.get(Role::Topic);
                let is_free =
                    self.free(roles).any(|free| free == *column) || topic == Some(*column);
                is_free
                    && !groups::are_enough(evidence)
                    && groups::topic(evidence, self.name(role, *column)).is_some()
            })
        };
        let column = few(Role::Group).or_else(|| few(Role::Topic))?;
        let different = match self.columns[column].distinct() {
            1 => "1 different value in the rows looked at is".to_owned(),
            more => format!("{more} different values in the rows looked at are"),
        };
        Some(Note::new(
            column,
            format!(
                "{}: not the group, since {different} too few to divide by: if there are more, keep the rows \
                 of each on one side of the split with {}",
                self.called(column),
                self.set(Role::Group, column)
            ),
        ))
    }

    /// Columns with a role whose name another column has, too.
    fn twins(&self, roles: &Roles) -> Vec<Note> {
        let twin = |role: &Role| {
            let column = roles.map.get(*role)?;
            let name = self.names.get(column)?;
            let other = (0..self.names.len())
                .find(|other| *other != column && self.names[*other] == *name)?;
            let key = format!("ingest.columns.{}", role.as_str());
            Some(Note::new(
                column,
                format!(
                    "two columns are named `{name}`: {} is column {}; if the other is meant, name its position with {}",
                    role.as_str(),
                    column + 1,
                    set(&key, &(other + 1).to_string())
                ),
            ))
        };
        Role::ALL.iter().filter_map(twin).collect()
    }

    /// Columns without a role.
    fn free(&self, roles: &Roles) -> impl Iterator<Item = usize> {
        let taken: Vec<usize> = roles.map.columns().collect();
        (0..self.columns.len()).filter(move |column| !taken.contains(column))
    }

    /// A column for people: its name, or its position.
    fn called(&self, column: usize) -> String {
        match self.names.get(column) {
            Some(name) => format!("`{name}`"),
            None => format!("column {}", column + 1),
        }
    }

    /// The argument that gives a column a role.
    fn set(&self, role: Role, column: usize) -> String {
        let position = (column + 1).to_string();
        let value = self.names.get(column).unwrap_or(&position);
        set(&format!("ingest.columns.{}", role.as_str()), value)
    }
}

/// How the centre of a scale is said.
const CENTRE: &str = "`--set ingest.rating.centre=NUMBER`";

/// An argument for the command line, in quotes where a shell needs them.
fn set(key: &str, value: &str) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || "_-.%/:".contains(sign);
    if value.chars().all(plain) {
        format!("`--set {key}={value}`")
    } else {
        format!("`--set '{key}={value}'`")
    }
}

/// The commonest values, for people.
fn values(evidence: &Evidence) -> String {
    let noun = if evidence.distinct() == 1 {
        "the value"
    } else {
        "values"
    };
    let more = if evidence.distinct() > SHOWN {
        ", ..."
    } else {
        ""
    };
    format!("{noun} {}{more}", evidence.commonest())
}
