//! Running steps with two minimal stages.

use std::fs;
use std::io::Write;

use artifact::{Contract, Failure, OutputFile, StageName};
use serde::Deserialize;
use settings::StepId;
use stage::{Context, Outcome, Progress, ProgressMode, Stage, StepState, execute};
use testkit::Project;

/// Writes the setting `max_reject_rate`, and fails if it is 1.
struct Ingest;

#[derive(Clone, Copy, Default, clap::Args)]
struct Options {
    /// Reject the finished output
    #[arg(long)]
    refuse: bool,
}

#[derive(Deserialize)]
struct Settings {
    max_reject_rate: f64,
}

impl Stage for Ingest {
    const NAME: StageName = StageName::Ingest;
    const ABOUT: &'static str = "A stage for tests";
    type Settings = Settings;
    type Options = Options;

    fn run(context: &Context, settings: Settings) -> Result<Outcome, Failure> {
        let runs = context.pipeline_file().with_file_name("runs");
        let mut runs = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(runs)
            .expect("opened");
        runs.write_all(b".").expect("written");
        assert_eq!(
            fs::read_dir(context.output())
                .expect("the pending folder")
                .count(),
            0
        );
        fs::write(
            context.output().join("rate"),
            settings.max_reject_rate.to_string(),
        )
        .expect("written");
        if settings.max_reject_rate == 1.0 {
            return Err(Failure::new("Too many rows were rejected"));
        }
        Ok(Outcome::new(
            Contract::Reviews { rows: 60 },
            vec![OutputFile::table("rate", 60)],
            "60 rows",
        ))
    }

    fn after(_: &Context, _: &artifact::Artifact, options: &Options) -> Result<(), Failure> {
        if options.refuse {
            Err(Failure::new("refused"))
        } else {
            Ok(())
        }
    }
}

/// A stage that copies the output of the other stage.
struct Clean;

impl Stage for Clean {
    const NAME: StageName = StageName::Clean;
    const ABOUT: &'static str = "A stage for tests";
    type Settings = serde_json::Value;
    type Options = stage::NoOptions;

    fn run(context: &Context, _: serde_json::Value) -> Result<Outcome, Failure> {
        let rate = fs::read(context.input(StageName::Ingest).file("rate")?).expect("verified");
        fs::write(context.output().join("rate"), rate).expect("written");
        Ok(Outcome::new(
            Contract::Reviews { rows: 60 },
            vec![OutputFile::data("rate")],
            "copied",
        ))
    }
}

fn run(
    project: &Project,
    changes: &[&str],
    force: bool,
    options: Options,
) -> Result<StepState, Failure> {
    let pipeline = project.pipeline(changes);
    let step = pipeline.step(StageName::Ingest, None)?;
    let progress = Progress::new(ProgressMode::None, step.id.clone());
    execute::<Ingest>(&pipeline, step, force, progress, &options).map(|(state, _)| state)
}

fn clean(project: &Project) -> Result<StepState, Failure> {
    let pipeline = project.pipeline(&[]);
    let step = pipeline.step(StageName::Clean, None)?;
    let progress = Progress::new(ProgressMode::None, step.id.clone());
    execute::<Clean>(&pipeline, step, false, progress, &stage::NoOptions {}).map(|(state, _)| state)
}

#[test]
fn a_stage_runs_only_if_its_output_is_missing_or_damaged() {
    let project = Project::tiny();
    let half = ["ingest.max_reject_rate=0.5"];
    let plain = Options::default();
    let rate = || {
        let artifact = project.artifact(StageName::Ingest, "reviews");
        fs::read_to_string(artifact.file("rate").expect("verified")).expect("read")
    };
    // Checks the state of the step and the number of runs so far.
    let check = |result: Result<StepState, Failure>, expected: StepState, runs: usize| {
        assert_eq!(result.expect("it succeeds"), expected);
        let found = fs::read(project.folder().join("runs"))
            .expect("it ran")
            .len();
        assert_eq!(found, runs);
    };

    check(run(&project, &[], false, plain), StepState::Done, 1);
    check(run(&project, &[], false, plain), StepState::Fresh, 1);
    check(run(&project, &[], true, plain), StepState::Done, 2);
    check(run(&project, &half, false, plain), StepState::Done, 3);
    assert_eq!(rate(), "0.5");
    check(run(&project, &[], false, plain), StepState::Fresh, 3);
    assert_eq!(
        rate(),
        "0.01",
        "the name links to the output of the current settings"
    );

    let path = project
        .artifact(StageName::Ingest, "reviews")
        .file("rate")
        .expect("verified");
    fs::write(&path, "0.02").expect("written");
    check(run(&project, &[], false, plain), StepState::Done, 4);
    assert_eq!(rate(), "0.01");

    // A changed source makes the step stale, too.
    fs::write(project.folder().join("reviews.csv"), "review,sentiment\n").expect("written");
    check(run(&project, &[], false, plain), StepState::Done, 5);
}

#[test]
fn a_failed_stage_leaves_no_output() {
    let project = Project::tiny();
    let failure = run(
        &project,
        &["ingest.max_reject_rate=1.0"],
        false,
        Options::default(),
    )
    .expect_err("it fails");
    assert_eq!(failure.chain(), ["Too many rows were rejected"]);
    assert!(
        project
            .store()
            .latest(StageName::Ingest, "reviews")
            .expect("no error")
            .is_none()
    );
    let work = fs::read_dir(project.artifacts().join("work")).expect("a folder");
    let folders = work
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .count();
    assert_eq!(folders, 0, "no incomplete output stays");
}

#[test]
fn a_failed_check_after_a_stage_keeps_its_output() {
    let project = Project::tiny();
    let failure = run(&project, &[], false, Options { refuse: true }).expect_err("the check fails");
    assert_eq!(failure.chain(), ["refused"]);
    project
        .artifact(StageName::Ingest, "reviews")
        .verify()
        .expect("undamaged");
}

#[test]
fn a_missing_or_damaged_input_is_named_with_the_command_that_rebuilds_it() {
    let project = Project::tiny();
    let file = project.pipeline_file();
    let missing = clean(&project).expect_err("the input is missing");
    assert_eq!(
        missing.chain(),
        ["The input `ingest reviews` of this step does not exist"]
    );
    let expected = format!(
        "Build it with `ressenti run --pipeline {} --only ingest`",
        file.display()
    );
    assert_eq!(missing.hint(), Some(expected.as_str()));

    run(&project, &[], false, Options::default()).expect("it runs");
    assert_eq!(clean(&project).expect("it runs"), StepState::Done);
    let input = project.artifact(StageName::Ingest, "reviews");
    fs::write(input.folder().join("rate"), "0.99").expect("written");
    fs::remove_dir_all(project.artifacts().join("store/clean")).expect("removed");
    let damaged = clean(&project).expect_err("its input is damaged");
    assert!(
        damaged.chain()[0].contains("rate` is damaged: its digest should be"),
        "{damaged:?}"
    );
    assert_eq!(
        damaged.hint(),
        Some("Rebuild the damaged output with `ressenti run --only ingest`")
    );
}

#[test]
fn a_manifest_records_sources_inputs_and_settings() {
    let project = Project::tiny();
    run(&project, &[], false, Options::default()).expect("it runs");
    clean(&project).expect("it runs");
    let ingest = project.artifact(StageName::Ingest, "reviews");
    let clean = project.artifact(StageName::Clean, "reviews");
    let [source] = &ingest.manifest().sources[..] else {
        panic!("one source")
    };
    assert_eq!(source.name, "reviews.csv");
    let [input] = &clean.manifest().inputs[..] else {
        panic!("one input")
    };
    assert_eq!(
        (input.stage, input.variant.as_str()),
        (StageName::Ingest, "reviews")
    );
    assert_eq!(input.identity, ingest.identity());
    assert_eq!(ingest.manifest().settings["max_reject_rate"], 0.01);
    assert!(
        ingest.manifest().settings.get("source").is_none(),
        "the path of a source is not part of its identity"
    );
    assert_eq!(ingest.manifest().run.summary, "60 rows");
    assert!(ingest.manifest().run.peak_memory > 1 << 20);
}

#[test]
fn a_missing_source_is_reported_before_anything_runs() {
    let project = Project::tiny();
    fs::remove_file(project.folder().join("reviews.csv")).expect("removed");
    let failure = run(&project, &[], false, Options::default()).expect_err("no source");
    assert!(
        failure.chain()[0].starts_with("There is no file or folder `"),
        "{failure:?}"
    );
    assert!(!project.artifacts().join("store").exists());
}

#[test]
fn a_step_is_displayed_as_stage_and_variant() {
    assert_eq!(
        StepId::new(StageName::Train, "lstm").to_string(),
        "train lstm"
    );
}
