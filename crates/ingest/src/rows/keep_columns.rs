//! Columns that `predict` copies from its input to its output.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::columns::Role;
use super::layout::Layout;
use crate::error::no_column;
use tables::Result;

/// Which columns of a file are kept with its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepColumns {
    /// No columns.
    #[default]
    None,
    /// All columns except the id, which is always kept.
    All,
    /// Columns with these names, or at these positions from 1 if no column has the name.
    Named(Vec<String>),
}

impl KeepColumns {
    /// Indices from 0 of the columns to keep; a column that is named twice is kept once.
    pub(super) fn indices(&self, path: &Path, layout: &Layout) -> Result<Vec<usize>> {
        let names = &layout.names;
        let wanted = match self {
            Self::None => return Ok(Vec::new()),
            Self::All => {
                let id = layout.roles.map.get(Role::Id);
                let all = (0..names.len()).filter(|index| Some(*index) != id);
                return Ok(all.collect());
            }
            Self::Named(wanted) => wanted,
        };
        let mut indices = Vec::with_capacity(wanted.len());
        for name in wanted {
            let index = column_index(name, names);
            let index = index.ok_or_else(|| no_column(path, "--keep-columns", name, names))?;
            if !indices.contains(&index) {
                indices.push(index);
            }
        }
        Ok(indices)
    }
}

/// Finds a column by its name or position. Of two columns with the same name the first is used.
fn column_index(wanted: &str, names: &[String]) -> Option<usize> {
    let index = |wanted: &str| names.iter().position(|name| name == wanted);
    // In `date, product` the space belongs to no name.
    let named = index(wanted).or_else(|| index(wanted.trim()));
    let position = || wanted.trim().parse::<usize>().ok()?.checked_sub(1);
    named.or_else(|| position().filter(|index| *index < names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_or_position() {
        let names = ["title", "2", "title"].map(str::to_owned);
        for (wanted, expected) in [
            ("title", Some(0)),
            ("1", Some(0)),
            (" title", Some(0)),
            (" 3", Some(2)),
            // A name takes precedence over a position.
            ("2", Some(1)),
            ("3", Some(2)),
            ("0", None),
            ("4", None),
            ("Title", None),
            ("", None),
        ] {
            assert_eq!(column_index(wanted, &names), expected, "{wanted}");
        }
    }
}
