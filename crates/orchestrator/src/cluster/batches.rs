//! Groups steps into Slurm submissions and computes the dependencies of each group; pure functions.
//!
//! Steps of the same stage with the same resources and the same dependencies become one job array, for
//! example the trials of a sweep or the seeds of a model.

use std::collections::{BTreeMap, BTreeSet};

use settings::{Resources, Step, StepId};
use slurm::{TaskId, after_ok};

/// Steps that one call of `sbatch` submits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Indices of its steps.
    pub(crate) members: Vec<usize>,
    /// Resources that each step requests.
    pub(crate) resources: Resources,
    /// Indices of the steps that must finish first.
    pub(crate) dependencies: BTreeSet<usize>,
}

/// Puts the wanted steps into groups of at most `max_array_size` steps, each after its dependencies.
/// `queued` are steps whose jobs are already in the queue; `resources` returns the request of a step.
pub(crate) fn group_steps(
    steps: &[Step],
    wanted: &BTreeSet<usize>,
    queued: &BTreeMap<usize, TaskId>,
    resources: impl Fn(usize) -> Resources,
    max_array_size: usize,
) -> Vec<Group> {
    let is_pending = |index| wanted.contains(&index) || queued.contains_key(&index);
    let mut dependencies_of = direct_dependencies(steps, is_pending);
    let mut groups: Vec<Group> = Vec::new();
    for &index in wanted {
        let resources = resources(index);
        let dependencies = std::mem::take(&mut dependencies_of[index]);
        let matching = groups.iter_mut().find(|group| {
            steps[group.members[0]].id.stage == steps[index].id.stage
                && group.dependencies == dependencies
                && group.members.len() < max_array_size.max(1)
                && group.resources == resources
        });
        match matching {
            Some(group) => group.members.push(index),
            None => groups.push(Group {
                members: vec![index],
                resources,
                dependencies,
            }),
        }
    }
    groups
}

/// The value of `sbatch --dependency` for these steps: queued jobs, and jobs of the groups. `number` returns
/// the job number of a group. If all steps of a group are dependencies, the whole job is named.
pub(crate) fn dependency(
    dependencies: &BTreeSet<usize>,
    groups: &[Group],
    queued: &BTreeMap<usize, TaskId>,
    number: impl Fn(usize) -> String,
) -> Option<String> {
    let queued = dependencies.iter().filter_map(|index| queued.get(index));
    let mut names: Vec<String> = queued.map(TaskId::to_string).collect();
    for (group, Group { members, .. }) in groups.iter().enumerate() {
        let tasks = (0..members.len()).filter(|task| dependencies.contains(&members[*task]));
        match tasks.clone().count() {
            0 => {}
            count if count == members.len() => names.push(number(group)),
            _ => names.extend(tasks.map(|task| format!("{}_{task}", number(group)))),
        }
    }
    after_ok(names)
}

/// For each step, the indices of its pending inputs. Inputs that another input already depends on are
/// omitted.
pub(crate) fn direct_dependencies(
    steps: &[Step],
    is_pending: impl Fn(usize) -> bool,
) -> Vec<BTreeSet<usize>> {
    let indices: BTreeMap<&StepId, usize> = steps.iter().map(|step| &step.id).zip(0..).collect();
    let mut all_inputs: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
    let mut direct = Vec::with_capacity(steps.len());
    for step in steps {
        let inputs = step.inputs.iter().map(|input| indices[input]);
        let inputs: BTreeSet<usize> = inputs.filter(|index| is_pending(*index)).collect();
        let indirect = inputs.iter().flat_map(|index| all_inputs[*index].clone());
        let indirect: BTreeSet<usize> = indirect.collect();
        direct.push(inputs.difference(&indirect).copied().collect());
        all_inputs.push(&inputs | &indirect);
    }
    direct
}

#[cfg(test)]
mod tests;
