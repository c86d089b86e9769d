//! Columns that go along with a text, for whoever wants them beside the answer.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::columns::Role;
use super::layout::Layout;
use crate::error::no_column;
use tables::InputError;

/// Which columns of a file go along with its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepColumns {
    /// None.
    #[default]
    None,
    /// All but the id, which every row has anyway.
    All,
    /// Those of these names, or at these positions from 1 where no column has such a name.
    Named(Vec<String>),
}

impl KeepColumns {
    /// The places, from 0, of the columns of a file that go along; one that is named twice goes along once.
    pub(super) fn indices(&self, path: &Path, layout: &Layout) -> Result<Vec<usize>, InputError> {
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
            let index = index.ok_or_else(|| no_column(path, "--carry", name, names))?;
            if !indices.contains(&index) {
                indices.push(index);
            }
        }
        Ok(indices)
    }
}

/// Of two columns of one name the first is meant; the other one can be told by its position.
fn column_index(wanted: &str, names: &[String]) -> Option<usize> {
    let named = names.iter().position(|name| name == wanted);
    let position = || wanted.parse::<usize>().ok()?.checked_sub(1);
    named.or_else(|| position().filter(|index| *index < names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_by_name_or_position() {
        let names = ["title", "2", "title"].map(str::to_owned);
        for (wanted, expected) in [
            ("title", Some(0)),
            ("1", Some(0)),
            // A name goes before a position.
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
