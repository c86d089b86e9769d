//! Running a stage, from the command line to the committed artifact.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use artifact::{Artifact, PendingArtifact, RunInfo, Store};
use clap::{Args, CommandFactory, FromArgMatches, Parser};
use settings::{Pipeline, Step, StepId};

use crate::{
    Context, PipelineArguments, Progress, ResolvedStep, Resolver, Stage, StepState, exit_code,
    print_step,
};
use artifact::{Failure, format};

#[derive(Parser)]
struct StageArguments<O: Args> {
    #[command(flatten)]
    pipeline: PipelineArguments,

    /// Name of the table to run, for example `lstm` of `[model.lstm]`; can be repeated. For the report: what it shows
    #[arg(long = "model", value_name = "NAME", visible_alias = "variant")]
    models: Vec<String>,

    /// Run the stage even if its output exists
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    options: O,
}

/// The `main` function of a stage program: parses the arguments, runs the stage and prints a failure. Exit codes: 0
/// success, 1 an error that the user can fix, 2 wrong usage, 75 transient error, 130 interrupted.
pub fn main<S: Stage>() -> ExitCode {
    let (summary, details) = S::ABOUT.split_once("\n\n").unwrap_or((S::ABOUT, ""));
    let command = StageArguments::<S::Options>::command()
        .name(S::NAME.binary())
        .version(env!("CARGO_PKG_VERSION"))
        .about(summary)
        .after_long_help(details);
    let arguments = StageArguments::from_arg_matches(&command.get_matches());
    let arguments = arguments.unwrap_or_else(|error| error.exit());
    exit_code(run_from_arguments::<S>(&arguments)).into()
}

fn run_from_arguments<S: Stage>(arguments: &StageArguments<S::Options>) -> Result<(), Failure> {
    let pipeline = arguments.pipeline.load()?;
    for step in pipeline.steps_of_stage(S::NAME, &arguments.models)? {
        let id = step.id.clone();
        pipeline.check_files(&step)?;
        let progress = Progress::new(arguments.pipeline.progress, id.clone());
        let (force, options) = (arguments.force, &arguments.options);
        let (state, artifact) = execute::<S>(&pipeline, step, force, progress, options)?;
        let run = &artifact.manifest().run;
        let text = match state {
            StepState::Done => format!("{}  ({})", run.summary, format::seconds(run.seconds)),
            _ => run.summary.clone(),
        };
        print_step(arguments.pipeline.progress, state, &id, &text);
    }
    Ok(())
}

/// Runs one step of a pipeline if its output does not exist, is damaged, or `force` is set. In every case, even if the
/// stage did not run, it then links the name of the variant to the output and calls [`Stage::after`].
///
/// # Errors
/// An input is missing or damaged, or the stage failed.
pub fn execute<S: Stage>(
    pipeline: &Pipeline,
    step: Step,
    force: bool,
    progress: Progress,
    options: &S::Options,
) -> Result<(StepState, Artifact), Failure> {
    // The pool may exist already when several steps run in one process, as in tests.
    let pool = rayon::ThreadPoolBuilder::new();
    let _ = pool.num_threads(pipeline.run.cores()).build_global();
    let store = Store::new(&pipeline.artifacts);
    let mut resolver = Resolver::new(pipeline, &store);
    let resolved = resolver.resolve_within(&step, max_input_wait())?;
    let resolved = resolved.map_err(|missing| missing_input(&missing, pipeline))?;
    resolver.save();
    let lock = store.lock(S::NAME, &resolved.key, |holder| {
        progress.note(&format!(
            "waiting for {holder}, which already runs this step"
        ));
    })?;
    let existing = (!force).then(|| find_intact(&store, &resolved)).flatten();
    let variant = resolved.step.id.variant.clone();
    let mut context = Context {
        // If the output exists, the stage does not run, and both paths are the folder of the output.
        output: store.folder(S::NAME, &resolved.key),
        resume_directory: store.folder(S::NAME, &resolved.key),
        resolved,
        progress,
        run: pipeline.run.clone(),
        pipeline_file: pipeline.file.clone(),
    };
    let (state, artifact) = match existing {
        Some(artifact) => (StepState::Fresh, artifact),
        None => {
            let pending = store.begin(S::NAME, context.resolved.key, lock)?;
            pending.folder().clone_into(&mut context.output);
            let resume_directory = pending.resume_directory();
            resume_directory.clone_into(&mut context.resume_directory);
            (StepState::Done, run_stage::<S>(&context, pending)?)
        }
    };
    store.link(&variant, &artifact)?;
    S::after(&context, &artifact, options)?;
    Ok((state, artifact))
}

/// How long to wait for a missing input. A job of a cluster starts when another node has written its inputs, but NFS
/// caches folder listings, by default for up to a minute.
fn max_input_wait() -> Duration {
    let is_job = std::env::var_os("SLURM_JOB_ID").is_some();
    Duration::from_secs(if is_job { 75 } else { 0 })
}

/// The output if it exists and all files match their digests.
fn find_intact(store: &Store, resolved: &ResolvedStep) -> Option<Artifact> {
    let artifact = store.find(resolved.step.id.stage, &resolved.key).ok()??;
    artifact.verify().is_ok().then_some(artifact)
}

fn run_stage<S: Stage>(context: &Context, pending: PendingArtifact) -> Result<Artifact, Failure> {
    let resolved = &context.resolved;
    let step = &resolved.step;
    let settings = serde_json::from_value(step.settings.clone()).map_err(|error| {
        let id = &step.id;
        Failure::new(format!("The settings of `{id}` are not valid: {error}"))
    })?;
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let clock = Instant::now();
    let outcome = S::run(context, settings)?;
    let version = ("ressenti".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let run = RunInfo {
        started: started.map_or(0, |time| time.as_secs()),
        seconds: clock.elapsed().as_secs_f64(),
        peak_memory: peak_memory(),
        cores: context.run.cores(),
        device: outcome.device,
        summary: outcome.summary,
        versions: outcome.versions.into_iter().chain([version]).collect(),
    };
    Ok(pending.commit(
        step.settings.clone(),
        resolved.input_references.clone(),
        resolved.source_references.clone(),
        outcome.contract,
        &outcome.files,
        run,
    )?)
}

/// Peak resident memory of this process so far, in bytes.
fn peak_memory() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `getrusage` fills the struct it is given, and all zeros is a valid value of it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * unit
}

fn missing_input(missing: &StepId, pipeline: &Pipeline) -> Failure {
    let (file, stage) = (pipeline.file.display(), missing.stage);
    let model = missing.model_argument();
    let hint = format!("Build it with `ressenti run --pipeline {file} --only {stage}{model}`");
    Failure::new(format!("The input `{missing}` of this step does not exist")).with_hint(hint)
}
