//! Errors about the source and its columns.

use std::path::Path;

use settings::nearest;
use tables::{InputError, Problem};

/// Neither the pipeline file nor the command line names a source.
pub(crate) fn no_source() -> InputError {
    let message = "No source of reviews is set: `ingest.source` is empty";
    let hint = "Name the reviews with `--source PATH`: a CSV, TSV, JSON or Parquet file, or the aclImdb archive or folder";
    InputError::other(message, hint)
}

/// A setting names a column that the file does not have. `known` are the file's columns.
pub(crate) fn no_column(path: &Path, setting: &str, name: &str, known: &[String]) -> InputError {
    let path = path.display();
    let message = format!("`{setting}` names the column `{name}`, but `{path}` has no such column");
    let columns = format!("The columns are {}", format_columns(known));
    let hint = match nearest(name, known) {
        Some(close) => format!("Did you mean `{close}`? {columns}"),
        None => columns,
    };
    InputError::new(Problem::Columns(known.to_vec()), message, hint)
}

/// No column of the file is recognised as the text, and the settings name none.
pub(crate) fn unknown_columns(path: &Path, known: &[String]) -> InputError {
    // A single column name that contains another separator was probably split at the wrong one.
    let separators = [(";", "\";\""), ("\t", "\"\\t\""), ("|", "\"|\"")];
    let unsplit = match known {
        [name] => separators.iter().find(|(sign, _)| name.contains(sign)),
        _ => None,
    };
    let hint = match unsplit {
        Some((_, shown)) => format!("Set the separator with `--set 'ingest.delimiter={shown}'`"),
        None => format!(
            "Name the columns with `--set ingest.columns.text=NAME --set ingest.columns.label=NAME`; the columns are {}",
            format_columns(known)
        ),
    };
    let path = path.display();
    let message = format!("No column of `{path}` was recognised as the text of the reviews");
    InputError::new(Problem::Columns(known.to_vec()), message, hint)
}

/// Formats column names for a message.
pub(crate) fn format_columns(known: &[String]) -> String {
    let list: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    list.join(", ")
}
