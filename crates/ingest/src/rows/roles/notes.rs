//! What was not decided about columns because it is not plain, and what decides it: nothing that
//! looks like labels, ratings or dates is dropped without a word.

use super::groups;
use super::names::Match;
use super::{Finder, Roles, days, is_number, labels};
use crate::rows::columns::Role;
use crate::rows::evidence::Evidence;

/// Values that a note shows.
const SHOWN: usize = 3;

/// How the centre of a scale is said.
const CENTRE: &str = "`--set ingest.rating.centre=NUMBER`";

/// The key of the form of times.
const FORMAT: &str = "ingest.timestamp.format";

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

impl Finder<'_> {
    /// All that was not decided, in the order of the columns.
    pub(super) fn notes(&self, roles: &Roles) -> Vec<Note> {
        let lacks = |role: Role| roles.map.get(role).is_none();
        let taken: Vec<usize> = roles.map.columns().collect();
        let free: Vec<usize> = (0..self.columns.len())
            .filter(|column| !taken.contains(column) && !self.columns[*column].is_empty())
            .collect();
        let mut notes = Vec::new();
        for column in free.iter().copied() {
            if lacks(Role::Label) {
                notes.extend(self.unknown_label(column));
            }
            if lacks(Role::Label) && lacks(Role::Rating) {
                notes.extend(self.written_rating(column));
            }
            if lacks(Role::Timestamp) {
                notes.extend(self.date(column));
            }
        }
        if lacks(Role::Label) && roles.rating.is_none() && self.settings.rating.is_none() {
            notes.extend(self.rating_of_no_scale(roles));
        }
        if lacks(Role::Group) {
            notes.extend(self.few_groups(roles, &free));
        }
        notes.extend(self.twins(roles));
        notes.sort_by_key(|note| note.column);
        notes
    }

    /// A column that is a label by its name, whose values are none.
    fn unknown_label(&self, column: usize) -> Option<Note> {
        let is_label = |name: &Match| name.whole && name.is_sure_label();
        self.name(Role::Label, column).filter(is_label)?;
        let evidence = &self.columns[column];
        if evidence.distinct() <= labels::MOST {
            return Some(self.open_values(column, "no known labels"));
        }
        let what = match evidence.range {
            Some((low, high)) => format!(
                "numbers from {low} to {high} are no labels: take them as ratings with {} and {CENTRE}",
                self.set(Role::Rating, column)
            ),
            None => format!(
                "{} different values are no labels, for example {}",
                evidence.distinct(),
                evidence.commonest()
            ),
        };
        Some(self.note(column, &what, None))
    }

    /// A column of ratings by its name that is not numbers: `4 stars`, `4/5`.
    fn written_rating(&self, column: usize) -> Option<Note> {
        let evidence = &self.columns[column];
        self.name(Role::Rating, column)
            .filter(|_| !evidence.is_numeric())?;
        let what = "no numbers, so they give no labels";
        if evidence.distinct() <= labels::MOST {
            return Some(self.open_values(column, what));
        }
        let what = format!("{} are {what}", values(evidence));
        Some(self.note(column, &what, None))
    }

    /// Ratings that give no labels.
    fn rating_of_no_scale(&self, roles: &Roles) -> Option<Note> {
        let column = roles.map.get(Role::Rating)?;
        let (low, high) = self.columns[column].range?;
        let what = format!(
            "ratings from {low} to {high} are on no scale that is plain, so they give no labels: \
             say which rating is neither good nor bad with {CENTRE}"
        );
        let centre = (low + high) / 2.0;
        let lines = format!(
            "[ingest.rating]\ncentre = {centre:?} # if {low} to {high} is the whole scale\n"
        );
        Some(self.note(column, &what, Some(lines)))
    }

    /// Dates that can be read in two ways, or in none.
    fn date(&self, column: usize) -> Option<Note> {
        let evidence = &self.columns[column];
        let role = self.set(Role::Timestamp, column);
        let what = match self.order_of_days(evidence) {
            Some(days::DayOrder::Open {
                value,
                day_first,
                month_first,
            }) => format!(
                "`{value}` can be read in two ways: say where the day stands with {} or {}, and take it with {role}",
                set(FORMAT, &day_first),
                set(FORMAT, &month_first),
            ),
            _ if !self.is_date_by_name(column) => return None,
            _ if evidence.is_numeric() => format!(
                "{} are numbers that are no dates: write days as 2019-01-31, or seconds since 1970",
                values(evidence)
            ),
            _ => format!(
                "{} are dates in no form that is known: name it in the signs of `strftime`, for example {}, and take \
                 it with {role}",
                values(evidence),
                set(FORMAT, "%d.%m.%Y"),
            ),
        };
        Some(self.note(column, &what, None))
    }

    /// Whether a column without a known form of dates may hold some. Numbers in a column named `time`
    /// are as often hours of play.
    fn is_date_by_name(&self, column: usize) -> bool {
        let name = self.names.get(column).map(|name| name.to_lowercase());
        let says = name.is_some_and(|name| name.contains("date") || name.contains("timestamp"));
        self.name(Role::Timestamp, column).is_some()
            && (says || self.columns[column].share(is_number) == 0.0)
    }

    /// The column that would be the group if it had more values.
    fn few_groups(&self, roles: &Roles, free: &[usize]) -> Option<Note> {
        let topic = roles.map.get(Role::Topic);
        let few = |role: Role| {
            (0..self.columns.len()).find(|column| {
                let evidence = &self.columns[*column];
                (free.contains(column) || topic == Some(*column))
                    && !groups::are_enough(evidence)
                    && groups::topic(evidence, self.name(role, *column)).is_some()
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
            self.set(Role::Group, column)
        );
        Some(self.note(column, &what, None))
    }

    /// Columns with a role whose name another column has, too.
    fn twins(&self, roles: &Roles) -> Vec<Note> {
        let twin = |role: Role| {
            let column = roles.map.get(role)?;
            let name = self.names.get(column)?;
            let mut others = self.names.iter().enumerate();
            let (other, _) = others.find(|(other, same)| *other != column && *same == name)?;
            let (role, place) = (role.as_str(), column + 1);
            let key = format!("ingest.columns.{role}");
            let text = format!(
                "two columns are named `{name}`: {role} is column {place}; if the other is meant, name its position with {}",
                set(&key, &(other + 1).to_string())
            );
            let lines = None;
            Some(Note {
                column,
                text,
                lines,
            })
        };
        Role::all().filter_map(twin).collect()
    }

    /// A note about a column, which it names.
    fn note(&self, column: usize, what: &str, lines: Option<String>) -> Note {
        let name = match self.names.get(column) {
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
    fn open_values(&self, column: usize, problem: &str) -> Note {
        let evidence = &self.columns[column];
        let what = format!(
            "{} are {problem}: say what they mean in `[ingest.labels]`, and take them with {}",
            values(evidence),
            self.set(Role::Label, column)
        );
        let lines = Some(labels::lines(&evidence.common(labels::MOST)));
        self.note(column, &what, lines)
    }

    /// The argument that gives a column a role.
    fn set(&self, role: Role, column: usize) -> String {
        let position = (column + 1).to_string();
        let value = self.names.get(column).unwrap_or(&position);
        set(&format!("ingest.columns.{}", role.as_str()), value)
    }
}

/// An argument for the command line, in quotes where a shell needs them.
fn set(key: &str, value: &str) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || "_-.%/:".contains(sign);
    match value.chars().all(plain) {
        true => format!("`--set {key}={value}`"),
        false => format!("`--set '{key}={value}'`"),
    }
}

/// The commonest values, for people.
fn values(evidence: &Evidence) -> String {
    let (noun, more) = match evidence.distinct() {
        1 => ("the value", ""),
        2..=SHOWN => ("values", ""),
        _ => ("values", ", ..."),
    };
    format!("{noun} {}{more}", evidence.commonest())
}
