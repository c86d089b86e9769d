//! Continuing in the program that links libtorch.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use artifact::{ArtifactError, Failure};

/// The program that computes networks, beside this one.
const PROGRAM: &str = "ressenti-networks";

/// Replaces this process by `ressenti-networks` with the subcommand and this process's arguments. Loading libtorch
/// takes longer than a prediction of a linear model, so only this program links it. Returns only if it cannot be
/// started, with the reason.
pub fn exec_networks(subcommand: &str) -> Failure {
    let own = match env::current_exe() {
        Ok(own) => own,
        Err(error) => {
            return ArtifactError::io("find", Path::new("the running program"))(error).into();
        }
    };
    let program = own.with_file_name(PROGRAM);
    let mut command = Command::new(&program);
    command.arg(subcommand).args(env::args_os().skip(1));
    let error = command.exec();
    Failure::from(ArtifactError::io("start", &program)(error)).with_hint(format!(
        "The model is a network, and `{PROGRAM}`, which computes networks, must be in the folder of \
         `ressenti-{subcommand}`: build all programs with `cargo build`"
    ))
}
