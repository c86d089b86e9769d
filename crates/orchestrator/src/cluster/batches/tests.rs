use testkit::Project;

use super::*;

fn steps(changes: &[&str]) -> Vec<Step> {
    Project::tiny().pipeline(changes).steps()
}

const SWEEP: &str =
    "sweep.rate={ model = \"lstm\", over = { \"training.learning_rate\" = [0.1, 0.2, 0.3] } }";

/// Each group as its steps and its dependencies. The job number of a group is its index.
fn describe(steps: &[Step], groups: &[Group], queued: &BTreeMap<usize, TaskId>) -> Vec<String> {
    let name = |index: &usize| steps[*index].id.to_string();
    let line = |group: &Group| {
        let members: Vec<String> = group.members.iter().map(name).collect();
        let after = dependency(&group.dependencies, groups, queued, |number| {
            number.to_string()
        });
        format!("{} < {}", members.join(", "), after.unwrap_or_default())
    };
    groups.iter().map(line).collect()
}

#[test]
fn trials_are_one_array_and_dependencies_are_direct() {
    let steps = steps(&[SWEEP]);
    let all = (0..steps.len()).collect();
    let plain = |_| Resources::default();
    let queued = BTreeMap::new();
    let groups = group_steps(&steps, &all, &queued, plain, 1000);
    assert_eq!(
        describe(&steps, &groups, &queued),
        [
            "ingest reviews < ",
            "clean reviews < afterok:0",
            "tokenize words < afterok:1",
            "embed random < afterok:2",
            "train rate-001, train rate-002, train rate-003, train naive, train lstm < afterok:3",
            "evaluate naive < afterok:4_3",
            "evaluate lstm < afterok:4_4",
            // The evaluations already wait for the two models; the report waits for the trials itself.
            "report reviews < afterok:4_0:4_1:4_2:5:6",
        ]
    );
}

#[test]
fn fresh_and_queued_steps_are_not_submitted_again() {
    let steps = steps(&[]);
    let index = |name: &str| steps.iter().position(|step| step.id.to_string() == name);
    let index = |name: &str| index(name).expect("a step");
    let wanted = [index("evaluate lstm"), index("report reviews")].into();
    let queued = [(index("train lstm"), "12_3".parse().expect("a number"))].into();
    let groups = group_steps(&steps, &wanted, &queued, |_| Resources::default(), 1000);
    assert_eq!(
        describe(&steps, &groups, &queued),
        ["evaluate lstm < afterok:12_3", "report reviews < afterok:0"]
    );
}

#[test]
fn arrays_are_limited_in_size_and_have_equal_resources() {
    let steps = steps(&[SWEEP]);
    let trials: BTreeSet<usize> = (0..steps.len())
        .filter(|index| steps[*index].id.to_string().starts_with("train rate"))
        .collect();
    let plain = |_| Resources::default();
    let sizes = |groups: Vec<Group>| {
        groups
            .iter()
            .map(|group| group.members.len())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        sizes(group_steps(&steps, &trials, &BTreeMap::new(), plain, 2)),
        [2, 1]
    );
    let first = *trials.first().expect("a trial");
    let uneven = |index| Resources {
        cpus: (index == first).then_some(2),
        ..Resources::default()
    };
    assert_eq!(
        sizes(group_steps(&steps, &trials, &BTreeMap::new(), uneven, 9)),
        [1, 2]
    );
}
