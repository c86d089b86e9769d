//! Sweeps with successive halving.

use std::fs;

use artifact::StageName;
use serde_json::Value;
use testkit::{Project, tiny_pipeline};

use crate::common::{artifact, call, steps, succeed};

/// Four trials: all are trained for one epoch, two of them for two epochs, one for four.
const SWEEP: &str = r#"
[sweep.rate]
model = "lstm"
halving = { factor = 2, min_epochs = 1 }
over = { "training.learning_rate" = [0.0001, 0.003, 0.02, 0.05] }

[model.best]
kind = "best_of_sweep"
sweep = "rate"
"#;

const TRIALS: [&str; 4] = ["rate-001", "rate-002", "rate-003", "rate-004"];

fn project(sweep: &str) -> Project {
    let text = tiny_pipeline().replace("epochs = 2", "epochs = 4\npatience = 0");
    Project::with_pipeline(&format!("{text}{sweep}"))
}

fn read_rung(project: &Project, trial: &str) -> Value {
    let path = project.artifact(StageName::Train, trial).file("rung.json");
    let text = fs::read(path.expect("a whole file")).expect("it is there");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn the_best_trials_continue_and_the_others_stop() {
    let halved = project(SWEEP);
    let screen = succeed(&halved, &["run", "--jobs", "2"]);
    let trained = steps(&screen, "done");
    let trained = trained.iter().filter(|step| step.starts_with("train rate"));
    assert_eq!(trained.count(), 3 * TRIALS.len());

    let plain = project(&SWEEP.replace("halving = { factor = 2, min_epochs = 1 }\n", ""));
    succeed(&plain, &["run", "--only", "ingest"]);
    succeed(&plain, &["run", "--variant", "best"]);

    let mut stopped = Vec::new();
    for trial in TRIALS {
        let after = read_rung(&halved, trial)["stopped_after"].as_u64();
        let identity = |project: &Project| project.artifact(StageName::Train, trial).identity();
        assert_eq!(
            identity(&halved) == identity(&plain),
            after.is_none(),
            "{trial}, stopped after {after:?}"
        );
        // A stopped trial keeps the weights of its last rung.
        if let Some(epochs) = after {
            let weights = |name: &str| {
                let found = halved.artifact(StageName::Train, name);
                fs::read(found.file("model.safetensors").expect("a whole file")).expect("read")
            };
            let then = format!("{trial}-e{epochs}");
            assert!(weights(trial) == weights(&then), "{trial}");
            assert_ne!(
                read_rung(&halved, &then)["stopped_after"].as_u64(),
                after,
                "it was in the race then"
            );
        }
        stopped.push(after);
    }
    stopped.sort_unstable();
    assert_eq!(stopped, [None, Some(1), Some(1), Some(2)]);

    // The trials with the lowest validation loss after the first epoch continued.
    let mut first: Vec<(f64, Option<u64>)> = TRIALS
        .iter()
        .map(|trial| {
            let loss = read_rung(&halved, &format!("{trial}-e1"))["loss"].as_f64();
            let after = read_rung(&halved, trial)["stopped_after"].as_u64();
            (loss.expect("a loss"), after)
        })
        .collect();
    first.sort_by(|one, two| one.0.total_cmp(&two.0));
    assert!(first[..2].iter().all(|(_, after)| *after != Some(1)));

    // The best trial is the one that was trained to the end.
    let selection = artifact(&halved, "train best").file("selection.json");
    let text = fs::read(selection.expect("a whole file")).expect("it is there");
    let selection: Value = serde_json::from_slice(&text).expect("JSON");
    let chosen = selection["chosen"].as_str().expect("a name");
    assert_eq!(read_rung(&halved, chosen)["stopped_after"], Value::Null);
    let status = succeed(&halved, &["status"]).stdout;
    assert!(status.contains("12 trainings: 12 fresh"), "{status}");
    let plan = succeed(&halved, &["plan", "--all"]).stdout;
    assert_eq!(plan.matches("stopped after 1 epoch, ").count(), 4, "{plan}");
}

#[test]
fn a_retrained_rung_is_identical_so_its_dependents_stay_fresh() {
    let project = project(SWEEP);
    succeed(&project, &["run", "--variant", "best"]);
    let lost = project.artifact(StageName::Train, "rate-003-e1");
    let identity = lost.identity();
    fs::remove_dir_all(fs::canonicalize(lost.folder()).expect("it is there")).expect("removed");
    let screen = succeed(&project, &["run", "--variant", "best"]);
    assert_eq!(steps(&screen, "done"), ["train rate-003-e1"]);
    let again = project.artifact(StageName::Train, "rate-003-e1");
    assert_eq!(again.identity(), identity);
}

#[test]
fn invalid_halving_settings_are_refused() {
    for (change, part) in [
        ("sweep.rate.halving={ factor = 1 }", "at least 2"),
        (
            "sweep.rate.halving={ min_epochs = 2 }",
            "leaves nothing to stop",
        ),
        (
            "sweep.rate.over={ \"training.epochs\" = [3, 4] }",
            "but the trials differ in `training.epochs`",
        ),
        (
            "sweep.rate.halving={ frist = 2 }",
            "`sweep.rate.halving.frist` is not a setting",
        ),
    ] {
        let screen = call(&project(SWEEP), &["plan", "--set", change]);
        assert_eq!(screen.code, Some(1), "{change}");
        assert!(screen.stderr.contains(part), "{change}: {}", screen.stderr);
    }
}
