//! The end of a prediction: the output is renamed into place, and a summary is printed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, format, sync};
use metrics::wilson_interval;

use super::Done;
use super::form::{Columns, Form, to_parquet};
use super::places::{rejects_of, unwritten};

/// Puts all rows that were written, and those kept aside, in the place of the output.
///
/// # Errors
/// The disk refuses.
pub(crate) fn publish(
    [rows, rejected]: &[PathBuf; 2],
    columns: &Columns,
    done: &Done,
    output: &Path,
) -> Result<(), Failure> {
    let table = rows.with_extension("parquet");
    let is_table = Form::of(output)? == Form::Parquet;
    if is_table {
        to_parquet(rows, &table, columns).map_err(unwritten)?;
    }
    let finished = if is_table { &table } else { rows };
    let rejects = rejects_of(output);
    if done.rejected > 0 {
        put_in_place(rejected, &rejects).map_err(unwritten)?;
    } else if let Err(error) = fs::remove_file(&rejects)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(unwritten(ArtifactError::io("remove", &rejects)(error)));
    }
    put_in_place(finished, output).map_err(unwritten)
}

fn put_in_place(from: &Path, to: &Path) -> Result<(), ArtifactError> {
    sync(from)?;
    fs::rename(from, to).map_err(ArtifactError::io("write", to))?;
    match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync(folder),
        _ => sync(Path::new(".")),
    }
}

/// What came of a file in a line; `rate` in rows a second, where it was measured.
pub(crate) fn in_words(done: &Done, output: &Path, rate: Option<f64>) -> String {
    let count = |rows: u64| format::count(rows);
    let mut text = format!(
        "{}: {} positive, {} negative",
        format::plural(done.rows, "row", "rows"),
        count(done.positive),
        count(done.negative)
    );
    if done.undecided > 0 {
        text.push_str(&format!(", {} undecided", count(done.undecided)));
    }
    if done.rejected > 0 {
        let (rejected, place) = (count(done.rejected), rejects_of(output));
        text.push_str(&format!(", {rejected} kept aside in `{}`", place.display()));
    }
    if let Some(share) = wilson_interval(done.right, done.judged, 0.95) {
        let [right, low, high] = [share.value, share.low, share.high].map(|it| 100.0 * it);
        let judged = count(done.judged);
        text.push_str(&format!(
            "; {right:.2} % of {judged} with a label right (95 % interval {low:.2} to {high:.2})"
        ));
    }
    if let Some(rate) = rate {
        text.push_str(&format!("; {} a second", count(rate as u64)));
    }
    format!("{text}; `{}`", output.display())
}
