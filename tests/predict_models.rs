//! `ressenti predict` with several models on the challenge set, and with ensembles.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::{ProgramOutput, Project, copy_program, program, tiny_pipeline};

use crate::common::{call, copy_folder, succeed};
use crate::predict::json;

#[test]
fn several_models_are_compared_on_the_challenge_set_and_ensembles_predict() {
    let text = tiny_pipeline().to_owned()
        + "\n[model.linear]\nkind = \"linear\"\ntokenizer = \"words\"\n\n[ensemble.together]\nmodels = [\"naive\", \"linear\"]\n";
    let project = Project::with_pipeline(&text);
    succeed(&project, &["run"]);
    // Without `--model`, the best model of the report is used; the ensemble is one of its models.
    let path = project.artifacts().join("report/reviews/metrics.json");
    let metrics = json(&fs::read_to_string(path).expect("it is there"));
    let validation = metrics["validation"].as_object().expect("results");
    assert!(validation.contains_key("together"), "{metrics}");
    let best = metrics["best"].as_str().expect("a name");
    let count = validation.len();
    let note = format!("model: {best}, the best of {count} trained models on validation");
    let screen = succeed(&project, &["predict", "A superb film."]);
    assert!(screen.stderr.contains(&note), "{note}: {}", screen.stderr);
    let models = ["--model", "naive", "--model", "together"];
    let screen = succeed(
        &project,
        &[&["predict", "--challenge"], &models[..]].concat(),
    );
    assert!(
        screen.stdout.contains("failures by capability"),
        "{}",
        screen.stdout
    );
    let screen = succeed(
        &project,
        &[&["predict", "--challenge", "--format", "json"], &models[..]].concat(),
    );
    let said = json(&screen.stdout);
    let said = said.as_array().expect("a list");
    assert!(said.len() >= 300);
    // The results equal those of the evaluation.
    for name in ["naive", "together"] {
        let path = project
            .artifacts()
            .join(format!("evaluate/{name}/challenge.json"));
        let judged = json(&fs::read_to_string(path).expect("it is there"));
        for (said, judged) in said.iter().zip(judged["cases"].as_array().expect("a list")) {
            let (one, two) = (&said["models"][name], judged);
            assert_eq!(one["failed"], two["failed"], "{name}: {said}");
            let one = one["p_positive"].as_f64().expect("a number");
            let two = two["probability"].as_f64().expect("a number");
            assert!((one - two).abs() < 1e-5, "{name}: {one} {two}");
        }
    }
    let screen = succeed(
        &project,
        &[
            "predict",
            "--model",
            "together",
            "--explain",
            "A superb film.",
        ],
    );
    assert!(
        screen.stdout.contains("A superb film."),
        "{}",
        screen.stdout
    );
    // The folder of an ensemble names its members and predicts like its name.
    let by_name = [
        "predict",
        "--model",
        "together",
        "--format",
        "json",
        "A superb film.",
    ];
    let said = json(&succeed(&project, &by_name).stdout);
    let by_folder = |project: &Project, folder: &str| {
        let arguments = [
            "predict",
            "--bundle",
            folder,
            "--format",
            "json",
            "A superb film.",
        ];
        call(project, &arguments)
    };
    let screen = by_folder(&project, "artifacts/evaluate/together");
    assert_eq!(json(&screen.stdout), said, "{}", screen.stderr);
    // Without a pipeline file unknown tables are errors, too.
    let folder = ["--bundle", "artifacts/train/linear"];
    let setting = ["--set", "ingset.columns.text=nope", "x"];
    let screen = call(&project, &[&["predict"], &folder[..], &setting].concat());
    assert_eq!(screen.code, Some(1), "{}", screen.stdout);
    assert!(
        screen.stderr.contains("Did you mean `ingest`?"),
        "{}",
        screen.stderr
    );
    copy_folder(
        &project.artifacts().join("evaluate/together"),
        &project.folder().join("copy"),
    );
    let screen = by_folder(&project, "copy");
    assert_eq!(screen.code, Some(1));
    assert!(
        screen
            .stderr
            .contains("but the models of the ensemble are missing"),
        "{}",
        screen.stderr
    );
    // A retrained member no longer fits the ensemble.
    succeed(
        &project,
        &[
            "run",
            "--only",
            "train",
            "--variant",
            "naive",
            "--set",
            "training.epochs=1",
        ],
    );
    let screen = call(&project, &["predict", "--model", "together", "x"]);
    assert!(
        screen.stderr.contains("The member `naive` of the ensemble")
            && screen
                .stderr
                .contains("`ressenti run --pipeline pipeline.toml --model together`"),
        "{}",
        screen.stderr
    );
    let screen = succeed(&project, &["predict", "x"]);
    let note = "Not considered: The member `naive` of the ensemble `together` has changed";
    assert!(screen.stderr.contains(note), "{}", screen.stderr);
    // The command in the hint uses the same artifacts folder.
    let elsewhere = project.folder().join("elsewhere");
    copy_folder(&project.artifacts(), &elsewhere);
    let named = ["--model", "together", "--artifacts", "elsewhere", "x"];
    let screen = call(&project, &[&["predict"], &named[..]].concat());
    let command = format!("--artifacts {} --model together`", elsewhere.display());
    assert!(screen.stderr.contains(&command), "{}", screen.stderr);
    // The folder still uses the old member while it is in the store.
    let screen = by_folder(&project, "artifacts/evaluate/together");
    assert_eq!(json(&screen.stdout), said, "{}", screen.stderr);
    for trained in fs::read_dir(project.artifacts().join("store/train")).expect("a folder") {
        let folder = trained.expect("a folder").path();
        let latest = fs::canonicalize(project.artifacts().join("train/naive")).expect("a link");
        if folder != latest {
            fs::remove_dir_all(folder).expect("removed");
        }
    }
    let screen = by_folder(&project, "artifacts/evaluate/together");
    assert_eq!(screen.code, Some(1));
    assert!(
        screen.stderr.contains("is not in the store any more"),
        "{}",
        screen.stderr
    );
}

/// Whether the dynamic loader would load libtorch for a program. See LD_TRACE_LOADED_OBJECTS in ld.so(8).
fn loads_libtorch(name: &str) -> bool {
    let listed = Command::new(program(name))
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .output()
        .expect("it is listed");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("libc.so"), "{name}: {listed}");
    listed.contains("libtorch")
}

#[test]
fn linear_models_need_no_libtorch_and_networks_use_ressenti_networks() {
    for name in ["ressenti-predict", "ressenti-trend", "ressenti-serve"] {
        assert!(!loads_libtorch(name), "{name}");
    }
    assert!(loads_libtorch("ressenti-networks"));

    let text =
        tiny_pipeline().to_owned() + "\n[model.linear]\nkind = \"linear\"\ntokenizer = \"words\"\n";
    let project = Project::with_pipeline(&text);
    succeed(&project, &["run"]);
    let alone = project.folder().join("ressenti-predict");
    copy_program(&program("ressenti-predict"), &alone);
    let ask = |program: &Path, subcommand: &[&str], model: &str| -> ProgramOutput {
        Command::new(program)
            .args(subcommand)
            .args(["--model", model, "--format", "json", "A superb film."])
            .current_dir(project.folder())
            .output()
            .expect("it starts")
            .into()
    };
    let said = ask(&alone, &[], "linear");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let networks = ask(&program("ressenti-networks"), &["predict"], "linear");
    assert_eq!(json(&said.stdout), json(&networks.stdout));

    let network = ask(&program("ressenti-predict"), &[], "naive");
    assert_eq!(network.code, Some(0), "{}", network.stderr);
    let refused = ask(&alone, &[], "naive");
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("ressenti-networks`")
            && refused.stderr.contains("hint:")
            && refused.stderr.contains("cargo build"),
        "{}",
        refused.stderr
    );
}
