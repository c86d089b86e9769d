//! `--set table.key=value`: replaces a setting of the pipeline file and is checked in the same way.

use artifact::Failure;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::mismatch::{Checked, Mismatch, read};
use crate::suggest;

/// Tables whose variants must be in the pipeline file before a setting of them is replaced.
const WITH_VARIANTS: [&str; 5] = ["tokenizer", "embedding", "model", "sweep", "ensemble"];

/// A setting given on the command line with `--set`.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Dotted name of the setting.
    path: String,
    value: Value,
    text: String,
}

impl Override {
    /// An override with a text as its value, whatever the text looks like.
    pub fn from_text(path: &str, value: &str) -> Self {
        Self {
            path: path.to_owned(),
            value: Value::String(value.to_owned()),
            text: format!("{path}={value}"),
        }
    }

    /// The text `table.key=value`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Sets the value in a parsed file. Reading the file afterwards finds misspelled names.
    pub(crate) fn apply(&self, file: &mut Table) -> Checked {
        self.check_variant(file)?;
        insert(file, &self.path, self.value.clone())
    }

    /// Refuses overrides of variants that are not in the file: the name is probably misspelled.
    fn check_variant(&self, file: &Table) -> Checked {
        let parts: Vec<&str> = self.path.split('.').collect();
        let [table, name, _, ..] = parts[..] else {
            return Ok(());
        };
        let known = file.get(table).and_then(Value::as_table);
        let known: Vec<String> = known.into_iter().flat_map(Table::keys).cloned().collect();
        if !WITH_VARIANTS.contains(&table) || known.iter().any(|known| known == name) {
            return Ok(());
        }
        let path = [table.to_owned(), name.to_owned()];
        let error = Mismatch::new(&path, "is not a table of the pipeline file");
        Err(error.with_hint(suggest(name, &known)))
    }
}

impl FromStr for Override {
    type Err = String;

    /// Parses `a.b=c`, where c is a TOML value (`3`, `true`, `[1, 2]`, `"text"`) or a text without quotes.
    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or("expected `table.key=value`")?;
        let parts: Vec<&str> = path.split('.').map(str::trim).collect();
        if parts.contains(&"") {
            return Err(format!("`{path}` is not the dotted name of a setting"));
        }
        let parsed = format!("value = {value}").parse::<Table>();
        let parsed = parsed.ok().and_then(|mut it| it.remove("value"));
        Ok(Self {
            path: parts.join("."),
            value: parsed.unwrap_or_else(|| Value::String(value.to_owned())),
            text: text.to_owned(),
        })
    }
}

/// Sets a dotted name in a table. Missing tables on the path are added.
pub(crate) fn insert(table: &mut Table, path: &str, value: Value) -> Checked {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut inner = table;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        let entry = inner.entry(part).or_insert_with(|| Table::new().into());
        let error = || Mismatch::new(&[part.to_owned()], "is a value, not a table");
        inner = entry.as_table_mut().ok_or_else(error)?;
    }
    inner.insert(last.to_owned(), value);
    Ok(())
}

/// Applies overrides one after another. The file is read after each of them, so that an error can name the
/// override. `None` if there are no overrides.
pub(crate) fn apply_all<'a, T>(
    overrides: impl Iterator<Item = &'a Override>,
    file: &mut Table,
    read: impl Fn(&Table) -> Checked<T>,
) -> Result<Option<T>, Failure> {
    let mut found = None;
    for setting in overrides {
        let failure = || Failure::new(format!("Failed to apply `--set {}`", setting.text));
        let applied = setting.apply(file);
        let read = applied.and_then(|()| read(file));
        found = Some(read.map_err(|mismatch| mismatch.explain(failure(), None))?);
    }
    Ok(found)
}

/// A table of the pipeline file without a file: the defaults, changed by the overrides of this table.
///
/// # Errors
/// An override names an unknown setting, or its value is not allowed.
pub fn table_from_overrides<T: DeserializeOwned + Default + JsonSchema>(
    name: &str,
    overrides: &[Override],
) -> Result<T, Failure> {
    let is_of_table = |it: &&Override| it.path.split('.').next() == Some(name);
    let overrides = overrides.iter().filter(is_of_table);
    let read = |file: &Table| read(file[name].clone(), &[name]);
    let found = apply_all(overrides, &mut Table::new(), read)?;
    Ok(found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut file: Table = "[model.lstm]\nhidden = 64\n".parse().expect("a literal");
        text.parse::<Override>()
            .expect("an override")
            .apply(&mut file)
            .expect("it applies");
        let expected: Table = expected.parse().expect("a literal");
        assert_eq!(file, expected, "{text}");
    }

    #[test]
    fn types_of_values_are_inferred() {
        check("model.lstm.hidden=32", "[model.lstm]\nhidden = 32");
        check(
            "run.device=cpu",
            "run.device = \"cpu\"\n[model.lstm]\nhidden = 64",
        );
        check("run.on=true", "run.on = true\n[model.lstm]\nhidden = 64");
        check(
            "run.list=[1, 2]",
            "run.list = [1, 2]\n[model.lstm]\nhidden = 64",
        );
        check(
            "ingest.source=a b=c.csv",
            "ingest.source = \"a b=c.csv\"\n[model.lstm]\nhidden = 64",
        );
    }

    #[test]
    fn malformed_overrides_are_refused() {
        assert!("model.lstm".parse::<Override>().is_err());
        assert!("model..x=1".parse::<Override>().is_err());
        let mut file: Table = "run = 1".parse().expect("a literal");
        assert!(
            "run.device=cpu"
                .parse::<Override>()
                .expect("an override")
                .apply(&mut file)
                .is_err()
        );
    }
}
