//! `trend.json` and `trend.parquet`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use artifact::{ArtifactError, Failure, TableWriter};
use metrics::Estimate;

use crate::data::Trend;
use crate::page;

/// The table of periods: what is not known is null; forecasts have no reviews.
fn schema() -> SchemaRef {
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let mut fields = vec![
        Field::new("period", DataType::Utf8, false),
        Field::new("start", DataType::Utf8, true),
        Field::new("reviews", DataType::UInt64, false),
    ];
    fields.extend(
        [
            "counted",
            "share",
            "share_low",
            "share_high",
            "level",
            "level_low",
            "level_high",
            "change",
            "verdicts",
        ]
        .map(number),
    );
    Arc::new(Schema::new(fields))
}

/// Writes all files of a trend into a folder, which is made if need be.
pub(crate) fn write(folder: &Path, trend: &Trend, model: &str) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(ArtifactError::io("create", folder))?;
    let text = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(ArtifactError::io("write", &path))
    };
    text("trend.json", json(trend))?;
    text("trend.html", page::render(trend, model))?;
    let path = folder.join("trend.parquet");
    let batch = RecordBatch::try_new(schema(), columns(trend))
        .map_err(ArtifactError::table("write", &path))?;
    let mut writer = TableWriter::create(&path, schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    Ok(())
}

/// All of it as JSON: `trend.json`.
pub fn json(trend: &Trend) -> String {
    serde_json::to_string_pretty(trend).expect("a trend is plain data") + "\n"
}

fn columns(trend: &Trend) -> Vec<ArrayRef> {
    let (periods, forecasts) = (&trend.periods, &trend.forecast);
    let labels = periods.iter().map(|it| it.label.as_str());
    let labels = labels.chain(forecasts.iter().map(|it| it.label.as_str()));
    let starts = periods.iter().map(|it| Some(it.start.as_str()));
    let starts = starts.chain(forecasts.iter().map(|_| None));
    let reviews = periods.iter().map(|it| it.rows as u64);
    let reviews = reviews.chain(forecasts.iter().map(|_| 0));
    // A column of the periods, and of the forecasts nothing.
    let past = |value: &dyn Fn(usize) -> Option<f64>| -> ArrayRef {
        let none = forecasts.iter().map(|_| None);
        Arc::new(
            (0..periods.len())
                .map(value)
                .chain(none)
                .collect::<Float64Array>(),
        )
    };
    let level = |value: fn(&Estimate) -> f64| -> ArrayRef {
        let past = periods.iter().map(|it| value(&it.level));
        let all = past.chain(forecasts.iter().map(|it| value(&it.level)));
        Arc::new(Float64Array::from_iter_values(all))
    };
    vec![
        Arc::new(StringArray::from_iter_values(labels)),
        Arc::new(starts.collect::<StringArray>()),
        Arc::new(UInt64Array::from_iter_values(reviews)),
        past(&|at| periods[at].counted),
        past(&|at| Some(periods[at].share?.value)),
        past(&|at| Some(periods[at].share?.low)),
        past(&|at| Some(periods[at].share?.high)),
        level(|it| it.value),
        level(|it| it.low),
        level(|it| it.high),
        past(&|at| Some(periods[at].change)),
        past(&|at| Some(periods[at].verdicts?.0)),
    ]
}
