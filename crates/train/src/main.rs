//! The program `ressenti-train`. `ressenti doctor` calls its `self-test`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let first = std::env::args_os().nth(1);
    if first.is_some_and(|first| first == "self-test") {
        return train::self_test().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    stage::main::<train::Train>()
}
