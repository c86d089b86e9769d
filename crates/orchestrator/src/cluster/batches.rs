//! Which steps are submitted together, and what each batch waits for; pure.
//!
//! Steps of the same stage that ask for the same and wait for the same are one job array: the trials of
//! a sweep, the seeds of a model.

use std::collections::{BTreeMap, BTreeSet};

use settings::{Resources, Step, StepId};
use slurm::TaskId;

/// Steps that one `sbatch` submits, and what they wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The places of its steps.
    pub(crate) members: Vec<usize>,
    /// What each of them asks for.
    pub(crate) resources: Resources,
    /// What all of them wait for.
    pub(crate) needs: Vec<Need>,
}

/// Something that has to end well before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// All of an earlier group, by its number.
    Group(usize),
    /// One task of an earlier group.
    Member(usize, u32),
    /// A task that is in the queue already.
    Queued(TaskId),
}

impl Group {
    /// The numbers of the groups it waits for.
    pub(crate) fn groups(&self) -> impl Iterator<Item = usize> {
        self.needs.iter().filter_map(|need| match need {
            Need::Group(group) | Need::Member(group, _) => Some(*group),
            Need::Queued(_) => None,
        })
    }
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
    let needs = needs(steps, |place| {
        wanted.contains(&place) || queued.contains_key(&place)
    });
    let mut groups: Vec<Group> = Vec::new();
    // Where each step is: its group, and its number there.
    let mut seats: BTreeMap<usize, (usize, u32)> = BTreeMap::new();
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    let mut sorted: Vec<(Vec<usize>, BTreeSet<usize>)> = Vec::new();
    for place in wanted {
        let like = sorted.iter().position(|(members, awaited)| {
            let first = members[0];
            steps[first].id.stage == steps[*place].id.stage
                && *awaited == needs[*place]
                && members.len() < largest.max(1)
                && resources(first) == resources(*place)
        });
        match like {
            Some(group) => sorted[group].0.push(*place),
            None => sorted.push((vec![*place], needs[*place].clone())),
        }
    }
    for (number, (members, _)) in sorted.iter().enumerate() {
        sizes.insert(number, members.len());
        for (seat, place) in members.iter().enumerate() {
            seats.insert(*place, (number, seat as u32));
        }
    }
    for (members, awaited) in sorted {
        groups.push(Group {
            resources: resources(members[0]),
            needs: seated(&awaited, &seats, &sizes, queued),
            members,
        });
    }
    groups
}

/// What is waited for, by groups: a group of which every member is waited for is named as a whole.
fn seated(
    awaited: &BTreeSet<usize>,
    seats: &BTreeMap<usize, (usize, u32)>,
    sizes: &BTreeMap<usize, usize>,
    queued: &BTreeMap<usize, TaskId>,
) -> Vec<Need> {
    let mut of_groups: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    let mut needs = Vec::new();
    for place in awaited {
        match (seats.get(place), queued.get(place)) {
            (Some((group, seat)), _) => of_groups.entry(*group).or_default().push(*seat),
            (None, Some(task)) => needs.push(Need::Queued(*task)),
            (None, None) => {}
        }
    }
    for (group, members) in of_groups {
        if members.len() == sizes[&group] {
            needs.push(Need::Group(group));
        } else {
            needs.extend(members.iter().map(|member| Need::Member(group, *member)));
        }
    }
    needs
}

/// What each step waits for of those that are to come. One that something else it waits for waits for
/// itself is left out: it says nothing.
pub(crate) fn needs(steps: &[Step], is_to_come: impl Fn(usize) -> bool) -> Vec<BTreeSet<usize>> {
    let places: BTreeMap<&StepId, usize> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| (&step.id, place))
        .collect();
    let mut before: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
    let mut needs = Vec::with_capacity(steps.len());
    for step in steps {
        let inputs: BTreeSet<usize> = step
            .inputs
            .iter()
            .map(|input| places[input])
            .filter(|place| is_to_come(*place))
            .collect();
        let behind: BTreeSet<usize> = inputs
            .iter()
            .flat_map(|place| before[*place].clone())
            .collect();
        needs.push(inputs.difference(&behind).copied().collect());
        before.push(&inputs | &behind);
    }
    needs
}

/// Groups in waves: each group's needs are in an earlier wave, and groups of one wave can be submitted
/// at the same time.
pub(crate) fn waves(groups: &[Group]) -> Vec<Vec<usize>> {
    let mut wave_of: Vec<usize> = Vec::with_capacity(groups.len());
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let wave = group.groups().map(|needed| wave_of[needed] + 1).max();
        let wave = wave.unwrap_or(0);
        wave_of.push(wave);
        if waves.len() <= wave {
            waves.resize_with(wave + 1, Vec::new);
        }
        waves[wave].push(number);
    }
    waves
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

    /// Each group as its steps, and what it waits for.
    fn told(steps: &[Step], groups: &[Group]) -> Vec<String> {
        let name = |place: &usize| steps[*place].id.to_string();
        let need = |need: &Need| match need {
            Need::Group(group) => format!("all of {group}"),
            Need::Member(group, seat) => format!("{group}_{seat}"),
            Need::Queued(task) => format!("job {task}"),
        };
        let line = |group: &Group| {
            let members: Vec<String> = group.members.iter().map(name).collect();
            let needs: Vec<String> = group.needs.iter().map(need).collect();
            format!("{} < {}", members.join(", "), needs.join(", "))
        };
        groups.iter().map(line).collect()
    }

    #[test]
    fn trials_are_an_array_and_nothing_is_waited_for_twice() {
        let steps = steps(&[SWEEP]);
        let all = (0..steps.len()).collect();
        let plain = |_| Resources::default();
        let groups = groups(&steps, &all, &BTreeMap::new(), plain, 1000);
        assert_eq!(
            told(&steps, &groups),
            [
                "ingest reviews < ",
                "clean reviews < all of 0",
                "tokenize words < all of 1",
                "embed random < all of 2",
                "train rate-001, train rate-002, train rate-003, train naive, train lstm < all of 3",
                "evaluate naive < 4_3",
                "evaluate lstm < 4_4",
                // The two models are waited for by their evaluations, the trials by nobody else.
                "report reviews < 4_0, 4_1, 4_2, all of 5, all of 6",
            ]
        );
        assert_eq!(
            waves(&groups),
            [
                vec![0],
                vec![1],
                vec![2],
                vec![3],
                vec![4],
                vec![5, 6],
                vec![7]
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
            told(&steps, &groups),
            ["evaluate lstm < job 12_3", "report reviews < all of 0"]
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
