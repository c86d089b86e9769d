//! `ressenti trend`: from reviews with a topic and a time to what people feel, how that changes, and how
//! sure it is.
//!
//! [`trend`] is a pure function from reviews that a model has read, and a [`quantification::Quantifier`] that
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
mod groups;
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
mod times;
mod words;

use std::ffi::OsString;
use std::path::Path;

use artifact::{Failure, FailureKind, StageName};
use bundle::Networks;
use bundle::find::{self, Place};
use bundle::{Predictor, exec_networks};
use clap::Parser;
use settings::{IngestSettings, Pipeline, RunSettings, StepId, table_of};
use stage::{Progress, check_tables, print, print_failure};

use arguments::{Arguments, Format};

pub use answer::{ErrorRates, answer};
pub use compute::trend;
pub use data::{
    Backtest, Change, Forecast, Input, Judged, ModelOfTrend, Options, PeriodShare, Row, TopicShare,
    Trend,
};
pub use errors::{Learned, of_validation};
pub use files::json;
pub use page::render;
pub use read::{Question, Reader};
pub use refused::{Refused, Unfit, Unjudged};
pub use words::{MovedWord, WordCounts};

/// Reviews that the model reads together: as many as its batches are filled well from.
const TOGETHER: usize = 8192;

/// Runs the program and returns its exit code. Without `networks` it continues in `ressenti-networks` if the model
/// is a network.
pub fn main(arguments: impl Iterator<Item = OsString>, networks: Option<Networks>) -> u8 {
    match run(&Arguments::parse_from(arguments), networks) {
        Ok(()) => 0,
        Err(failure) => {
            print_failure(&failure);
            failure.code()
        }
    }
}

fn run(arguments: &Arguments, networks: Option<Networks>) -> Result<(), Failure> {
    let asked = find_model(arguments)?;
    if networks.is_none() && asked.place.needs_networks()? {
        return Err(exec_networks("trend"));
    }
    let progress = Progress::new(
        arguments.progress,
        StepId::new(StageName::Evaluate, &asked.name),
    );
    if let Some(why) = &asked.why {
        progress.note(why);
    }
    // The pool may be there already where this runs within a test.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(asked.run.cores())
        .build_global();
    let predictor = Predictor::load(&asked.place, &asked.run, networks)?;
    let reading: IngestSettings = table_of("ingest", &arguments.overrides)?;
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
    let found = answer(&question, &reader, rates(arguments, &asked)?)?;
    match arguments.format {
        Format::Text => print(&show::text(&found, &asked.name))?,
        Format::Json => print(&files::json(&found))?,
    }
    if let Some(folder) = &arguments.out {
        files::write(folder, &found, render(&found, &asked.name))?;
        progress.note(&format!("written: {}", folder.join("trend.html").display()));
    }
    Ok(())
}

/// The model asked for.
struct Asked {
    name: String,
    place: Place,
    /// The pipeline it belongs to; a lone bundle belongs to none.
    pipeline: Option<Pipeline>,
    /// Why this one, where nobody said which.
    why: Option<String>,
    run: RunSettings,
}

fn find_model(arguments: &Arguments) -> Result<Asked, Failure> {
    if let Some(folder) = &arguments.bundle {
        if arguments.adapt.is_none() && arguments.labelled.is_none() {
            let unjudged = Failure::from(Refused::Unjudged(Unjudged::Bundle));
            return Err(unjudged.with_kind(FailureKind::Usage));
        }
        check_tables(&arguments.overrides, &["ingest", "run"])?;
        return Ok(Asked {
            name: name_of(folder),
            place: find::in_folder(folder)?,
            pipeline: None,
            why: None,
            run: table_of("run", &arguments.overrides)?,
        });
    }
    let pipeline = Pipeline::load(&arguments.pipeline, &arguments.pipeline_overrides())?;
    let (name, why) = match &arguments.model {
        Some(name) => (name.clone(), None),
        None => {
            let (name, why) = find::best(&pipeline)?;
            (name, Some(why))
        }
    };
    Ok(Asked {
        place: find::named(&pipeline, &name)?,
        run: pipeline.run.clone(),
        pipeline: Some(pipeline),
        name,
        why,
    })
}

/// What a folder is called, also one that is named as `.`.
fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize();
    let path = whole.as_deref().unwrap_or(folder);
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// From where it is known how the model errs: labelled reviews of the domain, or those it was judged on.
fn rates<'a>(arguments: &'a Arguments, asked: &Asked) -> Result<ErrorRates<'a>, Failure> {
    if let Some(count) = arguments.adapt {
        return Ok(ErrorRates::Adapt(count));
    }
    if let Some(file) = &arguments.labelled {
        return Ok(ErrorRates::Labelled(file));
    }
    let Some(pipeline) = &asked.pipeline else {
        return Err(Refused::Unjudged(Unjudged::Bundle).into());
    };
    let made = find::identity(pipeline, &asked.name)?;
    let known = of_validation(pipeline, &asked.name, made, arguments.seed)?;
    Ok(ErrorRates::Known(Box::new(known)))
}
