//! A plan for people, for programs, and as a picture.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Failure, StageName, format};
use serde_json::{Value, json};
use settings::StepId;
use stage::{ProgressMode, StepState, print_step};

use crate::cluster::needs;
use crate::launch;
use crate::plan::Planned;
use crate::sweeps::{Sweeps, counted};
use crate::workspace::Workspace;

/// One line for each step; for a sweep one line, unless all are asked for or scripts read it.
pub(crate) fn print_plan(workspace: &Workspace, planned: &[Planned], all: bool) {
    let mode = workspace.arguments.progress;
    let sweeps = match all || mode == ProgressMode::Json {
        true => Sweeps::default(),
        false => Sweeps::folded(&workspace.pipeline),
    };
    for (sweep, group) in sweeps.groups(planned, |planned| planned.facts.id.clone()) {
        let Some(sweep) = sweep else {
            for planned in group {
                print_step(mode, state(planned), &planned.facts.id, &planned.text());
            }
            continue;
        };
        let mut text = counted(group.iter().map(|planned| state(planned).as_str()));
        let stale = group.iter().find(|planned| !planned.is_fresh());
        if let Some(first) = stale {
            text += &format!("; {}: {}", first.facts.id.variant, first.text());
        }
        let id = StepId::new(StageName::Train, sweep);
        print_step(mode, stale.map_or(StepState::Fresh, state), &id, &text);
    }
}

fn state(planned: &Planned) -> StepState {
    match planned.is_fresh() {
        true => StepState::Fresh,
        false => StepState::Stale,
    }
}

/// One JSON array, in an order in which the steps can run.
///
/// # Errors
/// A stage's program is missing.
pub(crate) fn json(workspace: &Workspace, planned: &[Planned]) -> Result<String, Failure> {
    let steps = &workspace.steps;
    let stale = planned.iter().filter(|planned| !planned.is_fresh());
    let stale: BTreeSet<_> = stale.map(|planned| &planned.facts.id).collect();
    let after = needs(steps, |place| stale.contains(&steps[place].id));
    let mut told = Vec::new();
    for planned in planned {
        let id = &planned.facts.id;
        let place = workspace.place_of(id);
        // But for those that one of these waits for itself.
        let awaited = after[place].iter().filter(|_| !planned.is_fresh());
        let program = launch::program(id.stage.binary())?;
        let mut command = vec![program.to_string_lossy().into_owned()];
        command.extend(workspace.program_arguments(id, None, None));
        let mut resources = BTreeMap::new();
        if let Value::Object(fields) =
            json!(workspace.pipeline.engine.resources_for_stage(id.stage))
        {
            resources.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
        }
        let name = |place: &usize| steps[*place].id.to_string();
        let inputs: Vec<String> = steps[place].inputs.iter().map(StepId::to_string).collect();
        told.push(json!({
            "step": id.to_string(),
            "stage": id.stage,
            "variant": id.variant,
            "state": state(planned).as_str(),
            "reasons": planned.reasons,
            "inputs": inputs,
            "after": awaited.map(name).collect::<Vec<_>>(),
            "command": command,
            "resources": resources,
            "seconds": seconds(planned),
        }));
    }
    Ok(serde_json::to_string_pretty(&told).expect("plain data") + "\n")
}

/// A graph for Graphviz: an arrow for what is read, but where another way leads there; the trials of a
/// sweep are one.
pub(crate) fn dot(workspace: &Workspace, planned: &[Planned]) -> String {
    let mut text =
        "digraph pipeline {\n  rankdir = LR;\n  node [shape = box, style = \"rounded,filled\", \
                    fontname = \"sans-serif\", fillcolor = white];\n"
            .to_owned();
    let mut node_of: BTreeMap<&StepId, String> = BTreeMap::new();
    let sweeps = Sweeps::folded(&workspace.pipeline);
    for (sweep, group) in sweeps.groups(planned, |planned| planned.facts.id.clone()) {
        let first = &group[0].facts.id;
        let variant = sweep.unwrap_or(&first.variant);
        let name = format!("{} {variant}", first.stage);
        let ids = group.iter().map(|planned| &planned.facts.id);
        node_of.extend(ids.map(|id| (id, name.clone())));
        let stale = group.iter().filter(|planned| !planned.is_fresh()).count();
        let colour = if stale > 0 { "#ffe2b3" } else { "#d5efd5" };
        let mut label = vec![first.stage.to_string(), variant.to_owned()];
        if group.len() > 1 {
            let trials = format::count(group.len() as u64);
            label.push(format!("{trials} trials, {stale} stale"));
        }
        let took = group.iter().filter_map(seconds);
        label.extend(took.reduce(|sum, one| sum + one).map(format::seconds));
        let label = label.join("\n");
        text += &format!("  {name:?} [label = {label:?}, fillcolor = {colour:?}];\n");
    }
    let steps = &workspace.steps;
    let direct = needs(steps, |place| node_of.contains_key(&steps[place].id));
    let mut edges = BTreeSet::new();
    for (step, inputs) in steps.iter().zip(&direct) {
        if let Some(to) = node_of.get(&step.id) {
            let from = inputs.iter().map(|place| &node_of[&steps[*place].id]);
            edges.extend(from.map(|from| (from, to)));
        }
    }
    // Rungs of one sweep read each other.
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        text += &format!("  {from:?} -> {to:?};\n");
    }
    text + "}\n"
}

/// How long a step took when it ran last.
fn seconds(planned: &Planned) -> Option<f64> {
    planned.last_manifest().map(|manifest| manifest.run.seconds)
}
