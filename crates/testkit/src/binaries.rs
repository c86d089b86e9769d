//! Builds and finds the programs of the workspace, for tests that start them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The folder of the built programs, `target/<profile>`.
///
/// They are built once for each test process, because `cargo test` only builds the programs of packages with
/// integration tests. Other programs in the folder may be missing or outdated.
pub fn programs() -> &'static Path {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| Some(folder_of_this_build()).filter(|folder| build(folder)));
    built.as_deref().expect("the workspace's programs build")
}

/// The folder of the profile. Test programs are `target/<profile>/deps/<name>-<hash>`.
fn folder_of_this_build() -> PathBuf {
    let own = env::current_exe().expect("a running program has a path");
    let folder = own
        .ancestors()
        .nth(2)
        .expect("a test program lies in `target/<profile>/deps`");
    folder.to_owned()
}

/// Builds all programs. `--workspace --tests` gives dependencies the same features as `cargo test --workspace`, so
/// they are not compiled again.
fn build(folder: &Path) -> bool {
    cargo_build(folder, &["--workspace", "--bins", "--tests"])
}

/// The path of `ressenti-train` with fault injection, which other builds do not contain.
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
    built
        .as_deref()
        .expect("the fault-injection program builds")
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
    // `cargo test` sets variables about the package of the test. Build scripts must not see them: the one of ring
    // watches these variables, and polars would be compiled again.
    for (name, _) in env::vars_os() {
        let has_prefix = |prefix: &str| name.to_string_lossy().starts_with(prefix);
        if has_prefix("CARGO_PKG_") || has_prefix("CARGO_MANIFEST_") || name == "OUT_DIR" {
            cargo.env_remove(&name);
        }
    }
    cargo.status().expect("cargo starts").success()
}

/// The path of a program.
pub fn program(name: &str) -> PathBuf {
    programs().join(name)
}

/// The output and the exit code of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramOutput {
    /// The exit code; `None` if a signal killed the process.
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
    /// Exit code, standard output and standard error as one text for comparisons. The path of `folder` is replaced by
    /// `[folder]`, durations by `[time]` and digests by `[digest]`.
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
