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
use std::path::{Path, PathBuf, absolute};

use artifact::{ArtifactError, Failure, FailureKind, StageName};
use bundle::find::{self, Place};
use bundle::{Networks, Predictor, exec_networks};
use clap::Parser;
use settings::{
    EngineKind, EngineSettings, IngestSettings, Pipeline, RunSettings, StepId, check_engine,
    table_of,
};
use stage::{Progress, check_tables, print, print_failure};

use arguments::Arguments;
use job::{Job, check_places, with_ending};
use shards::ClusterRun;

/// The whole of the program. One that computes no networks hands over to the one beside it that does, where
/// the model is one: loading libtorch takes longer than all that a linear model needs. Returns the exit code.
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
    if let (true, Some(output)) = (arguments.merge, &arguments.output) {
        // Of the model nothing is needed any more.
        let progress = Progress::new(
            arguments.progress,
            StepId::new(StageName::Evaluate, "shards"),
        );
        let done = shards::merge(output, &progress)?;
        return print(&format!("{done}\n"));
    }
    let from_pipe = arguments.texts.iter().any(|text| text == "-") || arguments.texts.is_empty();
    if from_pipe && arguments.texts.len() > 1 {
        return Err(Failure::new(
            "`-` stands for lines from standard input, and other texts are given, too",
        )
        .with_kind(FailureKind::Usage)
        .with_hint("Give `-` alone, or the texts without it".to_owned()));
    }
    let asked = find_models(arguments)?;
    if networks.is_none() && asked.needs_networks()? {
        return Err(exec_networks("predict"));
    }
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
    if arguments.challenge {
        let load = |place| Predictor::load(place, &asked.run, networks);
        let predictors = asked.places.iter().map(load);
        let predictors = predictors.collect::<Result<Vec<_>, _>>()?;
        let done = challenge::run(&asked.names, &predictors, arguments.format);
        predictors
            .iter()
            .for_each(|predictor| print_notes(predictor, &progress));
        return done;
    }
    let [place] = asked.places.as_slice() else {
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
        check_places(input, output)?;
        let done = predict_file(arguments, input, output, place, &asked, networks, &progress)?;
        return print(&format!("{done}\n"));
    }
    let reading: IngestSettings = table_of("ingest", &arguments.overrides)?;
    let predictor = Predictor::load(place, &asked.run, networks)?;
    let speaker = lines::Speaker {
        predictor: &predictor,
        progress: &progress,
        abstain: arguments.abstain,
        explain: arguments.explain,
        format: arguments.format,
        longest: reading.max_text_bytes,
    };
    if !from_pipe {
        return speaker.say(arguments.texts.clone());
    }
    if stdin().is_terminal() {
        progress.note("a text a line; Ctrl-D ends");
    }
    speaker.answer_lines(stdin().lock())
}

/// Prints what the user should know about the predictions so far.
pub(crate) fn print_notes(predictor: &Predictor, progress: &Progress) {
    for note in predictor.take_notes() {
        progress.note(&note);
    }
}

/// Predicts a file, or does the part of it that the arguments name. Returns a summary of one line.
fn predict_file(
    arguments: &Arguments,
    input: &Path,
    output: &Path,
    place: &Place,
    asked: &Asked,
    networks: Option<Networks>,
    progress: &Progress,
) -> Result<String, Failure> {
    let Asked { run, engine, .. } = asked;
    let reading: IngestSettings = table_of("ingest", &arguments.overrides)?;
    let carry = arguments.carry();
    let job = Job {
        input,
        output,
        reading: &reading,
        abstain: arguments.abstain,
        explain: arguments.explain,
        carry: &carry,
    };
    let load = || Predictor::load(place, run, networks);
    if let Some(shard) = arguments.shard {
        let shard = usize::from(shard);
        return shards::run_shard(&job, place.fingerprint()?, shard, load, progress);
    }
    let Some(shards) = arguments.shards.map(usize::from) else {
        return job.run(&load()?, progress);
    };
    if !arguments.plan && arguments.engine.is_none() && engine.kind == EngineKind::Local {
        return Err(
            Failure::new("`--shards` needs a cluster; on one machine one process is faster")
                .with_kind(FailureKind::Usage)
                .with_hint(
                    "Run the same command without `--shards`: after a kill it resumes. On a Slurm cluster add \
                     `--engine slurm`, for other engines `--plan`"
                        .to_owned(),
                ),
        );
    }
    place.verify()?;
    let model = place.fingerprint()?;
    if arguments.plan {
        return shards::plan(&job, model, shards, progress);
    }
    let record = asked.record.clone();
    let cluster = ClusterRun {
        engine,
        run,
        record: record.unwrap_or_else(|| with_ending(output, "slurm")),
        detach: arguments.detach,
    };
    cluster.coordinate(&job, model, shards, progress)
}

/// The models asked for, and on which machine.
struct Asked {
    names: Vec<String>,
    places: Vec<Place>,
    /// Why this one, where nobody said which.
    why: Option<String>,
    run: RunSettings,
    engine: EngineSettings,
    /// Where jobs of a cluster are recorded, if the models belong to a pipeline.
    record: Option<PathBuf>,
}

impl Asked {
    /// Whether a model is one that libtorch computes.
    fn needs_networks(&self) -> Result<bool, Failure> {
        for place in &self.places {
            if place.needs_networks()? {
                return Ok(true);
            }
        }
        Ok(false)
    }
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
        let artifacts = pipeline.artifacts.join("slurm");
        return Ok(Asked {
            places: places.collect::<Result<_, _>>()?,
            names,
            why,
            run: pipeline.run,
            engine: pipeline.engine,
            record: Some(absolute(&artifacts).map_err(ArtifactError::io("find", &artifacts))?),
        });
    }
    check_tables(&arguments.overrides, &["engine", "ingest", "run"])?;
    let engine: EngineSettings = table_of("engine", &arguments.overrides)?;
    check_engine(&engine)?;
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
        engine,
        record: None,
    })
}
