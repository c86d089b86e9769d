//! Starting the program that links libtorch.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use artifact::{ArtifactError, Failure};

/// The program that links libtorch, in the folder of this program.
const PROGRAM: &str = "ressenti-networks";

/// Replaces this process by `ressenti-networks` with a subcommand and the arguments of this process. Only that program
/// links libtorch, because loading it takes longer than a prediction of a linear model. Returns only if the program
/// cannot be started.
pub fn exec_networks(subcommand: &str) -> Failure {
    let failed = ArtifactError::io("find", Path::new("the running program"));
    let program = match env::current_exe().map_err(failed) {
        Ok(current) => current.with_file_name(PROGRAM),
        Err(error) => return error.into(),
    };
    let mut command = Command::new(&program);
    command.arg(subcommand).args(env::args_os().skip(1));
    let error = command.exec();
    Failure::from(ArtifactError::io("start", &program)(error)).with_hint(format!(
        "The model is a neural network, which needs the program `{PROGRAM}` in the folder of \
         `ressenti-{subcommand}`: build all programs with `cargo build`"
    ))
}
