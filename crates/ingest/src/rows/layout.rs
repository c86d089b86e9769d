//! What was found out about the shape of a file: its columns, and what they are.

use settings::{IngestSettings, RatingRule};

use super::column_sample::ColumnSample;
use super::columns::{ColumnMap, Role};
use super::roles::{self, Roles};
use tables::{InputError, Problem, Record, Table, row_limit};

use crate::error::{format_columns, unknown_columns};

/// The shape of a file of rows.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Names of the columns; their positions from 1 where the file has none.
    pub(crate) names: Vec<String>,
    /// Whether the first row names the columns.
    pub(crate) header: bool,
    /// Whether every row must have as many fields as there are columns.
    pub(super) fixed_width: bool,
    /// What the columns are.
    pub(crate) roles: Roles,
    /// How the file is written, in words.
    pub(crate) source_format: String,
}

impl Layout {
    /// Finds out about a file from the rows read ahead.
    pub(super) fn detect(table: &Table<'_>, settings: &IngestSettings) -> Result<Self, InputError> {
        let path = table.path.as_path();
        let sample: Vec<&Record> = table.sample.iter().filter(|it| it.is_row()).collect();
        check_first_row(table, sample.is_empty(), settings)?;
        let fixed_width = table.names().is_none();
        let looks_like_header = || match sample.split_first() {
            Some((first, below)) => looks_like_names(&field_texts(first), below),
            None => false,
        };
        let header = fixed_width && settings.header.unwrap_or_else(looks_like_header);
        if header && table.sample.len() == 1 {
            return Err(InputError::empty(path, "a header and no rows"));
        }
        let named = header || !fixed_width;
        let names = column_names(table, sample.first().copied(), header);
        let map = ColumnMap::from_settings(path, settings, &names, named)?;
        let roles = if map.get(Role::Text).is_some() {
            check_rating(&map, settings)?;
            Roles {
                map,
                ..Roles::default()
            }
        } else {
            let values = &sample[usize::from(header).min(sample.len())..];
            let columns = (0..names.len()).map(|column| column_sample(values, column));
            let columns: Vec<ColumnSample> = columns.collect();
            let known = if named { &names[..] } else { &[] };
            let unknown = || unknown_columns(path, &names);
            roles::detect(known, &columns, &map, settings).ok_or_else(unknown)?
        };
        Ok(Self {
            names,
            header,
            fixed_width,
            roles,
            source_format: table.format_description.clone(),
        })
    }

    /// The layout of a further file, whose columns have the same names in any order, or no names
    /// either.
    pub(super) fn for_next_file(&self, table: &Table<'_>) -> Result<Self, InputError> {
        let fixed_width = table.names().is_none();
        let names = column_names(table, table.sample.front(), self.is_named());
        let other = || {
            let path = table.path.display();
            let (first, this) = (format_columns(&self.names), format_columns(&names));
            InputError::other(
                format!("`{path}` has other columns than the first file"),
                format!(
                    "Read files of one shape together: the first has {first}, this one has {this}"
                ),
            )
        };
        let is_same = match self.is_named() {
            true => table.allows_missing_columns || is_permutation(&names, &self.names),
            false => fixed_width && names == self.names,
        };
        if !is_same {
            return Err(other());
        }
        let mut map = ColumnMap::default();
        for role in Role::all() {
            if let Some(column) = self.roles.map.get(role) {
                let name = &self.names[column];
                // Of two columns of one name the place tells.
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
            source_format: table.format_description.clone(),
            names,
        })
    }

    /// Whether the columns have names.
    pub(crate) fn is_named(&self) -> bool {
        self.header || !self.fixed_width
    }

    /// For the screen: how the file is written, and what each column is taken for, with the reason.
    pub(crate) fn describe(&self, name: &str) -> String {
        let mut parts = vec![format!("`{name}`: {}", self.source_format)];
        for decision in &self.roles.reasons {
            let (role, column) = (decision.role.as_str(), &self.names[decision.column]);
            parts.push(format!("{role} is column `{column}` ({})", decision.reason));
        }
        if let Some(RatingRule { centre, dead_zone }) = self.roles.rating.map(|scale| scale.rule) {
            parts.push(format!(
                "labels by rating: more than {} is positive, less than {} negative",
                centre + dead_zone,
                centre - dead_zone
            ));
        }
        parts.extend(self.roles.notes.iter().map(|note| note.text.clone()));
        parts.join("; ")
    }
}

/// The names of the columns: those that the file has of its own, those in its first row, or their
/// positions.
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

/// Fails where there is nothing to tell the columns by: rows that have to be like the first need
/// that, others any.
fn check_first_row(
    table: &Table<'_>,
    no_row: bool,
    settings: &IngestSettings,
) -> Result<(), InputError> {
    let unreadable = table.sample.front().filter(|record| !record.is_row());
    let Some(first) = unreadable.filter(|_| no_row || table.names().is_none()) else {
        return Ok(());
    };
    let (limit, line, last_line) = (row_limit(settings), first.line, first.last_line);
    let too_long = || format!("it is too long, over {limit} bytes on lines {line} to {last_line}");
    let problem = first.problem.clone().unwrap_or_else(too_long);
    Err(InputError::new(
        Problem::FirstRow,
        format!(
            "The first row of `{}` cannot be read: {problem}",
            table.path.display()
        ),
        "Check the file; longer texts are allowed with `--set ingest.max_text_bytes=NUMBER`, and quotes are taken \
         for text with `--set ingest.quotes=false`",
    ))
}

fn check_rating(named: &ColumnMap, settings: &IngestSettings) -> Result<(), InputError> {
    let missing = named.get(Role::Rating).is_none() && named.get(Role::Label).is_none();
    if settings.rating.is_some() && missing {
        return Err(InputError::other(
            "`ingest.rating` makes labels from ratings, and no column holds one",
            "Name it with `--set ingest.columns.rating=NAME`",
        ));
    }
    Ok(())
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

fn column_sample(sample: &[&Record], column: usize) -> ColumnSample {
    ColumnSample::new(sample.iter().map(|record| record.text(column)))
}

/// Whether a first row names columns: one of its fields is a name that columns have, or it is all
/// short words while the rows below hold numbers or sentences.
fn looks_like_names(first: &[String], below: &[&Record]) -> bool {
    let is_short = |field: &String| {
        let field = field.trim();
        let words = field.split_whitespace().count();
        (1..=60).contains(&field.len()) && words <= 4 && field.parse::<f64>().is_err()
    };
    if !first.iter().all(is_short) {
        return looks_like_names_with_gap(first, below);
    }
    let differs_from_names = |column: usize| {
        let values = column_sample(below, column);
        values.is_numeric() || values.mean_words > 5.0
    };
    first.iter().any(|field| roles::is_column_name(field))
        || (!below.is_empty() && (0..first.len()).any(differs_from_names))
}

/// As [`looks_like_names`], for a first row whose first or last field is empty: an index without a name, as
/// pandas writes it, or what a separator at the end of each line makes.
fn looks_like_names_with_gap(first: &[String], below: &[&Record]) -> bool {
    match first {
        [rest @ .., last] if last.trim().is_empty() && !rest.is_empty() => {
            let is_empty = |record: &&Record| record.field(rest.len()).trim_ascii().is_empty();
            let below = below.iter().all(is_empty).then_some(below);
            looks_like_names(rest, below.unwrap_or_default())
        }
        [index, rest @ ..] if index.is_empty() && !rest.is_empty() => looks_like_names(rest, &[]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_row_names_columns() {
        let check = |text: &str, expected: bool| {
            let record = |line: &str| {
                let mut record = Record::default();
                record.set(line.split(',').map(str::as_bytes), 1, 1);
                record
            };
            let records: Vec<Record> = text.lines().map(record).collect();
            let below: Vec<&Record> = records.iter().skip(1).collect();
            let found = looks_like_names(&field_texts(&records[0]), &below);
            assert_eq!(found, expected, "{text:?}");
        };
        check("review,stars\nso so,3\n", true);
        check("a,b\nso so,3\n", true);
        check("so so,3\nfine,4\n", false);
        // An index, and separators at the end of each line.
        check(",review,stars\n0,so so,3\n", true);
        check("review,stars,\nso so,3,\n", true);
        check("review,stars,,\nso so,3,,\n", true);
        check(",review,\n0,so so,\n", true);
        check("a,b,\nso so,3,\n", true);
        // A row without its last value is none of names.
        check("so so,fine,\nit is so so,it is fine to me,3\n", false);
        check("so so,3,\nfine,4,\n", false);
        check(",\n,\n", false);
    }
}
