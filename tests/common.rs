//! Helpers: a finished project, and calls of `ressenti` in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use artifact::{Artifact, Digest, StageName};
use testkit::{ProgramOutput, Project, program};

/// The steps of the tiny pipeline, in order.
pub(crate) const ALL: [&str; 9] = [
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

/// A `ressenti` command with these arguments in the folder of a project.
pub(crate) fn ressenti(project: &Project, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("ressenti"));
    command
        .args(arguments)
        .current_dir(project.folder())
        .env("RUST_BACKTRACE", "0");
    command
}

/// Runs `ressenti` and waits until it ends.
pub(crate) fn call(project: &Project, arguments: &[&str]) -> ProgramOutput {
    ressenti(project, arguments)
        .output()
        .expect("it starts")
        .into()
}

/// Runs `ressenti`, which must succeed.
#[track_caller]
pub(crate) fn succeed(project: &Project, arguments: &[&str]) -> ProgramOutput {
    let screen = call(project, arguments);
    assert_eq!(
        screen.code,
        Some(0),
        "`ressenti {}`\n{}{}",
        arguments.join(" "),
        screen.stdout,
        screen.stderr
    );
    screen
}

/// The steps whose line starts with this state.
pub(crate) fn steps(screen: &ProgramOutput, state: &str) -> Vec<String> {
    let lines = screen
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Other lines may start with the same word, but no stage follows.
    let is_step = |words: &Vec<&str>| {
        words.len() >= 3 && words[0] == state && words[1].parse::<StageName>().is_ok()
    };
    lines
        .filter(is_step)
        .map(|words| format!("{} {}", words[1], words[2]))
        .collect()
}

/// Runs the pipeline and returns the steps that were built.
#[track_caller]
pub(crate) fn run_steps(project: &Project, arguments: &[&str]) -> Vec<String> {
    let screen = succeed(project, &[&["run"], arguments].concat());
    let (fresh, done) = (steps(&screen, "fresh"), steps(&screen, "done"));
    assert!(
        fresh.iter().all(|step| !done.contains(step)),
        "{}",
        screen.stdout
    );
    done
}

/// The tiny project after a run. It is built once and copied for each test.
pub(crate) fn finished() -> Project {
    static PROJECT: OnceLock<Project> = OnceLock::new();
    let original = PROJECT.get_or_init(|| {
        let project = Project::tiny();
        assert_eq!(run_steps(&project, &[]), ALL);
        project
    });
    let copy = Project::tiny();
    copy_folder(original.folder(), copy.folder());
    copy
}

/// Copies a folder; links stay links.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_symlink() {
            symlink(fs::read_link(&path).expect("a link"), target).expect("linked");
        } else if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, target).expect("copied");
        }
    }
}

/// Splits `train lstm` into its stage and variant.
pub(crate) fn split_step(step: &str) -> (StageName, &str) {
    let (stage, variant) = step.split_once(' ').expect("two words");
    (stage.parse().expect("a stage"), variant)
}

/// The artifact of a step, opened in the store and not through its link.
pub(crate) fn artifact(project: &Project, step: &str) -> Artifact {
    let (stage, variant) = split_step(step);
    Artifact::open(&folder(project, stage, variant)).expect("whole")
}

/// The folder in the store that a variant's link points to.
pub(crate) fn folder(project: &Project, stage: StageName, variant: &str) -> PathBuf {
    fs::canonicalize(project.store().variant_link(stage, variant)).expect("it was built")
}

/// The identity of each step's output.
pub(crate) fn identities(project: &Project) -> BTreeMap<&'static str, Digest> {
    ALL.into_iter()
        .map(|step| (step, artifact(project, step).identity()))
        .collect()
}

/// Checks that every artifact in the store is intact.
#[track_caller]
pub(crate) fn check_store(project: &Project) {
    let store = project.artifacts().join("store");
    for stage in fs::read_dir(&store).into_iter().flatten() {
        for key in fs::read_dir(stage.expect("an entry").path()).expect("a folder") {
            let folder = key.expect("an entry").path();
            Artifact::open(&folder)
                .and_then(|artifact| artifact.verify())
                .expect("whole");
        }
    }
}
