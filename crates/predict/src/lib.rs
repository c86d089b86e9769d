//! `ressenti predict`: labels and probabilities of new texts. Texts are normalised, tokenized and truncated as
//! in training; the bundle stores how.
//!
//! - `lines`: texts of the command line and of standard input
//! - `file`: files of any size, with a journal of finished rows to resume after a kill
//! - `shards`: files of any size by jobs of a cluster
//! - `challenge`: the challenge set
//! - `answer`: an answer on the screen or as JSON

mod answer;
mod arguments;
mod challenge;
mod file;
mod lines;
mod shards;

use std::ffi::OsString;
use std::io::{IsTerminal, stdin};
use std::path::Path;

use artifact::files::PredictedLanguages;
use artifact::{Failure, FailureKind, StageName};
use bundle::find::Selection;
use bundle::{Networks, Predictor, exec_networks};
use clap::Parser;
use ingest::settings_for_file;
use settings::{
    EngineKind, IngestSettings, StepId, check_engine, expand_pattern, table_from_overrides,
};
use stage::{Progress, check_tables, exit_code, print};

use arguments::Arguments;
use file::{FileJob, check_paths};

/// Runs `ressenti predict` and returns the exit code. Without `networks`, the code that needs libtorch, this process is
/// replaced by `ressenti-networks` if the model is a network. So a linear model never waits for libtorch to load.
pub fn main(arguments: impl Iterator<Item = OsString>, networks: Option<Networks>) -> u8 {
    exit_code(run(&Arguments::parse_from(arguments), networks))
}

fn run(arguments: &Arguments, networks: Option<Networks>) -> Result<(), Failure> {
    if let (true, Some(output)) = (arguments.merge, &arguments.output) {
        // Merging needs no model. The step only names the messages of the progress.
        let step = StepId::new(StageName::Evaluate, "shards");
        let progress = Progress::new(arguments.progress, step);
        let summary = shards::merge(output, &progress)?;
        return print(&format!("{summary}\n"));
    }
    let reads_stdin = arguments.texts.iter().any(|text| text == "-") || arguments.texts.is_empty();
    if reads_stdin && arguments.texts.len() > 1 {
        let problem = "`-` (lines of standard input) cannot be combined with other texts";
        let hint = "Give `-` alone, or the texts without it";
        return Err(usage_error(problem, hint));
    }
    refuse_files(&arguments.texts)?;
    let selection = select(arguments)?;
    if networks.is_none() && selection.needs_networks()? {
        return Err(exec_networks("predict"));
    }
    let step = StepId::new(StageName::Evaluate, &selection.names[0]);
    let progress = Progress::new(arguments.progress, step);
    if let Some(reason) = &selection.reason {
        progress.note(reason);
    }
    selection.start_threads();
    if arguments.challenge {
        let load = |location| Predictor::load(location, &selection.run, networks);
        let predictors = selection.locations.iter().map(load);
        let predictors = predictors.collect::<Result<Vec<_>, _>>()?;
        let result = challenge::run(&selection.names, &predictors, arguments.format);
        for predictor in &predictors {
            print_notes(predictor, &progress);
        }
        return result;
    }
    let [location] = selection.locations.as_slice() else {
        let problem = "Texts are predicted by one model at a time";
        let hint = "Give `--model` once, or compare models on the challenge set with `--challenge`";
        return Err(usage_error(problem, hint));
    };
    let ingest: IngestSettings = table_from_overrides("ingest", &arguments.pipeline.overrides)?;
    if let Some(input) = &arguments.input {
        let Some(output) = &arguments.output else {
            let hint = "Add `--output FILE.csv`, `--output FILE.jsonl` or `--output FILE.parquet`";
            return Err(usage_error("`--input` needs an output file", hint));
        };
        if input.is_dir() || expand_pattern(input) != [input.as_path()] {
            let problem = format!(
                "`--input` takes one file, and `{}` names several",
                input.display()
            );
            let hint = "Run the command once for each file, each with its own `--output`";
            return Err(usage_error(problem, hint));
        }
        check_paths(input, output)?;
        let ingest = settings_for_file(input, ingest, selection.pipeline.as_ref(), &progress);
        let job = FileJob {
            input,
            output,
            ingest: &ingest,
            abstain: arguments.abstain,
            explain: arguments.explain,
            keep_columns: &arguments.keep_columns(),
            model_fingerprint: location.fingerprint()?,
            progress: &progress,
        };
        let (fingerprint, run) = (job.model_fingerprint, &selection.run);
        let load = || Predictor::load_verified(location, fingerprint, run, networks);
        let summary = predict_file(arguments, &job, load, &selection)?;
        return print(&format!("{summary}\n"));
    }
    let predictor = Predictor::load(location, &selection.run, networks)?;
    let writer = lines::AnswerWriter {
        predictor: &predictor,
        progress: &progress,
        abstain: arguments.abstain,
        explain: arguments.explain,
        format: arguments.format,
        max_bytes: ingest.max_text_bytes,
        max_reject_rate: ingest.max_reject_rate,
    };
    if !reads_stdin {
        return writer.answer_texts(arguments.texts.clone());
    }
    if stdin().is_terminal() {
        progress.note("type one text per line; Ctrl-D ends the input");
    }
    writer.answer_lines(stdin().lock())
}

/// Prints the notes of the models since the last call.
pub(crate) fn print_notes(predictor: &Predictor, progress: &Progress) {
    for note in predictor.take_notes() {
        progress.note(&note);
    }
}

/// Warns of texts in languages that the model has not learned.
pub(crate) fn warn_of_languages(languages: &PredictedLanguages, progress: &Progress) {
    if let Some(warning) = languages.warning() {
        progress.warn(&warning);
    }
}

/// Refuses a text that is the name of a file: its name would be predicted instead of its content.
fn refuse_files(texts: &[String]) -> Result<(), Failure> {
    let Some(name) = texts.iter().find(|text| Path::new(text).is_file()) else {
        return Ok(());
    };
    let problem = format!("`{name}` is a file, and a text was expected");
    let hint = format!(
        "Did you mean `--input {name} --output predictions.csv`? For a file with one text per line, \
         `ressenti predict < {name}`"
    );
    Err(usage_error(problem, hint))
}

/// A failure caused by wrong arguments: exit code 2.
pub(crate) fn usage_error(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    let failure = Failure::new(message).with_kind(FailureKind::Usage);
    failure.with_hint(hint.into())
}

/// The failure of a command that the user stopped; its state is saved.
pub(crate) fn interrupted(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    let failure = Failure::new(message).with_kind(FailureKind::Interrupted);
    failure.with_hint(hint.into())
}

/// Predicts a file, or runs the step of a sharded prediction that the arguments name. Returns a one-line summary.
fn predict_file(
    arguments: &Arguments,
    job: &FileJob<'_>,
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
        None => &table_from_overrides("engine", &arguments.pipeline.overrides)?,
    };
    if !arguments.plan && arguments.engine.is_none() && engine.kind == EngineKind::Local {
        return Err(usage_error(
            "`--shards` needs a cluster",
            "On one machine, run the same command without `--shards`; it resumes after a kill. On a Slurm cluster, add \
             `--engine slurm`; for another scheduler, add `--plan` and start the shards yourself",
        ));
    }
    if arguments.plan {
        return shards::plan(job, shards);
    }
    let slurm_folder = match &selection.pipeline {
        Some(pipeline) => pipeline.artifacts.join("slurm"),
        None => job.output.with_added_extension("slurm"),
    };
    let settings = (engine, &selection.run);
    shards::run_on_cluster(job, shards, settings, &slurm_folder, arguments.detach)
}

fn select(arguments: &Arguments) -> Result<Selection, Failure> {
    let model = &arguments.pipeline;
    if arguments.bundles.is_empty() {
        return Selection::from_pipeline(model.load()?, &arguments.models);
    }
    check_tables(&model.overrides, &["engine", "ingest", "run"])?;
    check_engine(&table_from_overrides("engine", &model.overrides)?)?;
    let run = table_from_overrides("run", &model.overrides)?;
    Selection::from_folders(&arguments.bundles, run)
}
