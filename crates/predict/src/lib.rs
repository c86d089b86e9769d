//! `ressenti predict`: what a model says of new texts. A text is treated exactly as the training
//! texts were: how they were cleaned, encoded and cut off travels in the bundle.
//!
//! - [`find`]: from a name or a folder to a bundle
//! - [`Predictor`]: from raw texts to probabilities, and to what drove them
//! - `lines`: texts of the command line and of a pipe; `job`: files of any size; `challenge`: the set
//!   made to trick a model

mod arguments;
mod challenge;
mod explain;
pub mod find;
mod job;
mod lines;
mod predictor;
mod show;

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;

use artifact::StageName;
use clap::Parser;
use settings::{IngestSettings, Pipeline, RunSettings, StepId, table_of};
use stage::{Failure, FailureKind, Progress, print_failure};

use arguments::Arguments;
use find::Place;
use job::Job;

pub use evaluate::Word;
pub use explain::{Explanation, PlacedWord, WordWeight};
pub use predictor::{Predictor, UNDECIDED};

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
    let asked = find_models(arguments)?;
    let progress = Progress::new(
        arguments.progress,
        StepId::new(StageName::Evaluate, &asked.names[0]),
    );
    if let Some(why) = &asked.why {
        progress.note(why);
    }
    // The pool may be there already where this runs within a test.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(asked.run.cores())
        .build_global();
    let predictors = asked
        .places
        .iter()
        .map(|place| Predictor::load(place, &asked.run))
        .collect::<Result<Vec<_>, _>>()?;
    if arguments.challenge {
        return challenge::run(&asked.names, &predictors, arguments.format);
    }
    let [predictor] = predictors.as_slice() else {
        return Err(Failure::new("Texts are predicted by one model at a time")
            .with_kind(FailureKind::Usage)
            .with_hint(
                "Give `--model` once, or compare them on trick sentences with `--challenge`"
                    .to_owned(),
            ));
    };
    if let Some(input) = &arguments.input {
        let Some(output) = &arguments.output else {
            return Err(Failure::new("There is nowhere to write the answers to")
                .with_kind(FailureKind::Usage)
                .with_hint(
                    "Name a file with `--output FILE.csv`, `.jsonl` or `.parquet`".to_owned(),
                ));
        };
        let reading: IngestSettings = table_of("ingest", &arguments.overrides)?;
        let job = Job {
            input,
            output,
            reading: &reading,
            abstain: arguments.abstain,
            explain: arguments.explain,
            carry: &arguments.carry(),
        };
        let line = job.run(predictor, &progress)?;
        show::line(&line);
        return Ok(());
    }
    let speaker = lines::Speaker {
        predictor,
        abstain: arguments.abstain,
        explain: arguments.explain,
        format: arguments.format,
    };
    let from_pipe = arguments.texts.iter().any(|text| text == "-") || arguments.texts.is_empty();
    if !from_pipe {
        return speaker.say(&arguments.texts);
    }
    if stdin().is_terminal() {
        progress.note("a text a line; Ctrl-D ends");
    }
    speaker.answer_lines(stdin().lock())
}

/// The models asked for, and on which machine.
struct Asked {
    names: Vec<String>,
    places: Vec<Place>,
    /// Why this one, where nobody said which.
    why: Option<String>,
    run: RunSettings,
}

fn find_models(arguments: &Arguments) -> Result<Asked, Failure> {
    if arguments.bundles.is_empty() {
        let pipeline = Pipeline::load(&arguments.pipeline, &arguments.pipeline_overrides())?;
        let (names, why) = match arguments.models.is_empty() {
            true => {
                let (name, why) = find::best(&pipeline)?;
                (vec![name], Some(why))
            }
            false => (arguments.models.clone(), None),
        };
        let places = names.iter().map(|name| find::named(&pipeline, name));
        return Ok(Asked {
            places: places.collect::<Result<_, _>>()?,
            names,
            why,
            run: pipeline.run,
        });
    }
    let folders = arguments.bundles.iter();
    let name = |folder: &std::path::PathBuf| {
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let named = folder.file_name().or(whole.file_name());
        named.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    Ok(Asked {
        names: folders.clone().map(name).collect(),
        places: folders
            .map(|folder| find::in_folder(folder))
            .collect::<Result<_, _>>()?,
        why: None,
        run: table_of("run", &arguments.overrides)?,
    })
}
