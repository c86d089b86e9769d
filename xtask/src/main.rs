//! `cargo xtask`: sets up libtorch and the default data, and runs cargo or the orchestrator. It links neither
//! libtorch nor arrow, so it builds in seconds on a new machine.

mod archive;
mod assets;
mod cache;
mod cargo;
mod check;
mod config;
mod data;
mod error;
mod gpu;
mod libtorch;
mod marker;
mod packages;
mod phrases;
mod pip;
mod progress;
mod setup;
mod sha256;

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::assets::Layout;
use crate::cargo::{cargo, exec, ressenti, run_command};
use crate::error::{Error, Result};
use crate::gpu::GpuTask;
use crate::setup::{LibtorchSource, set_up};

/// Sets up, runs, tests and checks this repository
#[derive(Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Download libtorch and the default data
    Setup {
        #[command(flatten)]
        layout: LayoutArguments,
        /// Also download optional data, e.g. `--with all-mpnet-base-v2`, an encoder with 110 million weights
        #[arg(long, value_name = "NAME")]
        with: Vec<String>,
    },
    /// Set up, build, and run the default pipeline; prints the path of the report
    Run {
        #[command(flatten)]
        layout: LayoutArguments,
        /// Arguments for `ressenti run`, e.g. `-- --set model.naive.epochs=1`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Set up, build, and run every test
    Test {
        #[command(flatten)]
        layout: LayoutArguments,
        /// Arguments for `cargo test --workspace`, e.g. `-- --test cli`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Set up, build, and kill the small pipeline at 200 random moments; takes minutes
    Soak {
        /// Number of kills
        #[arg(long, default_value_t = 200)]
        kills: u32,
        /// The seed printed by an earlier run, to kill at the same moments
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Check format, banned phrases, spelling (typos) and lints (clippy, warnings are errors)
    Check,
    /// Pack and run the check for a machine with a GPU; see docs/gpu.md
    Gpu {
        #[command(subcommand)]
        task: GpuTask,
    },
}

/// Which libtorch; stored for later runs [default: CUDA if there is an NVIDIA driver]
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
struct LayoutArguments {
    /// Use libtorch with all CUDA libraries (downloads 2.5 GB)
    #[arg(long)]
    cuda: bool,
    /// Use libtorch without the CUDA libraries (downloads 0.5 GB)
    #[arg(long)]
    cpu: bool,
}

impl LayoutArguments {
    fn chosen(self) -> Option<Layout> {
        let cuda = self.cuda.then_some(Layout::Cuda);
        cuda.or(self.cpu.then_some(Layout::Cpu))
    }
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    match checkout().and_then(|root| perform(task, &root)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.exit.unwrap_or_else(|| {
            // If standard error is closed, there is no other place to print.
            let _ = write!(anstream::stderr(), "{}", error.report());
            ExitCode::FAILURE
        }),
    }
}

/// Performs `task` in the checkout at `root`.
fn perform(task: Task, root: &Path) -> Result<()> {
    match task {
        Task::Setup { layout, with } => set_up(root, layout.chosen(), &with).map(drop),
        Task::Run { layout, arguments } => {
            let source = set_up(root, layout.chosen(), &[])?;
            build(root, source, &["--workspace"])?;
            Err(exec(ressenti(root, source, &arguments)?))
        }
        Task::Test { layout, arguments } => {
            let source = set_up(root, layout.chosen(), &[])?;
            build(root, source, &["--workspace", "--all-targets"])?;
            let mut command = cargo(root, source);
            command.args(["test", "--workspace"]).args(&arguments);
            Err(exec(command))
        }
        Task::Soak { kills, seed } => {
            let source = set_up(root, None, &[])?;
            build(root, source, &["--workspace", "--all-targets"])?;
            let mut command = cargo(root, source);
            command.args(["test", "--package", "ressenti-tests", "random_instants"]);
            command.args(["--", "--nocapture"]);
            command.env("RESSENTI_KILLS", kills.to_string());
            if let Some(seed) = seed {
                command.env("RESSENTI_SEED", seed.to_string());
            }
            Err(exec(command))
        }
        Task::Gpu { task } => gpu::perform(&task, root),
        Task::Check => check::check(root),
    }
}

fn build(root: &Path, source: LibtorchSource, arguments: &[&str]) -> Result<()> {
    let mut command = cargo(root, source);
    command.arg("build").args(arguments);
    run_command(command)
}

/// The root of the checkout. Cargo passes the path at run time. A compiled-in path would be wrong if two
/// checkouts share a target folder.
fn checkout() -> Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = package.and_then(|package| package.parent().map(Path::to_owned));
    let error = Error::new("Failed to find the root of the checkout");
    root.ok_or_else(|| error.with_hint("Start it as `cargo xtask` inside the checkout"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_definition_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn arguments_after_two_dashes_are_passed_on() {
        let check = |line: &str, expected: Option<(Option<Layout>, &[&str])>| {
            let parsed = Arguments::try_parse_from(line.split(' '))
                .ok()
                .map(|parsed| match parsed.task {
                    Task::Run { layout, arguments } | Task::Test { layout, arguments } => {
                        (layout.chosen(), arguments)
                    }
                    Task::Setup { layout, .. } => (layout.chosen(), Vec::new()),
                    Task::Check | Task::Soak { .. } | Task::Gpu { .. } => (None, Vec::new()),
                });
            let expected = expected.map(|(layout, rest)| {
                (layout, rest.iter().map(OsString::from).collect::<Vec<_>>())
            });
            assert_eq!(parsed, expected, "{line}");
        };
        check("xtask setup", Some((None, &[])));
        check("xtask setup --cuda", Some((Some(Layout::Cuda), &[])));
        check("xtask setup --cuda --cpu", None);
        check(
            "xtask run --cpu -- --set a=1",
            Some((Some(Layout::Cpu), &["--set", "a=1"])),
        );
        check("xtask test -- --test cli", Some((None, &["--test", "cli"])));
        check("xtask test cli", None);
        check("xtask", None);
    }
}
