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
mod tests {
    use testkit::Project;

    use super::*;

    fn steps(changes: &[&str]) -> Vec<Step> {
        Project::tiny().pipeline(changes).steps()
    }

    const SWEEP: &str =
        "sweep.rate={ model = \"lstm\", over = { \"training.learning_rate\" = [0.1, 0.2, 0.3] } }";

    /// Each group as its steps, and what it waits for. The job of a group has its number.
    fn told(steps: &[Step], groups: &[Group], queued: &BTreeMap<usize, TaskId>) -> Vec<String> {
        let name = |place: &usize| steps[*place].id.to_string();
        let line = |group: &Group| {
            let members: Vec<String> = group.members.iter().map(name).collect();
            let after = dependency(&group.awaited, groups, queued, |number| number.to_string());
            format!("{} < {}", members.join(", "), after.unwrap_or_default())
        };
        groups.iter().map(line).collect()
    }

    #[test]
    fn trials_are_an_array_and_nothing_is_waited_for_twice() {
        let steps = steps(&[SWEEP]);
        let all = (0..steps.len()).collect();
        let plain = |_| Resources::default();
        let queued = BTreeMap::new();
        let groups = groups(&steps, &all, &queued, plain, 1000);
        assert_eq!(
            told(&steps, &groups, &queued),
            [
                "ingest reviews < ",
                "clean reviews < afterok:0",
                "tokenize words < afterok:1",
                "embed random < afterok:2",
                "train rate-001, train rate-002, train rate-003, train naive, train lstm < afterok:3",
                "evaluate naive < afterok:4_3",
                "evaluate lstm < afterok:4_4",
                // The two models are waited for by their evaluations, the trials by nobody else.
                "report reviews < afterok:4_0:4_1:4_2:5:6",
            ]
        );
    }

    #[test]
    fn what_is_there_or_on_its_way_is_not_submitted_again() {
        let steps = steps(&[]);
        let place = |name: &str| steps.iter().position(|step| step.id.to_string() == name);
        let place = |name: &str| place(name).expect("a step");
        let wanted = [place("evaluate lstm"), place("report reviews")].into();
        let queued = [(place("train lstm"), "12_3".parse().expect("a number"))].into();
        let groups = groups(&steps, &wanted, &queued, |_| Resources::default(), 1000);
        assert_eq!(
            told(&steps, &groups, &queued),
            ["evaluate lstm < afterok:12_3", "report reviews < afterok:0"]
        );
    }

    #[test]
    fn arrays_have_a_largest_size_and_one_kind_of_resources() {
        let steps = steps(&[SWEEP]);
        let trials: BTreeSet<usize> = (0..steps.len())
            .filter(|place| steps[*place].id.to_string().starts_with("train rate"))
            .collect();
        let plain = |_| Resources::default();
        let sizes = |groups: Vec<Group>| {
            groups
                .iter()
                .map(|group| group.members.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            sizes(groups(&steps, &trials, &BTreeMap::new(), plain, 2)),
            [2, 1]
        );
        let first = *trials.first().expect("a trial");
        let uneven = |place| Resources {
            cpus: (place == first).then_some(2),
            ..Resources::default()
        };
        assert_eq!(
            sizes(groups(&steps, &trials, &BTreeMap::new(), uneven, 9)),
            [1, 2]
        );
    }
}
