//! The end of a prediction: the output is renamed into place and summarised.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, format, sync};
use metrics::wilson_interval;

use super::RowCounts;
use super::output::{Columns, OutputFormat, to_parquet};
use super::paths::{output_failure, rejected_path};

/// Moves the predicted and the rejected rows to their final files.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn publish(
    [rows, rejected]: &[PathBuf; 2],
    columns: &Columns,
    counts: &RowCounts,
    output: &Path,
) -> Result<(), Failure> {
    let table = rows.with_extension("parquet");
    let is_table = OutputFormat::from_path(output)? == OutputFormat::Parquet;
    if is_table {
        to_parquet(rows, &table, columns).map_err(output_failure)?;
    }
    let finished = if is_table { &table } else { rows };
    let rejects = rejected_path(output);
    if counts.rejected > 0 {
        move_and_sync(rejected, &rejects).map_err(output_failure)?;
    } else if let Err(error) = fs::remove_file(&rejects)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(output_failure(ArtifactError::io("remove", &rejects)(error)));
    }
    move_and_sync(finished, output).map_err(output_failure)
}

fn move_and_sync(from: &Path, to: &Path) -> Result<(), ArtifactError> {
    sync(from)?;
    fs::rename(from, to).map_err(ArtifactError::io("write", to))?;
    match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync(folder),
        _ => sync(Path::new(".")),
    }
}

/// One line about a predicted file; `rate` is in rows per second, if it was measured.
pub(crate) fn describe(counts: &RowCounts, output: &Path, rate: Option<f64>) -> String {
    let count = |rows: u64| format::count(rows);
    let rows = format::plural(counts.rows, "row", "rows");
    let [positive, negative] = [counts.positive, counts.negative].map(count);
    let mut text = format!("{rows}: {positive} positive, {negative} negative");
    if counts.undecided > 0 {
        text.push_str(&format!(", {} undecided", count(counts.undecided)));
    }
    if counts.rejected > 0 {
        let (rejected, path) = (count(counts.rejected), rejected_path(output));
        let path = path.display();
        text += &format!(", {rejected} rejected (listed in `{path}`)");
    }
    if let Some(share) = wilson_interval(counts.correct, counts.labelled, 0.95) {
        let [accuracy, low, high] = [share.value, share.low, share.high].map(|it| 100.0 * it);
        let labelled = format::plural(counts.labelled, "labelled row", "labelled rows");
        text += &format!("; accuracy {accuracy:.2}% on {labelled} (95% CI {low:.2}–{high:.2})");
    }
    if let Some(rate) = rate {
        text.push_str(&format!("; {} rows per second", count(rate as u64)));
    }
    format!("{text}; `{}`", output.display())
}
