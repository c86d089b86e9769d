//! The programs of the stages, and what libtorch does in one of them.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use artifact::StageName;
use serde::Deserialize;

use super::Finding;
use crate::launch;

/// How long a program may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// How long libtorch's self-test may take; loading CUDA for the first time takes some seconds.
const SELF_TEST_LIMIT: Duration = Duration::from_secs(60);

/// What `ressenti-train self-test` prints.
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
    right: bool,
    error: f64,
    gigaflops: f64,
}

/// Programs that are no stages.
const OTHERS: [&str; 4] = [
    launch::PREDICT,
    launch::TREND,
    launch::SERVE,
    launch::COMPARE,
];

pub(super) fn examine() -> Vec<Finding> {
    let mut findings = vec![programs()];
    findings.extend(libtorch());
    findings
}

/// Every program of ours is there and of our version.
fn programs() -> Finding {
    let own = format!(" {}", env!("CARGO_PKG_VERSION"));
    let mut problems = Vec::new();
    let names = StageName::ALL.map(StageName::binary);
    for name in names.into_iter().chain(OTHERS) {
        match launch::program(name) {
            Err(_) => problems.push(format!("`{name}` is missing")),
            Ok(program) => match output(&program, &["--version"], VERSION_LIMIT) {
                Ok(text) if text.trim_end().ends_with(&own) => {}
                Ok(text) => problems.push(format!("`{name}` says `{}`", text.trim())),
                Err(problem) => problems.push(format!("`{name}` {problem}")),
            },
        }
    }
    let count = StageName::ALL.len();
    if problems.is_empty() {
        Finding::ok(
            "programs",
            format!("all {count} stages, `predict`, `trend`, `serve` and `compare`, version{own}"),
        )
    } else {
        Finding::failed(
            "programs",
            problems.join("; "),
            "Build them with `cargo build`",
        )
    }
}

fn libtorch() -> Vec<Finding> {
    let setup = "Set it up again with `cargo xtask setup`, then `cargo build`";
    let Ok(program) = launch::program(StageName::Train.binary()) else {
        return vec![Finding::failed(
            "libtorch",
            "cannot be asked without `ressenti-train`",
            setup,
        )];
    };
    let text = match output(&program, &["self-test"], SELF_TEST_LIMIT) {
        Ok(text) => text,
        Err(problem) => {
            return vec![Finding::failed(
                "libtorch",
                format!("`ressenti-train self-test` {problem}"),
                setup,
            )];
        }
    };
    let Ok(test) = serde_json::from_str::<SelfTest>(&text) else {
        let found = format!("`ressenti-train self-test` said `{}`", text.trim());
        return vec![Finding::failed(
            "libtorch",
            found,
            "Build the stages and `ressenti` from the same sources with `cargo build`",
        )];
    };
    let place = test.library.as_deref().unwrap_or("an unknown place");
    let mut findings = vec![Finding::ok(
        "libtorch",
        format!("{} in {place}", test.version),
    )];
    findings.push(cuda(&test.cuda));
    findings.extend(test.devices.iter().map(device));
    findings
}

fn cuda(cuda: &Cuda) -> Finding {
    let has_driver = Path::new("/proc/driver/nvidia/version").exists();
    match (&cuda.reason, cuda.loaded) {
        (_, true) => Finding::ok("CUDA", "loaded, and finds a GPU"),
        (reason, false) => {
            let reason = reason.as_deref().unwrap_or("no reason was given");
            if has_driver {
                let hint =
                    "Set libtorch up with CUDA by `cargo xtask setup --cuda`, then `cargo build`";
                Finding::warning("CUDA", format!("not loaded: {reason}"), hint)
            } else {
                Finding::ok(
                    "CUDA",
                    format!("not loaded: {reason}; there is no NVIDIA driver either"),
                )
            }
        }
    }
}

fn device(device: &Device) -> Finding {
    let what = format!("{} self-test", device.name);
    let found = format!(
        "a matrix product, {:.1} GFLOP/s, largest error {:.1e}",
        device.gigaflops, device.error
    );
    if device.right {
        Finding::ok(&what, found)
    } else {
        Finding::failed(
            &what,
            format!("{found}: wrong"),
            "This device miscalculates: use another with `--set run.device=cpu`, and have it checked",
        )
    }
}

/// What a program prints, or why not as the rest of a sentence.
fn output(program: &Path, arguments: &[&str], limit: Duration) -> Result<String, String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("cannot be started: {error}"))?;
    let end = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(10)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("did not end within {} seconds", limit.as_secs()));
            }
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    };
    let read = |pipe: Option<&mut dyn Read>| {
        let mut text = String::new();
        if let Some(pipe) = pipe {
            let _ = pipe.read_to_string(&mut text);
        }
        text
    };
    let text = read(child.stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
    let complaint = read(child.stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
    if status.success() {
        Ok(text)
    } else {
        let last = complaint
            .trim()
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned();
        Err(format!("failed ({status}): {last}"))
    }
}
