//! `ressenti trend`: from reviews with a topic and a time to what people feel, how that changes, and how
//! sure it is.
//!
//! `compute::trend` is a pure function from reviews that a model has read, and a [`quantification::Quantifier`] that
//! knows how it errs, to a [`Trend`]. [`answer`] goes there from files; the command line shows what it finds, the
//! service sends it.

mod answer;
mod arguments;
mod backtest;
pub mod change_points;
mod compute;
mod data;
mod errors;
mod files;
mod kalman;
mod linearised;
mod odds;
mod page;
pub mod period;
pub mod pooling;
mod read;
mod refused;
mod sentences;
mod show;
pub mod state_space;
#[cfg(test)]
mod tests;
mod times;
mod words;

use std::ffi::OsString;
use std::slice;

use artifact::{Failure, FailureKind, StageName};
use bundle::find::{self, Selection};
use bundle::{Networks, Predictor, exec_networks};
use clap::Parser;
use settings::{IngestSettings, StepId, table_of};
use stage::{Progress, check_tables, exit_code, print};

use arguments::{Arguments, Format};

pub use answer::{ErrorRates, answer};
pub use data::{Options, Trend};
pub use errors::{Learned, of_validation};
pub use files::json;
pub use page::render;
pub use read::{Question, Reader};
pub use refused::{Refused, Unfit, Unjudged};

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
    let (name, place) = (&selection.names[0], &selection.locations[0]);
    let progress = Progress::new(arguments.progress, StepId::new(StageName::Evaluate, name));
    if let Some(why) = &selection.reason {
        progress.note(why);
    }
    selection.start_threads();
    let predictor = Predictor::load(place, &selection.run, networks)?;
    let reading: IngestSettings = table_of("ingest", &arguments.of.overrides)?;
    let question = Question {
        files: &arguments.files,
        reading: &reading,
        topics: &arguments.topics,
        options: arguments.options(),
    };
    let reader = Reader {
        predictor: &predictor,
        progress: &progress,
        on_note: &|note| progress.note(note),
        most: u64::MAX,
        together: TOGETHER,
        is_stopped: &|| false,
    };
    let found = answer(&question, &reader, rates(arguments, &selection)?)?;
    match arguments.format {
        Format::Text => print(&show::text(&found, name))?,
        Format::Json => print(&files::json(&found))?,
    }
    if let Some(folder) = &arguments.out {
        files::write(folder, &found, render(&found, name))?;
        progress.note(&format!("written: {}", folder.join("trend.html").display()));
    }
    Ok(())
}

fn select(arguments: &Arguments) -> Result<Selection, Failure> {
    let Some(folder) = &arguments.bundle else {
        return Selection::from_pipeline(arguments.of.load()?, arguments.model.as_slice());
    };
    if arguments.adapt.is_none() && arguments.labelled.is_none() {
        let unjudged = Failure::from(Refused::Unjudged(Unjudged::Bundle));
        return Err(unjudged.with_kind(FailureKind::Usage));
    }
    let overrides = &arguments.of.overrides;
    check_tables(overrides, &["ingest", "run"])?;
    Selection::from_folders(slice::from_ref(folder), table_of("run", overrides)?)
}

/// From where it is known how the model errs: labelled reviews of the domain, or those it was judged on.
fn rates<'a>(arguments: &'a Arguments, selection: &Selection) -> Result<ErrorRates<'a>, Failure> {
    if let Some(count) = arguments.adapt {
        return Ok(ErrorRates::Adapt(count));
    }
    if let Some(file) = &arguments.labelled {
        return Ok(ErrorRates::Labelled(file));
    }
    let Some(pipeline) = &selection.pipeline else {
        return Err(Refused::Unjudged(Unjudged::Bundle).into());
    };
    let name = &selection.names[0];
    let made = find::identity(pipeline, name)?;
    let known = of_validation(pipeline, name, made, arguments.seed)?;
    Ok(ErrorRates::Known(Box::new(known)))
}
