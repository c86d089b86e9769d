use super::*;
use crate::selection::SelectionArguments;
use crate::test_project::FakePipeline;

fn everything() -> SelectionArguments {
    SelectionArguments::default()
}

/// The steps that a successful run starts.
#[track_caller]
fn starts(fake: &FakePipeline, selection: &SelectionArguments) -> Vec<String> {
    let (started, summary) = fake.run(selection).expect("it runs");
    assert_eq!((summary.failed, summary.code), (0, 0));
    assert_eq!(summary.done, started.len() as u64);
    assert_eq!(summary.has_report, selection.only.is_none());
    started
}

const ALL: [&str; 9] = [
    "ingest reviews",
    "clean reviews",
    "tokenize words",
    "embed random",
    "train naive",
    "train lstm",
    "evaluate naive",
    "evaluate lstm",
    "report reviews",
];

const NOTHING: [&str; 0] = [];

#[test]
fn the_first_run_runs_every_step_and_the_second_none() {
    let fake = FakePipeline::new();
    assert_eq!(fake.plan(&everything()).expect("a plan").len(), 9);
    assert_eq!(starts(&fake, &everything()), ALL);
    assert_eq!(starts(&fake, &everything()), NOTHING);
    assert_eq!(fake.plan(&everything()).expect("a plan"), NOTHING);
}

#[test]
fn a_changed_model_setting_runs_that_model_and_its_dependents() {
    let mut fake = FakePipeline::new();
    starts(&fake, &everything());
    fake.changes = vec!["model.lstm.hidden=16".to_owned()];
    assert_eq!(
        fake.plan(&everything()).expect("a plan"),
        [
            "train lstm: setting `model.lstm.hidden` changed: 8 -> 16",
            "evaluate lstm: input `train lstm` may change",
            "report reviews: input `train lstm` may change; input `evaluate lstm` may change",
        ]
    );
    assert_eq!(
        starts(&fake, &everything()),
        ["train lstm", "evaluate lstm", "report reviews"]
    );
    fake.changes.clear();
    assert_eq!(
        starts(&fake, &everything()),
        NOTHING,
        "what was there before is still there"
    );
    let hidden = fake
        .project
        .artifact(StageName::Train, "lstm")
        .manifest()
        .settings["hidden"]
        .clone();
    assert_eq!(
        hidden, 8,
        "the name stands for the model of the settings in force"
    );
}

#[test]
fn a_step_rebuilt_with_the_same_content_leaves_the_rest_fresh() {
    let mut fake = FakePipeline::new();
    fake.contents
        .insert("ingest reviews".to_owned(), "sixty rows".to_owned());
    starts(&fake, &everything());
    fake.changes = vec!["ingest.max_reject_rate=0.5".to_owned()];
    assert_eq!(
        fake.plan(&everything()).expect("a plan").len(),
        9,
        "beforehand all may change"
    );
    assert_eq!(starts(&fake, &everything()), ["ingest reviews"]);
}

#[test]
fn a_damaged_file_is_named_and_only_its_step_is_rebuilt() {
    let fake = FakePipeline::new();
    starts(&fake, &everything());
    let folder = fake
        .project
        .artifact(StageName::Tokenize, "words")
        .folder()
        .to_owned();
    // The folder itself, not the link to it.
    let folder = std::fs::canonicalize(folder).expect("it is there");
    std::fs::write(folder.join("content"), "something else").expect("written");
    let plan = fake.plan(&everything()).expect("a plan");
    assert_eq!(
        plan,
        ["tokenize words: output damaged: `content`, it should have 64 bytes and has 14"]
    );
    assert_eq!(starts(&fake, &everything()), ["tokenize words"]);

    std::fs::write(folder.join("manifest.json"), "{}").expect("written");
    let plan = fake.plan(&everything()).expect("a plan");
    assert_eq!(
        plan[0],
        "tokenize words: output damaged: `manifest.json`, its seal is missing"
    );
    assert_eq!(starts(&fake, &everything()), ["tokenize words"]);

    std::fs::remove_dir_all(&folder).expect("removed");
    let plan = fake.plan(&everything()).expect("a plan");
    assert_eq!(plan[0], "tokenize words: its output was removed");
    assert_eq!(starts(&fake, &everything()), ["tokenize words"]);
}

#[test]
fn forced_steps_run_again() {
    let fake = FakePipeline::new();
    starts(&fake, &everything());
    let from = SelectionArguments {
        from: Some(StageName::Evaluate),
        ..everything()
    };
    assert_eq!(
        starts(&fake, &from),
        [
            "evaluate naive (forced)",
            "evaluate lstm (forced)",
            "report reviews (forced)"
        ]
    );
    let only = SelectionArguments {
        only: Some(StageName::Train),
        models: vec!["lstm".to_owned()],
        ..everything()
    };
    assert_eq!(starts(&fake, &only), NOTHING);
    assert_eq!(
        starts(
            &fake,
            &SelectionArguments {
                force: true,
                ..only
            }
        ),
        ["train lstm (forced)"]
    );
}

#[test]
fn a_single_stage_needs_its_inputs() {
    let fake = FakePipeline::new();
    let only = |stage| SelectionArguments {
        only: Some(stage),
        ..everything()
    };
    let refused = |stage| {
        fake.run(&only(stage))
            .expect_err("nothing is there")
            .chain()
            .remove(0)
    };
    assert_eq!(
        refused(StageName::Clean),
        "`clean reviews` needs the output of `ingest reviews`, which does not exist for these settings: never run"
    );
    assert_eq!(starts(&fake, &only(StageName::Ingest)), ["ingest reviews"]);
    assert_eq!(starts(&fake, &only(StageName::Clean)), ["clean reviews"]);
    let lstm = SelectionArguments {
        models: vec!["lstm".to_owned()],
        ..everything()
    };
    assert_eq!(
        starts(&fake, &lstm),
        [
            "tokenize words",
            "embed random",
            "train lstm",
            "evaluate lstm",
            "report reviews"
        ]
    );
}

#[test]
fn a_failed_step_blocks_its_dependents() {
    let mut fake = FakePipeline::new();
    fake.endings
        .insert("train naive".to_owned(), ProcessEnd::of_code(3));
    let (started, summary, lines) = fake.run_and_show(&everything()).expect("it runs");
    assert_eq!(started, ALL[..5]);
    let blocked = [
        "blocked evaluate naive: needs `train naive`",
        "blocked report reviews: needs `train naive`",
    ];
    assert_eq!(
        lines,
        [&["failed train naive: exit code 3"], &blocked[..]].concat()
    );
    assert_eq!(
        summary,
        RunSummary {
            done: 4,
            failed: 1,
            blocked: 2,
            not_run: 2,
            code: 3,
            ..RunSummary::default()
        }
    );

    fake.keep_going = true;
    fake.endings
        .insert("evaluate lstm".to_owned(), ProcessEnd::of_code(4));
    let (started, summary) = fake.run(&everything()).expect("it runs");
    assert_eq!(started, ["train naive", "train lstm", "evaluate lstm"]);
    assert_eq!(
        summary,
        RunSummary {
            fresh: 4,
            done: 1,
            failed: 2,
            blocked: 2,
            code: 3,
            ..RunSummary::default()
        }
    );

    fake.endings.clear();
    let rest = [
        "train naive",
        "evaluate naive",
        "evaluate lstm",
        "report reviews",
    ];
    assert_eq!(starts(&fake, &everything()), rest);
}

#[test]
fn an_interrupted_run_stops_and_resumes_later() {
    let mut fake = FakePipeline::new();
    fake.endings
        .insert("clean reviews".to_owned(), ProcessEnd::of_code(INTERRUPTED));
    let (_, summary) = fake.run(&everything()).expect("it runs");
    assert_eq!(
        summary,
        RunSummary {
            done: 1,
            not_run: 8,
            interrupted: true,
            code: 130,
            ..RunSummary::default()
        }
    );
    fake.endings.clear();
    assert_eq!(starts(&fake, &everything()), ALL[1..]);
}

#[test]
fn a_regression_fails_the_run_although_every_output_exists() {
    let mut fake = FakePipeline::new();
    fake.baseline = true;
    fake.endings
        .insert("report reviews".to_owned(), ProcessEnd::of_code(1));
    let (started, summary) = fake.run(&everything()).expect("it runs");
    assert_eq!(
        started,
        [&ALL[..8], &["report reviews (baseline)"]].concat()
    );
    assert_eq!(
        summary,
        RunSummary {
            done: 8,
            failed: 1,
            code: 1,
            has_report: true,
            ..RunSummary::default()
        }
    );
    let (started, summary) = fake.run(&everything()).expect("it runs");
    assert_eq!(
        started,
        ["report reviews (baseline)"],
        "a fresh report is compared again"
    );
    assert_eq!(
        summary,
        RunSummary {
            fresh: 8,
            failed: 1,
            code: 1,
            has_report: true,
            ..RunSummary::default()
        }
    );
}

#[test]
fn without_the_report_each_evaluation_is_compared_and_blocks_nothing() {
    let mut fake = FakePipeline::new();
    starts(&fake, &everything());
    fake.baseline = true;
    fake.endings
        .insert("evaluate naive".to_owned(), ProcessEnd::of_code(1));
    let (started, summary) = fake
        .run(&SelectionArguments {
            only: Some(StageName::Evaluate),
            ..everything()
        })
        .expect("it runs");
    assert_eq!(
        started,
        ["evaluate naive (baseline)", "evaluate lstm (baseline)"]
    );
    assert_eq!(
        summary,
        RunSummary {
            fresh: 1,
            failed: 1,
            code: 1,
            ..RunSummary::default()
        }
    );
}

#[test]
fn a_program_that_succeeds_without_an_output_is_an_error() {
    let fake = FakePipeline::new();
    let workspace = fake.workspace(&everything()).expect("it is sound");
    let mut run = Run {
        workspace: &workspace,
        options: &RunOptions::default(),
        launch: &|_| Ok(ProcessEnd::of_code(0)),
        show: &mut |_, _, _| {},
        when_counted: None,
    };
    let error = run
        .run(&mut KnownArtifacts::new(&workspace.store))
        .expect_err("there is no output")
        .chain()
        .remove(0);
    assert_eq!(
        error,
        "`ingest reviews` succeeded, but its output does not exist"
    );
}

#[test]
fn parallel_runs_do_the_same_and_a_failure_does_not_stop_other_steps() {
    let mut fake = FakePipeline::new();
    fake.jobs = 3;
    let mut started = starts(&fake, &everything());
    started.sort_by_key(|step| ALL.iter().position(|known| known == step));
    assert_eq!(started, ALL);
    assert_eq!(starts(&fake, &everything()), NOTHING);

    let mut fake = FakePipeline::new();
    fake.jobs = 2;
    fake.endings
        .insert("train naive".to_owned(), ProcessEnd::of_code(3));
    fake.keep_going = true;
    let (mut started, summary, lines) = fake.run_and_show(&everything()).expect("it runs");
    started.sort_by_key(|step| ALL.iter().position(|known| known == step));
    assert_eq!(started, [&ALL[..6], &["evaluate lstm"]].concat());
    assert_eq!(lines[0], "failed train naive: exit code 3");
    assert_eq!(
        summary,
        RunSummary {
            done: 6,
            failed: 1,
            blocked: 2,
            code: 3,
            ..RunSummary::default()
        }
    );
}

/// A step that starts while others run has its own cores. With 3 jobs `train lstm` runs beside `train naive` or
/// beside its evaluation.
#[test]
fn parallel_steps_share_the_cores_and_a_single_step_gets_all() {
    for (jobs, cores) in [(3, 8), (2, 5), (8, 2)] {
        let fake = FakePipeline {
            jobs,
            cores,
            ..FakePipeline::new()
        };
        let from_start = SelectionArguments {
            from: Some(StageName::Ingest),
            ..everything()
        };
        let workspace = fake.workspace(&from_start).expect("all steps");
        let used = std::sync::Mutex::new(BTreeMap::new());
        let launch = |job: &StageJob| {
            let step = fake.step_of(job);
            let id = &step.id;
            // The last value applies; earlier ones are for the whole run.
            let of_cores = |text: &String| text.strip_prefix("run.threads=")?.parse::<usize>().ok();
            let share = job.arguments.iter().rev().find_map(of_cores);
            let share = share.expect("a share");
            let is_shared = ["train", "evaluate"].contains(&job.stage.as_str());
            assert!(is_shared || share == cores, "{id} is alone");
            let mut running = used.lock().expect("no launch panics");
            running.insert(id.clone(), share);
            let sum: usize = running.values().sum();
            assert!(share > 0 && sum <= cores, "{running:?}");
            drop(running);
            // `train naive` ends first, so that its evaluation starts beside `train lstm`.
            let time = if id.to_string() == "train lstm" {
                60
            } else {
                10
            };
            thread::sleep(std::time::Duration::from_millis(time));
            let ending = fake.build(&step);
            used.lock().expect("no launch panics").remove(id);
            Ok(ending)
        };
        let mut counted = Vec::new();
        let mut when_counted = |artifacts: &mut KnownArtifacts| {
            counted.push(
                artifacts
                    .known
                    .contains_key(&StepId::new(StageName::Tokenize, "words")),
            );
            Ok(())
        };
        let mut run = Run {
            workspace: &workspace,
            options: &RunOptions::default(),
            launch: &launch,
            show: &mut |_, _, _| {},
            when_counted: Some(&mut when_counted),
        };
        let summary = run.run(&mut KnownArtifacts::new(&workspace.store));
        assert_eq!(summary.expect("it runs").done, 9);
        assert_eq!(counted, [true], "once, when the tokens are known");
    }
}
