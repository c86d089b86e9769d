//! Notes about columns with ambiguous labels, ratings, dates or groups, with the settings that resolve them.

use std::ops::Range;

use artifact::format;
use settings::RatingRule;

use super::column_names::{self, NameMatch};
use super::day_order::DayOrder;
use super::groups;
use super::labels::{self, MAX_LABEL_VALUES, Meaning};
use super::{RoleDetector, Roles, Scale};
use crate::rows::column_sample::{ColumnSample, MOST, RatingRange};
use crate::rows::columns::Role;
use crate::rows::written_date::is_relative;

/// Maximum number of different ratings in a column without the name of ratings.
const MAX_RATING_VALUES: usize = 11;

/// The setting for the neutral rating.
const CENTRE: &str = "`--set ingest.rating.centre=NUMBER`";

/// Lines for answers from 0 to 10 to "Would you recommend us?".
const PROMOTERS: &str = "[ingest.rating]\ncentre = 7.5 # 9 and 10 (promoters) are positive, 0 to 6 (detractors) negative\ndead_zone = 0.5\n";

/// Plausible times of reviews in milliseconds since 1970: from the second day of 1970 to 2100.
const PLAUSIBLE_TIMES: Range<i64> = 86_400_000..4_102_444_800_000;

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
        // With a named text, the settings name all columns to read.
        let detects = self.named.get(Role::Text).is_none();
        let has_scale = roles.rating.is_some() || self.settings.rating.is_some();
        let mut notes = Vec::new();
        if let Some(column) = roles.map.get(Role::Label) {
            notes.extend(self.unknown_labels(column));
        } else if is_missing(Role::Rating) || !has_scale {
            let rating = roles.map.get(Role::Rating);
            notes.extend(rating.and_then(|column| self.rating_on_unknown_scale(column)));
            notes.extend(unused.iter().filter_map(|column| self.candidate(*column)));
        }
        match roles.map.get(Role::Timestamp) {
            Some(column) => {
                notes.extend(self.unreadable_times(column, roles));
                notes.extend(self.implausible_times(column));
                notes.extend(self.other_times(column, &unused).filter(|_| detects));
            }
            None if detects => notes.extend(unused.iter().filter_map(|it| self.date(*it))),
            None => {}
        }
        if is_missing(Role::Group) && detects {
            notes.extend(self.few_groups(roles, &unused));
        }
        notes.extend(self.other_text(roles, &unused).filter(|_| detects));
        notes.extend(self.zero_to_ten(roles));
        notes.extend(self.duplicate_names(roles));
        notes.sort_by_key(|note| note.column);
        notes
    }

    /// Labels with unknown values.
    fn unknown_labels(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        let is_unknown = |value: &str| !self.settings.labels.contains(value);
        let note = || match sample.distinct() > MAX_LABEL_VALUES {
            true => self.too_many_values(column, "cannot all be labels"),
            false => self.values_as_labels(column, "the labels are"),
        };
        (sample.share(is_unknown) > 0.0).then(note)
    }

    /// A note about a column with too many different values for labels.
    fn too_many_values(&self, column: usize, problem: &str) -> Note {
        let sample = &self.columns[column];
        let (count, shown) = (sample.distinct(), sample.format_most_common());
        let what = format!("{count} different values {problem}, for example {shown}");
        self.note(column, &what, None)
    }

    /// A column that could hold labels or ratings, if there are no others.
    fn candidate(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        if self.is_prediction(column) {
            return None;
        }
        let by_label = self.match_name(Role::Label, column);
        let by_label = by_label.is_some_and(|name: NameMatch| name.is_label_name());
        let by_name = by_label || self.match_name(Role::Rating, column).is_some();
        let has_meaning = |value: &str| {
            self.settings.labels.contains(value) || labels::guess_meaning(value).is_some()
        };
        if sample.distinct() > MAX_LABEL_VALUES {
            let problem = "are neither labels nor ratings";
            return by_name.then(|| self.too_many_values(column, problem));
        }
        let is_binary = !labels::has_rating_numbers(sample, &self.settings.labels);
        if let Some(ratings) = sample.ratings.filter(|_| !is_binary) {
            let is_scale = by_name
                || (ratings.high <= 100.0 && (2..=MAX_RATING_VALUES).contains(&sample.distinct()));
            let note = || match sample.distinct() > MAX_LABEL_VALUES || !self.has_marks(column) {
                true => self.values_as_ratings(column, ratings),
                false => self.values_as_marks(column, ratings),
            };
            return is_scale.then(note);
        }
        let is_likely = by_name || (sample.distinct() > 1 && sample.share(has_meaning) >= 0.5);
        is_likely.then(|| self.values_as_labels(column, "could hold labels:"))
    }

    /// A note about values that are or could be labels, with a table that defines them.
    fn values_as_labels(&self, column: usize, what: &str) -> Note {
        let mut meanings = labels::meanings(&self.columns[column], &self.settings.labels);
        // `yes` may be an answer to "Was there a problem?".
        if self.match_name(Role::Label, column).is_none() {
            let mut flags = meanings.iter_mut();
            flags
                .by_ref()
                .filter(|(value, _)| labels::is_answer(value))
                .for_each(|it| it.1 = None);
        }
        let unknown = meanings.iter().filter(|(_, meaning)| meaning.is_none());
        let unknown: Vec<String> = unknown.map(|(value, _)| format!("`{value}`")).collect();
        let values = self.format_counts(column);
        let task = match &unknown[..] {
            [] => "if this is what they mean, set these lines in the pipeline file".to_owned(),
            some => format!(
                "the meaning of {} is unknown: complete these lines and set them in the pipeline file",
                some.join(", ")
            ),
        };
        let mut known = meanings.iter().filter_map(|(_, meaning)| *meaning);
        let neutral = match known.any(|meaning| meaning == Meaning::Neutral) {
            true => " (there are two classes, so neutral reviews are read without a label)",
            false => "",
        };
        let table = labels::suggest_settings(&meanings);
        let lines = match self.named.get(Role::Label) == Some(column) {
            true => table,
            false => format!("{}{table}", self.column_lines(Role::Label, column)),
        };
        let what = format!("{what} {values}; {task}{neutral}");
        self.note(column, &what, Some(lines))
    }

    /// A note about numbers that could be ratings, with lines that define the scale.
    fn values_as_ratings(&self, column: usize, ratings: RatingRange) -> Note {
        let values = self.format_counts(column);
        let reversed = labels::lower_is_better(&self.columns[column], ratings);
        let reversed = labels::suggest_settings(&reversed);
        let reversed: Vec<&str> = reversed.lines().skip(1).take(3).collect();
        let reversed = reversed.join(", ");
        let what = format!(
            "could hold ratings: {values}; if higher numbers are better, set these lines in the pipeline file; if lower \
             ones are better, set the column as `label` instead of `rating`, with `labels = {{ {reversed} }}` in `[ingest]`"
        );
        let mut lines = self.column_lines(Role::Rating, column);
        let recommends = self.has_name(column, column_names::is_recommendation);
        match Scale::of(ratings) {
            Some(_) if recommends && ratings.high == 10.0 => lines += PROMOTERS,
            Some(_) => _ = lines.pop(),
            None => lines += &centre_lines(ratings),
        }
        self.note(column, &what, Some(lines))
    }

    /// School marks: a note with the lines if 1 is the best.
    fn values_as_marks(&self, column: usize, ratings: RatingRange) -> Note {
        let values = self.format_counts(column);
        let what = format!(
            "marks: {values}; if 1 is the best, set these lines in the pipeline file, otherwise exchange `positive` and `negative`"
        );
        let lines =
            labels::suggest_settings(&labels::lower_is_better(&self.columns[column], ratings));
        let lines = format!("{}{lines}", self.column_lines(Role::Label, column));
        self.note(column, &what, Some(lines))
    }

    /// Ratings on an unknown scale.
    fn rating_on_unknown_scale(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        let ratings = sample.ratings?;
        let RatingRange { low, high, .. } = ratings;
        let range = match low == high {
            true => format!("of {low}"),
            false => format!("from {low} to {high}"),
        };
        let values = match sample.distinct() {
            ..=MAX_LABEL_VALUES => format!(" ({})", self.format_counts(column)),
            _ => String::new(),
        };
        let zero = match low == 0.0 {
            true => "; if 0 means that there is no rating, set `--set 'ingest.missing=[\"0\"]'`",
            false => "",
        };
        let what = format!(
            "ratings {range}{values} match no known scale, so they give no labels: set the neutral rating with {CENTRE}{zero}"
        );
        Some(self.note(column, &what, Some(centre_lines(ratings))))
    }

    /// Dates in an ambiguous or unknown format.
    fn date(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        let role = self.role_argument(Role::Timestamp, column);
        let what = match self.day_order(sample) {
            _ if self.is_other_date(column) => {
                if sample.is_numeric() || sample.share(|value| self.is_time(value)) <= MOST {
                    return None;
                }
                format!("dates, but by its name not those of the reviews; to use them, set {role}")
            }
            Some(DayOrder::Ambiguous(value, [(one, if_one), (two, if_two)])) => format!(
                "`{value}` is ambiguous: set {} if {if_one} or {} if {if_two}, and set {role}",
                set_argument(FORMAT_KEY, &one),
                set_argument(FORMAT_KEY, &two),
            ),
            _ if sample.share(is_relative) > 0.5 => format!(
                "{} cannot be read as a time, because the file does not state when it was written; export the dates instead",
                sample.format_most_common()
            ),
            _ if !self.is_date_by_name(column) => return None,
            _ if sample.is_numeric() => format!(
                "{} cannot be read as dates: write dates as 2019-01-31, or as seconds since 1970",
                format_values(sample)
            ),
            _ => format!(
                "{} cannot be read as dates: set their `strftime` format with `--set {FORMAT_KEY}=FORMAT`, and set {role}",
                format_values(sample),
            ),
        };
        Some(self.note(column, &what, None))
    }

    /// Times of a named column that cannot be read.
    fn unreadable_times(&self, column: usize, roles: &Roles) -> Option<Note> {
        let sample = &self.columns[column];
        let is_set = self.named.get(Role::Timestamp) == Some(column);
        if !is_set || roles.date_format.is_some() || sample.share(|it| self.is_time(it)) > 0.5 {
            return None;
        }
        match &self.settings.timestamp.format {
            None => self.date(column),
            Some(format) => {
                let what = format!(
                    "{} cannot be read in the format `{format}` of `{FORMAT_KEY}`: correct the format, or remove it so that common formats are detected",
                    format_values(sample)
                );
                Some(self.note(column, &what, None))
            }
        }
    }

    /// Times that may be placeholders, because they are before 1970 or in the far future.
    fn implausible_times(&self, column: usize) -> Option<Note> {
        let sample = &self.columns[column];
        let is_implausible = |value: &str| {
            let is_missing = self.times.is_missing(value);
            let time = self.times.parse(value).filter(|_| !is_missing);
            time.is_some_and(|time| !PLAUSIBLE_TIMES.contains(&time))
        };
        let mut values = sample.most_common(usize::MAX).into_iter();
        let (value, rows) = values.find(|(value, _)| is_implausible(value))?;
        let rows = format::plural(rows as u64, "row", "rows");
        let what = format!(
            "`{value}` ({rows}) may mean that there is no time: then set `--set 'ingest.timestamp.missing=[\"{value}\"]'`"
        );
        Some(self.note(column, &what, None))
    }

    /// Another column with dates, if no name decides between the two.
    fn other_times(&self, column: usize, unused: &[usize]) -> Option<Note> {
        let is_named = |column: usize| self.match_name(Role::Timestamp, column).is_some();
        let has_dates = |column: &&usize| {
            let sample = &self.columns[**column];
            !sample.is_numeric() && sample.share(|value| self.is_time(value)) > MOST
        };
        if is_named(column) || self.named.get(Role::Timestamp) == Some(column) {
            return None;
        }
        let other = *unused.iter().find(has_dates)?;
        let role = self.role_argument(Role::Timestamp, other);
        let what = format!(
            "used as the time of the review; another column has dates too: to use it, set {role}"
        );
        Some(self.note(column, &what, None))
    }

    /// Whether a column without a known date format may contain dates. Numbers in a column named `time` may also
    /// be hours of play.
    fn is_date_by_name(&self, column: usize) -> bool {
        let name = self.column_names.get(column).map(|it| it.to_lowercase());
        let says = name.is_some_and(|name| name.contains("date") || name.contains("timestamp"));
        let is_set = self.named.get(Role::Timestamp) == Some(column);
        is_set
            || self.match_name(Role::Timestamp, column).is_some()
                && (says || !self.columns[column].is_numeric())
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
        let values = self.columns[column].distinct();
        if self.is_whole && values < groups::SMALL {
            return None;
        }
        let values = format::plural(values as u64, "value", "values");
        let role = self.role_argument(Role::Group, column);
        let what = match self.is_whole {
            true => format!(
                "not used as the group, because it has only {values}; to keep the rows of each value on one side of the split, set {role}"
            ),
            false => format!(
                "not used as the group, because the sampled rows contain only {values}; if the file has more, keep the rows of \
                 each value on one side of the split with {role}"
            ),
        };
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

    /// Another column with texts of the author, as `Cons` beside `Pros`: only one of them is read.
    fn other_text(&self, roles: &Roles, unused: &[usize]) -> Option<Note> {
        let text = roles.map.get(Role::Text)?;
        let words = (self.columns[text].mean_words / 2.0).max(3.0);
        let has_texts = |column: &&usize| {
            let sample = &self.columns[**column];
            sample.mean_words >= words
                && sample.distinct() > MAX_LABEL_VALUES
                && !sample.is_numeric()
                && sample.share(|value| self.is_time(value)) == 0.0
                && !self.has_name(**column, column_names::is_reply)
        };
        let other = *unused.iter().find(has_texts)?;
        let (name, role) = (self.name(other), self.role_argument(Role::Text, other));
        let what = format!(
            "used as the text; {name} has texts too and is not read: if each is half of a review, join them in one column first; to use {name} instead, set {role}"
        );
        Some(self.note(text, &what, None))
    }

    /// Ratings from 0 to 10, of which recommendations have another centre.
    fn zero_to_ten(&self, roles: &Roles) -> Option<Note> {
        let scale = roles.rating.filter(|it| (it.low, it.high) == (0.0, 10.0))?;
        let RatingRule { centre, dead_zone } = scale.rule;
        let (above, below) = (centre + dead_zone, centre - dead_zone);
        let what = format!(
            "ratings from 0 to 10: above {above} is positive, below {below} is negative; for answers to \"Would you recommend us?\" set \
             `--set ingest.rating.centre=7.5` and `--set ingest.rating.dead_zone=0.5`"
        );
        Some(self.note(roles.map.get(Role::Rating)?, &what, None))
    }

    /// All values of a column with their number of rows.
    fn format_counts(&self, column: usize) -> String {
        let counts = self.columns[column].format_counts(MAX_LABEL_VALUES);
        match self.is_whole {
            true => counts,
            false => counts + " in a sample of the rows",
        }
    }

    /// Creates a note that names the column.
    fn note(&self, column: usize, what: &str, lines: Option<String>) -> Note {
        Note {
            column,
            text: format!("{}: {what}", self.name(column)),
            lines,
        }
    }

    /// A column for messages.
    fn name(&self, column: usize) -> String {
        match self.column_names.get(column) {
            Some(name) => format!("`{name}`"),
            None => format!("column {}", column + 1),
        }
    }

    /// Lines for a pipeline file that assign a role to a column.
    fn column_lines(&self, role: Role, column: usize) -> String {
        let value = match self.column_names.get(column) {
            Some(name) => toml::Value::from(name.as_str()),
            None => toml::Value::from(column as i64 + 1),
        };
        format!("[ingest.columns]\n{} = {value}\n\n", role.as_str())
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

/// Lines for a pipeline file with the middle of the scale as the neutral rating.
fn centre_lines(ratings: RatingRange) -> String {
    let centre = (ratings.low + ratings.high) / 2.0;
    format!(
        "[ingest.rating]\ncentre = {centre:?} # the middle of the whole scale, if higher ratings are better\n"
    )
}

/// The most common values, for a message.
fn format_values(sample: &ColumnSample) -> String {
    let (noun, more) = match sample.distinct() {
        1 => ("the value", ""),
        2..=3 => ("the values", ""),
        _ => ("the values", " and others"),
    };
    format!("{noun} {}{more}", sample.format_most_common())
}
