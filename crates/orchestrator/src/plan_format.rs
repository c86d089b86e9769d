//! A plan for programs, as a picture, and as the script that submits it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use artifact::{Store, format};
use serde::Serialize;
use settings::{Pipeline, Resources, Step, StepId};
use stage::PipelineArguments;

use crate::cluster::{Commands, as_shell, needs, record_of};
use crate::plan::{Latest, Output, Reason};
use crate::run::{Call, Manner, Planned};
use crate::selection::Selection;
use crate::sweeps::Sweeps;
use crate::{OrchestratorError, launch};

/// A plan about to be told.
pub(crate) struct Telling<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) arguments: &'a PipelineArguments,
    pub(crate) steps: &'a [Step],
    pub(crate) selection: &'a Selection,
    pub(crate) planned: &'a [Planned],
    pub(crate) store: &'a Store,
}

/// A step as JSON.
#[derive(Serialize)]
struct Told {
    step: String,
    stage: &'static str,
    variant: String,
    state: &'static str,
    reasons: Vec<String>,
    /// All that it reads.
    inputs: Vec<String>,
    /// Steps that have to run before, but for those that one of these waits for itself.
    after: Vec<String>,
    command: Vec<String>,
    resources: BTreeMap<&'static str, serde_json::Value>,
    /// How long it took when it ran last.
    seconds: Option<f64>,
}

impl Telling<'_> {
    fn stale(&self) -> BTreeSet<usize> {
        let stale = self
            .planned
            .iter()
            .filter(|planned| !planned.reasons.is_empty());
        let place = |planned: &Planned| {
            self.steps
                .iter()
                .position(|step| step.id == planned.facts.id)
        };
        stale.filter_map(place).collect()
    }

    /// One JSON array, in an order in which the steps can run.
    ///
    /// # Errors
    /// A stage's program is missing.
    pub(crate) fn json(&self) -> Result<String, OrchestratorError> {
        let stale = self.stale();
        let after = needs(self.steps, |place| stale.contains(&place));
        let mut told = Vec::new();
        for planned in self.planned {
            let id = &planned.facts.id;
            let place = self.steps.iter().position(|step| step.id == *id);
            let place = place.expect("what is planned is a step");
            let call = Call {
                step: id,
                asked: self.selection.asks_for(id),
                baseline: None,
                threads: None,
            };
            let program = launch::program(id.stage.binary())?;
            let mut command = vec![program.to_string_lossy().into_owned()];
            command.extend(call.arguments(self.arguments));
            let awaited = after[place].iter().filter(|_| stale.contains(&place));
            told.push(Told {
                step: id.to_string(),
                stage: id.stage.as_str(),
                variant: id.variant.clone(),
                state: if planned.reasons.is_empty() {
                    "fresh"
                } else {
                    "stale"
                },
                reasons: planned.reasons.iter().map(Reason::to_string).collect(),
                inputs: self.steps[place]
                    .inputs
                    .iter()
                    .map(StepId::to_string)
                    .collect(),
                after: awaited
                    .map(|place| self.steps[*place].id.to_string())
                    .collect(),
                command,
                resources: named(&self.pipeline.engine.of_stage(id.stage)),
                seconds: seconds(planned),
            });
        }
        Ok(serde_json::to_string_pretty(&told).expect("plain data") + "\n")
    }

    /// A graph for Graphviz: an arrow for what is read, but where another way leads there; the trials of a
    /// sweep are one.
    pub(crate) fn dot(&self) -> String {
        let sweeps = Sweeps::folded(self.pipeline);
        let mut text = "digraph pipeline {\n  rankdir = LR;\n  node [shape = box, style = \"rounded,filled\", \
                        fontname = \"sans-serif\", fillcolor = white];\n"
            .to_owned();
        let mut node_of: BTreeMap<&StepId, String> = BTreeMap::new();
        for (sweep, group) in sweeps.groups(self.planned, |planned| planned.facts.id.clone()) {
            let first = &group[0].facts.id;
            let variant = sweep.unwrap_or(&first.variant);
            let name = format!("{} {variant}", first.stage);
            node_of.extend(
                group
                    .iter()
                    .map(|planned| (&planned.facts.id, name.clone())),
            );
            let stale = group
                .iter()
                .filter(|planned| !planned.reasons.is_empty())
                .count();
            let colour = if stale > 0 { "#ffe2b3" } else { "#d5efd5" };
            let mut label = vec![first.stage.to_string(), variant.to_owned()];
            if group.len() > 1 {
                label.push(format!(
                    "{} trials, {stale} stale",
                    format::count(group.len() as u64)
                ));
            }
            let took: Option<f64> = group
                .iter()
                .filter_map(seconds)
                .reduce(|sum, one| sum + one);
            label.extend(took.map(format::seconds));
            let _ = writeln!(
                text,
                "  {name:?} [label = {:?}, fillcolor = {colour:?}];",
                label.join("\n")
            );
        }
        let direct = needs(self.steps, |place| {
            node_of.contains_key(&self.steps[place].id)
        });
        let mut edges = BTreeSet::new();
        for (step, inputs) in self.steps.iter().zip(&direct) {
            let Some(to) = node_of.get(&step.id) else {
                continue;
            };
            edges.extend(
                inputs
                    .iter()
                    .map(|place| (&node_of[&self.steps[*place].id], to)),
            );
        }
        for (from, to) in edges {
            // Rungs of one sweep read each other.
            if from != to {
                let _ = writeln!(text, "  {from:?} -> {to:?};");
            }
        }
        text.push_str("}\n");
        text
    }

    /// The script that submits what is not fresh.
    ///
    /// # Errors
    /// A program is missing, or the copy of the pipeline file cannot be written.
    pub(crate) fn slurm(&self) -> Result<String, OrchestratorError> {
        let record = record_of(self.store);
        record.prepare()?;
        let manner = Manner {
            arguments: self.arguments,
            keep_going: true,
            baseline: None,
            retries: self.pipeline.run.retries,
            jobs: 1,
            cores: 1,
        };
        let commands = Commands::new(self.pipeline, &manner, self.store, record)?;
        let asked = |place: usize| self.selection.asks_for(&self.steps[place].id);
        Ok(as_shell(
            self.steps,
            &self.stale(),
            &commands,
            asked,
            LARGEST_ARRAY,
        ))
    }
}

/// What Slurm's own default allows an array to have: the script may be for another machine.
const LARGEST_ARRAY: usize = 1000;

/// How long a step took when it ran last.
fn seconds(planned: &Planned) -> Option<f64> {
    match (&planned.facts.output, &planned.facts.latest) {
        (Output::Whole(artifact), _) => Some(artifact.manifest().run.seconds),
        (_, Latest::Made(manifest)) => Some(manifest.run.seconds),
        _ => None,
    }
}

/// Resources that are asked for, by name.
fn named(resources: &Resources) -> BTreeMap<&'static str, serde_json::Value> {
    let Resources {
        cpus,
        memory,
        gpus,
        time,
        partition,
        account,
        flags,
    } = resources;
    let all = [
        ("cpus", serde_json::json!(cpus)),
        ("memory", serde_json::json!(memory)),
        ("gpus", serde_json::json!(gpus)),
        ("time", serde_json::json!(time)),
        ("partition", serde_json::json!(partition)),
        ("account", serde_json::json!(account)),
        ("flags", serde_json::json!(flags)),
    ];
    all.into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect()
}
