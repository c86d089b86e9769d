//! Checks of the stage programs, and of libtorch by the self-test of `ressenti-train`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use artifact::StageName;
use serde::Deserialize;

use super::Finding;
use super::machine::DRIVER;
use crate::launch;

/// Time limit of `--version`.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// Time limit of the libtorch self-test. Loading CUDA for the first time takes some seconds.
const SELF_TEST_LIMIT: Duration = Duration::from_secs(60);

/// Output of `ressenti-train self-test`.
#[derive(Deserialize)]
struct SelfTest {
    version: String,
    library: Option<String>,
    cuda: Cuda,
    devices: Vec<Device>,
}

#[derive(Deserialize)]
struct Cuda {
    loaded: bool,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Device {
    name: String,
    #[serde(alias = "right")]
    correct: bool,
    error: f64,
    gigaflops: f64,
}

/// Programs `ressenti-NAME` that are not stages.
const OTHER_PROGRAMS: [&str; 5] = ["new", "predict", "trend", "serve", "compare"];

/// Checks that every program exists and has the version of `ressenti`.
pub(super) fn programs() -> Finding {
    let own = format!(" {}", env!("CARGO_PKG_VERSION"));
    let stages = StageName::ALL.map(|stage| stage.binary().to_owned());
    let others = OTHER_PROGRAMS.map(|name| format!("ressenti-{name}"));
    let problem = |name: &String| {
        let Ok(program) = launch::program(name) else {
            return Some(format!("`{name}` is missing"));
        };
        match output(&program, "--version", VERSION_LIMIT) {
            Ok(text) if text.trim_end().ends_with(&own) => None,
            Ok(text) => Some(format!(
                "`{name} --version` prints `{}`, expected version{own}",
                text.trim()
            )),
            Err(problem) => Some(format!("`{name}` {problem}")),
        }
    };
    let problems: Vec<String> = stages.iter().chain(&others).filter_map(problem).collect();
    if !problems.is_empty() {
        let hint = "Build the programs with `cargo build`";
        return Finding::failed("programs", problems.join("; "), hint);
    }
    let count = StageName::ALL.len();
    let found =
        format!("all {count} stages, `new`, `predict`, `trend`, `serve`, `compare`, version{own}");
    Finding::ok("programs", found)
}

/// Checks of libtorch and of each device; an error if the self-test does not run.
pub(super) fn libtorch() -> Result<Vec<Finding>, Finding> {
    let failed = |found: String, hint: &str| Finding::failed("libtorch", found, hint);
    let program = launch::program(StageName::Train.binary());
    let hint = "Build the programs with `cargo build`";
    let program = program.map_err(|failure| failed(failure.to_string(), hint))?;
    let text = output(&program, "self-test", SELF_TEST_LIMIT).map_err(|problem| {
        let hint = "Install libtorch again with `cargo xtask setup`, then run `cargo build`";
        failed(format!("`ressenti-train self-test` {problem}"), hint)
    })?;
    let test: SelfTest = serde_json::from_str(&text).map_err(|_| {
        let found = format!("`ressenti-train self-test` printed `{}`", text.trim());
        let hint = "Build the stages and `ressenti` from the same sources with `cargo build`";
        failed(found, hint)
    })?;
    let folder = test.library.as_deref().unwrap_or("an unknown folder");
    let libtorch = Finding::ok("libtorch", format!("{} in {folder}", test.version));
    let mut found = vec![libtorch, cuda(&test.cuda)];
    found.extend(test.devices.iter().map(device));
    Ok(found)
}

fn cuda(cuda: &Cuda) -> Finding {
    if cuda.loaded {
        return Finding::ok("CUDA", "loaded, GPU found");
    }
    let reason = cuda.reason.as_deref().unwrap_or("unknown reason");
    let has_driver = Path::new(DRIVER).exists();
    let no_driver = "; no NVIDIA driver is installed";
    let driver_note = if has_driver { "" } else { no_driver };
    let hint = "Install libtorch with CUDA: run `cargo xtask setup --cuda`, then `cargo build`";
    Finding::ok("CUDA", format!("not loaded: {reason}{driver_note}")).warn_if(has_driver, hint)
}

fn device(device: &Device) -> Finding {
    let what = format!("{} self-test", device.name);
    let (speed, error) = (device.gigaflops, device.error);
    let found = format!("matrix product at {speed:.1} GFLOP/s, largest error {error:.1e}");
    let hint = "This device computes wrong results: use another one, for example with `--set run.device=cpu`";
    match device.correct {
        true => Finding::ok(&what, found),
        false => Finding::failed(&what, found + ", which is too large", hint),
    }
}

/// Standard output of a program. The error is the end of a sentence that starts with the program's name.
fn output(program: &Path, argument: &str, limit: Duration) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    let mut child = child.map_err(|error| format!("cannot be started: {error}"))?;
    let end = Instant::now() + limit;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= end {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("did not end within {} seconds", limit.as_secs()));
        }
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output();
    let output = output.map_err(|error| format!("cannot be waited for: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = errors.trim().lines().last().unwrap_or_default();
    Err(format!("failed ({}): {last}", output.status))
}
