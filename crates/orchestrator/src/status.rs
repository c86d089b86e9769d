//! `ressenti status`: what is there, step by step.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};
use artifact::{Contract, Manifest, StageName, Store, format};
use serde::Serialize;
use settings::StepId;

use crate::cluster::JobOfStep;
use crate::plan::{Latest, Output, Reason, in_words};
use crate::run::Planned;
use crate::sweeps::{Sweeps, counted, counted_as};

/// What state a step's output is in; the later, the more there is to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There and whole.
    Fresh,
    /// There never was one.
    NeverRun,
    /// Something it depends on has changed since.
    Stale,
    /// There, and not as written.
    Damaged,
}

impl State {
    fn in_words(self) -> (&'static str, Style) {
        match self {
            Self::Fresh => ("fresh", AnsiColor::Green.on_default()),
            Self::Stale => ("stale", AnsiColor::Yellow.on_default()),
            Self::NeverRun => ("never run", Style::new().dimmed()),
            Self::Damaged => ("damaged", AnsiColor::Red.on_default()),
        }
    }
}

/// One line of the status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusLine {
    /// The stage.
    pub stage: StageName,
    /// The variant.
    pub variant: String,
    /// What state its output is in.
    pub state: State,
    /// Why it is not fresh, in words.
    pub reasons: Vec<String>,
    /// Rows of its output, where it has any.
    pub rows: Option<u64>,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub finished: Option<u64>,
    /// How long that took.
    pub seconds: Option<f64>,
    /// Size of its files.
    pub bytes: Option<u64>,
    /// The process that builds it at this moment, in words.
    pub builder: Option<String>,
    /// What an interrupted run has left to go on from, in words; nothing while it is being built.
    pub interrupted: Option<String>,
    /// Its last job on a cluster, if it had one.
    pub job: Option<JobOfStep>,
    /// Where it is.
    pub folder: PathBuf,
    /// How many trials are in which state, where it is the line of a sweep.
    #[serde(skip)]
    pub trials: Option<String>,
}

impl StatusLine {
    /// The status of a step, from what planning found. Where it is not fresh, the figures are those
    /// of the last output.
    pub fn new(planned: &Planned, store: &Store, job: Option<JobOfStep>) -> Self {
        let facts = &planned.facts;
        let manifest = match (&facts.output, &facts.latest) {
            (Output::Whole(artifact), _)
            | (
                Output::Damaged {
                    expected: Some(artifact),
                    ..
                },
                _,
            ) => Some(artifact.manifest()),
            (_, Latest::Made(manifest)) => Some(manifest.as_ref()),
            _ => None,
        };
        Self {
            stage: facts.id.stage,
            variant: facts.id.variant.clone(),
            state: state(&planned.reasons),
            reasons: planned.reasons.iter().map(Reason::to_string).collect(),
            rows: manifest.and_then(rows),
            finished: manifest.map(|manifest| manifest.run.started + manifest.run.seconds as u64),
            seconds: manifest.map(|manifest| manifest.run.seconds),
            bytes: manifest.map(|manifest| manifest.files.iter().map(|file| file.bytes).sum()),
            builder: facts.builder.clone(),
            interrupted: facts
                .kept
                .as_deref()
                .filter(|_| facts.builder.is_none())
                .and_then(|kept| left(facts.id.stage, kept)),
            job,
            folder: store.named(facts.id.stage, &facts.id.variant),
            trials: None,
        }
    }

    /// One line for the trials of a sweep, of which there is at least one: when the last was made, how
    /// long all took, and their size.
    fn of_sweep(name: &str, trials: &[Self]) -> Self {
        let interrupted = trials.iter().filter(|trial| trial.interrupted.is_some());
        let interrupted = interrupted.count() as u64;
        let mut counts = counted(trials.iter().map(|trial| trial.state.in_words().0));
        if interrupted > 0 {
            counts += &format!("; {} interrupted", format::count(interrupted));
        }
        let running = trials.iter().filter(|trial| trial.builder.is_some());
        let running = running.count() as u64;
        if running > 0 {
            counts += &format!("; {} running", format::count(running));
        }
        Self {
            variant: name.to_owned(),
            state: trials
                .iter()
                .map(|trial| trial.state)
                .max()
                .unwrap_or(State::NeverRun),
            rows: None,
            finished: trials.iter().filter_map(|trial| trial.finished).max(),
            seconds: trials
                .iter()
                .filter_map(|trial| trial.seconds)
                .reduce(|sum, seconds| sum + seconds),
            bytes: trials
                .iter()
                .filter_map(|trial| trial.bytes)
                .reduce(|sum, bytes| sum + bytes),
            builder: None,
            interrupted: None,
            job: None,
            trials: Some(counts),
            ..trials[0].clone()
        }
    }
}

/// What lies in the folder of an interrupted step: checkpoints are named by their step, finished
/// shards have their digest beside them.
fn left(stage: StageName, folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let names: Vec<PathBuf> = entries
        .map(|entry| PathBuf::from(entry.file_name()))
        .collect();
    let step = |name: &PathBuf| name.to_str()?.split_once('-')?.0.parse::<u64>().ok();
    let is_shard = |name: &&PathBuf| name.extension().is_some_and(|found| found == "digest");
    match stage {
        StageName::Train => {
            let step = names.iter().filter_map(step).max()?;
            Some(format!(
                "goes on after training step {}",
                format::count(step)
            ))
        }
        _ => {
            let shards = names.iter().filter(is_shard).count() as u64;
            let shards = format::plural(shards, "finished shard", "finished shards");
            (!names.is_empty()).then(|| format!("goes on after {shards}"))
        }
    }
}

fn state(reasons: &[Reason]) -> State {
    if reasons.is_empty() {
        State::Fresh
    } else if reasons
        .iter()
        .any(|reason| matches!(reason, Reason::OutputDamaged { .. }))
    {
        State::Damaged
    } else if reasons.contains(&Reason::NeverRun) {
        State::NeverRun
    } else {
        State::Stale
    }
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
        Contract::Tokens { .. } | Contract::Features { .. } => manifest
            .files
            .iter()
            .filter_map(|file| file.rows)
            .reduce(|sum, rows| sum + rows),
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
    now: SystemTime,
) -> io::Result<()> {
    let now = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let dimmed = Style::new().dimmed();
    writeln!(
        out,
        "{dimmed}{:<9}  {:<9} {:<12} {:>11}  {:>12}  {:>12}  {:>10}  folder{dimmed:#}",
        "state", "stage", "variant", "rows", "age", "took", "size"
    )?;
    let id = |line: &StatusLine| StepId::new(line.stage, &line.variant);
    let groups = sweeps.groups(lines, id);
    for (sweep, group) in &groups {
        match sweep {
            Some(name) => print_line(out, &StatusLine::of_sweep(name, group), now)?,
            None => group
                .iter()
                .try_for_each(|line| print_line(out, line, now))?,
        }
    }
    let alone = groups.iter().filter(|(sweep, _)| sweep.is_none());
    for line in alone.flat_map(|(_, group)| *group) {
        if let Some(builder) = &line.builder {
            writeln!(
                out,
                "\n{} {} is being built by {builder}",
                line.stage, line.variant
            )?;
        }
        if let Some(left) = &line.interrupted {
            writeln!(
                out,
                "\n{} {} was interrupted: it {left}",
                line.stage, line.variant
            )?;
        }
    }
    print_jobs(out, lines)?;
    let unfresh = lines.iter().filter(|line| line.state != State::Fresh);
    let unfresh = unfresh.count() as u64;
    if unfresh > 0 {
        writeln!(
            out,
            "\n{} not fresh; `ressenti plan` says why",
            format::plural(unfresh, "step", "steps")
        )?;
    }
    if let Some(name) = groups.iter().find_map(|(sweep, _)| *sweep) {
        writeln!(
            out,
            "\nThe trials of a sweep one by one: `ressenti status {name}`, or `--all`"
        )?;
    }
    Ok(())
}

/// What jobs do that are not done: of a big sweep the first ones, the rest is counted.
fn print_jobs(out: &mut impl Write, lines: &[StatusLine]) -> io::Result<()> {
    const SHOWN: usize = 20;
    let jobs = lines
        .iter()
        .filter_map(|line| Some((line, line.job.as_ref()?)));
    // What a job has failed at may be there since, made by hand.
    let telling: Vec<_> = jobs
        .filter(|(line, job)| job.is_worth_saying() && line.state != State::Fresh)
        .collect();
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
    let rest = telling.iter().skip(SHOWN).map(|(_, job)| job.state);
    if rest.clone().next().is_some() {
        let counts = counted_as(("more job", "more jobs"), rest);
        writeln!(out, "{:<22} and {counts}", "")?;
    }
    Ok(())
}

fn print_line(out: &mut impl Write, line: &StatusLine, now: u64) -> io::Result<()> {
    let (word, style) = line.state.in_words();
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let age = |finished| format::seconds(now.saturating_sub(finished) as f64);
    let place = match (&line.trials, line.finished) {
        (Some(trials), _) => trials.clone(),
        (None, Some(_)) => line.folder.display().to_string(),
        (None, None) => "-".to_owned(),
    };
    writeln!(
        out,
        "{style}{word:<9}{style:#}  {:<9} {:<12} {:>11}  {:>12}  {:>12}  {:>10}  {place}",
        line.stage,
        line.variant,
        or_dash(line.rows.map(format::count)),
        or_dash(line.finished.map(age)),
        or_dash(line.seconds.map(format::seconds)),
        or_dash(line.bytes.map(format::bytes)),
    )
}

/// The line of a step in a plan.
pub(crate) fn plan_text(planned: &Planned) -> String {
    match &planned.facts.output {
        Output::Whole(artifact) if planned.reasons.is_empty() => {
            artifact.manifest().run.summary.clone()
        }
        _ => in_words(&planned.reasons),
    }
}
