//! Fresh or stale, and why: a pure function over plain values.
//!
//! A step is named by a key: its stage, the stage's version, its settings, and what its inputs and
//! sources hold. It is fresh when the output of that key is there and whole. Where it is not, the
//! manifest of the variant's last output tells what has changed since. [`crate::known_artifacts`] gathers
//! the facts; nothing here touches the disk.

use std::path::PathBuf;

use artifact::{Artifact, Digest, InputReference, Manifest, SourceReference, StageName};
use serde::Serialize;
use serde_json::Value;
use settings::StepId;

/// A step that is read, and what its output holds, where that is known.
pub(crate) type Input = (StepId, Option<Digest>);

/// All that is known about a step before deciding.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Which step.
    pub(crate) id: StepId,
    /// Its own settings now.
    pub(crate) settings: Value,
    /// The stage's version now.
    pub(crate) stage_version: u32,
    /// What it reads, and what each holds as far as that is known before it is rebuilt.
    pub(crate) inputs: Vec<Input>,
    /// What it reads from outside, now.
    pub(crate) sources: Vec<SourceReference>,
    /// The output of its key.
    pub(crate) output: Output,
    /// The folder with what an interrupted run goes on from, where there is one.
    pub(crate) kept: Option<PathBuf>,
    /// The process that builds it at this moment, in words.
    pub(crate) builder: Option<String>,
    /// Whether it is to be redone in any case.
    pub(crate) asked: bool,
}

/// The output of a step's key.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// Never built, or removed, or its key follows from inputs that are not built yet. What the variant's
    /// name stands for says what has changed.
    Absent(Latest),
    /// There, and every byte of it is as written.
    Whole(Box<Artifact>),
    /// There, and not as written.
    Damaged {
        /// The damaged file, and what is wrong with it.
        damage: String,
        /// What it was, where its manifest is whole: equal keys give equal outputs, so it is also
        /// what it will be once rebuilt.
        expected: Option<Box<Artifact>>,
    },
}

impl Output {
    /// What the output is, or will be once rebuilt.
    pub(crate) fn expected(&self) -> Option<&Artifact> {
        match self {
            Self::Absent(_) => None,
            Self::Whole(artifact) => Some(artifact),
            Self::Damaged { expected, .. } => expected.as_deref(),
        }
    }
}

/// What a variant's name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Latest {
    /// There is no such name.
    Nothing,
    /// The name is there and the artifact behind it is not.
    Gone,
    /// The artifact's manifest cannot be read: the damaged file, and what is wrong with it.
    Damaged(String),
    /// An artifact with this manifest.
    Made(Box<Manifest>),
}

/// A step and the reasons to run it, in words; none where it is fresh.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// The facts it was decided from.
    pub(crate) facts: Facts,
    /// Why it has to run.
    pub(crate) reasons: Vec<String>,
}

/// What state a step's output is in; the later, the more there is to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// There and whole.
    Fresh,
    /// There never was one.
    NeverRun,
    /// Something it depends on has changed since.
    Stale,
    /// There, and not as written.
    Damaged,
}

impl Planned {
    /// Whether there is no reason to run it.
    pub(crate) fn is_fresh(&self) -> bool {
        self.reasons.is_empty()
    }

    /// What state its output is in.
    pub(crate) fn state(&self) -> State {
        match &self.facts.output {
            _ if self.is_fresh() => State::Fresh,
            Output::Damaged { .. } | Output::Absent(Latest::Damaged(_)) => State::Damaged,
            Output::Absent(Latest::Nothing) => State::NeverRun,
            Output::Absent(_) | Output::Whole(_) => State::Stale,
        }
    }

    /// Its output, which will not be made anew.
    pub(crate) fn fresh_output(&self) -> Option<&Artifact> {
        match &self.facts.output {
            Output::Whole(artifact) if self.is_fresh() => Some(artifact),
            _ => None,
        }
    }

    /// The manifest of its output or, where there is none of its key, of the variant's last one.
    pub(crate) fn last_manifest(&self) -> Option<&Manifest> {
        match &self.facts.output {
            Output::Absent(Latest::Made(manifest)) => Some(manifest),
            output => output.expected().map(Artifact::manifest),
        }
    }

    /// Its line in a plan: what it made, or why it has to run.
    pub(crate) fn text(&self) -> String {
        match self.fresh_output() {
            Some(output) => output.manifest().run.summary.clone(),
            None => in_words(&self.reasons),
        }
    }
}

/// The reasons of a step as one line: the first ones, the rest is counted.
pub(crate) fn in_words(reasons: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut text = reasons[..reasons.len().min(SHOWN)].join("; ");
    if reasons.len() > SHOWN {
        text += &format!("; and {} more", reasons.len() - SHOWN);
    }
    text
}

/// Why a step has to run; it is fresh where there is no reason.
pub(crate) fn decide(facts: &Facts) -> Vec<String> {
    let mut reasons = Vec::new();
    if facts.asked {
        reasons.push("asked for".to_owned());
    }
    match &facts.output {
        Output::Whole(_) => {}
        Output::Damaged { damage, .. } => reasons.push(format!("output damaged: {damage}")),
        Output::Absent(latest) => reasons.extend(why_absent(facts, latest)),
    }
    reasons
}

fn why_absent(facts: &Facts, latest: &Latest) -> Vec<String> {
    let never_run = || vec!["never run".to_owned()];
    let mut reasons = match latest {
        Latest::Nothing => return never_run(),
        Latest::Gone => vec!["its output was removed".to_owned()],
        Latest::Damaged(damage) => vec![format!("output damaged: {damage}")],
        Latest::Made(manifest) => differences(facts, manifest),
    };
    let unknown = facts.inputs.iter().filter(|(_, found)| found.is_none());
    reasons.extend(unknown.map(|(id, _)| format!("input `{id}` may change")));
    // Everything compares equal and still the key is another, as when inputs were reordered.
    if reasons.is_empty() {
        return never_run();
    }
    reasons
}

fn differences(facts: &Facts, latest: &Manifest) -> Vec<String> {
    let mut reasons = Vec::new();
    let (was, now) = (latest.stage_version, facts.stage_version);
    if was != now {
        reasons.push(format!("stage version changed: {was} -> {now}"));
    }
    let table = table_of(&facts.id);
    compare_settings(&table, &latest.settings, &facts.settings, &mut reasons);
    compare_sources(&latest.sources, &facts.sources, &mut reasons);
    compare_inputs(&latest.inputs, &facts.inputs, &mut reasons);
    reasons
}

/// The table of the pipeline file that a step's settings stand in.
fn table_of(id: &StepId) -> String {
    match id.stage {
        StageName::Tokenize => format!("tokenizer.{}", id.variant),
        StageName::Embed => format!("embedding.{}", id.variant),
        StageName::Train => format!("model.{}", id.variant),
        StageName::Evaluate => "evaluation".to_owned(),
        StageName::Ingest | StageName::Clean | StageName::Report => id.stage.to_string(),
    }
}

/// Walks two settings side by side down to the values that differ.
fn compare_settings(key: &str, was: &Value, now: &Value, reasons: &mut Vec<String>) {
    if was == now {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (was, now) else {
        let shown = |value: &Value| match value {
            Value::Null => "unset".to_owned(),
            value => value.to_string(),
        };
        let (was, now) = (shown(was), shown(now));
        reasons.push(format!("setting `{key}` changed: {was} -> {now}"));
        return;
    };
    let removed = old.keys().filter(|name| !new.contains_key(*name));
    for name in new.keys().chain(removed) {
        let value = |table: &serde_json::Map<_, _>| table.get(name).cloned().unwrap_or_default();
        compare_settings(&format!("{key}.{name}"), &value(old), &value(new), reasons);
    }
}

fn compare_sources(was: &[SourceReference], now: &[SourceReference], reasons: &mut Vec<String>) {
    for index in 0..was.len().max(now.len()) {
        let (old, new) = (was.get(index), now.get(index));
        if old.map(|source| source.digest) != new.map(|source| source.digest)
            && let Some(source) = new.or(old)
        {
            reasons.push(format!("source `{}` changed", source.name));
        }
    }
}

/// Inputs are compared by name. A name read no longer and a new one of the same stage are one
/// replaced by the other.
fn compare_inputs(was: &[InputReference], now: &[Input], reasons: &mut Vec<String>) {
    let id_of = |input: &InputReference| StepId::new(input.stage, &input.variant);
    let mut removed: Vec<StepId> = was.iter().map(id_of).collect();
    removed.retain(|old| now.iter().all(|(new, _)| new != old));
    for (id, identity) in now {
        if let Some(input) = was.iter().find(|input| id_of(input) == *id) {
            if identity.is_some_and(|identity| identity != input.identity) {
                reasons.push(format!("input `{id}` changed"));
            }
        } else if let Some(place) = removed.iter().position(|old| old.stage == id.stage) {
            let old = removed.remove(place);
            reasons.push(format!("input `{old}` replaced by `{id}`"));
        } else {
            reasons.push(format!("input `{id}` added"));
        }
    }
    reasons.extend(removed.iter().map(|id| format!("input `{id}` removed")));
}

#[cfg(test)]
#[path = "tests/plan.rs"]
mod tests;
