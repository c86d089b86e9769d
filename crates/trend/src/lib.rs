//! `ressenti trend`: from reviews with a topic and a time to what people feel, how that changes, and how
//! sure it is.
//!
//! [`trend`] is a pure function from reviews that a model has read, and a [`quantification::Quantifier`] that
//! knows how it errs, to a [`Trend`]; the command line reads files and shows it, the service answers with it.

mod arguments;
mod backtest;
pub mod change_points;
mod compute;
mod data;
mod errors;
mod files;
mod odds;
mod page;
pub mod period;
pub mod pooling;
mod read;
mod show;
pub mod state_space;
mod times;
mod words;

use std::process::ExitCode;

use artifact::StageName;
use clap::Parser;
use predict::Predictor;
use predict::find::{self, Place};
use quantification::Quantifier;
use settings::{IngestSettings, Pipeline, RunSettings, StepId, table_of};
use stage::{Failure, FailureKind, Progress, print_failure};

use arguments::{Arguments, Format};
use read::Reviews;

pub use compute::trend;
pub use data::{
    Backtest, Change, Forecast, Input, Judged, ModelOfTrend, Options, PeriodShare, Row, TopicShare,
    Trend, TrendError,
};
pub use errors::of_validation;
pub use page::render;
pub use words::{MovedWord, WordCounts};

/// The whole of the program.
pub fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print_failure(&failure);
            failure.exit_code()
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let asked = find_model(arguments)?;
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
    let predictor = Predictor::load(&asked.place, &asked.run)?;
    let reading: IngestSettings = table_of("ingest", &arguments.overrides)?;
    let reviews = Reviews::read(&arguments.files, &reading, &arguments.topics, &progress)?;
    let mut input = reviews.asked(&predictor, &progress)?;
    let quantifier = quantifier(arguments, &asked, &predictor, &mut input, &progress)?;
    let options = Options {
        period: arguments.period.map(Into::into),
        method: arguments.method.into(),
        confidence: arguments.confidence,
        horizon: arguments.horizon.into(),
        keep_all_times: arguments.keep_all_times,
        seed: arguments.seed,
    };
    let mut found = trend(&input, &quantifier, &options).map_err(|error| {
        let hint = match error {
            TrendError::TooManyPeriods { .. } => {
                "Try `--period year`, or leave `--period` and `--keep-all-times` out"
            }
            TrendError::NoRows => "`ressenti inspect FILE` shows what the columns are taken for",
        };
        Failure::from_error(error).with_hint(hint.to_owned())
    })?;
    if let Some(change) = &mut found.largest_change {
        reviews.explain(change)?;
    }
    match arguments.format {
        Format::Text => show_text(&show::text(&found, &asked.name)),
        Format::Json => show_text(&files::json(&found)),
    }
    if let Some(folder) = &arguments.out {
        files::write(folder, &found, &asked.name)?;
        progress.note(&format!("written: {}", folder.join("trend.html").display()));
    }
    Ok(())
}

/// A closed pipe is a reader who has seen enough: not an error of ours.
fn show_text(text: &str) {
    use std::io::Write as _;
    let _ = anstream::stdout().write_all(text.as_bytes());
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
            return Err(Failure::new(
                "How the model errs is not part of its bundle, and without it a share has no interval",
            )
            .with_kind(FailureKind::Usage)
            .with_hint(
                "Let labelled reviews say it with `--adapt 300` or `--labelled FILE`, or name the model with `--model` in the folder of its pipeline file"
                    .to_owned(),
            ));
        }
        return Ok(Asked {
            name: folder
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
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

/// How the model errs: as labelled reviews of the domain say, or those of validation.
fn quantifier(
    arguments: &Arguments,
    asked: &Asked,
    predictor: &Predictor,
    input: &mut Input,
    progress: &Progress,
) -> Result<Quantifier, Failure> {
    if let Some(count) = arguments.adapt {
        return errors::from_input(input, count, arguments.seed);
    }
    if let Some(file) = &arguments.labelled {
        let reading: IngestSettings = table_of("ingest", &arguments.overrides)?;
        let reviews = Reviews::read(std::slice::from_ref(file), &reading, &[], progress)?;
        let (labels, said) = reviews.labelled(predictor)?;
        return errors::from_rows(
            &labels,
            &said,
            &format!("`{}`", file.display()),
            arguments.seed,
        );
    }
    match &asked.pipeline {
        Some(pipeline) => of_validation(pipeline, &asked.name, arguments.seed),
        None => Err(Failure::new(
            "A bundle alone does not say how its model errs",
        )),
    }
}
