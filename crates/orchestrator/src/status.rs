//! `ressenti status`: the state of every step as a table or as JSON.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use artifact::{Contract, Manifest, RunInfo, StageName, Store, format};
use serde::Serialize;
use settings::StepId;

use crate::age;
use crate::cluster::StepJob;
use crate::plan::{OutputState, PlannedStep};
use crate::sweeps::{Sweeps, count_states, count_words};

/// The word for a state and its style.
fn state_word(state: OutputState) -> (&'static str, Style) {
    match state {
        OutputState::Fresh => ("fresh", AnsiColor::Green.on_default()),
        OutputState::Stale => ("stale", AnsiColor::Yellow.on_default()),
        OutputState::NeverRun => ("never run", Style::new().dimmed()),
        OutputState::Damaged => ("damaged", AnsiColor::Red.on_default()),
    }
}

/// The status of a step, or of all trials of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StatusLine {
    /// The stage.
    pub(crate) stage: StageName,
    /// The variant.
    pub(crate) variant: String,
    /// The state of its output.
    pub(crate) state: OutputState,
    /// Why it is not fresh.
    pub(crate) reasons: Vec<String>,
    /// Rows of its output, if it has rows.
    pub(crate) rows: Option<u64>,
    /// When it was finished, in seconds since 1970-01-01 UTC.
    pub(crate) finished: Option<u64>,
    /// How long it took.
    pub(crate) seconds: Option<f64>,
    /// Size of its files.
    pub(crate) bytes: Option<u64>,
    /// The process that builds it now, as text.
    pub(crate) builder: Option<String>,
    /// Where an interrupted run resumes, as text; `None` while the step is being built.
    pub(crate) interrupted: Option<String>,
    /// Its last job on a cluster, if it had one.
    pub(crate) job: Option<StepJob>,
    /// The folder of its output.
    pub(crate) folder: PathBuf,
    /// For a sweep: the number of trials in each state.
    #[serde(skip)]
    pub(crate) trials: Option<String>,
}

impl StatusLine {
    /// The status of a planned step. If the step is stale, the figures are those of its last output.
    pub(crate) fn new(planned: &PlannedStep, store: &Store, job: Option<StepJob>) -> Self {
        let (stage, variant) = (planned.id.stage, planned.id.variant.clone());
        let manifest = planned.last_manifest();
        let run = manifest.map(|manifest| &manifest.run);
        let resume_directory = planned.resume_directory.as_deref();
        let resume_directory = resume_directory.filter(|_| planned.lock_holder.is_none());
        Self {
            state: planned.state(),
            reasons: planned.reasons.clone(),
            rows: manifest.and_then(rows),
            finished: run.map(RunInfo::finished),
            seconds: run.map(|run| run.seconds),
            bytes: manifest.map(|manifest| manifest.files.iter().map(|file| file.bytes).sum()),
            builder: planned.lock_holder.clone(),
            interrupted: resume_directory.and_then(|folder| resume_point(stage, folder)),
            job,
            folder: store.variant_link(stage, &variant),
            trials: None,
            stage,
            variant,
        }
    }

    /// One line for the trials of a sweep, which has at least one trial: the latest end, the total time and
    /// size, and the counts by state.
    fn of_sweep(name: &str, trials: &[Self]) -> Self {
        let mut counts = count_states(trials.iter().map(|trial| state_word(trial.state).0));
        let interrupted = trials.iter().filter(|trial| trial.interrupted.is_some());
        let running = trials.iter().filter(|trial| trial.builder.is_some());
        let (interrupted, running) = (interrupted.count(), running.count());
        for (count, word) in [(interrupted, "interrupted"), (running, "running")] {
            if count > 0 {
                counts += &format!("; {} {word}", format::count(count as u64));
            }
        }
        let state = trials.iter().map(|trial| trial.state).max();
        let seconds = trials.iter().filter_map(|trial| trial.seconds);
        let bytes = trials.iter().filter_map(|trial| trial.bytes);
        Self {
            variant: name.to_owned(),
            state: state.unwrap_or(OutputState::NeverRun),
            rows: None,
            finished: trials.iter().filter_map(|trial| trial.finished).max(),
            seconds: seconds.reduce(|sum, one| sum + one),
            bytes: bytes.reduce(|sum, one| sum + one),
            trials: Some(counts),
            ..trials[0].clone()
        }
    }
}

/// Where an interrupted step resumes. Names of checkpoints start with the training step; finished shards have
/// a digest file beside them.
fn resume_point(stage: StageName, folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let names: Vec<PathBuf> = entries.map(|entry| entry.file_name().into()).collect();
    if stage == StageName::Train {
        let step = |name: &PathBuf| name.to_str()?.split_once('-')?.0.parse::<u64>().ok();
        let step = format::count(names.iter().filter_map(step).max()?);
        return Some(format!("resumes after training step {step}"));
    }
    let is_shard = |name: &&PathBuf| name.extension().is_some_and(|found| found == "digest");
    let shards = names.iter().filter(is_shard).count() as u64;
    let shards = format::plural(shards, "finished shard", "finished shards");
    (!names.is_empty()).then(|| format!("resumes after {shards}"))
}

/// The number of rows of an artifact as users count them.
fn rows(manifest: &Manifest) -> Option<u64> {
    match &manifest.contract {
        Contract::Reviews { rows } | Contract::Evaluation { rows, .. } => Some(*rows),
        Contract::Clean {
            train,
            validation,
            test,
            unlabelled,
            ..
        } => Some(train + validation + test + unlabelled),
        Contract::Tokens { .. } | Contract::Features { .. } => {
            let rows = manifest.files.iter().filter_map(|file| file.rows);
            rows.reduce(|sum, rows| sum + rows)
        }
        Contract::Embedding {
            vocabulary_size, ..
        }
        | Contract::Encoder {
            vocabulary_size, ..
        } => Some(u64::from(*vocabulary_size)),
        Contract::Model { .. } | Contract::RangeTest { .. } | Contract::Report { .. } => None,
    }
}

/// Prints the status as a table.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn print(out: &mut impl Write, lines: &[StatusLine], sweeps: &Sweeps) -> io::Result<()> {
    let dimmed = Style::new().dimmed();
    writeln!(
        out,
        "{dimmed}{:<9}  {:<9} {:<12} {:>11}  {:>12}  {:>12}  {:>10}  folder{dimmed:#}",
        "state", "stage", "variant", "rows", "age", "duration", "size"
    )?;
    let groups = sweeps.groups(lines, |line| StepId::new(line.stage, &line.variant));
    let mut single_steps = Vec::new();
    for (sweep, group) in &groups {
        if let Some(name) = sweep {
            print_line(out, &StatusLine::of_sweep(name, group))?;
            continue;
        }
        for line in *group {
            print_line(out, line)?;
            single_steps.push(line);
        }
    }
    for line in single_steps {
        let step = StepId::new(line.stage, &line.variant);
        if let Some(builder) = &line.builder {
            writeln!(out, "\n{step} is being built by {builder}")?;
        }
        if let Some(resume_point) = &line.interrupted {
            writeln!(out, "\n{step} was interrupted: it {resume_point}")?;
        }
    }
    print_jobs(out, lines)?;
    let not_fresh = lines.iter().filter(|line| line.state != OutputState::Fresh);
    let not_fresh = not_fresh.count() as u64;
    if not_fresh > 0 {
        let steps = format::plural(not_fresh, "step is", "steps are");
        writeln!(out, "\n{steps} not fresh; `ressenti plan` shows why")?;
    }
    if let Some(name) = groups.iter().find_map(|(sweep, _)| *sweep) {
        let commands = format!("`ressenti status {name}`, or `--all`");
        writeln!(out, "\nTo list the trials of a sweep: {commands}")?;
    }
    Ok(())
}

/// Prints the jobs of steps that are not fresh. After 20 jobs only counts are printed.
fn print_jobs(out: &mut impl Write, lines: &[StatusLine]) -> io::Result<()> {
    const SHOWN: usize = 20;
    // A step whose job failed may have been built later by hand.
    let open = lines.iter().filter(|line| line.state != OutputState::Fresh);
    let jobs = open.filter_map(|line| Some((line, line.job.as_ref()?)));
    let unfinished: Vec<_> = jobs.filter(|(_, job)| job.state != "done").collect();
    if unfinished.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for (line, job) in unfinished.iter().take(SHOWN) {
        let step = StepId::new(line.stage, &line.variant).to_string();
        writeln!(out, "{step:<22} {}", job.to_line())?;
        if matches!(job.state, "failed" | "lost") {
            writeln!(out, "{:<22} log {}", "", job.log.display())?;
        }
    }
    if unfinished.len() > SHOWN {
        let remaining = unfinished[SHOWN..].iter().map(|(_, job)| job.state);
        let counts = count_words(["more job", "more jobs"], remaining);
        writeln!(out, "{:<22} and {counts}", "")?;
    }
    Ok(())
}

fn print_line(out: &mut impl Write, line: &StatusLine) -> io::Result<()> {
    let (word, style) = state_word(line.state);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let folder = line.finished.map(|_| line.folder.display().to_string());
    writeln!(
        out,
        "{style}{word:<9}{style:#}  {:<9} {:<12} {:>11}  {:>12}  {:>12}  {:>10}  {}",
        line.stage,
        line.variant,
        or_dash(line.rows.map(format::count)),
        or_dash(line.finished.map(age)),
        or_dash(line.seconds.map(format::seconds)),
        or_dash(line.bytes.map(format::bytes)),
        or_dash(line.trials.clone().or(folder)),
    )
}
