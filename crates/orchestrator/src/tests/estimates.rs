use super::*;
use crate::selection::SelectionArguments;
use crate::test_project::FakePipeline;

/// The estimate for size 1 from runs `(size, seconds, MiB)`.
#[track_caller]
fn check(runs: &[(f64, f64, f64)], expected: &str) {
    let cost = |&(size, seconds, memory): &(f64, f64, f64)| Cost {
        size,
        seconds,
        memory: memory * 1024.0 * 1024.0,
    };
    let estimate = Estimate::from_runs(runs.iter().map(cost).collect());
    let text = estimate.map_or(String::new(), |it| {
        format!("{}, {}", it.describe(), it.runs)
    });
    assert_eq!(text, expected);
}

#[test]
fn costs_are_scaled_from_runs_of_similar_or_of_two_sizes() {
    check(&[], "");
    let near = [(1.0, 10.0, 300.0), (1.01, 12.0, 302.0), (90.0, 0.0, 1.0)];
    check(&near[..2], "about 11 s, 301.0 MiB of memory, 2");
    // How the memory grows is not known from one size.
    check(
        &[(0.1, 6.0, 200.0)],
        "about 60 s, at least 200.0 MiB of memory, 1",
    );
    check(
        &[(4.0, 6.0, 200.0)],
        "about 1.5 s, at most 200.0 MiB of memory, 1",
    );
    // Two sizes show the constant part.
    let two = [(0.5, 6.0, 200.0), (0.25, 4.0, 150.0)];
    check(&two, "about 10 s, 300.0 MiB of memory, 2");
    // Costs that fall with the size say nothing about the constant part.
    check(&near, "about 11 s, 301.0 MiB of memory, 3");
    check(
        &[(0.5, 0.01, 9.0)],
        "under 0.1 s, at least 9.0 MiB of memory, 1",
    );
}

/// The steps without an estimate, and the summary, after `changes`.
fn unknown_after(fake: &mut FakePipeline, changes: &[&str]) -> (String, Option<String>) {
    fake.changes = changes.iter().map(|change| (*change).to_owned()).collect();
    let workspace = fake
        .workspace(&SelectionArguments::default())
        .expect("a pipeline");
    let mut artifacts = KnownArtifacts::new(&workspace.store);
    let planned = workspace.plan(&mut artifacts).expect("a plan");
    let estimates = Estimates::new(&workspace, &planned, &artifacts);
    let unknown: Vec<String> = estimates.unknown.iter().map(StepId::to_string).collect();
    (unknown.join(", "), estimates.summary())
}

#[test]
fn only_runs_of_the_same_kind_are_compared() {
    let mut fake = FakePipeline::new();
    // The runs of the test were made with one core.
    fake.cores = 1;
    let (unknown, summary) = unknown_after(&mut fake, &[]);
    assert_eq!(unknown.split(", ").count(), 9);
    let none = "estimate: unknown, because no earlier run here is comparable";
    assert_eq!(summary.as_deref(), Some(none));
    fake.run(&SelectionArguments::default()).expect("it runs");
    assert_eq!(unknown_after(&mut fake, &[]), (String::new(), None));
    let mut check = |changes: &[&str], unknown: &str| {
        let found = unknown_after(&mut fake, changes);
        assert_eq!(found.0, unknown, "{changes:?}: {:?}", found.1);
        found.1.unwrap_or_default()
    };
    let total = check(&["training.learning_rate=0.02", "model.lstm.seed=3"], "");
    assert!(total.starts_with("estimate: under 0.1 s, "), "{total}");
    let total = check(&["model.lstm.hidden=16"], "train lstm, evaluate lstm");
    let without = " without `train lstm` and 1 other step, which are unknown";
    assert!(total.ends_with(without), "{total}");
    check(&["ingest.max_reject_rate=0.5"], "");
    check(&["clean.split.test=0.3"], "");
    // With another length the number of tokens is not known.
    let longer = "train naive, train lstm, evaluate naive, evaluate lstm";
    check(&["tokenizer.words.max_length=48"], longer);
    std::fs::write(
        fake.project.folder().join("reviews.csv"),
        "text,label\na,1\n",
    )
    .expect("written");
    let (_, summary) = unknown_after(&mut fake, &[]);
    let summary = summary.expect("all are stale");
    assert!(
        summary.ends_with("; `ressenti run --only ingest` counts the reviews"),
        "{summary}"
    );
}
