//! A finished project to copy, and `ressenti` to call in it.

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

/// `ressenti` with these arguments, called in a project's folder.
pub(crate) fn ressenti(project: &Project, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("ressenti"));
    command
        .args(arguments)
        .current_dir(project.folder())
        .env("RUST_BACKTRACE", "0");
    command
}

/// Calls `ressenti` and waits for its end.
pub(crate) fn call(project: &Project, arguments: &[&str]) -> ProgramOutput {
    ressenti(project, arguments)
        .output()
        .expect("it starts")
        .into()
}

/// Calls `ressenti`, which must end well.
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

/// The steps whose line starts with this word.
pub(crate) fn steps(screen: &ProgramOutput, state: &str) -> Vec<String> {
    let lines = screen
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Other lines may begin with the same word, but not go on with a stage.
    let is_step = |words: &Vec<&str>| {
        words.len() >= 3 && words[0] == state && words[1].parse::<StageName>().is_ok()
    };
    lines
        .filter(is_step)
        .map(|words| format!("{} {}", words[1], words[2]))
        .collect()
}

/// Runs, and says which steps did something.
#[track_caller]
pub(crate) fn done(project: &Project, arguments: &[&str]) -> Vec<String> {
    let screen = succeed(project, &[&["run"], arguments].concat());
    let (fresh, done) = (steps(&screen, "fresh"), steps(&screen, "done"));
    assert!(
        fresh.iter().all(|step| !done.contains(step)),
        "{}",
        screen.stdout
    );
    done
}

/// The tiny project after a run: made once, and copied for each test.
pub(crate) fn finished() -> Project {
    static MADE: OnceLock<Project> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let project = Project::tiny();
        assert_eq!(done(&project, &[]), ALL);
        project
    });
    let copy = Project::tiny();
    copy_folder(made.folder(), copy.folder());
    copy
}

/// Copies a folder's content, links as links.
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
pub(crate) fn parts(step: &str) -> (StageName, &str) {
    let (stage, variant) = step.split_once(' ').expect("two words");
    (stage.parse().expect("a stage"), variant)
}

/// The artifact of a step, opened where it lies and not through its name.
pub(crate) fn artifact(project: &Project, step: &str) -> Artifact {
    let (stage, variant) = parts(step);
    Artifact::open(&folder(project, stage, variant)).expect("whole")
}

/// The folder behind a variant's name.
pub(crate) fn folder(project: &Project, stage: StageName, variant: &str) -> PathBuf {
    fs::canonicalize(project.store().named(stage, variant)).expect("it was built")
}

/// What each step's output holds.
pub(crate) fn identities(project: &Project) -> BTreeMap<&'static str, Digest> {
    ALL.into_iter()
        .map(|step| (step, artifact(project, step).identity()))
        .collect()
}

/// Everything in the store is whole, and nothing half-written lies outside the work folder.
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
