//! The evaluate stage's binary.

fn main() -> std::process::ExitCode {
    stage::main::<evaluate::Evaluate>()
}
