//! `ressenti`: from `pipeline.toml` and what lies in the artifacts folder to a plan, and from the plan
//! to processes.
//!
//! It links no stage and no libtorch. It starts in milliseconds, survives every crash of a stage, and
//! calls the stages' programs exactly as a person would.
//!
//! - [`workspace`]: the pipeline and the steps that a command is about ([`selection`])
//! - [`known_artifacts`]: looking at the disk
//! - [`plan`]: fresh or stale, and why; pure
//! - [`schedule`]: which step may run next; pure
//! - [`run`]: step by step, each after what it reads
//! - [`status`]: what is there
//! - `cluster`: the same plan as jobs of Slurm; `job`: what runs within one

mod arguments;
mod cluster;
mod contracts;
mod doctor;
mod gc;
mod getting_started;
mod interrupt;
mod job;
mod known_artifacts;
mod launch;
mod plan;
mod plan_format;
#[cfg(test)]
#[path = "tests/project.rs"]
mod project_of_tests;
mod run;
mod run_summary;
mod schedule;
mod selection;
mod status;
mod sweeps;
mod watchdog;
mod workspace;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use artifact::{Failure, StageName, format};
use clap::Parser;
use settings::{EngineKind, REVIEWS, StepId};
use stage::{ProgressMode, print_failure, print_step};

use arguments::{
    Arguments, Command, Engine, PlanArguments, PlanFormat, RunArguments, StageArguments,
    StatusArguments,
};
use known_artifacts::KnownArtifacts;
use plan::Planned;
use run::{Run, RunOptions};
use selection::Request;
use status::StatusLine;
use sweeps::Sweeps;
use watchdog::Watchdog;
use workspace::Workspace;

/// The whole of `ressenti`'s `main`.
pub fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            print_failure(&failure);
            failure.code().into()
        }
    }
}

fn dispatch(command: Option<Command>) -> Result<u8, Failure> {
    let become_program =
        |name: &str, given: StageArguments| Err(launch::become_program(name, &given.arguments));
    let become_stage = |stage: StageName, given| become_program(stage.binary(), given);
    let with = |command: &str, mut given: StageArguments| {
        given.arguments.insert(0, command.into());
        given
    };
    match command {
        None => {
            // A closed pipe is a reader who has seen enough: not an error of ours.
            let _ = getting_started::print(&mut anstream::stdout());
            Ok(0)
        }
        Some(Command::Run(arguments)) if arguments.dry_run => show_plan(&PlanArguments {
            pipeline: arguments.pipeline,
            selection: arguments.selection,
            all: false,
            format: PlanFormat::Text,
        }),
        Some(Command::Run(arguments)) => run_pipeline(&arguments),
        Some(Command::Plan(arguments)) => show_plan(&arguments),
        Some(Command::Cancel(arguments)) => cluster::cancel(&arguments),
        Some(Command::Job(arguments)) => job::run(&arguments),
        Some(Command::Status(arguments)) => show_status(&arguments),
        Some(Command::Doctor(arguments)) => Ok(doctor::run(&arguments)),
        Some(Command::Gc(arguments)) => gc::collect(&arguments),
        Some(Command::Inspect(given)) => become_stage(StageName::Ingest, with("inspect", given)),
        Some(Command::Fetch(given)) => become_stage(StageName::Embed, with("fetch", given)),
        Some(Command::Predict(given)) => become_program("ressenti-predict", given),
        Some(Command::Trend(given)) => become_program("ressenti-trend", given),
        Some(Command::Serve(given)) => become_program("ressenti-serve", given),
        Some(Command::Compare(given)) => become_program("ressenti-compare", given),
        Some(Command::Ingest(given)) => become_stage(StageName::Ingest, given),
        Some(Command::Clean(given)) => become_stage(StageName::Clean, given),
        Some(Command::Tokenize(given)) => become_stage(StageName::Tokenize, given),
        Some(Command::Embed(given)) => become_stage(StageName::Embed, given),
        Some(Command::Train(given)) => become_stage(StageName::Train, given),
        Some(Command::Evaluate(given)) => become_stage(StageName::Evaluate, given),
        Some(Command::Report(given)) => become_stage(StageName::Report, given),
    }
}

fn run_pipeline(arguments: &RunArguments) -> Result<u8, Failure> {
    let clock = Instant::now();
    interrupt::watch();
    let progress = arguments.pipeline.progress;
    let mut workspace = Workspace::load(&arguments.pipeline, &arguments.selection)?;
    let on_cluster = match arguments.engine {
        Some(engine) => engine == Engine::Slurm,
        None => workspace.pipeline.engine.kind == EngineKind::Slurm,
    };
    let jobs = arguments.jobs.map(usize::from);
    let jobs = jobs.unwrap_or(workspace.pipeline.run.jobs);
    if !on_cluster && jobs > 1 && matches!(progress, ProgressMode::Auto | ProgressMode::Bar) {
        // Bars of several stages would overwrite each other: those that run side by side write lines.
        workspace.arguments.progress = ProgressMode::Plain;
    }
    // Decided once beforehand, so that what cannot work is refused before anything runs.
    let mut artifacts = KnownArtifacts::new(&workspace.store);
    let planned = workspace.plan(&mut artifacts)?;
    for planned in planned.iter().filter(|planned| !planned.is_fresh()) {
        // Better to know now than after an hour of training that a program is missing.
        launch::program(planned.facts.id.stage.binary())?;
    }
    let baseline = arguments.baseline.clone();
    if let Some(path) = baseline.as_ref().filter(|path| !path.is_file()) {
        let hint =
            "A baseline is the `metrics.json` of an earlier run, in its `report/reviews` folder";
        let message = format!("There is no baseline `{}`", path.display());
        return Err(Failure::new(message).with_hint(hint.to_owned()));
    }
    let options = RunOptions {
        keep_going: arguments.keep_going,
        baseline,
        jobs: jobs.max(1),
    };
    let report = workspace.store.variant_link(StageName::Report, REVIEWS);
    let report = report.join("report.html");
    let summary = if on_cluster {
        match cluster::run(workspace, options, &planned, arguments.detach)? {
            Some(summary) => summary,
            None => return Ok(0),
        }
    } else if arguments.detach {
        let hint = "Add `--engine slurm`, or set `[engine] kind = \"slurm\"` in the pipeline file";
        let message = "`--detach` leaves jobs to a cluster, and the engine is this machine";
        return Err(Failure::new(message).with_hint(hint.to_owned()));
    } else {
        let settings = &workspace.pipeline.run;
        let watchdog = Watchdog::new(&workspace.store.work_folder(), settings.stall_timeout);
        let mut run = Run {
            workspace: &workspace,
            options: &options,
            launch: &|job| launch::run_program(job, &watchdog, settings.gpus),
            show: &mut |state, id: &StepId, text: &str| print_step(progress, state, id, text),
        };
        run.run(&mut artifacts)?
    };
    let report = summary.reported.then_some(report.as_path());
    summary.print(progress, clock.elapsed().as_secs_f64(), report);
    Ok(summary.code)
}

fn show_plan(arguments: &PlanArguments) -> Result<u8, Failure> {
    let workspace = Workspace::load(&arguments.pipeline, &arguments.selection)?;
    let planned = workspace.plan(&mut KnownArtifacts::new(&workspace.store))?;
    let text = match arguments.format {
        PlanFormat::Text => {
            plan_format::print_plan(&workspace, &planned, arguments.all);
            return Ok(0);
        }
        PlanFormat::Json => plan_format::json(&workspace, &planned)?,
        PlanFormat::Dot => plan_format::dot(&workspace, &planned),
        PlanFormat::Slurm => cluster::script(workspace, &planned)?,
    };
    // A closed pipe is a reader who has seen enough: not an error of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(0)
}

fn show_status(arguments: &StatusArguments) -> Result<u8, Failure> {
    let workspace = Workspace::load(&arguments.pipeline, &Request::default())?;
    let store = &workspace.store;
    let sweeps = match &arguments.sweep {
        _ if arguments.all || arguments.json => Sweeps::default(),
        Some(name) => Sweeps::but(&workspace.pipeline, name)?,
        None => Sweeps::folded(&workspace.pipeline),
    };
    let planned = workspace.plan(&mut KnownArtifacts::new(store))?;
    let mut jobs = cluster::jobs_of(store, workspace.steps.iter().map(|step| &step.id))?;
    let line = |it: &Planned| StatusLine::new(it, store, jobs.remove(&it.facts.id));
    let lines: Vec<StatusLine> = planned.iter().map(line).collect();
    if let Some(file) = &arguments.timeline {
        cluster::draw_timeline(store, file)?;
    }
    let mut out = anstream::stdout();
    let _ = if arguments.json {
        let text = serde_json::to_string_pretty(&lines).expect("a status is plain data");
        writeln!(out, "{text}")
    } else {
        status::print(&mut out, &lines, &sweeps)
    };
    Ok(0)
}

/// The time now.
fn seconds_since_1970() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0.0, |time| time.as_secs_f64())
}

/// How long ago something was, in seconds since 1970.
fn age(time: u64) -> String {
    format::seconds((seconds_since_1970() - time as f64).max(0.0))
}
