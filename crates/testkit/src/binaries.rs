//! The workspace's own programs, for tests that start them as a person would.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The folder of the built programs, `target/<profile>`.
///
/// Built once for each test process: `cargo test` builds the programs of a package only where that
/// package has integration tests, so what lies in the folder may be missing or old.
pub fn programs() -> &'static Path {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| Some(folder_of_this_build()).filter(|folder| build(folder)));
    built.as_deref().expect("the workspace's programs build")
}

/// Test programs are `target/<profile>/deps/<name>-<hash>`.
fn folder_of_this_build() -> PathBuf {
    let own = env::current_exe().expect("a running program has a path");
    let folder = own
        .ancestors()
        .nth(2)
        .expect("a test program lies in `target/<profile>/deps`");
    folder.to_owned()
}

/// `--workspace --tests`, so that every dependency has the features it has under `cargo test
/// --workspace`: nothing is then compiled but our own programs.
fn build(folder: &Path) -> bool {
    cargo_build(folder, &["--workspace", "--bins", "--tests"])
}

/// The path of `ressenti-train` with faults on purpose, which no other build makes.
pub fn fault_injection_program() -> &'static Path {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    const NAME: &str = "ressenti-train-faults";
    let arguments = [
        "--package",
        "ressenti-train",
        "--features",
        "faults",
        "--bin",
        NAME,
    ];
    let built = BUILT.get_or_init(|| {
        let folder = folder_of_this_build();
        cargo_build(&folder, &arguments).then(|| folder.join(NAME))
    });
    built.as_deref().expect("the program with faults builds")
}

fn cargo_build(folder: &Path, arguments: &[&str]) -> bool {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet"]).args(arguments);
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    cargo.env(
        "CARGO_TARGET_DIR",
        folder
            .parent()
            .expect("a profile's folder lies in the target folder"),
    );
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    // `cargo test` tells a test about its package. Build scripts must not see that: ring's watches
    // these variables, and polars would be compiled again because of it.
    for (name, _) in env::vars_os() {
        let told = |prefix: &str| name.to_string_lossy().starts_with(prefix);
        if told("CARGO_PKG_") || told("CARGO_MANIFEST_") || name == "OUT_DIR" {
            cargo.env_remove(&name);
        }
    }
    cargo.status().expect("cargo starts").success()
}

/// The path of one of the programs.
pub fn program(name: &str) -> PathBuf {
    programs().join(name)
}

/// What a program showed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramOutput {
    /// Exit code; `None` for a process that was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for ProgramOutput {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("our programs write UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl ProgramOutput {
    /// Code, output and errors together, for a comparison as a whole. The folder's own path is
    /// written as `[folder]`, times as `[time]`, digests as `[digest]`.
    pub fn with_placeholders(&self, folder: &Path) -> String {
        let code = self
            .code
            .map_or("killed".to_owned(), |code| code.to_string());
        let mut text = format!("exit code {code}\n");
        for (title, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text.push_str(&format!(
                    "----- {title}\n{}",
                    crate::filters::with_placeholders(stream, folder)
                ));
            }
        }
        text
    }
}
