//! Which steps are submitted together, and what each batch waits for; pure.
//!
//! Steps of the same stage that ask for the same and wait for the same are one job array: the trials of
//! a sweep, the seeds of a model.

use std::collections::{BTreeMap, BTreeSet};

use settings::{Resources, Step, StepId};
use slurm::{TaskId, after_ok};

/// Steps that one `sbatch` submits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The places of its steps.
    pub(crate) members: Vec<usize>,
    /// What each of them asks for.
    pub(crate) resources: Resources,
    /// The places of the steps that all of them wait for.
    pub(crate) awaited: BTreeSet<usize>,
}

/// Puts the wanted steps into groups of at most `largest`, each after all it waits for. `queued` are
/// steps that are on their way already, `resources` says what a step asks for.
pub(crate) fn groups(
    steps: &[Step],
    wanted: &BTreeSet<usize>,
    queued: &BTreeMap<usize, TaskId>,
    resources: impl Fn(usize) -> Resources,
    largest: usize,
) -> Vec<Group> {
    let mut needs = needs(steps, |place| {
        wanted.contains(&place) || queued.contains_key(&place)
    });
    let mut groups: Vec<Group> = Vec::new();
    for &place in wanted {
        let (resources, awaited) = (resources(place), std::mem::take(&mut needs[place]));
        let like = groups.iter_mut().find(|group| {
            steps[group.members[0]].id.stage == steps[place].id.stage
                && group.awaited == awaited
                && group.members.len() < largest.max(1)
                && group.resources == resources
        });
        match like {
            Some(group) => group.members.push(place),
            None => groups.push(Group {
                members: vec![place],
                resources,
                awaited,
            }),
        }
    }
    groups
}

/// The value of `sbatch --dependency` that waits for these steps: for those that are queued, and for those
/// of groups whose jobs have these numbers. A group all of which is waited for is named as a whole.
pub(crate) fn dependency(
    awaited: &BTreeSet<usize>,
    groups: &[Group],
    queued: &BTreeMap<usize, TaskId>,
    number: impl Fn(usize) -> String,
) -> Option<String> {
    let queued = awaited.iter().filter_map(|place| queued.get(place));
    let mut names: Vec<String> = queued.map(TaskId::to_string).collect();
    for (group, Group { members, .. }) in groups.iter().enumerate() {
        let seats = (0..members.len()).filter(|seat| awaited.contains(&members[*seat]));
        match seats.clone().count() {
            0 => {}
            count if count == members.len() => names.push(number(group)),
            _ => names.extend(seats.map(|seat| format!("{}_{seat}", number(group)))),
        }
    }
    after_ok(names)
}

/// What each step waits for of those that are to come. One that something else it waits for waits for
/// itself is left out: it says nothing.
pub(crate) fn needs(steps: &[Step], is_to_come: impl Fn(usize) -> bool) -> Vec<BTreeSet<usize>> {
    let places = steps.iter().map(|step| &step.id).zip(0..);
    let places: BTreeMap<&StepId, usize> = places.collect();
    let mut before: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
    let mut needs = Vec::with_capacity(steps.len());
    for step in steps {
        let inputs = step.inputs.iter().map(|input| places[input]);
        let inputs: BTreeSet<usize> = inputs.filter(|place| is_to_come(*place)).collect();
        let behind = inputs.iter().flat_map(|place| before[*place].clone());
        let behind: BTreeSet<usize> = behind.collect();
        needs.push(inputs.difference(&behind).copied().collect());
        before.push(&inputs | &behind);
    }
    needs
}

#[cfg(test)]
mod tests;
