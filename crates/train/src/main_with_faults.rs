//! `ressenti-train` with fault injection, for tests: see `training/src/faults.rs`.

fn main() -> std::process::ExitCode {
    stage::main::<train::Train>()
}
