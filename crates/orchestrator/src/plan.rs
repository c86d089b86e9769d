//! Decides which steps are fresh or stale, and why; pure functions.
//!
//! The key of a step is the digest of its stage, the stage version, its settings and the content of its inputs
//! and sources. A step is fresh if the output with that key is intact and the user does not force it. Otherwise
//! the manifest of the variant's last output shows what has changed. [`crate::known_artifacts`] reads the disk; nothing here
//! does.

use std::path::PathBuf;

use artifact::{Artifact, Digest, InputReference, Manifest, SourceReference, StageName};
use serde::Serialize;
use serde_json::Value;
use settings::StepId;

/// An input step with the identity of its output, if that is known.
pub(crate) type Input = (StepId, Option<Digest>);

/// Everything that is known about a step, and the reasons to run it; a fresh step has none.
#[derive(Clone, Debug)]
pub(crate) struct PlannedStep {
    /// The step.
    pub(crate) id: StepId,
    /// Its current settings.
    pub(crate) settings: Value,
    /// The current version of the stage.
    pub(crate) stage_version: u32,
    /// Its inputs, with the identities that are known before they are rebuilt.
    pub(crate) inputs: Vec<Input>,
    /// Its current source files.
    pub(crate) sources: Vec<SourceReference>,
    /// The output with its current key.
    pub(crate) output: Output,
    /// The resume directory of an interrupted run, if it exists.
    pub(crate) resume_directory: Option<PathBuf>,
    /// The process that builds the step now, as text.
    pub(crate) lock_holder: Option<String>,
    /// Whether the user forces it to run.
    pub(crate) forced: bool,
    /// Why it has to run.
    pub(crate) reasons: Vec<String>,
}

/// The output of a step's key.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// It does not exist, or its key depends on inputs that are not built yet. The last output of the
    /// variant shows what has changed.
    Absent(LatestOutput),
    /// It exists, and every byte is as written.
    Intact(Box<Artifact>),
    /// It exists, and a file was changed or lost.
    Damaged {
        /// The damaged file, and what is wrong with it.
        damage: String,
        /// The artifact of the manifest, if the manifest is readable. A rebuild produces the same artifact, except on
        /// a GPU without `run.deterministic`, where it can differ.
        expected: Option<Box<Artifact>>,
    },
}

impl Output {
    /// The artifact that the output is, or is expected to be after a rebuild.
    pub(crate) fn expected(&self) -> Option<&Artifact> {
        match self {
            Self::Absent(_) => None,
            Self::Intact(artifact) => Some(artifact),
            Self::Damaged { expected, .. } => expected.as_deref(),
        }
    }
}

/// The last output of a variant.
#[derive(Clone, Debug)]
pub(crate) enum LatestOutput {
    /// The variant was never built.
    NeverBuilt,
    /// The variant was built, and its artifact was removed.
    Removed,
    /// The manifest cannot be read: the damaged file, and what is wrong with it.
    Damaged(String),
    /// The manifest of the artifact.
    Built(Box<Manifest>),
}

/// The state of a step's output, ordered by the attention that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutputState {
    /// It exists and is intact.
    Fresh,
    /// It was never built.
    NeverRun,
    /// Something that it depends on has changed, it was removed, or the user forces the step to run.
    Stale,
    /// A file was changed or lost.
    Damaged,
}

impl PlannedStep {
    /// Whether it need not run.
    pub(crate) fn is_fresh(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The state of its output.
    pub(crate) fn state(&self) -> OutputState {
        match &self.output {
            _ if self.is_fresh() => OutputState::Fresh,
            Output::Damaged { .. } | Output::Absent(LatestOutput::Damaged(_)) => {
                OutputState::Damaged
            }
            Output::Absent(LatestOutput::NeverBuilt) => OutputState::NeverRun,
            Output::Absent(_) | Output::Intact(_) => OutputState::Stale,
        }
    }

    /// Its output, if it need not run.
    pub(crate) fn fresh_output(&self) -> Option<&Artifact> {
        match &self.output {
            Output::Intact(artifact) if self.is_fresh() => Some(artifact),
            _ => None,
        }
    }

    /// The manifest of its output, or else of the variant's last output.
    pub(crate) fn last_manifest(&self) -> Option<&Manifest> {
        match &self.output {
            Output::Absent(LatestOutput::Built(manifest)) => Some(manifest),
            output => output.expected().map(Artifact::manifest),
        }
    }

    /// Its line in a plan: the summary of its output, or why it has to run.
    pub(crate) fn text(&self) -> String {
        match self.fresh_output() {
            Some(output) => output.manifest().run.summary.clone(),
            None => format_reasons(&self.reasons),
        }
    }
}

/// Joins the first reasons into one line and counts the others.
pub(crate) fn format_reasons(reasons: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut text = reasons[..reasons.len().min(SHOWN)].join("; ");
    if reasons.len() > SHOWN {
        text += &format!("; and {} more", reasons.len() - SHOWN);
    }
    text
}

/// Why a step has to run; empty if it is fresh.
pub(crate) fn reasons_to_run(step: &PlannedStep) -> Vec<String> {
    let mut reasons = Vec::new();
    if step.forced {
        reasons.push("forced by `--from` or `--force`".to_owned());
    }
    match &step.output {
        Output::Intact(_) => {}
        Output::Damaged { damage, .. } => reasons.push(format!("output damaged: {damage}")),
        Output::Absent(latest) => reasons.extend(why_absent(step, latest)),
    }
    reasons
}

fn why_absent(step: &PlannedStep, latest: &LatestOutput) -> Vec<String> {
    let mut reasons = match latest {
        LatestOutput::NeverBuilt => return vec!["never run".to_owned()],
        LatestOutput::Removed => vec!["its output was removed".to_owned()],
        LatestOutput::Damaged(damage) => vec![format!("output damaged: {damage}")],
        LatestOutput::Built(manifest) => differences(step, manifest),
    };
    let unknown = step.inputs.iter().filter(|(_, found)| found.is_none());
    reasons.extend(unknown.map(|(id, _)| format!("input `{id}` may change")));
    // For example because inputs were reordered.
    if reasons.is_empty() {
        reasons.push("its key changed although no setting, input or source did".to_owned());
    }
    reasons
}

fn differences(step: &PlannedStep, latest: &Manifest) -> Vec<String> {
    let mut reasons = Vec::new();
    let (was, now) = (latest.stage_version, step.stage_version);
    if was != now {
        reasons.push(format!("stage version changed: {was} -> {now}"));
    }
    let table = table_of(&step.id);
    compare_settings(&table, &latest.settings, &step.settings, &mut reasons);
    compare_sources(&latest.sources, &step.sources, &mut reasons);
    compare_inputs(&latest.inputs, &step.inputs, &mut reasons);
    reasons
}

/// The table of a step's settings. A trial, range test or repetition is shown as if the file had a table for it.
fn table_of(id: &StepId) -> String {
    match id.stage {
        StageName::Tokenize => format!("tokenizer.{}", id.variant),
        StageName::Embed => format!("embedding.{}", id.variant),
        StageName::Train => format!("model.{}", id.variant),
        StageName::Evaluate => "evaluation".to_owned(),
        StageName::Ingest | StageName::Clean | StageName::Report => id.stage.to_string(),
    }
}

/// Compares two settings recursively and adds a reason for each value that differs.
fn compare_settings(setting: &str, was: &Value, now: &Value, reasons: &mut Vec<String>) {
    if was == now {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (was, now) else {
        let shown = |value: &Value| match value {
            Value::Null => "unset".to_owned(),
            value => value.to_string(),
        };
        let (was, now) = (shown(was), shown(now));
        reasons.push(format!("setting `{setting}` changed: {was} -> {now}"));
        return;
    };
    let removed = old.keys().filter(|name| !new.contains_key(*name));
    for name in new.keys().chain(removed) {
        let value = |table: &serde_json::Map<_, _>| table.get(name).cloned().unwrap_or_default();
        let setting = format!("{setting}.{name}");
        compare_settings(&setting, &value(old), &value(new), reasons);
    }
}

/// Compares sources by position. A source without a counterpart was added or removed.
fn compare_sources(was: &[SourceReference], now: &[SourceReference], reasons: &mut Vec<String>) {
    for index in 0..was.len().max(now.len()) {
        match (was.get(index), now.get(index)) {
            (Some(old), Some(new)) if old.digest != new.digest => {
                reasons.push(format!("source `{}` changed", new.name));
            }
            (None, Some(new)) => reasons.push(format!("source `{}` added", new.name)),
            (Some(old), None) => reasons.push(format!("source `{}` removed", old.name)),
            _ => {}
        }
    }
}

/// Compares inputs by name. A removed input and a new input of the same stage are reported as a
/// replacement.
fn compare_inputs(was: &[InputReference], now: &[Input], reasons: &mut Vec<String>) {
    let id_of = |input: &InputReference| StepId::new(input.stage, &input.variant);
    let mut removed: Vec<StepId> = was.iter().map(id_of).collect();
    removed.retain(|old| now.iter().all(|(new, _)| new != old));
    for (id, identity) in now {
        if let Some(input) = was.iter().find(|input| id_of(input) == *id) {
            if identity.is_some_and(|identity| identity != input.identity) {
                reasons.push(format!("input `{id}` changed"));
            }
        } else if let Some(index) = removed.iter().position(|old| old.stage == id.stage) {
            let old = removed.remove(index);
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
