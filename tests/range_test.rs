//! The learning rate range test.

use artifact::StageName;
use serde_json::Value;
use testkit::{Project, tiny_pipeline};

use crate::common::{call, steps, succeed};

const TEST: &str = "\n[range_test.rates]\nmodel = \"lstm\"\nfrom = 1e-4\nto = 10.0\nsteps = 60\n";

#[test]
fn the_learning_rate_rises_and_one_is_suggested() {
    let project = Project::with_pipeline(&format!("{}{TEST}", tiny_pipeline()));
    let screen = succeed(&project, &["run", "--jobs", "2"]);
    let done = steps(&screen, "done");
    assert!(done.contains(&"train rates".to_owned()), "{done:?}");
    assert!(!done.contains(&"evaluate rates".to_owned()), "{done:?}");

    let artifact = project.artifact(StageName::Train, "rates");
    let read = |name| {
        let path = artifact.file(name).expect("a whole file");
        std::fs::read_to_string(path).expect("it is there")
    };
    let range: Value = serde_json::from_str(&read("range.json")).expect("JSON");
    let points = range["points"].as_array().expect("a list");
    let number = |value: &Value| value.as_f64().expect("a number");
    let rates: Vec<f64> = points
        .iter()
        .map(|point| number(&point["learning_rate"]))
        .collect();
    assert_eq!(rates[0], 1e-4);
    let factor = rates[1] / rates[0];
    assert!(
        rates
            .windows(2)
            .all(|pair| (pair[1] / pair[0] / factor - 1.0).abs() < 1e-9)
    );
    // The reviews are easy to learn: the loss falls before it diverges.
    let suggested = number(&range["suggested"]);
    assert!(rates[0] < suggested && suggested < 10.0, "{range}");
    assert_eq!(read("metrics.jsonl").lines().count(), points.len());

    // The result does not depend on the number of cores, and a second run does nothing.
    let identity = artifact.identity();
    assert!(steps(&succeed(&project, &["run"]), "done").is_empty());
    let one = [
        "run",
        "--only",
        "train",
        "--variant",
        "rates",
        "--force",
        "--set",
        "run.threads=1",
    ];
    succeed(&project, &one);
    assert_eq!(
        project.artifact(StageName::Train, "rates").identity(),
        identity
    );
}

#[test]
fn invalid_range_tests_are_refused() {
    let project = Project::with_pipeline(&format!("{}{TEST}", tiny_pipeline()));
    for (change, part) in [
        ("range_test.rates.model=lsmt", "Did you mean `lstm`?"),
        ("range_test.rates.to=1e-5", "larger than `from`"),
        ("range_test.rates.steps=3", "is 3 and must be from 40"),
        (
            "range_test.lstm={ model = \"lstm\" }",
            "has the same name as a model",
        ),
    ] {
        let screen = call(&project, &["plan", "--set", change]);
        assert_eq!(screen.code, Some(1), "{change}");
        assert!(screen.stderr.contains(part), "{change}: {}", screen.stderr);
    }
}
