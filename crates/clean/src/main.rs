//! The program `ressenti-clean`.

fn main() -> std::process::ExitCode {
    stage::main::<clean::Clean>()
}
