//! `ressenti predict`: what a model says of new texts. A text is treated exactly as the training
//! texts were: how they were cleaned, encoded and cut off travels in the bundle.
//!
//! - `lines`: texts of the command line and of a pipe; `job`: files of any size; `challenge`: the set
//!   made to trick a model
//! - `shards`: files of any size by jobs of a cluster

mod arguments;
mod challenge;
mod job;
mod lines;
mod shards;
mod show;

use std::ffi::OsString;
use std::io::{IsTerminal, stdin};

use artifact::{Failure, FailureKind, StageName};
use bundle::find::Selection;
use bundle::{Networks, Predictor, exec_networks};
use clap::Parser;
use settings::{EngineKind, IngestSettings, StepId, check_engine, table_of};
use stage::{Progress, check_tables, exit_code, print};

use arguments::Arguments;
use job::{Job, check_places, with_ending};

/// The whole of the program. One that computes no networks hands over to the one beside it that does, where
/// the model is one: loading libtorch takes longer than all that a linear model needs. Returns the exit code.
pub fn main(arguments: impl Iterator<Item = OsString>, networks: Option<Networks>) -> u8 {
    exit_code(run(&Arguments::parse_from(arguments), networks))
}

fn run(arguments: &Arguments, networks: Option<Networks>) -> Result<(), Failure> {
    if let (true, Some(output)) = (arguments.merge, &arguments.output) {
        // Of the model nothing is needed any more.
        let step = StepId::new(StageName::Evaluate, "shards");
        let progress = Progress::new(arguments.progress, step);
        let done = shards::merge(output, &progress)?;
        return print(&format!("{done}\n"));
    }
    let from_pipe = arguments.texts.iter().any(|text| text == "-") || arguments.texts.is_empty();
    if from_pipe && arguments.texts.len() > 1 {
        return Err(misuse(
            "`-` stands for lines from standard input, and other texts are given, too",
            "Give `-` alone, or the texts without it",
        ));
    }
    let selection = select(arguments)?;
    if networks.is_none() && selection.needs_networks()? {
        return Err(exec_networks("predict"));
    }
    let step = StepId::new(StageName::Evaluate, &selection.names[0]);
    let progress = Progress::new(arguments.progress, step);
    if let Some(why) = &selection.reason {
        progress.note(why);
    }
    selection.start_threads();
    if arguments.challenge {
        let load = |place| Predictor::load(place, &selection.run, networks);
        let predictors = selection.locations.iter().map(load);
        let predictors = predictors.collect::<Result<Vec<_>, _>>()?;
        let done = challenge::run(&selection.names, &predictors, arguments.format);
        for predictor in &predictors {
            print_notes(predictor, &progress);
        }
        return done;
    }
    let [place] = selection.locations.as_slice() else {
        return Err(misuse(
            "Texts are predicted by one model at a time",
            "Give `--model` once, or compare them on trick sentences with `--challenge`",
        ));
    };
    let reading: IngestSettings = table_of("ingest", &arguments.of.overrides)?;
    if let Some(input) = &arguments.input {
        let Some(output) = &arguments.output else {
            return Err(misuse(
                "There is nowhere to write the answers to",
                "Name a file with `--output FILE.csv`, `.jsonl` or `.parquet`",
            ));
        };
        check_places(input, output)?;
        let job = Job {
            input,
            output,
            reading: &reading,
            abstain: arguments.abstain,
            explain: arguments.explain,
            carry: &arguments.carry(),
            model: place.fingerprint()?,
            progress: &progress,
        };
        let load = || Predictor::load_verified(place, job.model, &selection.run, networks);
        let done = predict_file(arguments, &job, load, &selection)?;
        return print(&format!("{done}\n"));
    }
    let predictor = Predictor::load(place, &selection.run, networks)?;
    let writer = lines::AnswerWriter {
        predictor: &predictor,
        progress: &progress,
        abstain: arguments.abstain,
        explain: arguments.explain,
        format: arguments.format,
        longest: reading.max_text_bytes,
    };
    if !from_pipe {
        return writer.answer_texts(arguments.texts.clone());
    }
    if stdin().is_terminal() {
        progress.note("a text a line; Ctrl-D ends");
    }
    writer.answer_lines(stdin().lock())
}

/// Prints what the user should know about the predictions so far.
pub(crate) fn print_notes(predictor: &Predictor, progress: &Progress) {
    for note in predictor.take_notes() {
        progress.note(&note);
    }
}

/// A command line that makes no sense.
pub(crate) fn misuse(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::new(message)
        .with_kind(FailureKind::Usage)
        .with_hint(hint.into())
}

/// Predicts a file, or does the part of it that the arguments name. Returns a summary of one line.
fn predict_file(
    arguments: &Arguments,
    job: &Job<'_>,
    load: impl FnOnce() -> Result<Predictor, Failure>,
    selection: &Selection,
) -> Result<String, Failure> {
    if let Some(shard) = arguments.shard {
        return shards::run_shard(job, shard.into(), load);
    }
    let Some(shards) = arguments.shards.map(usize::from) else {
        return job.run(&load()?);
    };
    let engine = match &selection.pipeline {
        Some(pipeline) => &pipeline.engine,
        None => &table_of("engine", &arguments.of.overrides)?,
    };
    if !arguments.plan && arguments.engine.is_none() && engine.kind == EngineKind::Local {
        return Err(misuse(
            "`--shards` needs a cluster; on one machine one process is faster",
            "Run the same command without `--shards`: after a kill it resumes. On a Slurm cluster add \
             `--engine slurm`, for other engines `--plan`",
        ));
    }
    if arguments.plan {
        return shards::plan(job, shards);
    }
    let record = match &selection.pipeline {
        Some(pipeline) => pipeline.artifacts.join("slurm"),
        None => with_ending(job.output, "slurm"),
    };
    let settings = (engine, &selection.run);
    shards::run_on_cluster(job, shards, settings, &record, arguments.detach)
}

fn select(arguments: &Arguments) -> Result<Selection, Failure> {
    let of = &arguments.of;
    if arguments.bundles.is_empty() {
        return Selection::from_pipeline(of.load()?, &arguments.models);
    }
    check_tables(&of.overrides, &["engine", "ingest", "run"])?;
    check_engine(&table_of("engine", &of.overrides)?)?;
    Selection::from_folders(&arguments.bundles, table_of("run", &of.overrides)?)
}
