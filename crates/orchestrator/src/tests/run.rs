use artifact::StageName;

use super::*;
use crate::project_of_tests::World;
use crate::selection::Request;

fn everything() -> Request {
    Request::default()
}

/// The steps that a run starts.
#[track_caller]
fn starts(world: &World, request: &Request) -> Vec<String> {
    let (started, tally) = world.run(request).expect("it runs");
    assert_eq!((tally.failed, tally.code), (0, 0));
    assert_eq!(tally.done, started.len() as u64);
    assert_eq!(
        tally.reported,
        request.only.is_none() && request.variant.is_none()
    );
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
fn the_first_run_runs_all_and_the_second_nothing() {
    let world = World::new();
    assert_eq!(world.plan(&everything()).expect("a plan").len(), 9);
    assert_eq!(starts(&world, &everything()), ALL);
    assert_eq!(starts(&world, &everything()), NOTHING);
    assert_eq!(world.plan(&everything()).expect("a plan"), NOTHING);
}

#[test]
fn a_setting_of_one_model_runs_that_model_and_what_follows() {
    let mut world = World::new();
    starts(&world, &everything());
    world.changes = vec!["model.lstm.hidden=16".to_owned()];
    assert_eq!(
        world.plan(&everything()).expect("a plan"),
        [
            "train lstm: setting `model.lstm.hidden` changed: 8 -> 16",
            "evaluate lstm: input `train lstm` may change",
            "report reviews: input `train lstm` may change; input `evaluate lstm` may change",
        ]
    );
    assert_eq!(
        starts(&world, &everything()),
        ["train lstm", "evaluate lstm", "report reviews"]
    );
    world.changes.clear();
    assert_eq!(
        starts(&world, &everything()),
        NOTHING,
        "what was there before is still there"
    );
    let hidden = world
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
    let mut world = World::new();
    world
        .contents
        .insert("ingest reviews".to_owned(), "sixty rows".to_owned());
    starts(&world, &everything());
    world.changes = vec!["ingest.max_reject_rate=0.5".to_owned()];
    assert_eq!(
        world.plan(&everything()).expect("a plan").len(),
        9,
        "beforehand all may change"
    );
    assert_eq!(starts(&world, &everything()), ["ingest reviews"]);
}

#[test]
fn a_damaged_file_is_named_and_only_its_step_rebuilt() {
    let world = World::new();
    starts(&world, &everything());
    let folder = world
        .project
        .artifact(StageName::Tokenize, "words")
        .folder()
        .to_owned();
    // Not the link that people look at, but the folder behind it.
    let folder = std::fs::canonicalize(folder).expect("it is there");
    std::fs::write(folder.join("content"), "something else").expect("written");
    let plan = world.plan(&everything()).expect("a plan");
    assert_eq!(
        plan,
        ["tokenize words: output damaged: `content`, it should have 64 bytes and has 14"]
    );
    assert_eq!(starts(&world, &everything()), ["tokenize words"]);

    std::fs::write(folder.join("manifest.json"), "{}").expect("written");
    let plan = world.plan(&everything()).expect("a plan");
    assert_eq!(
        plan[0],
        "tokenize words: output damaged: `manifest.json`, its seal is missing"
    );
    assert_eq!(starts(&world, &everything()), ["tokenize words"]);

    std::fs::remove_dir_all(&folder).expect("removed");
    let plan = world.plan(&everything()).expect("a plan");
    assert_eq!(plan[0], "tokenize words: its output was removed");
    assert_eq!(starts(&world, &everything()), ["tokenize words"]);
}

#[test]
fn what_is_asked_for_is_redone() {
    let world = World::new();
    starts(&world, &everything());
    let from = Request {
        from: Some(StageName::Evaluate),
        ..everything()
    };
    assert_eq!(
        starts(&world, &from),
        [
            "evaluate naive (forced)",
            "evaluate lstm (forced)",
            "report reviews (forced)"
        ]
    );
    let only = Request {
        only: Some(StageName::Train),
        variant: Some("lstm".to_owned()),
        ..everything()
    };
    assert_eq!(starts(&world, &only), NOTHING);
    assert_eq!(
        starts(
            &world,
            &Request {
                force: true,
                ..only
            }
        ),
        ["train lstm (forced)"]
    );
}

#[test]
fn only_one_stage_needs_what_it_reads() {
    let world = World::new();
    let only = |stage| Request {
        only: Some(stage),
        ..everything()
    };
    let refused = |stage| {
        world
            .run(&only(stage))
            .expect_err("nothing is there")
            .chain()
            .remove(0)
    };
    assert_eq!(
        refused(StageName::Clean),
        "`clean reviews` reads `ingest reviews`, which is not there for these settings: never run"
    );
    assert_eq!(starts(&world, &only(StageName::Ingest)), ["ingest reviews"]);
    assert_eq!(starts(&world, &only(StageName::Clean)), ["clean reviews"]);
    let lstm = Request {
        variant: Some("lstm".to_owned()),
        ..everything()
    };
    assert_eq!(
        starts(&world, &lstm),
        [
            "tokenize words",
            "embed random",
            "train lstm",
            "evaluate lstm"
        ]
    );
}

#[test]
fn a_failed_step_holds_back_what_needs_it() {
    let mut world = World::new();
    world
        .endings
        .insert("train naive".to_owned(), Ending::of_code(3));
    let (started, tally, lines) = world.run_and_show(&everything()).expect("it runs");
    assert_eq!(started, ALL[..5]);
    let held = [
        "held evaluate naive: needs `train naive`",
        "held report reviews: needs `train naive`",
    ];
    assert_eq!(
        lines,
        [&["failed train naive: exit code 3"], &held[..]].concat()
    );
    assert_eq!(
        tally,
        RunSummary {
            done: 4,
            failed: 1,
            held: 2,
            untried: 2,
            code: 3,
            ..RunSummary::default()
        }
    );

    world.keep_going = true;
    world
        .endings
        .insert("evaluate lstm".to_owned(), Ending::of_code(4));
    let (started, tally) = world.run(&everything()).expect("it runs");
    assert_eq!(started, ["train naive", "train lstm", "evaluate lstm"]);
    assert_eq!(
        tally,
        RunSummary {
            fresh: 4,
            done: 1,
            failed: 2,
            held: 2,
            code: 3,
            ..RunSummary::default()
        }
    );

    world.endings.clear();
    let rest = [
        "train naive",
        "evaluate naive",
        "evaluate lstm",
        "report reviews",
    ];
    assert_eq!(starts(&world, &everything()), rest);
}

#[test]
fn an_interrupted_run_stops_and_goes_on_later() {
    let mut world = World::new();
    world
        .endings
        .insert("clean reviews".to_owned(), Ending::of_code(INTERRUPTED));
    let (_, tally) = world.run(&everything()).expect("it runs");
    assert_eq!(
        tally,
        RunSummary {
            done: 1,
            untried: 8,
            interrupted: true,
            code: 130,
            ..RunSummary::default()
        }
    );
    world.endings.clear();
    assert_eq!(starts(&world, &everything()), ALL[1..]);
}

#[test]
fn a_regression_fails_the_run_though_all_is_there() {
    let mut world = World::new();
    world.baseline = true;
    world
        .endings
        .insert("report reviews".to_owned(), Ending::of_code(1));
    let (started, tally) = world.run(&everything()).expect("it runs");
    assert_eq!(
        started,
        [&ALL[..8], &["report reviews (baseline)"]].concat()
    );
    assert_eq!(
        tally,
        RunSummary {
            done: 8,
            failed: 1,
            code: 1,
            reported: true,
            ..RunSummary::default()
        }
    );
    let (started, tally) = world.run(&everything()).expect("it runs");
    assert_eq!(
        started,
        ["report reviews (baseline)"],
        "a fresh report is compared again"
    );
    assert_eq!(
        tally,
        RunSummary {
            fresh: 8,
            failed: 1,
            code: 1,
            reported: true,
            ..RunSummary::default()
        }
    );
}

#[test]
fn without_the_report_each_evaluation_is_compared_and_holds_nothing_back() {
    let mut world = World::new();
    starts(&world, &everything());
    world.baseline = true;
    world
        .endings
        .insert("evaluate naive".to_owned(), Ending::of_code(1));
    let (started, tally) = world
        .run(&Request {
            only: Some(StageName::Evaluate),
            ..everything()
        })
        .expect("it runs");
    assert_eq!(
        started,
        ["evaluate naive (baseline)", "evaluate lstm (baseline)"]
    );
    assert_eq!(
        tally,
        RunSummary {
            fresh: 1,
            failed: 1,
            code: 1,
            ..RunSummary::default()
        }
    );
}

#[test]
fn a_program_that_ends_well_without_an_output_is_found_out() {
    let world = World::new();
    let workspace = world.workspace(&everything()).expect("it is sound");
    let mut run = Run {
        workspace: &workspace,
        options: &RunOptions {
            jobs: 1,
            ..RunOptions::default()
        },
        launch: &|_| Ok(Ending::of_code(0)),
        show: &mut |_, _, _| {},
    };
    let error = run
        .run(&mut KnownArtifacts::new(&workspace.store))
        .expect_err("there is no output")
        .chain()
        .remove(0);
    assert_eq!(
        error,
        "`ingest reviews` ended without an error, and its output is not there"
    );
}

#[test]
fn side_by_side_the_same_is_done_and_a_failure_leaves_its_neighbour_alone() {
    let mut world = World::new();
    world.jobs = 3;
    let mut started = starts(&world, &everything());
    started.sort_by_key(|step| ALL.iter().position(|known| known == step));
    assert_eq!(started, ALL);
    assert_eq!(starts(&world, &everything()), NOTHING);

    let mut world = World::new();
    world.jobs = 2;
    world
        .endings
        .insert("train naive".to_owned(), Ending::of_code(3));
    world.keep_going = true;
    let (mut started, tally, lines) = world.run_and_show(&everything()).expect("it runs");
    started.sort_by_key(|step| ALL.iter().position(|known| known == step));
    assert_eq!(started, [&ALL[..6], &["evaluate lstm"]].concat());
    assert_eq!(lines[0], "failed train naive: exit code 3");
    assert_eq!(
        tally,
        RunSummary {
            done: 6,
            failed: 1,
            held: 2,
            code: 3,
            ..RunSummary::default()
        }
    );
}

/// A step that starts while others run has cores of its own: with 3 jobs `train lstm` joins `train naive`
/// or runs beside its evaluation.
#[test]
fn steps_side_by_side_never_have_more_cores_than_there_are_and_one_alone_has_all() {
    for (jobs, cores) in [(3, 8), (2, 5), (8, 2)] {
        let world = World {
            cores,
            ..World::new()
        };
        let from_start = Request {
            from: Some(StageName::Ingest),
            ..everything()
        };
        let workspace = world.workspace(&from_start).expect("all steps");
        let used = std::sync::Mutex::new(BTreeMap::new());
        let launch = |job: &Job| {
            let id = world.step_of(job);
            // The last one counts: those before it are of the whole run.
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
            let ending = world.build(&id);
            used.lock().expect("no launch panics").remove(&id);
            Ok(ending)
        };
        let mut run = Run {
            workspace: &workspace,
            options: &RunOptions {
                jobs,
                ..RunOptions::default()
            },
            launch: &launch,
            show: &mut |_, _, _| {},
        };
        let summary = run.run(&mut KnownArtifacts::new(&workspace.store));
        assert_eq!(summary.expect("it runs").done, 9);
    }
}
