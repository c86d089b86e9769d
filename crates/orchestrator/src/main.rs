//! `ressenti`, see the crate's library.

fn main() -> std::process::ExitCode {
    orchestrator::main()
}
