//! `ressenti`, the orchestrator: plans the steps of `pipeline.toml`, runs the stage programs, and reports
//! their state.
//!
//! It links no stage and no libtorch, so it starts in milliseconds and survives a crash of any stage. It
//! starts stage programs with the same arguments that a user would type.
//!
//! - [`workspace`]: the pipeline, its steps, and the steps that a command selects ([`selection`])
//! - [`known_artifacts`]: reads manifests and checks files on disk
//! - [`plan`]: which steps are fresh or stale, and why; pure functions
//! - [`estimates`]: how long steps will take, from earlier runs; [`truncation`]: how many reviews are truncated
//! - [`schedule`]: which step may run next; pure functions
//! - [`run`]: runs each step after its inputs
//! - [`status`]: the table of `ressenti status`
//! - `cluster`: the same plan as Slurm jobs; `job`: the process inside one job

mod arguments;
mod cluster;
mod contracts;
mod doctor;
mod estimates;
mod gc;
mod getting_started;
mod interrupt;
mod job;
mod known_artifacts;
mod launch;
mod next_steps;
mod past_runs;
mod plan;
mod plan_format;
mod run;
mod run_summary;
mod schedule;
mod selection;
mod status;
mod sweeps;
#[cfg(test)]
#[path = "tests/project.rs"]
mod test_project;
mod truncation;
mod watchdog;
mod workspace;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Instant, UNIX_EPOCH};

use artifact::{Failure, StageName, format};
use clap::Parser;
use settings::{EngineKind, REVIEWS, StepId};
use stage::{ProgressMode, print_failure, print_step};

use arguments::{
    Arguments, Command, Engine, PlanArguments, PlanFormat, ProgramArguments, RunArguments,
    StatusArguments,
};
use estimates::Estimates;
use known_artifacts::KnownArtifacts;
use plan::PlannedStep;
use run::{Run, RunOptions};
use run_summary::print_notes;
use selection::SelectionArguments;
use status::StatusLine;
use sweeps::Sweeps;
use watchdog::Watchdog;
use workspace::Workspace;

/// The `main` function of `ressenti`: runs the command and returns its exit code.
pub fn main() -> ExitCode {
    let code = dispatch(Arguments::parse().command).unwrap_or_else(|failure| {
        print_failure(&failure);
        failure.code()
    });
    code.into()
}

fn dispatch(command: Option<Command>) -> Result<u8, Failure> {
    let exec_program =
        |name: &str, given: ProgramArguments| Err(launch::exec_program(name, &given.arguments));
    let exec_stage = |stage: StageName, given| exec_program(stage.binary(), given);
    let with_subcommand = |command: &str, mut given: ProgramArguments| {
        given.arguments.insert(0, command.into());
        given
    };
    let Some(command) = command else {
        // The reader may close the pipe early, for example `head`. That is not an error.
        let _ = getting_started::print(&mut anstream::stdout());
        return Ok(0);
    };
    match command {
        Command::Run(arguments) if arguments.dry_run => show_plan(&PlanArguments {
            pipeline: arguments.pipeline,
            selection: arguments.selection,
            all: false,
            format: PlanFormat::Text,
        }),
        Command::Run(arguments) => run_pipeline(&arguments),
        Command::Plan(arguments) => show_plan(&arguments),
        Command::Cancel(arguments) => cluster::cancel(&arguments),
        Command::Job(arguments) => job::run(&arguments),
        Command::Status(arguments) => show_status(&arguments),
        Command::Doctor(arguments) => Ok(doctor::run(&arguments)),
        Command::Gc(arguments) => gc::collect(&arguments),
        Command::New(given) => exec_program("ressenti-new", given),
        Command::Inspect(given) => exec_stage(StageName::Ingest, with_subcommand("inspect", given)),
        Command::Fetch(given) => exec_stage(StageName::Embed, with_subcommand("fetch", given)),
        Command::Predict(given) => exec_program("ressenti-predict", given),
        Command::Trend(given) => exec_program("ressenti-trend", given),
        Command::Serve(given) => exec_program("ressenti-serve", given),
        Command::Compare(given) => exec_program("ressenti-compare", given),
        Command::Ingest(given) => exec_stage(StageName::Ingest, given),
        Command::Clean(given) => exec_stage(StageName::Clean, given),
        Command::Tokenize(given) => exec_stage(StageName::Tokenize, given),
        Command::Embed(given) => exec_stage(StageName::Embed, given),
        Command::Train(given) => exec_stage(StageName::Train, given),
        Command::Evaluate(given) => exec_stage(StageName::Evaluate, given),
        Command::Report(given) => exec_stage(StageName::Report, given),
    }
}

fn run_pipeline(arguments: &RunArguments) -> Result<u8, Failure> {
    let clock = Instant::now();
    interrupt::install_handlers();
    let progress = arguments.pipeline.progress;
    let mut workspace = Workspace::load(&arguments.pipeline, &arguments.selection)?;
    next_steps::print_source_note(&arguments.pipeline);
    let next_steps = next_steps::commands(&workspace.pipeline, &arguments.pipeline);
    let by_default = workspace.pipeline.engine.kind == EngineKind::Slurm;
    let requested = arguments.engine.map(|engine| engine == Engine::Slurm);
    let on_cluster = requested.unwrap_or(by_default);
    let settings = &mut workspace.pipeline.run;
    settings.jobs = arguments.jobs.map_or(settings.jobs, usize::from);
    let has_bars = matches!(progress, ProgressMode::Auto | ProgressMode::Bar);
    if !on_cluster && settings.jobs > 1 && has_bars {
        // Progress bars of parallel steps would overwrite each other, so parallel steps print lines.
        workspace.arguments.progress = ProgressMode::Plain;
    }
    // Plan all steps first, so that errors are found before any step runs.
    let mut artifacts = KnownArtifacts::new(&workspace.store);
    let planned = workspace.plan(&mut artifacts)?;
    for planned in planned.iter().filter(|planned| !planned.is_fresh()) {
        // Find a missing program now and not after an hour of training.
        launch::program(planned.id.stage.binary())?;
    }
    let baseline = arguments.baseline.clone();
    if let Some(path) = baseline.as_ref().filter(|path| !path.is_file()) {
        let hint = "Use the `metrics.json` of an earlier run, from its `report/reviews` folder";
        let message = format!("Failed to find the baseline `{}`", path.display());
        return Err(Failure::new(message).with_hint(hint.to_owned()));
    }
    let options = RunOptions {
        keep_going: arguments.keep_going,
        baseline,
    };
    if arguments.detach && !on_cluster {
        let hint = "Add `--engine slurm`, or set `[engine] kind = \"slurm\"` in the pipeline file";
        let message = "`--detach` needs a cluster, but the engine is `local`";
        return Err(Failure::new(message).with_hint(hint.to_owned()));
    }
    let estimates = Estimates::new(&workspace, &planned, &artifacts);
    let counts = |planned: &PlannedStep| planned.id.stage == StageName::Tokenize;
    let is_counted_first = estimates.needs_row_count && !on_cluster && planned.iter().any(counts);
    let head = match is_counted_first {
        true => Some("estimate: unknown until the tokens are counted".to_owned()),
        false => estimates.summary(),
    };
    print_notes(progress, head);
    let report = workspace.store.variant_link(StageName::Report, REVIEWS);
    let report = report.join("report.html");
    let (steps, store) = (workspace.steps.clone(), workspace.store.clone());
    let summary = if on_cluster {
        match cluster::run(workspace, options, &planned, arguments.detach)? {
            Some(summary) => summary,
            None => return Ok(0),
        }
    } else {
        let settings = &workspace.pipeline.run;
        let watchdog = Watchdog::new(&workspace.store.work_folder(), settings.stall_timeout);
        let mut print_estimate = |artifacts: &mut KnownArtifacts| {
            let planned = workspace.plan(artifacts)?;
            let estimates = Estimates::new(&workspace, &planned, artifacts);
            print_notes(progress, estimates.summary());
            Ok(())
        };
        let mut run = Run {
            workspace: &workspace,
            options: &options,
            launch: &|job| launch::run_program(job, &watchdog, settings.gpus),
            show: &mut |state, id: &StepId, text: &str| print_step(progress, state, id, text),
            when_counted: is_counted_first.then_some(&mut print_estimate),
        };
        run.run(&mut artifacts)?
    };
    if summary.code == 0 {
        // Every selected step is up to date, so the last output is the current one.
        let output = |id: &StepId| store.latest(id.stage, &id.variant).ok().flatten();
        print_notes(progress, truncation::notes(&steps, output));
    }
    let report = summary.has_report.then_some(report.as_path());
    summary.print(progress, clock.elapsed().as_secs_f64(), report, &next_steps);
    if summary.failed > 0 {
        next_steps::print_source_note(&arguments.pipeline);
    }
    Ok(summary.code)
}

fn show_plan(arguments: &PlanArguments) -> Result<u8, Failure> {
    let workspace = Workspace::load(&arguments.pipeline, &arguments.selection)?;
    next_steps::print_source_note(&arguments.pipeline);
    let mut artifacts = KnownArtifacts::new(&workspace.store);
    let planned = workspace.plan(&mut artifacts)?;
    let estimates = || Estimates::new(&workspace, &planned, &artifacts);
    let text = match arguments.format {
        PlanFormat::Text => {
            let estimates = estimates();
            plan_format::print_plan(&workspace, &planned, &estimates, arguments.all);
            let output = |id: &StepId| artifacts.known.get(id).cloned();
            let notes = truncation::notes(&workspace.steps, output);
            let notes = estimates.summary().into_iter().chain(notes);
            print_notes(workspace.arguments.progress, notes);
            return Ok(0);
        }
        PlanFormat::Json => plan_format::json(&workspace, &planned, &estimates())?,
        PlanFormat::Dot => plan_format::dot(&workspace, &planned),
        PlanFormat::Slurm => cluster::script(workspace, &planned)?,
    };
    // The reader may close the pipe early, for example `head`. That is not an error.
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(0)
}

fn show_status(arguments: &StatusArguments) -> Result<u8, Failure> {
    let selection = SelectionArguments {
        models: arguments.models.clone(),
        ..SelectionArguments::default()
    };
    let workspace = Workspace::load(&arguments.pipeline, &selection)?;
    let store = &workspace.store;
    let sweeps = match &arguments.sweep {
        _ if arguments.all || arguments.json => Sweeps::default(),
        Some(name) => Sweeps::except(&workspace.pipeline, name)?,
        None => Sweeps::collapsed(&workspace.pipeline),
    };
    let planned = workspace.plan(&mut KnownArtifacts::new(store))?;
    let mut jobs = cluster::jobs_by_step(store, workspace.steps.iter().map(|step| &step.id))?;
    let line = |step: &PlannedStep| StatusLine::new(step, store, jobs.remove(&step.id));
    let lines: Vec<StatusLine> = planned.iter().map(line).collect();
    if let Some(file) = &arguments.timeline {
        cluster::write_timeline(store, file)?;
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

/// The current time in seconds since 1970-01-01 UTC.
fn seconds_since_1970() -> f64 {
    UNIX_EPOCH.elapsed().map_or(0.0, |time| time.as_secs_f64())
}

/// Formats the time since `time`, which is in seconds since 1970-01-01 UTC.
fn age(time: u64) -> String {
    format::seconds((seconds_since_1970() - time as f64).max(0.0))
}
