//! The binary `ressenti-train` with faults on purpose, for tests: see `faults.rs`.

fn main() -> std::process::ExitCode {
    stage::main::<train::Train>()
}
