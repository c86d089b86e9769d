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
    if counts.rejected + counts.without_text > 0 {
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

/// Fails if no row was predicted, or if the share of rejected rows is larger than allowed. The output was written.
pub(crate) fn check_rejected(
    counts: &RowCounts,
    input: &Path,
    output: &Path,
    max_reject_rate: f64,
) -> Result<(), Failure> {
    let without_label = counts.rejected + counts.without_text;
    let is_nothing = without_label == counts.rows;
    if !is_nothing && counts.rejected as f64 <= max_reject_rate * counts.rows as f64 {
        return Ok(());
    }
    let rows = format::plural(counts.rows, "row", "rows");
    let rejects = rejected_path(output);
    let [input, output, rejects] = [input, output, &rejects].map(Path::display);
    let rejected = format::count(counts.rejected);
    let problem = match is_nothing {
        true if counts.rows == 0 => format!("`{input}` has no rows"),
        true => format!("No row of `{input}` was predicted: it has {rows}"),
        false => format!(
            "{rejected} of {rows} of `{input}` were rejected, more than `ingest.max_reject_rate` = {max_reject_rate} allows"
        ),
    };
    let hint = format!(
        "The reason of each row is in `{rejects}`, the predictions of the other rows are in `{output}`. `ressenti inspect \
         {input}` shows how the file is read; another column is used as the text by `--set ingest.columns.text=NAME`"
    );
    Err(Failure::new(problem).with_hint(hint))
}

/// One line about a predicted file; `rate` is in rows per second, if it was measured.
pub(crate) fn describe(counts: &RowCounts, output: &Path, rate: Option<f64>) -> String {
    let rows = format::plural(counts.rows, "row", "rows");
    let [positive, negative] = [counts.positive, counts.negative].map(format::count);
    let mut text = format!("{rows}: {positive} positive, {negative} negative");
    for (rows, what) in [
        (counts.undecided, "undecided"),
        (counts.without_text, "without a text"),
        (counts.rejected, "rejected"),
    ] {
        if rows > 0 {
            text += &format!(", {} {what}", format::count(rows));
        }
    }
    if counts.rejected + counts.without_text > 0 {
        text += &format!(" (listed in `{}`)", rejected_path(output).display());
    }
    if let Some(share) = wilson_interval(counts.correct, counts.labelled, 0.95) {
        let [accuracy, low, high] = [share.value, share.low, share.high].map(|it| 100.0 * it);
        let labelled = format::plural(counts.labelled, "labelled row", "labelled rows");
        text += &format!("; accuracy {accuracy:.2}% on {labelled} (95% CI {low:.2}–{high:.2})");
    }
    if let Some(rate) = rate {
        text += &format!("; {} rows per second", format::count(rate as u64));
    }
    format!("{text}; `{}`", output.display())
}
