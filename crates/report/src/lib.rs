//! The stage `report`: all figures of all models in one `metrics.json` and one
//! `predictions.parquet`, and one page that shows them with what led to them.
//!
//! Three steps that know nothing of each other's files: [`collect`] reads every artifact of the
//! pipeline into a plain [`ReportData`], [`render`] draws it as `report.html`, and [`merge`] unites
//! what evaluate wrote model by model.

mod baseline;
pub mod collect;
pub mod data;
mod error;
mod markup;
pub mod merge;
mod page;
mod pictures;
mod sections;
mod words;

use std::fs;
use std::path::Path;

use artifact::{Artifact, ArtifactError, Contract, OutputFile, StageName};
use settings::ReportSettings;
use stage::{Context, Failure, Outcome, Stage, format};

pub use baseline::BaselineOptions;
pub use data::ReportData;
pub use error::ReportError;
pub use page::render;
pub use pictures::intervals::draw_alone as models_picture;
pub use sections::findings::sentences as findings;

/// The files of a report.
const PAGE: &str = "report.html";
const PICTURE: &str = "models.svg";
const METRICS: &str = "metrics.json";
const PREDICTIONS: &str = "predictions.parquet";

/// The stage.
pub struct Report;

impl Stage for Report {
    const NAME: StageName = StageName::Report;
    const ABOUT: &'static str = "Put all figures of all models on one page\n\n\
Reads every artifact of the pipeline and writes `report.html` (one file that needs no network), `models.svg` \
(its first picture), `metrics.json` (figures of all models, and the paired test of every pair) and \
`predictions.parquet` (the predictions of all models).\n\n\
With `--baseline` it compares with an earlier `metrics.json` and fails on a significant loss of accuracy.";
    type Settings = ReportSettings;
    type Options = BaselineOptions;

    fn run(context: &Context, settings: ReportSettings) -> Result<Outcome, Failure> {
        let judged = merge::predictions(context, &context.output().join(PREDICTIONS))?;
        let metrics = merge::metrics(context, &judged)?;
        metrics
            .write(&context.output().join(METRICS))
            .map_err(ReportError::from)?;
        let data = collect::collect(context, &settings, &judged, &metrics)?;
        let mut files = vec![
            OutputFile::table(PREDICTIONS, judged.written),
            OutputFile::data(METRICS),
        ];
        write(&context.output().join(PAGE), &render(&data))?;
        files.push(OutputFile::record(PAGE));
        if let Some(picture) = models_picture(&data) {
            write(&context.output().join(PICTURE), &picture)?;
            files.push(OutputFile::record(PICTURE));
        }
        let models: Vec<String> = metrics.models.keys().cloned().collect();
        Ok(Outcome::new(
            Contract::Report { models },
            files,
            summary(&data),
        ))
    }

    fn after(
        context: &Context,
        artifact: &Artifact,
        options: &BaselineOptions,
    ) -> Result<(), Failure> {
        baseline::check(context, artifact, options)
    }
}

fn summary(data: &ReportData) -> String {
    let models = format::plural(data.models.len() as u64, "model", "models");
    let rows = format::plural(data.rows, "test review", "test reviews");
    match sections::findings::best(data) {
        Some((best, accuracy)) => {
            let (share, range) = words::share(accuracy);
            format!(
                "{models} on {rows}; best {} with {share} accuracy ({range})",
                best.name
            )
        }
        None => format!("{models} on {rows}"),
    }
}

fn write(path: &Path, text: &str) -> Result<(), ArtifactError> {
    fs::write(path, text).map_err(ArtifactError::io("write", path))
}
