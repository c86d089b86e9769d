//! The binary `ressenti-evaluate`.

fn main() -> std::process::ExitCode {
    stage::main::<evaluate::Evaluate>()
}
