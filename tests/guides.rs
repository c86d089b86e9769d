//! Runs every command of the README and the guides in a project with the files that they mention.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testkit::{Project, program, tiny_pipeline};

use crate::common::{copy_folder, succeed};
use crate::trend::turning_reviews;

/// Prefixes of commands that are skipped, with the reason.
const NOT_RUN: [(&str, &str); 9] = [
    ("cargo ", "the set-up of the checkout itself"),
    ("python3 ", "the check for a machine with a GPU"),
    (
        "ressenti serve",
        "runs until it is stopped; the serve tests start it",
    ),
    (
        "curl ",
        "needs the service; the serve tests send the same requests",
    ),
    ("ressenti fetch", "needs a network"),
    (
        "ressenti run --engine slurm",
        "needs Slurm; the cluster tests run it",
    ),
    ("ressenti cancel", "needs Slurm; the cluster tests run it"),
    (
        "ressenti predict --input reviews.csv --output out.csv --shards 64 --engine slurm",
        "needs Slurm",
    ),
    (
        "ressenti predict --input FILE",
        "names no file; the shard tests run the three steps",
    ),
];

const MODELS: &str = r#"
[model.linear]
kind = "linear"
tokenizer = "words"

[model.gru]
kind = "gru"
embedding = "random"
hidden = 8

[ensemble.together]
models = ["linear", "lstm"]
"#;

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The commands in `sh` code blocks, without comments.
fn commands(page: &Path) -> Vec<String> {
    let text =
        fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut is_shell = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        } else if is_shell {
            // Comments start after two spaces. In the guides a `#` inside quotes never does.
            let command = line.split("  #").next().unwrap_or_default().trim();
            if !command.is_empty() {
                found.push(command.to_owned());
            }
        }
    }
    found
}

/// A trained project with the files that the guides mention.
fn project() -> Project {
    let reviews =
        turning_reviews().replacen("posted,film,review,stars", "date,title,review,sentiment", 1);
    let project = Project::with_reviews(&format!("{}{MODELS}", tiny_pipeline()), &reviews);
    let folder = project.folder();
    succeed(&project, &["run"]);
    copy_folder(&project.artifacts(), &folder.join("main/artifacts"));
    fs::copy(
        project.artifacts().join("report/reviews/metrics.json"),
        folder.join("main/metrics.json"),
    )
    .expect("the report has figures");
    fs::copy(project.pipeline_file(), folder.join("mine.toml")).expect("copied");
    fs::write(folder.join("comments.txt"), "A good film.\nA bad film.\n").expect("written");
    // Other reviews than those that the model was trained on.
    let new = reviews.replace(" the ", " this ").replace(" a ", " one ");
    fs::write(folder.join("new.csv"), new).expect("written");
    for name in ["reviews.csv.gz", "new.csv.gz"] {
        let compressed = fs::File::create(folder.join(name)).expect("created");
        let status = Command::new("gzip")
            .args(["-c", "new.csv"])
            .current_dir(folder)
            .stdout(compressed)
            .status();
        assert!(status.expect("gzip starts").success());
    }
    project
}

#[test]
fn every_command_of_the_guides_runs_as_printed() {
    let project = project();
    let programs = program("ressenti");
    let programs = programs.parent().expect("a program is in a folder");
    let path = env::join_paths(
        [programs.to_owned()]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    )
    .expect("folders of a path");
    let pages = [
        "docs/introduction",
        "docs/report",
        // Its last report shows one model.
        "docs/models",
        "docs/predicting",
        "docs/trends",
        "docs/service",
        "docs/crash-safety",
        // These pages run another pipeline in the same folder.
        "README",
        "docs/own-reviews",
    ];
    let mut run = 0;
    let mut failed = Vec::new();
    for page in pages {
        for command in commands(&checkout().join(format!("{page}.md"))) {
            if NOT_RUN
                .iter()
                .any(|(beginning, _)| command.starts_with(beginning))
            {
                continue;
            }
            // The project has the pipeline file that a command writes.
            let script = command.replace("ressenti new ", "ressenti new --force ");
            let output = Command::new("sh")
                .args(["-c", &script])
                .current_dir(project.folder())
                .env("PATH", &path)
                .stdin(Stdio::null())
                .output()
                .expect("a shell starts");
            run += 1;
            if !output.status.success() {
                let [shown, errors] =
                    [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
                let status = output.status;
                failed.push(format!("{page}: {command}\n{status}\n{shown}\n{errors}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(run >= 20, "only {run} commands were found");
}
