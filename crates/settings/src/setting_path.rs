//! Dotted names of settings, and the checks that name the setting in their error.

use artifact::Failure;
use std::fmt::{self, Display, Formatter};

use indexmap::IndexMap;

use crate::suggest;

/// Result of a check: nothing, or the error.
pub(crate) type CheckResult = Result<(), Failure>;

/// Dotted name of a table or setting, for example `model.lstm.hidden`.
#[derive(Clone, Debug)]
pub(crate) struct SettingPath(String);

impl Display for SettingPath {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl SettingPath {
    /// A path from its dotted name.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Path of a setting or table inside this table.
    pub(crate) fn join(&self, name: impl Display) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    /// An error about this setting. `problem` continues a sentence that begins with the setting's name.
    pub(crate) fn error(&self, problem: impl Into<String>) -> Failure {
        Failure::new(format!("`{self}` {}", problem.into()))
    }

    /// Fails with `problem` unless the condition is true.
    pub(crate) fn require(&self, condition: bool, problem: impl Into<String>) -> CheckResult {
        condition.then_some(()).ok_or_else(|| self.error(problem))
    }

    /// Requires that none of these settings of the table is present.
    pub(crate) fn require_absent(&self, present: &[(&str, bool)], problem: &str) -> CheckResult {
        let mut present = present.iter();
        present.try_for_each(|(name, present)| self.join(name).require(!present, problem))
    }

    /// Requires that these settings of the table are at least 1.
    pub(crate) fn require_positive(&self, values: &[(&str, u32)]) -> CheckResult {
        let (mut values, problem) = (values.iter(), "must be at least 1");
        values.try_for_each(|(name, value)| self.join(name).require(*value > 0, problem))
    }

    /// Requires that these settings of the table are in a range: name, value, minimum, maximum.
    pub(crate) fn require_in_range(&self, values: &[(&str, f64, f64, f64)]) -> CheckResult {
        values.iter().try_for_each(|(name, value, min, max)| {
            let problem = format!("is {value} and must be from {min} to {max}");
            let is_in_range = (min..=max).contains(&value);
            self.join(name).require(is_in_range, problem)
        })
    }

    /// The table that a setting of this table names. The setting is called like the kind of table it names, in plural
    /// for a list.
    pub(crate) fn resolve<'a, T>(
        &self,
        setting: &str,
        name: &str,
        tables: &'a IndexMap<String, T>,
    ) -> Result<&'a T, Failure> {
        let (key, kind) = (self.join(setting), setting.trim_end_matches('s'));
        key.require(!name.is_empty(), format!("must name the {kind} it reads"))?;
        tables.get(name).ok_or_else(|| {
            let known: Vec<String> = tables.keys().cloned().collect();
            let problem = format!("names the {kind} `{name}`, which is not in the pipeline file");
            key.error(problem).with_hint(suggest(name, &known))
        })
    }
}
