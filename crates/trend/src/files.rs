//! Writes `trend.html`, `trend.json` and `trend.parquet`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;
use artifact::{ArtifactError, Failure, TableWriter};
use metrics::Estimate;

use crate::data::Trend;

/// The numeric columns of the table of periods.
pub(crate) const NUMBER_COLUMNS: [&str; 9] = [
    "counted",
    "share",
    "share_low",
    "share_high",
    "level",
    "level_low",
    "level_high",
    "change",
    "verdicts",
];

/// A row of the table of periods: a period or a forecast.
pub(crate) struct TableRow<'a> {
    pub(crate) label: &'a str,
    /// First day; `None` for a forecast.
    start: Option<&'a str>,
    /// Number of reviews; `None` for a forecast.
    pub(crate) rows: Option<usize>,
    /// Values of [`NUMBER_COLUMNS`]; `None` if unknown.
    pub(crate) numbers: [Option<f64>; NUMBER_COLUMNS.len()],
}

/// The table of periods, followed by forecasts.
pub(crate) fn table_rows(trend: &Trend) -> Vec<TableRow<'_>> {
    let values = |it: Estimate| [it.value, it.low, it.high].map(Some);
    let past = trend.periods.iter().map(|it| {
        let [share, low, high] = it.share.map_or([None; 3], values);
        let [level, level_low, level_high] = it.level.map_or([None; 3], values);
        let (change, authors) = (it.change, it.author_labels.map(|(share, _)| share));
        TableRow {
            label: &it.label,
            start: Some(&it.start),
            rows: Some(it.rows),
            numbers: [
                it.counted, share, low, high, level, level_low, level_high, change, authors,
            ],
        }
    });
    let ahead = trend.forecast.iter().map(|it| {
        let mut numbers = [None; NUMBER_COLUMNS.len()];
        numbers[4..7].copy_from_slice(&values(it.level));
        TableRow {
            label: &it.label,
            start: None,
            rows: None,
            numbers,
        }
    });
    past.chain(ahead).collect()
}

/// The table of `trend.parquet`. Unknown values are null, and forecasts have 0 reviews.
fn record_batch(trend: &Trend) -> Result<RecordBatch, ArrowError> {
    let rows = table_rows(trend);
    let labels = StringArray::from_iter_values(rows.iter().map(|it| it.label));
    let starts: StringArray = rows.iter().map(|it| it.start).collect();
    let reviews = rows.iter().map(|it| it.rows.unwrap_or(0) as u64);
    let reviews = UInt64Array::from_iter_values(reviews);
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("period", Arc::new(labels), false),
        ("start", Arc::new(starts), true),
        ("reviews", Arc::new(reviews), false),
    ];
    for (column, name) in NUMBER_COLUMNS.into_iter().enumerate() {
        let values: Float64Array = rows.iter().map(|it| it.numbers[column]).collect();
        columns.push((name, Arc::new(values), true));
    }
    RecordBatch::try_from_iter_with_nullable(columns)
}

/// Writes the files of a trend and its page into a folder, which is created if missing.
pub(crate) fn write_files(folder: &Path, trend: &Trend, page: String) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(ArtifactError::io("create", folder))?;
    let write_text = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(ArtifactError::io("write", &path))
    };
    write_text("trend.json", to_json(trend))?;
    write_text("trend.html", page)?;
    let path = folder.join("trend.parquet");
    let batch = record_batch(trend).map_err(ArtifactError::table("write", &path))?;
    let mut writer = TableWriter::create(&path, batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    Ok(())
}

/// The content of `trend.json`.
pub fn to_json(trend: &Trend) -> String {
    serde_json::to_string_pretty(trend).expect("a trend is plain data") + "\n"
}
