//! Notes about columns with ambiguous labels, ratings, dates or groups, with the settings that resolve them.

use super::column_names::NameMatch;
use super::day_order::DayOrder;
use super::groups;
use super::{RoleDetector, Roles, is_number, labels};
use crate::rows::column_sample::ColumnSample;
use crate::rows::columns::Role;

/// Maximum number of values in a note.
const MAX_VALUES_SHOWN: usize = 3;

/// The setting for the neutral rating.
const CENTRE: &str = "`--set ingest.rating.centre=NUMBER`";

/// The setting for the format of times.
const FORMAT_KEY: &str = "ingest.timestamp.format";

/// A question that the user has to decide.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Note {
    /// Index of the column, from 0.
    pub(crate) column: usize,
    /// The question and the setting that answers it.
    pub(crate) text: String,
    /// Suggested lines for a pipeline file, if a single setting is not enough.
    pub(crate) lines: Option<String>,
}

impl RoleDetector<'_> {
    /// All notes, in the order of the columns.
    pub(super) fn notes(&self, roles: &Roles) -> Vec<Note> {
        let is_missing = |role: Role| roles.map.get(role).is_none();
        let used: Vec<usize> = roles.map.columns().collect();
        let is_unused = |it: &usize| !used.contains(it) && !self.columns[*it].is_empty();
        let unused: Vec<usize> = (0..self.columns.len()).filter(is_unused).collect();
        let mut notes = Vec::new();
        for column in unused.iter().copied() {
            if is_missing(Role::Label) {
                notes.extend(self.unknown_label(column));
            }
            if is_missing(Role::Label) && is_missing(Role::Rating) {
                notes.extend(self.note_rating_words(column));
            }
            if is_missing(Role::Timestamp) {
                notes.extend(self.date(column));
            }
        }
        if is_missing(Role::Label) && roles.rating.is_none() && self.settings.rating.is_none() {
            notes.extend(self.rating_on_unknown_scale(roles));
        }
        if is_missing(Role::Group) {
            notes.extend(self.few_groups(roles, &unused));
        }
        notes.extend(self.duplicate_names(roles));
        notes.sort_by_key(|note| note.column);
        notes
    }

    /// A column that is a label by its name but has unknown values.
    fn unknown_label(&self, column: usize) -> Option<Note> {
        let is_label = |name: &NameMatch| name.is_whole_name && name.is_label_name();
        self.match_name(Role::Label, column).filter(is_label)?;
        let sample = &self.columns[column];
        if sample.distinct() <= labels::MAX_LABEL_VALUES {
            return Some(self.unknown_values(column, "cannot be mapped to labels"));
        }
        let what = match sample.range {
            Some((low, high)) => format!(
                "numbers from {low} to {high} are not labels: to use them as ratings, set {} and {CENTRE}",
                self.role_argument(Role::Rating, column)
            ),
            None => format!(
                "{} distinct values are not labels, for example {}",
                sample.distinct(),
                sample.format_most_common()
            ),
        };
        Some(self.note(column, &what, None))
    }

    /// A column that has ratings by its name, but not as numbers: `4 stars`, `4/5`.
    fn note_rating_words(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        self.match_name(Role::Rating, column)
            .filter(|_| !sample.is_numeric())?;
        let what = "cannot be used as ratings";
        if sample.distinct() <= labels::MAX_LABEL_VALUES {
            return Some(self.unknown_values(column, what));
        }
        let what = format!("{} {what}", format_values(sample));
        Some(self.note(column, &what, None))
    }

    /// Ratings on an unknown scale.
    fn rating_on_unknown_scale(&self, roles: &Roles) -> Option<Note> {
        let column = roles.map.get(Role::Rating)?;
        let (low, high) = self.columns[column].range?;
        let range = match low == high {
            true => format!("of {low}"),
            false => format!("from {low} to {high}"),
        };
        let what = format!(
            "ratings {range} match no known scale, so they give no labels: \
             set the neutral rating with {CENTRE}"
        );
        let centre = (low + high) / 2.0;
        let lines =
            format!("[ingest.rating]\ncentre = {centre:?} # the middle of the whole scale\n");
        Some(self.note(column, &what, Some(lines)))
    }

    /// Dates in an ambiguous or unknown format.
    fn date(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        let role = self.role_argument(Role::Timestamp, column);
        let what = match self.day_order(sample) {
            Some(DayOrder::Ambiguous(value, [day_first, month_first])) => format!(
                "`{value}` is ambiguous: set {} if the day comes first or {} if the month comes first, and set {role}",
                set_argument(FORMAT_KEY, &day_first),
                set_argument(FORMAT_KEY, &month_first),
            ),
            _ if !self.is_date_by_name(column) => return None,
            _ if sample.is_numeric() => format!(
                "{} cannot be read as dates: write dates as 2019-01-31, or as seconds since 1970",
                format_values(sample)
            ),
            _ => format!(
                "{} cannot be read as dates: set the `strftime` format, for example {}, and set {role}",
                format_values(sample),
                set_argument(FORMAT_KEY, "%d.%m.%Y"),
            ),
        };
        Some(self.note(column, &what, None))
    }

    /// Whether a column without a known date format may contain dates. Numbers in a column named `time` may also
    /// be hours of play.
    fn is_date_by_name(&self, column: usize) -> bool {
        let name = self.column_names.get(column).map(|it| it.to_lowercase());
        let says = name.is_some_and(|name| name.contains("date") || name.contains("timestamp"));
        self.match_name(Role::Timestamp, column).is_some()
            && (says || self.columns[column].share(is_number) == 0.0)
    }

    /// A column that would be the group if it had more values.
    fn few_groups(&self, roles: &Roles, unused: &[usize]) -> Option<Note> {
        let topic = roles.map.get(Role::Topic);
        let few = |role: Role| {
            (0..self.columns.len()).find(|column| {
                let sample = &self.columns[*column];
                (unused.contains(column) || topic == Some(*column))
                    && !groups::has_enough(sample)
                    && groups::topic(sample, self.match_name(role, *column)).is_some()
            })
        };
        let column = few(Role::Group).or_else(|| few(Role::Topic))?;
        let values = match self.columns[column].distinct() {
            1 => "1 value".to_owned(),
            more => format!("{more} values"),
        };
        let what = format!(
            "not used as the group, because the sampled rows contain only {values}. If the file has more, keep the rows of each value on one \
             side of the split with {}",
            self.role_argument(Role::Group, column)
        );
        Some(self.note(column, &what, None))
    }

    /// Columns with a role whose name is not unique.
    fn duplicate_names(&self, roles: &Roles) -> Vec<Note> {
        let duplicate_name = |role: Role| {
            let column = roles.map.get(role)?;
            let name = self.column_names.get(column)?;
            let mut others = self.column_names.iter().enumerate();
            let (other, _) = others.find(|(other, same)| *other != column && *same == name)?;
            let (role, position) = (role.as_str(), column + 1);
            let key = format!("ingest.columns.{role}");
            let text = format!(
                "two columns are named `{name}`, and column {position} is used as the {role}; to use the other one, set {}",
                set_argument(&key, &(other + 1).to_string())
            );
            Some(Note {
                column,
                text,
                lines: None,
            })
        };
        Role::all().filter_map(duplicate_name).collect()
    }

    /// Creates a note that names the column.
    fn note(&self, column: usize, what: &str, lines: Option<String>) -> Note {
        let name = match self.column_names.get(column) {
            Some(name) => format!("`{name}`"),
            None => format!("column {}", column + 1),
        };
        Note {
            column,
            text: format!("{name}: {what}"),
            lines,
        }
    }

    /// A note about values whose meaning the user must define.
    fn unknown_values(&self, column: usize, problem: &str) -> Note {
        let sample = &self.columns[column];
        let what = format!(
            "{} {problem}: define the meaning in `[ingest.labels]`, and set {}",
            format_values(sample),
            self.role_argument(Role::Label, column)
        );
        let common = sample.most_common(labels::MAX_LABEL_VALUES);
        self.note(column, &what, Some(labels::suggest_settings(&common)))
    }

    /// The command line argument that assigns a role to a column.
    fn role_argument(&self, role: Role, column: usize) -> String {
        let position = (column + 1).to_string();
        let value = self.column_names.get(column).unwrap_or(&position);
        set_argument(&format!("ingest.columns.{}", role.as_str()), value)
    }
}

/// A command line argument, quoted if the shell requires it.
fn set_argument(key: &str, value: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "_-.%/:".contains(character);
    match value.chars().all(plain) {
        true => format!("`--set {key}={value}`"),
        false => format!("`--set '{key}={value}'`"),
    }
}

/// The most common values, for a message.
fn format_values(sample: &ColumnSample) -> String {
    let (noun, more) = match sample.distinct() {
        1 => ("the value", ""),
        2..=MAX_VALUES_SHOWN => ("the values", ""),
        _ => ("the values", " and others"),
    };
    format!("{noun} {}{more}", sample.format_most_common())
}
