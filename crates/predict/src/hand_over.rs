//! Handing over to the program that computes networks.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use artifact::ArtifactError;
use artifact::Failure;

/// The program that asks networks, too; it lies beside this one.
const PROGRAM: &str = "ressenti-predict-networks";

/// Becomes that program, with the same arguments. Comes back only with why that cannot be done.
pub(crate) fn now() -> Failure {
    let own = match env::current_exe() {
        Ok(own) => own,
        Err(error) => {
            return ArtifactError::io("find", Path::new("the running program"))(error).into();
        }
    };
    let program = own.with_file_name(PROGRAM);
    let error = Command::new(&program).args(env::args_os().skip(1)).exec();
    Failure::from(ArtifactError::io("start", &program)(error)).with_hint(
        "It asks networks, and lies beside `ressenti-predict`: build all programs with `cargo build`"
            .to_owned(),
    )
}
