//! `ressenti trend`: the share of positive reviews over time, with intervals, change points and a forecast.
//!
//! `compute::estimate_trend` is a pure function from scored reviews and a [`quantification::Quantifier`] to a
//! [`Trend`]. [`compute_trend`] reads the files, runs the model and calls it; the command line and the service
//! both use it.

mod arguments;
mod backtest;
pub mod change_points;
mod chart;
mod compute;
mod data;
mod date_filter;
mod domain_shift;
mod error;
mod error_rates;
mod estimator;
mod files;
mod from_files;
mod kalman;
mod linearisation;
mod log_odds;
mod options;
mod page;
pub mod period;
pub mod pooling;
mod read;
mod sentences;
pub mod state_space;
mod terminal;
#[cfg(test)]
mod tests;
mod topic_mix;
mod word_changes;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::slice;

use artifact::{Failure, FailureKind, StageName};
use bundle::find::{self, Selection};
use bundle::{Networks, Predictor, exec_networks};
use clap::Parser;
use ingest::settings_for_file;
use settings::{IngestSettings, StepId, expand_pattern, table_from_overrides};
use stage::{Progress, check_tables, exit_code, print};

use arguments::{Arguments, Format};

pub use data::Trend;
pub use error::{TrendError, UnknownErrorRates, UnusableReviews};
pub use error_rates::{LearnedErrorRates, TrainingTexts, learn_from_evaluation};
pub use files::to_json;
pub use from_files::{ErrorRateSource, compute_trend};
pub use options::Options;
pub use page::render_page;
pub use read::{TrendContext, TrendQuery};

/// Number of reviews that are predicted together; enough to fill the model's batches well.
const BATCH_ROWS: usize = 8192;

/// Runs the program and returns its exit code. Without `networks`, a model that is a network is run by
/// `ressenti-networks`.
pub fn main(arguments: impl Iterator<Item = OsString>, networks: Option<Networks>) -> u8 {
    exit_code(run(&Arguments::parse_from(arguments), networks))
}

fn run(arguments: &Arguments, networks: Option<Networks>) -> Result<(), Failure> {
    let selection = select(arguments)?;
    if networks.is_none() && selection.needs_networks()? {
        return Err(exec_networks("trend"));
    }
    let (name, location) = (&selection.names[0], &selection.locations[0]);
    let progress = Progress::new(arguments.progress, StepId::new(StageName::Evaluate, name));
    if let Some(reason) = &selection.reason {
        progress.note(reason);
    }
    selection.start_threads();
    let predictor = Predictor::load(location, &selection.run, networks)?;
    let command_line: IngestSettings =
        table_from_overrides("ingest", &arguments.pipeline.overrides)?;
    let settings_for = |file: &Path| {
        let pipeline = selection.pipeline.as_ref();
        settings_for_file(file, command_line.clone(), pipeline, &progress)
    };
    let files = arguments.files.iter().flat_map(|it| expand_pattern(it));
    let files: Vec<PathBuf> = files.collect();
    let reading = settings_for(&files[0]);
    let query = TrendQuery {
        files: &files,
        reading: &reading,
        topics: &arguments.topics,
        options: arguments.options,
    };
    let training_texts = match &selection.pipeline {
        Some(pipeline) => TrainingTexts::of_model(pipeline, name)?,
        None => TrainingTexts::default(),
    };
    let context = TrendContext {
        predictor: &predictor,
        training_texts: &training_texts,
        progress: &progress,
        on_note: &|note| progress.note(note),
        max_reviews: u64::MAX,
        batch_rows: BATCH_ROWS,
        is_stopped: &|| false,
    };
    let source = error_rate_source(arguments, &selection, settings_for)?;
    let mut trend = compute_trend(&query, &context, source)?;
    let names = files.iter().filter_map(|it| it.file_name());
    trend.files = names.map(|it| it.to_string_lossy().into()).collect();
    match arguments.format {
        Format::Text => print(&terminal::render_text(&trend, name))?,
        Format::Json => print(&files::to_json(&trend))?,
    }
    if let Some(folder) = &arguments.out {
        files::write_files(folder, &trend, render_page(&trend, name))?;
        progress.note(&format!("wrote `{}`", folder.join("trend.html").display()));
    }
    Ok(())
}

fn select(arguments: &Arguments) -> Result<Selection, Failure> {
    let Some(folder) = &arguments.bundle else {
        return Selection::from_pipeline(arguments.pipeline.load()?, arguments.model.as_slice());
    };
    if arguments.calibrate_on.is_none() && arguments.labelled.is_none() {
        let error = Failure::from(TrendError::UnknownErrorRates(UnknownErrorRates::BundleOnly));
        return Err(error.with_kind(FailureKind::Usage));
    }
    let overrides = &arguments.pipeline.overrides;
    check_tables(overrides, &["ingest", "run"])?;
    let run = table_from_overrides("run", overrides)?;
    Selection::from_folders(slice::from_ref(folder), run)
}

/// Where the model's error rates come from: labelled reviews of the domain, or the model's evaluation.
fn error_rate_source<'a>(
    arguments: &'a Arguments,
    selection: &Selection,
    settings_for: impl Fn(&Path) -> IngestSettings,
) -> Result<ErrorRateSource<'a>, Failure> {
    if let Some(count) = arguments.calibrate_on {
        return Ok(ErrorRateSource::Sample(count));
    }
    if let Some(file) = &arguments.labelled {
        let files = expand_pattern(file);
        return Ok(ErrorRateSource::Labelled {
            file,
            reading: Box::new(settings_for(&files[0])),
            files,
        });
    }
    let Some(pipeline) = &selection.pipeline else {
        return Err(TrendError::UnknownErrorRates(UnknownErrorRates::BundleOnly).into());
    };
    let name = &selection.names[0];
    let identity = find::identity(pipeline, name)?;
    let error_rates = learn_from_evaluation(pipeline, name, identity, arguments.options.seed)?;
    Ok(ErrorRateSource::Known(Box::new(error_rates)))
}
