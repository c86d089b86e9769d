//! Converts a table that is written as one JSON value to records. pandas and polars write such values.

use serde_json::map::Keys;
use serde_json::value::Index;
use serde_json::{Map, Value, json};

/// Why a JSON value is not a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTable {
    /// It is one object with members of several kinds.
    Record,
    /// It is of this form, which has no certain rows and columns.
    Unclear(&'static str),
}

/// The rows of a table, each a JSON object on one line, and the form of the table for people.
///
/// # Errors
/// The value is one record, or its rows cannot be told from its columns.
pub(super) fn rows_of(document: Value) -> Result<(Vec<u8>, &'static str), NoTable> {
    let (rows, form) = match document {
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let texts = items.into_iter().map(|text| json!({ "text": text }));
            (texts.collect(), "JSON array of texts")
        }
        Value::Array(items) if items.iter().any(Value::is_object) => return Err(NoTable::Record),
        Value::Array(_) => return Err(NoTable::Unclear("a JSON array of arrays")),
        Value::Object(members) => rows_of_object(members)?,
        _ => return Err(NoTable::Record),
    };
    let lines = rows.iter().map(|row| format!("{row}\n"));
    Ok((lines.collect::<String>().into_bytes(), form))
}

fn rows_of_object(members: Map<String, Value>) -> Result<(Vec<Value>, &'static str), NoTable> {
    if let (Some(Value::Array(names)), Some(Value::Array(data))) =
        (members.get("columns"), members.get("data"))
    {
        let row = |values: &Value| {
            let values = values.as_array().into_iter().flatten().cloned();
            let name = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
            names.iter().map(name).zip(values).collect()
        };
        return Ok((data.iter().map(row).collect(), "JSON columns and data"));
    }
    let length = |value: &Value| value.as_array().map_or(0, Vec::len);
    let rows = members.values().map(length).min().unwrap_or(0);
    if rows > 0 && members.values().all(|value| length(value) == rows) {
        let rows = (0..rows).map(|row| row_of_columns(&members, row));
        return Ok((rows.collect(), "JSON object of columns"));
    }
    let inner: Option<Vec<&Map<_, _>>> = members.values().map(Value::as_object).collect();
    let Some([first, others @ ..]) = inner.as_deref() else {
        return Err(NoTable::Record);
    };
    let is_shared = |name: &String| others.iter().all(|other| other.contains_key(name));
    if !first.keys().any(is_shared) {
        return Err(NoTable::Record);
    }
    let are_numbers = |mut names: Keys<'_>| names.all(|name| name.parse::<i64>().is_ok());
    let are_many = |many: usize, few: usize| many >= 10 && many > 2 * few;
    let (outer, inner) = (members.len(), first.len());
    if are_numbers(first.keys()) || are_many(inner, outer) {
        let rows = first.keys().map(|key| row_of_columns(&members, key));
        return Ok((rows.collect(), "JSON object of columns"));
    }
    if !are_numbers(members.keys()) && !are_many(outer, inner) {
        return Err(NoTable::Unclear("a JSON object of objects"));
    }
    let row = |(key, mut row): (String, Value)| {
        if let Some(row) = row.as_object_mut() {
            row.entry("id").or_insert(Value::String(key));
        }
        row
    };
    let rows = members.into_iter().map(row);
    Ok((rows.collect(), "JSON object of rows"))
}

/// The values of all columns at a position or key.
fn row_of_columns(columns: &Map<String, Value>, at: impl Index) -> Value {
    let value = |(name, column): (&String, &Value)| (name.clone(), column[&at].clone());
    columns.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_in_one_value_become_rows() {
        let rows = "{\"text\":\"a\",\"n\":1}\n{\"text\":\"b\",\"n\":null}\n";
        let check = |document: &str, expected: Result<(&str, &str), NoTable>| {
            let document = serde_json::from_str(document).expect("JSON");
            let found = rows_of(document)
                .map(|(rows, form)| (String::from_utf8_lossy(&rows).into_owned(), form));
            let found = found.as_ref().map(|(rows, form)| (rows.as_str(), *form));
            assert_eq!(found, expected.as_ref().copied());
        };
        let columns = Ok((rows, "JSON object of columns"));
        check(
            "{\"text\":{\"0\":\"a\",\"1\":\"b\"},\"n\":{\"0\":1,\"1\":null}}",
            columns,
        );
        check("{\"text\":[\"a\",\"b\"],\"n\":[1,null]}", columns);
        check(
            "{\"columns\":[\"text\",\"n\"],\"index\":[0,1],\"data\":[[\"a\",1],[\"b\",null]]}",
            Ok((rows, "JSON columns and data")),
        );
        check(
            "{\"7\":{\"text\":\"a\"},\"9\":{\"text\":\"b\",\"id\":2}}",
            Ok((
                "{\"text\":\"a\",\"id\":\"7\"}\n{\"text\":\"b\",\"id\":2}\n",
                "JSON object of rows",
            )),
        );
        check(
            "[\"a\",\"b\"]",
            Ok((
                "{\"text\":\"a\"}\n{\"text\":\"b\"}\n",
                "JSON array of texts",
            )),
        );
        check(
            "[[\"a\",1]]",
            Err(NoTable::Unclear("a JSON array of arrays")),
        );
        check(
            "{\"x\":{\"text\":\"a\"},\"y\":{\"text\":\"b\"}}",
            Err(NoTable::Unclear("a JSON object of objects")),
        );
        for record in [
            "{\"text\":\"a\",\"tags\":[1]}",
            "{\"a\":{\"b\":1},\"c\":{\"d\":1}}",
            "{}",
        ] {
            check(record, Err(NoTable::Record));
        }
        // With many names, rows are more than columns.
        let names: Vec<String> = (0..20).map(|name| format!("\"B{name}\"")).collect();
        let rows = |document: String| {
            let document = serde_json::from_str(&document).expect("JSON");
            let (rows, form) = rows_of(document).expect("a table");
            (rows.iter().filter(|byte| **byte == b'\n').count(), form)
        };
        let by_name = |value: &str| names.join(&format!(":{value},")) + ":" + value;
        let column = by_name("1");
        assert_eq!(
            rows(format!("{{\"text\":{{{column}}},\"n\":{{{column}}}}}")),
            (20, "JSON object of columns")
        );
        assert_eq!(
            rows(format!("{{{}}}", by_name("{\"text\":\"a\"}"))),
            (20, "JSON object of rows")
        );
    }
}
