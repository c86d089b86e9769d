//! `ressenti trend`: from reviews with a topic and a time to what people feel, how that changes, and how
//! sure it is.
//!
//! `compute::trend` is a pure function from reviews that a model has read, and a [`quantification::Quantifier`] that
//! knows how it errs, to a [`Trend`]. [`answer`] goes there from files; the command line shows what it finds, the
//! service sends it.

mod arguments;
mod backtest;
pub mod change_points;
mod compute;
mod data;
mod date_filter;
mod error;
mod error_rates;
mod files;
mod from_files;
mod kalman;
mod linearisation;
mod log_odds;
mod page;
pub mod period;
pub mod pooling;
mod read;
mod sentences;
pub mod state_space;
mod terminal;
#[cfg(test)]
mod tests;
mod word_changes;

use std::ffi::OsString;
use std::slice;

use artifact::{Failure, FailureKind, StageName};
use bundle::find::{self, Selection};
use bundle::{Networks, Predictor, exec_networks};
use clap::Parser;
use settings::{IngestSettings, StepId, table_of};
use stage::{Progress, check_tables, exit_code, print};

use arguments::{Arguments, Format};

pub use data::{Options, Trend};
pub use error::{TrendError, UnknownErrorRates, UnusableReviews};
pub use error_rates::{LearnedErrorRates, learn_from_evaluation};
pub use files::to_json;
pub use from_files::{ErrorRateSource, compute_trend};
pub use page::render_page;
pub use read::{TrendContext, TrendQuery};

/// Reviews that the model reads together: as many as its batches are filled well from.
const TOGETHER: usize = 8192;

/// Runs the program and returns its exit code. Without `networks` it continues in `ressenti-networks` if the model
/// is a network.
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
    if let Some(why) = &selection.reason {
        progress.note(why);
    }
    selection.start_threads();
    let predictor = Predictor::load(location, &selection.run, networks)?;
    let reading: IngestSettings = table_of("ingest", &arguments.of.overrides)?;
    let question = TrendQuery {
        files: &arguments.files,
        reading: &reading,
        topics: &arguments.topics,
        options: arguments.options(),
    };
    let reader = TrendContext {
        predictor: &predictor,
        progress: &progress,
        on_note: &|note| progress.note(note),
        max_reviews: u64::MAX,
        batch_rows: TOGETHER,
        is_stopped: &|| false,
    };
    let found = compute_trend(&question, &reader, rates(arguments, &selection)?)?;
    match arguments.format {
        Format::Text => print(&terminal::render_text(&found, name))?,
        Format::Json => print(&files::to_json(&found))?,
    }
    if let Some(folder) = &arguments.out {
        files::write(folder, &found, render_page(&found, name))?;
        progress.note(&format!("written: {}", folder.join("trend.html").display()));
    }
    Ok(())
}

fn select(arguments: &Arguments) -> Result<Selection, Failure> {
    let Some(folder) = &arguments.bundle else {
        return Selection::from_pipeline(arguments.of.load()?, arguments.model.as_slice());
    };
    if arguments.adapt.is_none() && arguments.labelled.is_none() {
        let unjudged = Failure::from(TrendError::UnknownErrorRates(UnknownErrorRates::BundleOnly));
        return Err(unjudged.with_kind(FailureKind::Usage));
    }
    let overrides = &arguments.of.overrides;
    check_tables(overrides, &["ingest", "run"])?;
    Selection::from_folders(slice::from_ref(folder), table_of("run", overrides)?)
}

/// From where it is known how the model errs: labelled reviews of the domain, or those it was judged on.
fn rates<'a>(
    arguments: &'a Arguments,
    selection: &Selection,
) -> Result<ErrorRateSource<'a>, Failure> {
    if let Some(count) = arguments.adapt {
        return Ok(ErrorRateSource::Sample(count));
    }
    if let Some(file) = &arguments.labelled {
        return Ok(ErrorRateSource::LabelledFile(file));
    }
    let Some(pipeline) = &selection.pipeline else {
        return Err(TrendError::UnknownErrorRates(UnknownErrorRates::BundleOnly).into());
    };
    let name = &selection.names[0];
    let made = find::identity(pipeline, name)?;
    let known = learn_from_evaluation(pipeline, name, made, arguments.seed)?;
    Ok(ErrorRateSource::Known(Box::new(known)))
}
