//! Dotted names of the pipeline file, and what is checked of the values that they stand for.

use artifact::Failure;
use std::fmt::{self, Display, Formatter};

use indexmap::IndexMap;

use crate::suggest;

/// What a check says: nothing, or what is wrong.
pub(crate) type Checked = Result<(), Failure>;

/// The dotted name of a table or of a setting.
#[derive(Clone, Debug)]
pub(crate) struct Key(String);

impl Display for Key {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Key {
    /// A whole name.
    pub(crate) fn of(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// A setting of this table, or a table in it.
    pub(crate) fn at(&self, name: impl Display) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    /// The error that says what is wrong here, as the rest of a sentence that begins with the name.
    pub(crate) fn error(&self, problem: impl Into<String>) -> Failure {
        Failure::new(format!("`{self}` {}", problem.into()))
    }

    /// The error about a table that is not in its form.
    pub(crate) fn misfit(&self, error: &toml::de::Error) -> Failure {
        self.error(format!("does not fit: {}", error.message()))
    }

    /// What must hold, and what is wrong where it does not.
    pub(crate) fn require(&self, holds: bool, problem: impl Into<String>) -> Checked {
        if holds {
            Ok(())
        } else {
            Err(self.error(problem))
        }
    }

    /// None of these settings of a table is given.
    pub(crate) fn require_absent(&self, given: &[(&str, bool)], problem: &str) -> Checked {
        given
            .iter()
            .try_for_each(|(name, given)| self.at(name).require(!given, problem))
    }

    /// These settings of a table are 1 or more.
    pub(crate) fn require_positive(&self, values: &[(&str, u32)]) -> Checked {
        values
            .iter()
            .try_for_each(|(name, value)| self.at(name).require(*value > 0, "must be at least 1"))
    }

    /// These settings of a table lie between two numbers, the least and the most.
    pub(crate) fn require_within(&self, values: &[(&str, f64, f64, f64)]) -> Checked {
        values.iter().try_for_each(|(name, value, low, high)| {
            let problem = format!("is {value} and must be from {low} to {high}");
            self.at(name)
                .require((low..=high).contains(&value), problem)
        })
    }

    /// A name that this setting gives to one of these tables.
    pub(crate) fn refer<'a, T>(
        &self,
        what: &str,
        name: &str,
        tables: &'a IndexMap<String, T>,
    ) -> Result<&'a T, Failure> {
        let unknown = || {
            let known: Vec<String> = tables.keys().cloned().collect();
            let problem = format!("names the {what} `{name}`, which is not in the pipeline file");
            self.error(problem).with_hint(suggest(name, &known))
        };
        self.require(!name.is_empty(), format!("must name the {what} it reads"))?;
        tables.get(name).ok_or_else(unknown)
    }
}
