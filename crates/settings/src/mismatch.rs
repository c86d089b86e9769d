//! Explains why a table of the pipeline file was rejected: which setting, its value, and what is allowed.

use std::fmt::{self, Display, Formatter};

use artifact::Failure;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use crate::schema::{Schema, allowed_values, alternatives};
use crate::suggest;

/// Settings and values of earlier versions: the type they belong to, the old name, the new name.
#[rustfmt::skip]
const RENAMED: [(&str, &str, &str); 7] = [
    ("IngestSettings", "max_unpacked_bytes", "max_decompressed_bytes"),
    ("LabelValues", "none", "unlabelled"),
    ("NearDuplicateSettings", "find", "enabled"),
    ("AdaptationSettings", "masked", "mask_probability"),
    ("ModelKind", "winner", "best_of_sweep"),
    ("SweepSettings", "random", "random_trials"),
    ("HalvingSettings", "first", "min_epochs"),
];

/// The first setting of a table that is unknown, missing or has a wrong value.
#[derive(Debug)]
pub(crate) struct Mismatch {
    path: Vec<String>,
    problem: String,
    hint: Option<String>,
}

impl Display for Mismatch {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` {}", self.path.join("."), self.problem)
    }
}

/// Settings that were read or checked, or the first wrong one.
pub(crate) type Checked<T = ()> = Result<T, Mismatch>;

/// Reads a value of the pipeline file as settings. `path` is the dotted name of the value.
pub(crate) fn read<T: DeserializeOwned + JsonSchema>(value: Value, path: &[&str]) -> Checked<T> {
    T::deserialize(value.clone()).map_err(|_| {
        let schema = Schema::new::<T>();
        let path: Vec<String> = path.iter().copied().map(str::to_owned).collect();
        let found = schema.check(&value, &path);
        let unknown = || Mismatch::new(&path, "has a value that is not allowed");
        found.err().unwrap_or_else(unknown)
    })
}

impl From<Mismatch> for Failure {
    fn from(mismatch: Mismatch) -> Self {
        Self::new(mismatch.to_string()).with_hint(mismatch.hint)
    }
}

impl Mismatch {
    pub(crate) fn new(path: &[String], problem: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(self, hint: impl Into<Option<String>>) -> Self {
        let hint = hint.into();
        Self { hint, ..self }
    }

    /// The mismatch as the cause of a failure. The text of the file, if there is one, gives the line.
    pub(crate) fn explain(self, failure: Failure, text: Option<&str>) -> Failure {
        let line = text.and_then(|text| self.line(text));
        let place = line.map_or(String::new(), |line| format!("line {line}: "));
        let cause = format!("{place}{self}");
        failure.with_cause(cause).with_hint(self.hint)
    }

    /// Line of the setting, or of the innermost table around it that is in the file.
    fn line(&self, text: &str) -> Option<usize> {
        let document = DeTable::parse(text).ok()?;
        let (mut table, mut start) = (document.get_ref(), None);
        for name in &self.path {
            let Some((key, value)) = table.get_key_value(name.as_str()) else {
                break;
            };
            start = Some(key.span().start);
            let DeValue::Table(inner) = value.get_ref() else {
                break;
            };
            table = inner;
        }
        start.map(|start| text[..start].matches('\n').count() + 1)
    }
}

impl Schema {
    /// Checks a value of the pipeline file, and finds the first setting that the schema does not allow. `path` is
    /// the name of the value.
    pub(crate) fn check(&self, value: &Value, path: &[String]) -> Checked {
        self.check_part(&self.name, &self.root, value, path)
    }

    /// Checks a value against a part of the schema. `owner` is the name of the type that the part belongs to.
    fn check_part(&self, owner: &str, schema: &Json, value: &Value, path: &[String]) -> Checked {
        let (name, schema) = self.resolve(schema);
        let owner = if name.is_empty() { owner } else { name };
        let forms = alternatives(schema).into_iter().flatten();
        let results = forms.map(|form| self.check_part(owner, form, value, path));
        let mut results: Vec<Checked> = results.collect();
        if results.iter().any(Result::is_ok) {
            return Ok(());
        }
        // An error about a setting of a table is more precise than "must be a list or a table".
        let is_inside = |error: &Mismatch| error.path.len() > path.len();
        let mut errors = results.iter().map(|found| found.as_ref().err());
        if let Some(inside) = errors.position(|error| error.is_some_and(is_inside)) {
            return results.swap_remove(inside);
        }
        match (schema["type"].as_str(), value) {
            (Some("object"), Value::Table(table)) => self.check_table(owner, schema, table, path),
            (Some("array"), Value::Array(items)) => {
                let check = |item| self.check_part(owner, &schema["items"], item, path);
                items.iter().try_for_each(check)
            }
            _ if results.is_empty() && accepts(schema, value) => Ok(()),
            _ => Err(self.wrong_value(owner, schema, value, path)),
        }
    }

    fn check_table(&self, owner: &str, schema: &Json, table: &Table, path: &[String]) -> Checked {
        let join = |name: &str| [path, &[name.to_owned()]].concat();
        for (name, value) in table {
            let path = join(name);
            let others = schema.get("additionalProperties");
            let inner = schema["properties"].get(name).or(others);
            let inner = inner.filter(|inner| inner.is_object());
            let inner = inner.ok_or_else(|| unknown(owner, schema, value, &path))?;
            self.check_part(owner, inner, value, &path)?;
        }
        let required = schema["required"].as_array().into_iter().flatten();
        let mut required = required.filter_map(Json::as_str);
        let Some(missing) = required.find(|name| !table.contains_key(*name)) else {
            return Ok(());
        };
        let allowed = self.describe(&schema["properties"][missing]);
        let table = match path {
            [] => "the pipeline file".to_owned(),
            _ => format!("`[{}]`", path.join(".")),
        };
        let hint = format!("Add `{missing}` to {table}: {allowed}");
        Err(Mismatch::new(&join(missing), "is missing").with_hint(hint))
    }

    fn wrong_value(&self, owner: &str, schema: &Json, value: &Value, path: &[String]) -> Mismatch {
        let allowed = allowed_values(schema);
        let given = match value {
            Value::Table(_) => "a table".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            value => value.to_string(),
        };
        let Some(text) = value.as_str().filter(|_| !allowed.is_empty()) else {
            let range = match (schema["format"].as_str(), value) {
                (Some("uint32"), Value::Integer(_)) => format!(" from 0 to {}", u32::MAX),
                (Some("int32"), Value::Integer(_)) => format!(" from {} to {}", i32::MIN, i32::MAX),
                (Some(_), Value::Integer(_)) => " of at least 0".to_owned(),
                _ => String::new(),
            };
            let problem = format!("is {given} and must be {}{range}", self.describe(schema));
            return Mismatch::new(path, problem);
        };
        let setting = path.last().map_or("", String::as_str);
        let hint = match new_name(owner, text) {
            Some(new) => format!("`{text}` is now called `{new}`: write `{setting} = \"{new}\"`"),
            None => suggest(text, &allowed),
        };
        Mismatch::new(path, format!("is {given}, which is not an allowed value")).with_hint(hint)
    }
}

/// The error about a name that the table does not have.
fn unknown(owner: &str, schema: &Json, value: &Value, path: &[String]) -> Mismatch {
    let known = schema["properties"].as_object().into_iter().flatten();
    let known: Vec<String> = known.map(|(name, _)| name.clone()).collect();
    let name = path.last().map_or("", String::as_str);
    let hint = match new_name(owner, name) {
        Some(new) => format!("`{name}` is now called `{new}`: write `{new} = {value}`"),
        None => suggest(name, &known),
    };
    let problem = match path.len() {
        1 => "is not a table of the pipeline file",
        _ => "is not a setting",
    };
    Mismatch::new(path, problem).with_hint(hint)
}

fn new_name(owner: &str, old: &str) -> Option<&'static str> {
    let mut renamed = RENAMED.iter();
    let found = renamed.find(|(table, name, _)| *table == owner && *name == old);
    found.map(|(_, _, new)| *new)
}

/// Whether a schema without alternatives accepts a value that is not a table or list.
fn accepts(schema: &Json, value: &Value) -> bool {
    match (schema["type"].as_str(), value) {
        (None, _) => true,
        (Some("integer"), Value::Integer(value)) => match schema["format"].as_str() {
            Some("uint32") => u32::try_from(*value).is_ok(),
            Some("int32") => i32::try_from(*value).is_ok(),
            _ => u64::try_from(*value).is_ok(),
        },
        (Some("number"), Value::Integer(_) | Value::Float(_)) => true,
        (Some("boolean"), Value::Boolean(_)) => true,
        (Some("string"), Value::String(text)) => {
            let is_character = schema["maxLength"] != 1 || text.chars().count() == 1;
            is_character && schema.get("const").is_none_or(|allowed| *allowed == **text)
        }
        _ => false,
    }
}
