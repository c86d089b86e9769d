//! `--set table.key=value`: the file's own names, checked like the file itself.

use artifact::Failure;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::suggest;

/// One setting given on the command line instead of in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Its dotted name.
    path: String,
    value: Value,
    text: String,
}

impl Override {
    /// An override of a text value, which needs no quoting.
    pub fn from_text(path: &str, value: &str) -> Self {
        Self {
            path: path.to_owned(),
            value: Value::String(value.to_owned()),
            text: format!("{path}={value}"),
        }
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Puts the value into a parsed file. A misspelled name is then refused as in the file.
    pub(crate) fn apply(&self, file: &mut Table) -> Result<(), String> {
        self.check_variant(file)?;
        put(file, &self.path, self.value.clone())
    }

    /// One value does not make a variant: a name that is not in the file is a misspelled one.
    fn check_variant(&self, file: &Table) -> Result<(), String> {
        let parts: Vec<&str> = self.path.split('.').collect();
        let [
            table @ ("tokenizer" | "embedding" | "model" | "sweep" | "ensemble"),
            name,
            _,
            ..,
        ] = parts[..]
        else {
            return Ok(());
        };
        let known = file.get(table).and_then(Value::as_table);
        let known: Vec<String> = known.into_iter().flat_map(Table::keys).cloned().collect();
        if known.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(format!(
            "there is no `[{table}.{name}]` in the pipeline file. {}",
            suggest(name, &known)
        ))
    }
}

impl FromStr for Override {
    type Err = String;

    /// `a.b=c`, where c is a TOML value (`3`, `true`, `[1, 2]`, `"text"`) or else plain text.
    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or("expected `table.key=value`")?;
        let parts: Vec<&str> = path.split('.').map(str::trim).collect();
        if parts.contains(&"") {
            return Err(format!("`{path}` is not the dotted name of a setting"));
        }
        let parsed = format!("value = {value}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("value"));
        Ok(Self {
            path: parts.join("."),
            value: parsed.unwrap_or_else(|| Value::String(value.to_owned())),
            text: text.to_owned(),
        })
    }
}

/// Sets a dotted name in a table. Tables on the way are made, so that what is at its default may be set, too.
pub(crate) fn put(table: &mut Table, path: &str, value: Value) -> Result<(), String> {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut inner = table;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        let entry = inner
            .entry(part)
            .or_insert_with(|| Value::Table(Table::new()));
        inner = entry
            .as_table_mut()
            .ok_or_else(|| format!("`{part}` of `{path}` is a value, not a table"))?;
    }
    inner.insert(last.to_owned(), value);
    Ok(())
}

/// Applies overrides one by one, and reads what they give after each, so that the one that does not fit can
/// be named. `None` where there are none.
pub(crate) fn apply_all<'a, T>(
    overrides: impl Iterator<Item = &'a Override>,
    file: &mut Table,
    read: impl Fn(&Table) -> Result<T, toml::de::Error>,
) -> Result<Option<T>, Failure> {
    let mut found = None;
    for setting in overrides {
        let given = &setting.text;
        let failure = || {
            let message = format!("The setting `{given}` given with `--set` does not fit");
            Failure::new(message).with_hint(
                "An override is `--set table.key=value`, with the names of the pipeline file"
                    .to_owned(),
            )
        };
        let applied = setting.apply(file);
        applied.map_err(|problem| failure().with_cause(problem))?;
        found = Some(read(file).map_err(|error| failure().with_cause(error))?);
    }
    Ok(found)
}

/// A table of the pipeline file as these overrides alone give it, without a file: all else is at its
/// default. Overrides of other tables are left out.
///
/// # Errors
/// An override that names no setting of the table, or has a value that it cannot have.
pub fn table_from_overrides<T: DeserializeOwned + Default>(
    name: &str,
    overrides: &[Override],
) -> Result<T, Failure> {
    let is_of_table = |it: &&Override| it.path.split('.').next() == Some(name);
    let overrides = overrides.iter().filter(is_of_table);
    let found = apply_all(overrides, &mut Table::new(), |file| {
        T::deserialize(file[name].clone())
    })?;
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
    fn values_take_their_type_from_their_form() {
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
    fn what_is_no_override_is_refused() {
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
