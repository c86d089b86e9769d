//! `ressenti`: from `pipeline.toml` and what lies in the artifacts folder to a plan, and from the plan
//! to processes.
//!
//! It links no stage and no libtorch. It starts in milliseconds, survives every crash of a stage, and
//! calls the stages' programs exactly as a person would.
//!
//! - [`selection`]: which steps a command is about
//! - [`artifacts`]: looking at the disk
//! - [`plan`]: fresh or stale, and why; pure
//! - [`schedule`]: which step may run next; pure
//! - [`run`]: step by step, each after what it reads
//! - [`status`]: what is there
//! - `cluster`: the same plan as jobs of Slurm; `job`: what runs within one

mod arguments;
mod cluster;
mod contracts;
mod doctor;
mod error;
mod gc;
mod getting_started;
mod interrupt;
mod job;
pub mod known_artifacts;
mod launch;
pub mod plan;
mod plan_format;
pub mod run;
pub mod run_summary;
pub mod schedule;
mod screen;
pub mod selection;
pub mod status;
mod sweeps;
#[cfg(test)]
mod test_project;
mod watchdog;

pub use error::OrchestratorError;
pub use launch::{Ending, Job};

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use artifact::{Failure, StageName, Store};
use clap::Parser;
use settings::{EngineKind, REVIEWS, StepId};
use stage::{PipelineArguments, ProgressMode, StepState, print_failure, print_step};

use arguments::{
    Arguments, CancelArguments, Command, DoctorArguments, GcArguments, PlanArguments, PlanFormat,
    RunArguments, StageArguments, StatusArguments,
};
use cluster::ClusterRun;
use gc::Wish;
use known_artifacts::KnownArtifacts;
use run::{Manner, Planned, Run};
use run_summary::RunSummary;
use selection::{Request, Selection};
use status::StatusLine;
use sweeps::Sweeps;
use watchdog::Watchdog;

/// The whole of `ressenti`'s `main`.
pub fn main() -> ExitCode {
    match obey(Arguments::parse().command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let failure = Failure::from(error);
            print_failure(&failure);
            failure.exit_code()
        }
    }
}

fn obey(command: Option<Command>) -> Result<u8, OrchestratorError> {
    match command {
        None => {
            // A closed pipe is a reader who has seen enough: not an error of ours.
            let _ = getting_started::print(&mut anstream::stdout());
            Ok(0)
        }
        Some(Command::Run(arguments)) if !arguments.dry_run => run_pipeline(&arguments),
        Some(Command::Run(RunArguments {
            pipeline,
            selection,
            ..
        })) => show_plan(&pipeline, &selection.request(), false),
        Some(Command::Plan(arguments)) => tell_plan(&arguments),
        Some(Command::Cancel(arguments)) => cancel_jobs(&arguments),
        Some(Command::Job(arguments)) => job::run(&arguments),
        Some(Command::Status(arguments)) => show_status(&arguments),
        Some(Command::Doctor(arguments)) => Ok(examine(&arguments)),
        Some(Command::Gc(arguments)) => collect_garbage(&arguments),
        Some(Command::Inspect(mut arguments)) => {
            arguments.arguments.insert(0, "inspect".into());
            become_stage(StageName::Ingest, arguments)
        }
        Some(Command::Predict(arguments)) => {
            Err(launch::become_program(launch::PREDICT, arguments.arguments))
        }
        Some(Command::Trend(arguments)) => {
            Err(launch::become_program(launch::TREND, arguments.arguments))
        }
        Some(Command::Serve(arguments)) => {
            Err(launch::become_program(launch::SERVE, arguments.arguments))
        }
        Some(Command::Compare(arguments)) => {
            Err(launch::become_program(launch::COMPARE, arguments.arguments))
        }
        Some(Command::Fetch(mut arguments)) => {
            arguments.arguments.insert(0, "fetch".into());
            become_stage(StageName::Embed, arguments)
        }
        Some(Command::Ingest(arguments)) => become_stage(StageName::Ingest, arguments),
        Some(Command::Clean(arguments)) => become_stage(StageName::Clean, arguments),
        Some(Command::Tokenize(arguments)) => become_stage(StageName::Tokenize, arguments),
        Some(Command::Embed(arguments)) => become_stage(StageName::Embed, arguments),
        Some(Command::Train(arguments)) => become_stage(StageName::Train, arguments),
        Some(Command::Evaluate(arguments)) => become_stage(StageName::Evaluate, arguments),
        Some(Command::Report(arguments)) => become_stage(StageName::Report, arguments),
    }
}

fn become_stage(stage: StageName, arguments: StageArguments) -> Result<u8, OrchestratorError> {
    Err(launch::become_program(stage.binary(), arguments.arguments))
}

fn examine(arguments: &DoctorArguments) -> u8 {
    let findings = doctor::examine(&arguments.pipeline);
    let printed = doctor::print(&mut anstream::stdout(), &findings, arguments.json);
    u8::from(printed.unwrap_or(false))
}

fn collect_garbage(arguments: &GcArguments) -> Result<u8, OrchestratorError> {
    let pipeline = arguments.pipeline.load()?;
    let wish = match (arguments.dry_run, arguments.yes) {
        (true, _) => Wish::Show,
        (false, true) => Wish::Delete,
        (false, false) => Wish::Ask,
    };
    gc::collect(&Store::new(&pipeline.artifacts), wish, arguments.json)?;
    Ok(0)
}

fn run_pipeline(arguments: &RunArguments) -> Result<u8, OrchestratorError> {
    let clock = Instant::now();
    interrupt::watch();
    let pipeline = arguments.pipeline.load()?;
    let steps = pipeline.steps();
    let selection = Selection::new(&steps, &arguments.selection.request())?;
    let store = Store::new(&pipeline.artifacts);
    let mut artifacts = KnownArtifacts::new(&store);
    // Decided once beforehand, so that what cannot work is refused before anything runs.
    let planned = run::plan(&steps, &selection, &mut artifacts)?;
    check_programs(&planned)?;
    if let Some(path) = arguments.baseline.as_ref().filter(|path| !path.is_file()) {
        return Err(OrchestratorError::NoBaseline { path: path.clone() });
    }
    let jobs = arguments.jobs.map_or(pipeline.run.jobs, usize::from).max(1);
    let shown = PipelineArguments {
        progress: progress_of(arguments.pipeline.progress, jobs),
        ..arguments.pipeline.clone()
    };
    let manner = Manner {
        arguments: &shown,
        keep_going: arguments.keep_going,
        baseline: arguments.baseline.as_deref(),
        retries: pipeline.run.retries,
        jobs,
        cores: pipeline.run.cores(),
    };
    let engine = arguments.engine.map_or(pipeline.engine.kind, Into::into);
    let tally = match engine {
        EngineKind::Local if arguments.detach => return Err(OrchestratorError::NothingToDetach),
        EngineKind::Local => {
            let watchdog = Watchdog::new(&store.work_folder(), pipeline.run.stall_timeout);
            let mut show = |state, id: &StepId, text: &str| {
                print_step(arguments.pipeline.progress, state, id, text)
            };
            let mut run = Run {
                manner,
                store: &store,
                launch: &|job| launch::run_program(job, &watchdog, pipeline.run.gpus),
                show: &mut show,
            };
            run.run(&steps, &selection, &mut artifacts)?
        }
        EngineKind::Slurm => {
            let run = ClusterRun {
                pipeline: &pipeline,
                steps: &steps,
                selection: &selection,
                manner: Manner {
                    arguments: &arguments.pipeline,
                    ..manner
                },
                detach: arguments.detach,
            };
            let tally = run.run(&planned)?;
            if arguments.detach {
                return Ok(tally.code);
            }
            tally
        }
    };
    let report = report_of(&store, &tally);
    let seconds = clock.elapsed().as_secs_f64();
    screen::summary(
        arguments.pipeline.progress,
        &tally,
        seconds,
        report.as_deref(),
    );
    Ok(tally.code)
}

/// Bars of several stages would overwrite each other: those that run side by side write lines.
fn progress_of(asked: ProgressMode, jobs: usize) -> ProgressMode {
    match asked {
        ProgressMode::Auto | ProgressMode::Bar if jobs > 1 => ProgressMode::Plain,
        mode => mode,
    }
}

/// Every program that the plan needs is there: better to know now than after an hour of training.
fn check_programs(planned: &[Planned]) -> Result<(), OrchestratorError> {
    let mut stale = planned.iter().filter(|step| !step.reasons.is_empty());
    stale.try_for_each(|step| launch::program(step.facts.id.stage.binary()).map(drop))
}

/// Where the report is, if this run has left it in place.
fn report_of(store: &Store, tally: &RunSummary) -> Option<PathBuf> {
    tally
        .reported
        .then(|| store.named(StageName::Report, REVIEWS).join("report.html"))
}

/// The plan in the form asked for.
fn tell_plan(arguments: &PlanArguments) -> Result<u8, OrchestratorError> {
    let request = arguments.selection.request();
    if arguments.format == PlanFormat::Text {
        return show_plan(&arguments.pipeline, &request, arguments.all);
    }
    let pipeline = arguments.pipeline.load()?;
    let steps = pipeline.steps();
    let selection = Selection::new(&steps, &request)?;
    let store = Store::new(
        std::path::absolute(&pipeline.artifacts).unwrap_or_else(|_| pipeline.artifacts.clone()),
    );
    let planned = run::plan(&steps, &selection, &mut KnownArtifacts::new(&store))?;
    let telling = plan_format::Telling {
        pipeline: &pipeline,
        arguments: &arguments.pipeline,
        steps: &steps,
        selection: &selection,
        planned: &planned,
        store: &store,
    };
    let text = match arguments.format {
        PlanFormat::Dot => telling.dot(),
        PlanFormat::Slurm => telling.slurm()?,
        PlanFormat::Text | PlanFormat::Json => telling.json()?,
    };
    // A closed pipe is a reader who has seen enough: not an error of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(0)
}

fn cancel_jobs(arguments: &CancelArguments) -> Result<u8, OrchestratorError> {
    let pipeline = arguments.pipeline.load()?;
    let text = cluster::cancel(&Store::new(&pipeline.artifacts))?;
    let _ = writeln!(anstream::stdout(), "{text}");
    Ok(0)
}

/// One line for each step; for a sweep one line, unless all are asked for or scripts read it.
fn show_plan(
    arguments: &PipelineArguments,
    request: &Request,
    all: bool,
) -> Result<u8, OrchestratorError> {
    let pipeline = arguments.load()?;
    let steps = pipeline.steps();
    let selection = Selection::new(&steps, request)?;
    let store = Store::new(&pipeline.artifacts);
    let sweeps = if all || arguments.progress == ProgressMode::Json {
        Sweeps::open()
    } else {
        Sweeps::folded(&pipeline)
    };
    let state = |planned: &Planned| {
        if planned.reasons.is_empty() {
            StepState::Fresh
        } else {
            StepState::Stale
        }
    };
    let planned = run::plan(&steps, &selection, &mut KnownArtifacts::new(&store))?;
    for (sweep, group) in sweeps.groups(&planned, |planned| planned.facts.id.clone()) {
        if let Some(sweep) = sweep {
            let mut text = sweeps::counted(group.iter().map(|planned| state(planned).as_str()));
            let stale = group.iter().find(|planned| !planned.reasons.is_empty());
            if let Some(first) = stale {
                let why = status::plan_text(first);
                text += &format!("; {}: {why}", first.facts.id.variant);
            }
            let state = stale.map_or(StepState::Fresh, state);
            let id = StepId::new(StageName::Train, sweep);
            print_step(arguments.progress, state, &id, &text);
            continue;
        }
        for planned in group {
            let text = status::plan_text(planned);
            print_step(arguments.progress, state(planned), &planned.facts.id, &text);
        }
    }
    Ok(0)
}

fn show_status(arguments: &StatusArguments) -> Result<u8, OrchestratorError> {
    let pipeline = arguments.pipeline.load()?;
    let sweeps = match &arguments.sweep {
        _ if arguments.all || arguments.json => Sweeps::open(),
        Some(name) => Sweeps::but(&pipeline, name)?,
        None => Sweeps::folded(&pipeline),
    };
    let steps = pipeline.steps();
    let everything = Selection::new(&steps, &Request::default())?;
    let store = Store::new(&pipeline.artifacts);
    let planned = run::plan(&steps, &everything, &mut KnownArtifacts::new(&store))?;
    let mut jobs = cluster::jobs_of(&store, steps.iter().map(|step| step.id.clone()))?;
    let lines: Vec<StatusLine> = planned
        .iter()
        .map(|planned| StatusLine::new(planned, &store, jobs.remove(&planned.facts.id)))
        .collect();
    if let Some(file) = &arguments.timeline {
        cluster::draw_timeline(&store, file)?;
    }
    let mut out = anstream::stdout();
    let _ = if arguments.json {
        let text = serde_json::to_string_pretty(&lines).expect("a status is plain data");
        writeln!(out, "{text}")
    } else {
        status::print(&mut out, &lines, &sweeps, SystemTime::now())
    };
    Ok(0)
}
