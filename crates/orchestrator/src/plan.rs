//! Fresh or stale, and why: a pure function over plain values.
//!
//! A step is named by a key: its stage, the stage's version, its settings, and what its inputs and
//! sources hold. It is fresh when the output of that key is there and whole. Where it is not, the
//! manifest of the variant's last output tells what has changed since. [`crate::known_artifacts`] gathers
//! the facts; nothing here touches the disk.

use std::fmt;
use std::path::PathBuf;

use artifact::{Artifact, Digest, InputReference, Manifest, SourceReference, StageName};
use serde_json::{Map, Value};
use settings::StepId;

/// All that is known about a step before deciding.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which step.
    pub id: StepId,
    /// Its own settings now.
    pub settings: Value,
    /// The stage's version now.
    pub stage_version: u32,
    /// What it reads, and what each holds as far as that is known before it is rebuilt.
    pub inputs: Vec<(StepId, Option<Digest>)>,
    /// What it reads from outside, now.
    pub sources: Vec<SourceReference>,
    /// The output of its key.
    pub output: Output,
    /// What the variant's name stands for at present.
    pub latest: Latest,
    /// The folder with what an interrupted run goes on from, where there is one.
    pub kept: Option<PathBuf>,
    /// The process that builds it at this moment, in words.
    pub builder: Option<String>,
    /// Whether it is to be redone in any case.
    pub asked: bool,
}

/// The output of a step's key.
#[derive(Clone, Debug)]
pub enum Output {
    /// The key follows from inputs that are not built yet.
    Unknown,
    /// Never built, or removed.
    Absent,
    /// There, and every byte of it is as written.
    Whole(Box<Artifact>),
    /// There, and not as written.
    Damaged {
        /// The damaged file.
        file: String,
        /// Expected and found.
        reason: String,
        /// What it was, where its manifest is whole: equal keys give equal outputs, so it is also
        /// what it will be once rebuilt.
        expected: Option<Box<Artifact>>,
    },
}

impl Output {
    /// What the output is, or will be once rebuilt.
    pub fn expected(&self) -> Option<&Artifact> {
        match self {
            Self::Unknown | Self::Absent => None,
            Self::Whole(artifact) => Some(artifact),
            Self::Damaged { expected, .. } => expected.as_deref(),
        }
    }
}

/// What a variant's name stands for.
#[derive(Clone, Debug)]
pub enum Latest {
    /// There is no such name.
    Nothing,
    /// The name is there and the artifact behind it is not.
    Gone,
    /// The artifact's manifest cannot be read.
    Damaged {
        /// The damaged file.
        file: String,
        /// Why.
        reason: String,
    },
    /// An artifact with this manifest.
    Made(Box<Manifest>),
}

/// Why a step has to run.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// `--force` or `--from`.
    Asked,
    /// This variant never had an output.
    NeverRun,
    /// The output was there and somebody removed it.
    OutputGone,
    /// A file of the output is not as written.
    OutputDamaged {
        /// The file's name.
        file: String,
        /// Expected and found.
        reason: String,
    },
    /// The stage computes something else than it did.
    StageVersionChanged {
        /// Of the last output.
        was: u32,
        /// Now.
        now: u32,
    },
    /// A setting differs from the last output's.
    SettingChanged {
        /// Its dotted name in the pipeline file.
        key: String,
        /// Of the last output; null where it was not set.
        was: Value,
        /// Now; null where it is not set.
        now: Value,
    },
    /// A file from outside has other content.
    SourceChanged {
        /// Its name.
        name: String,
    },
    /// An input holds something else than it did.
    InputChanged(StepId),
    /// Another variant is read than before.
    InputReplaced {
        /// Of the last output.
        was: StepId,
        /// Now.
        now: StepId,
    },
    /// An input the last output was made without.
    InputAdded(StepId),
    /// An input the last output was made from, and which is read no longer.
    InputRemoved(StepId),
    /// An input is rebuilt first. If it then holds what it held before, this step need not run.
    InputMayChange(StepId),
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => write!(formatter, "asked for"),
            Self::NeverRun => write!(formatter, "never run"),
            Self::OutputGone => write!(formatter, "its output was removed"),
            Self::OutputDamaged { file, reason } => {
                write!(formatter, "output damaged: `{file}`, {reason}")
            }
            Self::StageVersionChanged { was, now } => {
                write!(formatter, "stage version changed: {was} -> {now}")
            }
            Self::SettingChanged { key, was, now } => {
                write!(
                    formatter,
                    "setting `{key}` changed: {} -> {}",
                    shown(was),
                    shown(now)
                )
            }
            Self::SourceChanged { name } => write!(formatter, "source `{name}` changed"),
            Self::InputChanged(input) => write!(formatter, "input `{input}` changed"),
            Self::InputReplaced { was, now } => {
                write!(formatter, "input `{was}` replaced by `{now}`")
            }
            Self::InputAdded(input) => write!(formatter, "input `{input}` added"),
            Self::InputRemoved(input) => write!(formatter, "input `{input}` removed"),
            Self::InputMayChange(input) => write!(formatter, "input `{input}` may change"),
        }
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        "unset".to_owned()
    } else {
        value.to_string()
    }
}

/// Reasons shown on one line; the rest is counted.
const REASONS_SHOWN: usize = 3;

/// The reasons of a step as one line.
pub fn in_words(reasons: &[Reason]) -> String {
    let mut words: Vec<String> = reasons
        .iter()
        .take(REASONS_SHOWN)
        .map(Reason::to_string)
        .collect();
    if let Some(more) = reasons
        .len()
        .checked_sub(REASONS_SHOWN)
        .filter(|more| *more > 0)
    {
        words.push(format!("and {more} more"));
    }
    words.join("; ")
}

/// Decides about one step: it is fresh where there is no reason to run it.
pub fn decide(facts: &Facts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if facts.asked {
        reasons.push(Reason::Asked);
    }
    match &facts.output {
        Output::Whole(_) => {}
        Output::Damaged { file, reason, .. } => {
            reasons.push(Reason::OutputDamaged {
                file: file.clone(),
                reason: reason.clone(),
            });
        }
        Output::Absent | Output::Unknown => reasons.extend(why_absent(facts)),
    }
    reasons
}

fn why_absent(facts: &Facts) -> Vec<Reason> {
    let mut reasons = match &facts.latest {
        Latest::Nothing => return vec![Reason::NeverRun],
        Latest::Gone => vec![Reason::OutputGone],
        Latest::Damaged { file, reason } => {
            vec![Reason::OutputDamaged {
                file: file.clone(),
                reason: reason.clone(),
            }]
        }
        Latest::Made(manifest) => differences(facts, manifest),
    };
    let unknown = facts
        .inputs
        .iter()
        .filter(|(_, identity)| identity.is_none());
    reasons.extend(unknown.map(|(id, _)| Reason::InputMayChange(id.clone())));
    if reasons.is_empty() {
        // Everything compares equal and still the key is another, as when inputs were reordered.
        reasons.push(Reason::NeverRun);
    }
    reasons
}

fn differences(facts: &Facts, latest: &Manifest) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if latest.stage_version != facts.stage_version {
        let (was, now) = (latest.stage_version, facts.stage_version);
        reasons.push(Reason::StageVersionChanged { was, now });
    }
    compare_settings(
        &table_of(&facts.id),
        &latest.settings,
        &facts.settings,
        &mut reasons,
    );
    compare_sources(&latest.sources, &facts.sources, &mut reasons);
    compare_inputs(&latest.inputs, &facts.inputs, &mut reasons);
    reasons
}

/// The table of the pipeline file that a step's settings stand in.
fn table_of(id: &StepId) -> String {
    match id.stage {
        StageName::Ingest => "ingest".to_owned(),
        StageName::Clean => "clean".to_owned(),
        StageName::Tokenize => format!("tokenizer.{}", id.variant),
        StageName::Embed => format!("embedding.{}", id.variant),
        StageName::Train => format!("model.{}", id.variant),
        StageName::Evaluate => "evaluation".to_owned(),
        StageName::Report => "report".to_owned(),
    }
}

/// Walks two settings side by side down to the values that differ.
fn compare_settings(key: &str, was: &Value, now: &Value, reasons: &mut Vec<Reason>) {
    if was == now {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (was, now) else {
        reasons.push(Reason::SettingChanged {
            key: key.to_owned(),
            was: was.clone(),
            now: now.clone(),
        });
        return;
    };
    let value =
        |table: &Map<String, Value>, name: &String| table.get(name).cloned().unwrap_or_default();
    let removed = old.keys().filter(|name| !new.contains_key(*name));
    for name in new.keys().chain(removed) {
        compare_settings(
            &format!("{key}.{name}"),
            &value(old, name),
            &value(new, name),
            reasons,
        );
    }
}

fn compare_sources(was: &[SourceReference], now: &[SourceReference], reasons: &mut Vec<Reason>) {
    let count = was.len().max(now.len());
    for index in 0..count {
        let (old, new) = (was.get(index), now.get(index));
        if old.map(|source| source.digest) != new.map(|source| source.digest)
            && let Some(source) = new.or(old)
        {
            reasons.push(Reason::SourceChanged {
                name: source.name.clone(),
            });
        }
    }
}

/// Inputs are compared by name. A name read no longer and a new one of the same stage are one
/// replaced by the other.
fn compare_inputs(
    was: &[InputReference],
    now: &[(StepId, Option<Digest>)],
    reasons: &mut Vec<Reason>,
) {
    let id_of = |input: &InputReference| StepId::new(input.stage, &input.variant);
    let mut removed: Vec<StepId> = was
        .iter()
        .map(id_of)
        .filter(|old| now.iter().all(|(new, _)| new != old))
        .collect();
    for (id, identity) in now {
        match was.iter().find(|input| id_of(input) == *id) {
            Some(input) if identity.is_some_and(|identity| identity != input.identity) => {
                reasons.push(Reason::InputChanged(id.clone()));
            }
            Some(_) => {}
            None => reasons.push(match removed.iter().position(|old| old.stage == id.stage) {
                Some(position) => Reason::InputReplaced {
                    was: removed.remove(position),
                    now: id.clone(),
                },
                None => Reason::InputAdded(id.clone()),
            }),
        }
    }
    reasons.extend(removed.into_iter().map(Reason::InputRemoved));
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
