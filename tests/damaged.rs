//! A damaged byte in any artifact is found and named, and only that step is rebuilt.

use std::fs;
use std::path::{Path, PathBuf};

use artifact::Contract;
use testkit::{Project, TestArtifact};

use crate::common::{
    ALL, artifact, call, check_store, finished, identities, run_steps, split_step, steps, succeed,
};

fn files(project: &Project, step: &str) -> Vec<PathBuf> {
    let folder = artifact(project, step).folder().to_owned();
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

/// A file of a step's artifact other than the manifest.
fn content_file(project: &Project, step: &str) -> PathBuf {
    let mut files = files(project, step).into_iter();
    files
        .find(|path| !path.ends_with("manifest.json"))
        .expect("a content file")
}

fn flip_bit(path: &Path, position: usize) {
    let mut bytes = fs::read(path).expect("read");
    bytes[position] ^= 0b100;
    fs::write(path, bytes).expect("written");
}

/// The reason that the plan gives for a step.
fn plan_reason(project: &Project, step: &str) -> String {
    let (stage, variant) = split_step(step);
    let plan = succeed(project, &["plan"]).stdout;
    let start = format!("stale   {stage:<9} {variant:<12} ");
    let line = plan.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("`{step}` should be stale:\n{plan}"))
        .to_owned()
}

#[test]
fn a_flipped_byte_in_any_file_of_any_artifact_is_named() {
    let project = finished();
    let mut checked = 0;
    for step in ALL {
        for path in files(&project, step) {
            let whole = fs::read(&path).expect("read");
            let name = path.file_name().expect("a name").to_string_lossy();
            let last = whole.len() - 1;
            for position in [0, last / 2, last] {
                flip_bit(&path, position);
                let found = plan_reason(&project, step);
                assert!(
                    found.starts_with(&format!("output damaged: `{name}`, ")),
                    "{name}[{position}]: {found}"
                );
                fs::write(&path, &whole).expect("written");
                checked += 1;
            }
        }
    }
    assert!(checked >= 3 * 25, "{checked}");
    assert_eq!(
        steps(&succeed(&project, &["plan"]), "fresh"),
        ALL,
        "after restoring the files everything is fresh"
    );
}

#[test]
fn only_what_is_damaged_is_rebuilt() {
    let project = finished();
    let before = identities(&project);
    for step in ALL {
        flip_bit(&content_file(&project, step), 10);
        assert_eq!(run_steps(&project, &[]), [step]);
    }
    assert_eq!(identities(&project), before);
    check_store(&project);
}

#[test]
fn a_damaged_manifest_a_missing_file_and_a_missing_folder_are_rebuilt() {
    let project = finished();
    let before = identities(&project);
    flip_bit(
        &artifact(&project, "clean reviews")
            .folder()
            .join("manifest.json"),
        100,
    );
    assert_eq!(run_steps(&project, &[]), ["clean reviews"]);
    fs::remove_file(
        artifact(&project, "embed random")
            .folder()
            .join("embedding.arrow"),
    )
    .expect("removed");
    // The estimate follows.
    let reason = plan_reason(&project, "embed random");
    assert!(
        reason.starts_with("output damaged: `embedding.arrow`, it is missing ("),
        "{reason}"
    );
    assert_eq!(run_steps(&project, &[]), ["embed random"]);
    fs::remove_dir_all(artifact(&project, "train naive").folder()).expect("removed");
    assert_eq!(
        plan_reason(&project, "train naive"),
        "its output was removed"
    );
    assert_eq!(run_steps(&project, &[]), ["train naive"]);
    fs::remove_dir_all(project.artifacts().join("report")).expect("removed");
    assert_eq!(
        run_steps(&project, &[]),
        Vec::<String>::new(),
        "a missing link is created again"
    );
    assert!(
        project
            .artifacts()
            .join("report/reviews/report.html")
            .is_file()
    );
    assert_eq!(identities(&project), before);
}

#[test]
fn several_damaged_artifacts_are_rebuilt_in_one_run() {
    let project = finished();
    for step in [
        "ingest reviews",
        "tokenize words",
        "train lstm",
        "report reviews",
    ] {
        flip_bit(&content_file(&project, step), 5);
    }
    let status = succeed(&project, &["status"]).stdout;
    assert_eq!(
        status
            .lines()
            .filter(|line| line.starts_with("damaged"))
            .count(),
        4,
        "{status}"
    );
    assert_eq!(
        run_steps(&project, &[]),
        [
            "ingest reviews",
            "tokenize words",
            "train lstm",
            "report reviews"
        ]
    );
    check_store(&project);
}

#[test]
fn a_stage_command_refuses_a_damaged_input() {
    let project = finished();
    flip_bit(
        &artifact(&project, "clean reviews")
            .folder()
            .join("clean.parquet"),
        50,
    );
    let screen = call(&project, &["tokenize", "--force"]).with_placeholders(project.folder());
    let expected = "exit code 1\n----- stderr\n\
        error: `artifacts/store/clean/[digest]/clean.parquet` is damaged: \
        its digest should be [digest] and is [digest]\n  \
        hint: Rebuild the damaged output with `ressenti run --only clean`\n";
    assert_eq!(screen, expected);
    assert_eq!(run_steps(&project, &["--only", "clean"]), ["clean reviews"]);
    succeed(&project, &["tokenize", "--force"]);
}

#[test]
fn an_embedding_of_another_tokenizer_is_refused_while_planning() {
    let project = finished();
    let misfit = |change: fn(&mut Contract)| {
        let embedding = artifact(&project, "embed random");
        let manifest = embedding.manifest().clone();
        let mut contract = manifest.contract;
        change(&mut contract);
        let recipe = TestArtifact {
            stage: manifest.stage,
            settings: manifest.settings,
            inputs: manifest.inputs,
            sources: manifest.sources,
            contract,
        };
        recipe.commit(
            &project.store(),
            "random",
            &[("embedding.arrow", b"vectors")],
        );
        call(&project, &["run"]).with_placeholders(project.folder())
    };
    let screen = misfit(|contract| {
        let Contract::Embedding {
            vocabulary_size, ..
        } = contract
        else {
            panic!("an embedding")
        };
        *vocabulary_size = 12_345;
    });
    let (start, end) = screen
        .split_once(" with `embed random` (a vocabulary of ")
        .expect("both sizes are named");
    assert!(
        start.starts_with(
            "exit code 1\n----- stderr\nerror: `embed random` cannot combine `tokenize words` (a vocabulary of "
        ),
        "{screen}"
    );
    assert_eq!(
        end,
        "12,345)\n  hint: Set `embedding.random.tokenizer` to a name that fits, or rebuild `embed random` with \
         `ressenti run --only embed --model random --force`\n"
    );
    let screen = misfit(|contract| {
        let Contract::Embedding {
            tokenizer,
            vocabulary_size,
            ..
        } = contract
        else {
            panic!("an embedding")
        };
        *tokenizer = artifact::Digest::of_bytes(b"another");
        *vocabulary_size = 0;
    });
    assert!(
        screen.contains("`embed random` (a vocabulary of 0)"),
        "{screen}"
    );
}
