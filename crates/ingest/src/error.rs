//! Problems of sources that several readers find.

use std::path::Path;

use settings::nearest;
use tables::{InputError, Problem};

/// The pipeline file names no source, and the command line neither.
pub(crate) fn no_source() -> InputError {
    InputError::other(
        "There is no source of reviews: `ingest.source` is not set",
        "Name the reviews with `--source PATH`: a CSV or TSV file, or the aclImdb archive or folder",
    )
}

/// A setting names a column that is not among the `known` ones.
pub(crate) fn no_column(path: &Path, setting: &str, name: &str, known: &[String]) -> InputError {
    let path = path.display();
    let message = format!("`{setting}` names the column `{name}`, which `{path}` does not have");
    let there = format!("The columns are {}", format_columns(known));
    let hint = match nearest(name, known) {
        Some(close) => format!("Did you mean `{close}`? {there}"),
        None => there,
    };
    InputError::new(Problem::Columns(known.to_vec()), message, hint)
}

/// No column of a file is named in the settings, and its header, these names, is unknown.
pub(crate) fn unknown_columns(path: &Path, known: &[String]) -> InputError {
    // A single column that holds a usual separator was most likely split at the wrong one.
    let separators = [(";", "\";\""), ("\t", "\"\\t\""), ("|", "\"|\"")];
    let unsplit = match known {
        [name] => separators.iter().find(|(sign, _)| name.contains(sign)),
        _ => None,
    };
    let hint = match unsplit {
        Some((_, shown)) => format!("Name the separator with `--set 'ingest.delimiter={shown}'`"),
        None => format!(
            "Say which is which with `--set ingest.columns.text=NAME --set ingest.columns.label=NAME`; the columns are {}",
            format_columns(known)
        ),
    };
    let path = path.display();
    let message = format!("The columns of `{path}` are none that ingest knows by itself");
    InputError::new(Problem::Columns(known.to_vec()), message, hint)
}

/// The names of columns, for people.
pub(crate) fn format_columns(known: &[String]) -> String {
    let list: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    list.join(", ")
}
