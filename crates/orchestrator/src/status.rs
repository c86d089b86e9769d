//! `ressenti status`: what is there, step by step.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};
use artifact::{Contract, Manifest, StageName, Store};
use serde::Serialize;
use stage::format;

use crate::plan::{Latest, Output, Reason, in_words};
use crate::run::Planned;

/// What state a step's output is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There and whole.
    Fresh,
    /// Something it depends on has changed since.
    Stale,
    /// There never was one.
    NeverRun,
    /// There, and not as written.
    Damaged,
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
    /// What an interrupted run has left to go on from, in words.
    pub interrupted: Option<String>,
    /// Where it is.
    pub folder: PathBuf,
}

impl StatusLine {
    /// The status of a step, from what planning found. Where it is not fresh, the figures are those
    /// of the last output.
    pub fn new(planned: &Planned, store: &Store) -> Self {
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
            interrupted: facts
                .kept
                .as_deref()
                .and_then(|kept| left(facts.id.stage, kept)),
            folder: store.named(facts.id.stage, &facts.id.variant),
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
        Contract::Model { .. } | Contract::Report { .. } => None,
    }
}

/// Prints the status as a table.
///
/// # Errors
/// The screen refuses.
pub(crate) fn print(out: &mut impl Write, lines: &[StatusLine], now: SystemTime) -> io::Result<()> {
    let now = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let dimmed = Style::new().dimmed();
    writeln!(
        out,
        "{dimmed}{:<9}  {:<9} {:<12} {:>11}  {:>12}  {:>12}  {:>10}  folder{dimmed:#}",
        "state", "stage", "variant", "rows", "age", "took", "size"
    )?;
    for line in lines {
        let (word, style) = match line.state {
            State::Fresh => ("fresh", AnsiColor::Green.on_default()),
            State::Stale => ("stale", AnsiColor::Yellow.on_default()),
            State::NeverRun => ("never run", Style::new().dimmed()),
            State::Damaged => ("damaged", AnsiColor::Red.on_default()),
        };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        writeln!(
            out,
            "{style}{word:<9}{style:#}  {:<9} {:<12} {:>11}  {:>12}  {:>12}  {:>10}  {}",
            line.stage,
            line.variant,
            or_dash(line.rows.map(format::count)),
            or_dash(
                line.finished
                    .map(|finished| format::seconds(now.saturating_sub(finished) as f64))
            ),
            or_dash(line.seconds.map(format::seconds)),
            or_dash(line.bytes.map(format::bytes)),
            if line.finished.is_some() {
                line.folder.display().to_string()
            } else {
                "-".to_owned()
            },
        )?;
    }
    for line in lines {
        if let Some(left) = &line.interrupted {
            writeln!(
                out,
                "\n{} {} was interrupted: it {left}",
                line.stage, line.variant
            )?;
        }
    }
    let unfresh: Vec<_> = lines
        .iter()
        .filter(|line| line.state != State::Fresh)
        .collect();
    if !unfresh.is_empty() {
        writeln!(
            out,
            "\n{} not fresh; `ressenti plan` says why",
            format::plural(unfresh.len() as u64, "step", "steps")
        )?;
    }
    Ok(())
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
