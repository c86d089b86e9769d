//! `ressenti status`: what is there, step by step.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use artifact::{Contract, Manifest, StageName, Store, format};
use serde::Serialize;
use settings::StepId;

use crate::age;
use crate::cluster::JobOfStep;
use crate::plan::{Planned, State};
use crate::sweeps::{Sweeps, counted, counted_as};

/// The word for a state and how it is shown.
fn shown(state: State) -> (&'static str, Style) {
    match state {
        State::Fresh => ("fresh", AnsiColor::Green.on_default()),
        State::Stale => ("stale", AnsiColor::Yellow.on_default()),
        State::NeverRun => ("never run", Style::new().dimmed()),
        State::Damaged => ("damaged", AnsiColor::Red.on_default()),
    }
}

/// One line of the status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StatusLine {
    /// The stage.
    pub(crate) stage: StageName,
    /// The variant.
    pub(crate) variant: String,
    /// What state its output is in.
    pub(crate) state: State,
    /// Why it is not fresh, in words.
    pub(crate) reasons: Vec<String>,
    /// Rows of its output, where it has any.
    pub(crate) rows: Option<u64>,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub(crate) finished: Option<u64>,
    /// How long that took.
    pub(crate) seconds: Option<f64>,
    /// Size of its files.
    pub(crate) bytes: Option<u64>,
    /// The process that builds it at this moment, in words.
    pub(crate) builder: Option<String>,
    /// What an interrupted run has left to go on from, in words; nothing while it is being built.
    pub(crate) interrupted: Option<String>,
    /// Its last job on a cluster, if it had one.
    pub(crate) job: Option<JobOfStep>,
    /// Where it is.
    pub(crate) folder: PathBuf,
    /// How many trials are in which state, where it is the line of a sweep.
    #[serde(skip)]
    pub(crate) trials: Option<String>,
}

impl StatusLine {
    /// The status of a step, from what planning found. Where it is not fresh, the figures are those
    /// of the last output.
    pub(crate) fn new(planned: &Planned, store: &Store, job: Option<JobOfStep>) -> Self {
        let facts = &planned.facts;
        let (stage, variant) = (facts.id.stage, facts.id.variant.clone());
        let manifest = planned.last_manifest();
        let run = manifest.map(|manifest| &manifest.run);
        let kept = facts.kept.as_deref().filter(|_| facts.builder.is_none());
        Self {
            state: planned.state(),
            reasons: planned.reasons.clone(),
            rows: manifest.and_then(rows),
            finished: run.map(|run| run.started + run.seconds as u64),
            seconds: run.map(|run| run.seconds),
            bytes: manifest.map(|manifest| manifest.files.iter().map(|file| file.bytes).sum()),
            builder: facts.builder.clone(),
            interrupted: kept.and_then(|kept| left(stage, kept)),
            job,
            folder: store.variant_link(stage, &variant),
            trials: None,
            stage,
            variant,
        }
    }

    /// One line for the trials of a sweep, of which there is at least one: when the last was made, how
    /// long all took, and their size.
    fn of_sweep(name: &str, trials: &[Self]) -> Self {
        let mut counts = counted(trials.iter().map(|trial| shown(trial.state).0));
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
            state: state.unwrap_or(State::NeverRun),
            rows: None,
            finished: trials.iter().filter_map(|trial| trial.finished).max(),
            seconds: seconds.reduce(|sum, one| sum + one),
            bytes: bytes.reduce(|sum, one| sum + one),
            trials: Some(counts),
            ..trials[0].clone()
        }
    }
}

/// What lies in the folder of an interrupted step: checkpoints are named by their step, finished
/// shards have their digest beside them.
fn left(stage: StageName, folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let names: Vec<PathBuf> = entries.map(|entry| entry.file_name().into()).collect();
    if stage == StageName::Train {
        let step = |name: &PathBuf| name.to_str()?.split_once('-')?.0.parse::<u64>().ok();
        let step = format::count(names.iter().filter_map(step).max()?);
        return Some(format!("goes on after training step {step}"));
    }
    let is_shard = |name: &&PathBuf| name.extension().is_some_and(|found| found == "digest");
    let shards = names.iter().filter(is_shard).count() as u64;
    let shards = format::plural(shards, "finished shard", "finished shards");
    (!names.is_empty()).then(|| format!("goes on after {shards}"))
}

/// What people would call the number of rows of an artifact.
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
/// The screen refuses.
pub(crate) fn print(
    out: &mut impl Write,
    lines: &[StatusLine],
    sweeps: &Sweeps<'_>,
) -> io::Result<()> {
    let dimmed = Style::new().dimmed();
    writeln!(
        out,
        "{dimmed}{:<9}  {:<9} {:<12} {:>11}  {:>12}  {:>12}  {:>10}  folder{dimmed:#}",
        "state", "stage", "variant", "rows", "age", "took", "size"
    )?;
    let groups = sweeps.groups(lines, |line| StepId::new(line.stage, &line.variant));
    let mut alone = Vec::new();
    for (sweep, group) in &groups {
        if let Some(name) = sweep {
            print_line(out, &StatusLine::of_sweep(name, group))?;
            continue;
        }
        for line in *group {
            print_line(out, line)?;
            alone.push(line);
        }
    }
    for line in alone {
        let step = StepId::new(line.stage, &line.variant);
        if let Some(builder) = &line.builder {
            writeln!(out, "\n{step} is being built by {builder}")?;
        }
        if let Some(left) = &line.interrupted {
            writeln!(out, "\n{step} was interrupted: it {left}")?;
        }
    }
    print_jobs(out, lines)?;
    let unfresh = lines.iter().filter(|line| line.state != State::Fresh);
    let unfresh = unfresh.count() as u64;
    if unfresh > 0 {
        let steps = format::plural(unfresh, "step", "steps");
        writeln!(out, "\n{steps} not fresh; `ressenti plan` says why")?;
    }
    if let Some(name) = groups.iter().find_map(|(sweep, _)| *sweep) {
        let command = format!("`ressenti status {name}`");
        writeln!(
            out,
            "\nThe trials of a sweep one by one: {command}, or `--all`"
        )?;
    }
    Ok(())
}

/// What jobs do that are not done: of a big sweep the first ones, the rest is counted.
fn print_jobs(out: &mut impl Write, lines: &[StatusLine]) -> io::Result<()> {
    const SHOWN: usize = 20;
    // What a job has failed at may be there since, made by hand.
    let open = lines.iter().filter(|line| line.state != State::Fresh);
    let jobs = open.filter_map(|line| Some((line, line.job.as_ref()?)));
    let telling: Vec<_> = jobs.filter(|(_, job)| job.state != "done").collect();
    if telling.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for (line, job) in telling.iter().take(SHOWN) {
        let step = StepId::new(line.stage, &line.variant).to_string();
        writeln!(out, "{step:<22} {}", job.in_words())?;
        if matches!(job.state, "failed" | "lost") {
            writeln!(out, "{:<22} log {}", "", job.log.display())?;
        }
    }
    if telling.len() > SHOWN {
        let rest = telling[SHOWN..].iter().map(|(_, job)| job.state);
        let counts = counted_as(("more job", "more jobs"), rest);
        writeln!(out, "{:<22} and {counts}", "")?;
    }
    Ok(())
}

fn print_line(out: &mut impl Write, line: &StatusLine) -> io::Result<()> {
    let (word, style) = shown(line.state);
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
