//! Formats a plan as text, JSON, or a Graphviz graph.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Failure, StageName, format};
use serde_json::json;
use settings::StepId;
use stage::{ProgressMode, StepState, print_step};

use crate::cluster::direct_dependencies;
use crate::estimates::{Estimate, Estimates};
use crate::launch;
use crate::plan::PlannedStep;
use crate::sweeps::{Sweeps, count_states};
use crate::workspace::Workspace;

/// Prints a line for each step. The trials of a sweep share one line, except with `all` or JSON progress.
pub(crate) fn print_plan(
    workspace: &Workspace,
    planned: &[PlannedStep],
    estimates: &Estimates,
    all: bool,
) {
    let mode = workspace.arguments.progress;
    let sweeps = match all || mode == ProgressMode::Json {
        true => Sweeps::default(),
        false => Sweeps::collapsed(&workspace.pipeline),
    };
    for (sweep, group) in sweeps.groups(planned, |planned| planned.id.clone()) {
        let Some(sweep) = sweep else {
            for planned in group {
                let id = &planned.id;
                let text = match state(planned) {
                    StepState::Fresh => planned.text(),
                    _ => planned.text() + &estimates.text(estimates.by_step.get(id)),
                };
                print_step(mode, state(planned), id, &text);
            }
            continue;
        };
        let mut text = count_states(group.iter().map(|planned| state(planned).as_str()));
        let stale = group.iter().find(|planned| !planned.is_fresh());
        if let Some(first) = stale {
            let stale = group.iter().filter(|planned| !planned.is_fresh());
            let costs = stale.map(|planned| estimates.by_step.get(&planned.id).copied());
            let costs: Option<Vec<Estimate>> = costs.collect();
            text += &format!("; {}: {}", first.id.variant, first.text());
            text += &estimates.text(costs.and_then(Estimate::total).as_ref());
        }
        let id = StepId::new(StageName::Train, sweep);
        print_step(mode, stale.map_or(StepState::Fresh, state), &id, &text);
    }
}

fn state(planned: &PlannedStep) -> StepState {
    match planned.is_fresh() {
        true => StepState::Fresh,
        false => StepState::Stale,
    }
}

/// The plan as a JSON array, in an order in which the steps can run.
///
/// # Errors
/// A stage program is missing.
pub(crate) fn json(
    workspace: &Workspace,
    planned: &[PlannedStep],
    estimates: &Estimates,
) -> Result<String, Failure> {
    let steps = &workspace.steps;
    let stale = planned.iter().filter(|planned| !planned.is_fresh());
    let stale: BTreeSet<_> = stale.map(|planned| &planned.id).collect();
    let after = direct_dependencies(steps, |index| stale.contains(&steps[index].id));
    let mut entries = Vec::new();
    for planned in planned {
        let id = &planned.id;
        let index = workspace.index_of(id);
        // Only direct dependencies; indirect ones follow from them.
        let awaited = after[index].iter().filter(|_| !planned.is_fresh());
        let program = launch::program(id.stage.binary())?;
        let mut command = vec![program.to_string_lossy().into_owned()];
        command.extend(workspace.program_arguments(id, None, None));
        let resources = json!(workspace.pipeline.engine.resources_for_stage(id.stage));
        let fields = resources.as_object().into_iter().flatten();
        let resources: BTreeMap<_, _> = fields.filter(|(_, value)| !value.is_null()).collect();
        let name = |index: &usize| steps[*index].id.to_string();
        let inputs: Vec<String> = steps[index].inputs.iter().map(StepId::to_string).collect();
        entries.push(json!({
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
            "estimate": estimates.by_step.get(id).map(|estimate| estimate.json()),
        }));
    }
    Ok(serde_json::to_string_pretty(&entries).expect("plain data") + "\n")
}

/// The plan as a Graphviz graph. Arrows are direct dependencies; the trials of a sweep are one node.
pub(crate) fn dot(workspace: &Workspace, planned: &[PlannedStep]) -> String {
    let mut text =
        "digraph pipeline {\n  rankdir = LR;\n  node [shape = box, style = \"rounded,filled\", \
                    fontname = \"sans-serif\", fillcolor = white];\n"
            .to_owned();
    let mut node_of: BTreeMap<&StepId, String> = BTreeMap::new();
    let sweeps = Sweeps::collapsed(&workspace.pipeline);
    for (sweep, group) in sweeps.groups(planned, |planned| planned.id.clone()) {
        let first = &group[0].id;
        let variant = sweep.unwrap_or(&first.variant);
        let name = format!("{} {variant}", first.stage);
        let ids = group.iter().map(|planned| &planned.id);
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
    let direct = direct_dependencies(steps, |index| node_of.contains_key(&steps[index].id));
    let mut edges = BTreeSet::new();
    for (step, inputs) in steps.iter().zip(&direct) {
        if let Some(to) = node_of.get(&step.id) {
            let from = inputs.iter().map(|index| &node_of[&steps[*index].id]);
            edges.extend(from.map(|from| (from, to)));
        }
    }
    // Rungs of one sweep depend on each other.
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        text += &format!("  {from:?} -> {to:?};\n");
    }
    text + "}\n"
}

/// The duration of the step's last run in seconds.
fn seconds(planned: &PlannedStep) -> Option<f64> {
    planned.last_manifest().map(|manifest| manifest.run.seconds)
}
