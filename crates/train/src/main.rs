//! The train stage's binary.

fn main() -> std::process::ExitCode {
    stage::main::<train::Train>()
}
