//! `cargo xtask`: what a newcomer types. It provisions libtorch and the default data, then calls cargo and
//! the orchestrator. It links neither libtorch nor arrow, and so builds in seconds on a bare machine.

mod archive;
mod assets;
mod cache;
mod cargo;
mod config;
mod data;
mod error;
mod gpu;
mod libtorch;
mod marker;
mod packages;
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
use crate::cargo::{become_, cargo, ressenti, succeed};
use crate::error::{Error, Result};
use crate::gpu::GpuTask;
use crate::setup::{Source, set_up};

/// Sets up, runs, tests and checks this repository
#[derive(Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Provision libtorch and the default data, and nothing else
    Setup {
        #[command(flatten)]
        wish: Wish,
        /// Optional data besides, e.g. `--with all-mpnet-base-v2`, an encoder of 110 million weights
        #[arg(long, value_name = "NAME")]
        with: Vec<String>,
    },
    /// Set up, build, and run the default pipeline; ends with the place of the report
    Run {
        #[command(flatten)]
        wish: Wish,
        /// Arguments for `ressenti run`, e.g. `-- --set model.naive.epochs=1`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Set up, build, and run every test
    Test {
        #[command(flatten)]
        wish: Wish,
        /// Arguments for `cargo test --workspace`, e.g. `-- --test cli`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Set up, build, and kill the small pipeline at 200 random instants; some minutes
    Soak {
        /// How many kills
        #[arg(long, default_value_t = 200)]
        kills: u32,
        /// The seed of an earlier call, to have its instants again
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Check format and lints: `cargo fmt --check`, then clippy with every warning an error
    Check,
    /// Pack and run the check for a machine with a GPU; see docs/gpu.md
    Gpu {
        #[command(subcommand)]
        task: GpuTask,
    },
}

/// Which libtorch; kept for later calls. Without a wish the NVIDIA driver decides
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
struct Wish {
    /// The libtorch with all CUDA libraries (downloads 2.5 GB)
    #[arg(long)]
    cuda: bool,
    /// The libtorch without the CUDA libraries (downloads 0.5 GB)
    #[arg(long)]
    cpu: bool,
}

impl Wish {
    fn layout(self) -> Option<Layout> {
        let cuda = self.cuda.then_some(Layout::Cuda);
        cuda.or(self.cpu.then_some(Layout::Cpu))
    }
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    match checkout().and_then(|root| perform(task, &root)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.exit.unwrap_or_else(|| {
            // Where standard error is closed there is nobody to tell.
            let _ = write!(anstream::stderr(), "{}", error.report());
            ExitCode::FAILURE
        }),
    }
}

/// Performs `task` in the checkout at `root`.
fn perform(task: Task, root: &Path) -> Result<()> {
    match task {
        Task::Setup { wish, with } => set_up(root, wish.layout(), &with).map(drop),
        Task::Run { wish, arguments } => {
            let source = set_up(root, wish.layout(), &[])?;
            build(root, source, &["--workspace"])?;
            Err(become_(ressenti(root, source, &arguments)?))
        }
        Task::Test { wish, arguments } => {
            let source = set_up(root, wish.layout(), &[])?;
            build(root, source, &["--workspace", "--all-targets"])?;
            let mut command = cargo(root, source);
            command.args(["test", "--workspace"]).args(&arguments);
            Err(become_(command))
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
            Err(become_(command))
        }
        Task::Gpu { task } => gpu::perform(&task, root),
        Task::Check => {
            // The format needs no libtorch, and is told first.
            let mut format = cargo(root, Source::Users);
            format.args(["fmt", "--all", "--check"]);
            succeed(format)?;
            let mut clippy = cargo(root, set_up(root, None, &[])?);
            clippy.args(["clippy", "--workspace", "--all-targets"]);
            clippy.args(["--", "--deny", "warnings"]);
            Err(become_(clippy))
        }
    }
}

fn build(root: &Path, source: Source, arguments: &[&str]) -> Result<()> {
    let mut command = cargo(root, source);
    command.arg("build").args(arguments);
    succeed(command)
}

/// The root of the checkout. Cargo says at run time where xtask is: a path compiled in would lead to another
/// checkout where two share a target folder.
fn checkout() -> Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = package.and_then(|package| package.parent().map(Path::to_owned));
    root.ok_or_else(|| {
        Error::new("Cannot find the root of the checkout")
            .with_hint("Start it as `cargo xtask` inside the checkout")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_in_order() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn arguments_behind_two_dashes_are_passed_on() {
        let check = |line: &str, expected: Option<(Option<Layout>, &[&str])>| {
            let parsed = Arguments::try_parse_from(line.split(' '))
                .ok()
                .map(|parsed| match parsed.task {
                    Task::Run { wish, arguments } | Task::Test { wish, arguments } => {
                        (wish.layout(), arguments)
                    }
                    Task::Setup { wish, .. } => (wish.layout(), Vec::new()),
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
