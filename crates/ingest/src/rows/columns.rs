//! Roles of columns, and which columns the settings name for them.

use std::path::Path;

use settings::{Column, Columns, IngestSettings};

use crate::error::no_column;
use tables::{InputError, Result};

/// The role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Text,
    Label,
    Rating,
    Split,
    Group,
    Topic,
    Timestamp,
    Id,
}

/// A role, its key in `[ingest.columns]`, and access to its setting.
type RoleEntry = (Role, &'static str, fn(&Columns) -> &Option<Column>);

/// All roles, in their order.
const ROLES: [RoleEntry; 8] = [
    (Role::Text, "text", |columns| &columns.text),
    (Role::Label, "label", |columns| &columns.label),
    (Role::Rating, "rating", |columns| &columns.rating),
    (Role::Split, "split", |columns| &columns.split),
    (Role::Group, "group", |columns| &columns.group),
    (Role::Topic, "topic", |columns| &columns.topic),
    (Role::Timestamp, "timestamp", |columns| &columns.timestamp),
    (Role::Id, "id", |columns| &columns.id),
];

impl Role {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ROLES.iter().map(|(role, ..)| *role)
    }

    /// Its key in `[ingest.columns]`.
    pub(crate) fn as_str(self) -> &'static str {
        ROLES[self as usize].1
    }

    /// Its column in the settings.
    pub(crate) fn setting(self, columns: &Columns) -> &Option<Column> {
        ROLES[self as usize].2(columns)
    }
}

/// The column of each role, as an index from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnMap([Option<usize>; ROLES.len()]);

impl ColumnMap {
    /// The column of a role.
    pub(crate) fn get(&self, role: Role) -> Option<usize> {
        self.0[role as usize]
    }

    /// Gives a column a role.
    pub(super) fn set(&mut self, role: Role, column: usize) {
        self.0[role as usize] = Some(column);
    }

    /// All columns with a role.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().flatten()
    }

    /// Finds the columns that the settings name. `header` is false if the columns have no names, only
    /// positions.
    pub(super) fn from_settings(
        path: &Path,
        settings: &IngestSettings,
        names: &[String],
        header: bool,
    ) -> Result<Self> {
        let mut map = Self::default();
        for (role, key, setting) in ROLES {
            let Some(column) = setting(&settings.columns) else {
                continue;
            };
            let setting = format!("ingest.columns.{key}");
            let missing = |name: &str| no_column(path, &setting, name, names);
            let position = match column {
                Column::Position(position) if (1..=names.len()).contains(position) => position - 1,
                Column::Position(position) => return Err(missing(&position.to_string())),
                Column::Name(name) if !header => {
                    let problem = format!(
                        "`ingest.header` is false, so `{setting}` must be a position counted from 1, not the name `{name}`"
                    );
                    let hint = "Use positions, or set `--set ingest.header=true` if the first line contains the column names";
                    return Err(InputError::other(problem, hint));
                }
                Column::Name(name) => {
                    let mut positions = (0..names.len()).filter(|it| names[*it] == *name);
                    let position = positions.next().ok_or_else(|| missing(name))?;
                    if positions.next().is_some() {
                        let problem = format!(
                            "`{setting}` names the column `{name}`, but the file has two columns of that name"
                        );
                        let hint = "Use the position of the column instead, counted from 1";
                        return Err(InputError::other(problem, hint));
                    }
                    position
                }
            };
            map.set(role, position);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &str, names: &[&str], header: bool, expected: &str) {
        let settings: IngestSettings = toml::from_str(settings).expect("settings of a test");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = match ColumnMap::from_settings(Path::new("x.csv"), &settings, &names, header) {
            Ok(map) => format!(
                "text {:?} label {:?}",
                map.get(Role::Text),
                map.get(Role::Label)
            ),
            Err(error) => format!("{error}. {}", error.hint().unwrap_or_default()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn named_columns_are_found() {
        check(
            "columns = { text = 'b', label = 1 }",
            &["a", "b"],
            true,
            "text Some(1) label Some(0)",
        );
        check(
            "columns = { text = 2 }",
            &["1", "2"],
            false,
            "text Some(1) label None",
        );
        check("", &["a"], true, "text None label None");
    }

    #[test]
    fn an_error_names_the_columns_of_the_file() {
        check(
            "columns = { text = 'reviw' }",
            &["review", "id"],
            true,
            "`ingest.columns.text` names the column `reviw`, but `x.csv` has no such column. \
             Did you mean `review`? The columns are `review`, `id`",
        );
        check(
            "columns = { text = 3 }",
            &["a", "b"],
            true,
            "`ingest.columns.text` names the column `3`, but `x.csv` has no such column. The columns are `a`, `b`",
        );
        check(
            "columns = { text = 'a' }",
            &["1", "2"],
            false,
            "`ingest.header` is false, so `ingest.columns.text` must be a position counted from 1, not the name `a`. \
             Use positions, or set `--set ingest.header=true` if the first line contains the column names",
        );
        check(
            "columns = { text = 'a' }",
            &["a", "a"],
            true,
            "`ingest.columns.text` names the column `a`, but the file has two columns of that name. \
             Use the position of the column instead, counted from 1",
        );
    }
}
