//! What was not decided about columns because it is not plain, and what decides it: nothing that
//! looks like labels, ratings or dates is dropped without a word.

use super::column_names::NameMatch;
use super::groups;
use super::{RoleDetector, Roles, day_order, is_number, labels};
use crate::rows::column_sample::ColumnSample;
use crate::rows::columns::Role;

/// Values that a note shows.
const MAX_VALUES_SHOWN: usize = 3;

/// How the centre of a scale is said.
const CENTRE_SETTING: &str = "`--set ingest.rating.centre=NUMBER`";

/// The key of the form of times.
const FORMAT_KEY: &str = "ingest.timestamp.format";

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

impl RoleDetector<'_> {
    /// All that was not decided, in the order of the columns.
    pub(super) fn notes(&self, roles: &Roles) -> Vec<Note> {
        let is_missing = |role: Role| roles.map.get(role).is_none();
        let used: Vec<usize> = roles.map.columns().collect();
        let unused: Vec<usize> = (0..self.columns.len())
            .filter(|column| !used.contains(column) && !self.columns[*column].is_empty())
            .collect();
        let mut notes = Vec::new();
        for column in unused.iter().copied() {
            if is_missing(Role::Label) {
                notes.extend(self.unknown_label(column));
            }
            if is_missing(Role::Label) && is_missing(Role::Rating) {
                notes.extend(self.rating_in_words(column));
            }
            if is_missing(Role::Timestamp) {
                notes.extend(self.date(column));
            }
        }
        if is_missing(Role::Label) && roles.rating.is_none() && self.settings.rating.is_none() {
            notes.extend(self.rating_of_no_scale(roles));
        }
        if is_missing(Role::Group) {
            notes.extend(self.few_groups(roles, &unused));
        }
        notes.extend(self.duplicate_names(roles));
        notes.sort_by_key(|note| note.column);
        notes
    }

    /// A column that is a label by its name, whose values are none.
    fn unknown_label(&self, column: usize) -> Option<Note> {
        let is_label = |name: &NameMatch| name.is_whole_name && name.is_label_name();
        self.match_name(Role::Label, column).filter(is_label)?;
        let sample = &self.columns[column];
        if sample.distinct() <= labels::MAX_LABEL_VALUES {
            return Some(self.unknown_values(column, "no known labels"));
        }
        let what = match sample.range {
            Some((low, high)) => format!(
                "numbers from {low} to {high} are no labels: take them as ratings with {} and {CENTRE_SETTING}",
                self.role_argument(Role::Rating, column)
            ),
            None => format!(
                "{} different values are no labels, for example {}",
                sample.distinct(),
                sample.format_most_common()
            ),
        };
        Some(self.note(column, &what, None))
    }

    /// A column of ratings by its name that is not numbers: `4 stars`, `4/5`.
    fn rating_in_words(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        self.match_name(Role::Rating, column)
            .filter(|_| !sample.is_numeric())?;
        let what = "no numbers, so they give no labels";
        if sample.distinct() <= labels::MAX_LABEL_VALUES {
            return Some(self.unknown_values(column, what));
        }
        let what = format!("{} are {what}", format_values(sample));
        Some(self.note(column, &what, None))
    }

    /// Ratings that give no labels.
    fn rating_of_no_scale(&self, roles: &Roles) -> Option<Note> {
        let column = roles.map.get(Role::Rating)?;
        let (low, high) = self.columns[column].range?;
        let what = format!(
            "ratings from {low} to {high} are on no scale that is plain, so they give no labels: \
             say which rating is neither good nor bad with {CENTRE_SETTING}"
        );
        let centre = (low + high) / 2.0;
        let lines = format!(
            "[ingest.rating]\ncentre = {centre:?} # if {low} to {high} is the whole scale\n"
        );
        Some(self.note(column, &what, Some(lines)))
    }

    /// Dates that can be read in two ways, or in none.
    fn date(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        let role = self.role_argument(Role::Timestamp, column);
        let what = match self.day_order(sample) {
            Some(day_order::DayOrder::Ambiguous {
                value,
                day_first,
                month_first,
            }) => format!(
                "`{value}` can be read in two ways: say where the day stands with {} or {}, and take it with {role}",
                format_set_argument(FORMAT_KEY, &day_first),
                format_set_argument(FORMAT_KEY, &month_first),
            ),
            _ if !self.is_date_by_name(column) => return None,
            _ if sample.is_numeric() => format!(
                "{} are numbers that are no dates: write days as 2019-01-31, or seconds since 1970",
                format_values(sample)
            ),
            _ => format!(
                "{} are dates in no form that is known: name it in the signs of `strftime`, for example {}, and take \
                 it with {role}",
                format_values(sample),
                format_set_argument(FORMAT_KEY, "%d.%m.%Y"),
            ),
        };
        Some(self.note(column, &what, None))
    }

    /// Whether a column without a known form of dates may hold some. Numbers in a column named `time`
    /// are as often hours of play.
    fn is_date_by_name(&self, column: usize) -> bool {
        let name = self
            .column_names
            .get(column)
            .map(|name| name.to_lowercase());
        let says = name.is_some_and(|name| name.contains("date") || name.contains("timestamp"));
        self.match_name(Role::Timestamp, column).is_some()
            && (says || self.columns[column].share(is_number) == 0.0)
    }

    /// The column that would be the group if it had more values.
    fn few_groups(&self, roles: &Roles, unused: &[usize]) -> Option<Note> {
        let topic = roles.map.get(Role::Topic);
        let few = |role: Role| {
            (0..self.columns.len()).find(|column| {
                let sample = &self.columns[*column];
                (unused.contains(column) || topic == Some(*column))
                    && !groups::has_enough_groups(sample)
                    && groups::topic(sample, self.match_name(role, *column)).is_some()
            })
        };
        let column = few(Role::Group).or_else(|| few(Role::Topic))?;
        let different = match self.columns[column].distinct() {
            1 => "1 different value in the rows looked at is".to_owned(),
            more => format!("{more} different values in the rows looked at are"),
        };
        let what = format!(
            "not the group, since {different} too few to divide by: if there are more, keep the rows of each on one \
             side of the split with {}",
            self.role_argument(Role::Group, column)
        );
        Some(self.note(column, &what, None))
    }

    /// Columns with a role whose name another column has, too.
    fn duplicate_names(&self, roles: &Roles) -> Vec<Note> {
        let duplicate_name = |role: Role| {
            let column = roles.map.get(role)?;
            let name = self.column_names.get(column)?;
            let mut others = self.column_names.iter().enumerate();
            let (other, _) = others.find(|(other, same)| *other != column && *same == name)?;
            let (role, place) = (role.as_str(), column + 1);
            let key = format!("ingest.columns.{role}");
            let text = format!(
                "two columns are named `{name}`: {role} is column {place}; if the other is meant, name its position with {}",
                format_set_argument(&key, &(other + 1).to_string())
            );
            let lines = None;
            Some(Note {
                column,
                text,
                lines,
            })
        };
        Role::all().filter_map(duplicate_name).collect()
    }

    /// A note about a column, which it names.
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

    /// A note about values that may be labels, for the user to say what they mean.
    fn unknown_values(&self, column: usize, problem: &str) -> Note {
        let sample = &self.columns[column];
        let what = format!(
            "{} are {problem}: say what they mean in `[ingest.labels]`, and take them with {}",
            format_values(sample),
            self.role_argument(Role::Label, column)
        );
        let lines = Some(labels::suggest_settings(
            &sample.most_common(labels::MAX_LABEL_VALUES),
        ));
        self.note(column, &what, lines)
    }

    /// The argument that gives a column a role.
    fn role_argument(&self, role: Role, column: usize) -> String {
        let position = (column + 1).to_string();
        let value = self.column_names.get(column).unwrap_or(&position);
        format_set_argument(&format!("ingest.columns.{}", role.as_str()), value)
    }
}

/// An argument for the command line, in quotes where a shell needs them.
fn format_set_argument(key: &str, value: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "_-.%/:".contains(character);
    match value.chars().all(plain) {
        true => format!("`--set {key}={value}`"),
        false => format!("`--set '{key}={value}'`"),
    }
}

/// The commonest values, for people.
fn format_values(sample: &ColumnSample) -> String {
    let (noun, more) = match sample.distinct() {
        1 => ("the value", ""),
        2..=MAX_VALUES_SHOWN => ("values", ""),
        _ => ("values", ", ..."),
    };
    format!("{noun} {}{more}", sample.format_most_common())
}
