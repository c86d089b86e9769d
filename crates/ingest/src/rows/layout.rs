//! Detects the columns of a file and their roles.

use std::path::Path;

use settings::{IngestSettings, RatingRule};

use super::column_sample::ColumnSample;
use super::columns::{ColumnMap, Role};
use super::roles::{self, Roles, has_rating_numbers};
use super::sampling::RowSample;
use super::values::{is_missing, parse_rating};
use tables::{InputError, Problem, Record, Result, Table, row_limit};

use crate::error::{format_columns, unknown_columns};

/// Maximum number of values in a message.
const MAX_VALUES_SHOWN: usize = 20;

/// The columns of a table file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Names of the columns, or their positions from 1 if the file has no header.
    pub(crate) names: Vec<String>,
    /// Whether the first row contains the column names.
    pub(crate) header: bool,
    /// Whether every row must have the same number of fields.
    pub(super) fixed_width: bool,
    /// The roles of the columns.
    pub(crate) roles: Roles,
    /// Number of rows from which the roles were detected, and whether these are all rows.
    pub(crate) sampled_rows: usize,
    pub(crate) is_sample_whole: bool,
    /// Description of the format, for people.
    pub(crate) format_description: String,
    /// The encoding, if it is a guess.
    pub(crate) guessed_encoding: Option<&'static str>,
}

impl Layout {
    /// Detects the layout of a file from all its rows, or from a sample across it. Temporary files are created in
    /// `scratch`; `on_read` is called for every read.
    pub(super) fn detect(
        table: &Table<'_>,
        settings: &IngestSettings,
        scratch: &Path,
        on_read: impl Fn(),
    ) -> Result<Self> {
        let path = table.path.as_path();
        let rows = match is_defined(settings) {
            true => RowSample::first_rows(table),
            false => RowSample::read(table, settings, scratch, on_read)?,
        };
        let sample: Vec<&Record> = rows.rows.iter().filter(|it| it.is_row()).collect();
        check_first_row(table, sample.is_empty(), settings)?;
        let fixed_width = table.names().is_none();
        let looks_like_header = || match sample.split_first() {
            Some((first, below)) => looks_like_names(&field_texts(first), below, settings),
            None => false,
        };
        let header = fixed_width && settings.header.unwrap_or_else(looks_like_header);
        if header && table.sample.len() == 1 {
            return Err(InputError::empty(path, "a header but no rows"));
        }
        let named = header || !fixed_width;
        let names = column_names(table, sample.first().copied(), header);
        let map = ColumnMap::from_settings(path, settings, &names, named)?;
        if map.get(Role::Text).is_some() {
            check_rating(&map, settings)?;
        }
        let values = &sample[usize::from(header).min(sample.len())..];
        let columns = (0..names.len()).map(|column| column_sample(values, column, settings));
        let columns: Vec<ColumnSample> = columns.collect();
        let known = if named { &names[..] } else { &[] };
        let unknown = || unknown_columns(path, &names);
        let roles = roles::detect(known, &columns, rows.is_whole, &map, settings);
        let roles = roles.ok_or_else(unknown)?;
        if let Some(column) = map.get(Role::Label)
            && has_rating_numbers(&columns[column], &settings.labels)
        {
            return Err(ratings_as_labels(path, &names[column], &columns[column]));
        }
        Ok(Self {
            names,
            header,
            fixed_width,
            roles,
            sampled_rows: values.len(),
            is_sample_whole: rows.is_whole,
            format_description: table.format_description.clone(),
            guessed_encoding: table.guessed_encoding,
        })
    }

    /// The layout of a further file, which must have the same column names in any order, or no column names
    /// either.
    pub(super) fn for_next_file(&self, table: &Table<'_>) -> Result<Self> {
        let fixed_width = table.names().is_none();
        let names = column_names(table, table.sample.front(), self.is_named());
        let other = || {
            let path = table.path.display();
            let (first, this) = (format_columns(&self.names), format_columns(&names));
            let message = format!("The columns of `{path}` differ from those of the first file");
            let hint = format!(
                "Read only files with the same columns together: the first file has {first}, this file has {this}"
            );
            InputError::other(message, hint)
        };
        let is_same = match self.is_named() {
            true => table.may_omit_columns || is_permutation(&names, &self.names),
            false => fixed_width && names == self.names,
        };
        if !is_same {
            return Err(other());
        }
        let mut map = ColumnMap::default();
        for role in Role::all() {
            if let Some(column) = self.roles.map.get(role) {
                let name = &self.names[column];
                // A duplicate name is resolved by its position.
                let same_index = Some(column).filter(|column| names.get(*column) == Some(name));
                let index = same_index.or_else(|| names.iter().position(|known| known == name));
                map.set(role, index.ok_or_else(other)?);
            }
        }
        Ok(Self {
            header: fixed_width && self.is_named(),
            fixed_width,
            roles: Roles {
                map,
                ..self.roles.clone()
            },
            format_description: table.format_description.clone(),
            guessed_encoding: table.guessed_encoding,
            names,
            ..*self
        })
    }

    /// Whether the columns have names.
    pub(crate) fn is_named(&self) -> bool {
        self.header || !self.fixed_width
    }

    /// Describes the format and the role of each column in one line.
    pub(crate) fn describe(&self, name: &str) -> String {
        let mut parts = vec![format!("`{name}`: {}", self.format_description)];
        for decision in self.roles.reasons.iter().filter(|it| !it.is_set) {
            let (role, column) = (decision.role.as_str(), &self.names[decision.column]);
            parts.push(format!("{role}: column `{column}` ({})", decision.reason));
        }
        if let Some(RatingRule { centre, dead_zone }) = self.roles.rating.map(|scale| scale.rule) {
            let (above, below) = (centre + dead_zone, centre - dead_zone);
            parts.push(format!(
                "labels from ratings: above {above} is positive, below {below} is negative"
            ));
        }
        parts.extend(self.roles.notes.iter().map(|note| note.text.clone()));
        if self.roles.notes.iter().any(|note| note.lines.is_some()) {
            parts.push("`ressenti inspect FILE` prints the lines".to_owned());
        }
        parts.join("; ")
    }

    /// What is unclear about the column of a role, and the settings that answer it.
    pub(crate) fn question(&self, role: &str) -> Option<String> {
        let mut roles = Role::all().filter(|it| it.as_str() == role);
        let column = self.roles.map.get(roles.next()?)?;
        let note = self.roles.notes.iter().find(|note| note.column == column)?;
        Some(match &note.lines {
            Some(lines) => format!("{}\n\n{}", note.text, lines.trim_end()),
            None => note.text.clone(),
        })
    }
}

/// Whether the settings define everything that is detected from values.
fn is_defined(settings: &IngestSettings) -> bool {
    let (columns, times) = (&settings.columns, &settings.timestamp);
    columns.text.is_some()
        && columns.label.is_none()
        && (columns.rating.is_none() || settings.rating.is_some())
        && (columns.timestamp.is_none() || times.format.is_some())
}

/// The names of the columns: from the file format, from the first row, or positions from 1.
fn column_names(table: &Table<'_>, first: Option<&Record>, header: bool) -> Vec<String> {
    if let Some(names) = table.names() {
        return names.to_vec();
    }
    let first = first.map(field_texts).unwrap_or_default();
    match header {
        true => first.iter().map(|name| name.trim().to_owned()).collect(),
        false => (1..=first.len()).map(|it| it.to_string()).collect(),
    }
}

/// Fails if the first row is invalid and needed, because it defines the columns of a text file or because
/// no other row is valid.
fn check_first_row(table: &Table<'_>, no_row: bool, settings: &IngestSettings) -> Result<()> {
    let unreadable = table.sample.front().filter(|record| !record.is_row());
    let Some(first) = unreadable.filter(|_| no_row || table.names().is_none()) else {
        return Ok(());
    };
    let (limit, line, last_line) = (row_limit(settings), first.line, first.last_line);
    let too_long = || format!("it has more than {limit} bytes on lines {line} to {last_line}");
    let problem = first.problem.clone().unwrap_or_else(too_long);
    let path = table.path.display();
    let quotes = ", or treat quotes as text with `--set ingest.quotes=false`, or every line as a text with `--set ingest.format=text`";
    let quotes = if table.names().is_none() { quotes } else { "" };
    let hint = format!(
        "Check the start of the file; allow longer texts with `--set ingest.max_text_bytes=NUMBER`{quotes}"
    );
    let message = format!("Failed to read the first row of `{path}`: {problem}");
    Err(InputError::new(Problem::FirstRow, message, hint))
}

fn check_rating(map: &ColumnMap, settings: &IngestSettings) -> Result<()> {
    let missing = map.get(Role::Rating).is_none() && map.get(Role::Label).is_none();
    if settings.rating.is_some() && missing {
        let message = "`ingest.rating` is set, but no column is named for the ratings";
        let hint = "Set the column with `--set ingest.columns.rating=NAME`";
        return Err(InputError::other(message, hint));
    }
    Ok(())
}

/// Numbers in a column that the settings name as the label: 1 would be read as positive.
fn ratings_as_labels(path: &Path, name: &str, sample: &ColumnSample) -> InputError {
    let path = path.display();
    let values = sample.format_counts(MAX_VALUES_SHOWN);
    let message = format!(
        "The label column `{name}` of `{path}` has numbers other than 0 and 1, which are ratings: {values}"
    );
    let hint = format!(
        "Use them as ratings with `--set ingest.columns.rating={name}` instead of `ingest.columns.label`, or list the values in \
         `positive`, `negative` and `unlabelled` of `[ingest.labels]`"
    );
    InputError::other(message, hint)
}

fn is_permutation(one: &[String], two: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    sorted(one) == sorted(two)
}

fn field_texts(record: &Record) -> Vec<String> {
    let fields = (0..record.columns()).map(|column| record.text(column).into_owned());
    fields.collect()
}

fn column_sample(sample: &[&Record], column: usize, settings: &IngestSettings) -> ColumnSample {
    ColumnSample::new(sample.iter().map(|record| record.text(column)), settings)
}

/// Whether a first row contains column names: no field is a number or missing, and a column has numbers below; or all
/// fields are short and one is a known column name; or they are short and a column has sentences below. A common value
/// of a column is not its name. A single column needs a known name, because the first of several texts may be short.
fn looks_like_names(first: &[String], below: &[&Record], settings: &IngestSettings) -> bool {
    let is_text = |field: &String| !field.trim().is_empty() && parse_rating(field).is_none();
    if !first.iter().all(is_text) {
        return looks_like_names_with_gap(first, below, settings);
    }
    let samples = (0..first.len()).map(|column| column_sample(below, column, settings));
    let samples: Vec<ColumnSample> = samples.collect();
    let has_words = |most: usize| {
        let is_short = |it: &String| it.trim().len() <= 80 && it.split_whitespace().count() <= most;
        first.iter().all(is_short)
    };
    // A missing value may be above numbers too.
    if samples.iter().any(ColumnSample::is_numeric) {
        return !first.iter().any(|field| is_missing(field, settings));
    }
    let mut fields = first.iter().zip(&samples);
    let is_common = |(field, sample): (&String, &ColumnSample)| sample.is_common(field.trim());
    let mut known = fields.clone().filter(|it| roles::is_column_name(it.0));
    if has_words(8) && known.any(|it| !is_common(it)) {
        return true;
    }
    first.len() > 1
        && has_words(4)
        && samples.iter().any(|it| it.mean_words > 5.0)
        && !fields.any(is_common)
}

/// Like [`looks_like_names`], for a first row whose first or last field is empty. pandas writes an index
/// without a name, and a separator at the end of each line adds an empty field.
fn looks_like_names_with_gap(
    first: &[String],
    below: &[&Record],
    settings: &IngestSettings,
) -> bool {
    match first {
        [rest @ .., last] if last.trim().is_empty() && !rest.is_empty() => {
            let is_empty = |record: &&Record| record.field(rest.len()).trim_ascii().is_empty();
            let below = below.iter().all(is_empty).then_some(below);
            looks_like_names(rest, below.unwrap_or_default(), settings)
        }
        [index, rest @ ..] if index.is_empty() && !rest.is_empty() => {
            looks_like_names(rest, &[], settings)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_recognised() {
        let check = |text: &str, expected: bool| {
            let record = |line: &str| {
                let mut record = Record::default();
                record.set(line.split(',').map(str::as_bytes), 1, 1);
                record
            };
            let records: Vec<Record> = text.lines().map(record).collect();
            let below: Vec<&Record> = records.iter().skip(1).collect();
            let settings = IngestSettings::default();
            let found = looks_like_names(&field_texts(&records[0]), &below, &settings);
            assert_eq!(found, expected, "{text:?}");
        };
        check("review,stars\nso so,3\n", true);
        check("a,b\nso so,3\n", true);
        check("so so,3\nfine,4\n", false);
        // Names may be questions.
        check(
            "How satisfied are you with the product (1 to 5)?,Why?\n4,it works\n",
            true,
        );
        check(
            "Review Last Update Millis Since Epoch,Review Text\n1704067200000,fine\n",
            true,
        );
        check(
            "a film that was fun for the whole of my family,NA\nfine,4\n",
            false,
        );
        // Long names above numbers, texts above texts, and labels in the first row.
        check(
            "Review Submit Date and Time,How many stars would you give us?\n2024-01-01,3\n",
            true,
        );
        check(
            "a long question about the film,why\nit was not what I had expected,so so\n",
            false,
        );
        check(
            "so so,pos\nit is so so but fine to me,neg\nfine,pos\n",
            false,
        );
        check("good\nit is so so but fine to me\n", false);
        check("text\nit is so so but fine to me\n", true);
        // An index, and separators at the end of each line.
        check(",review,stars\n0,so so,3\n", true);
        check("review,stars,\nso so,3,\n", true);
        check("review,stars,,\nso so,3,,\n", true);
        check(",review,\n0,so so,\n", true);
        check("a,b,\nso so,3,\n", true);
        // A row without its last value is not a header.
        check("so so,fine,\nit is so so,it is fine to me,3\n", false);
        check("so so,3,\nfine,4,\n", false);
        check(",\n,\n", false);
    }
}
