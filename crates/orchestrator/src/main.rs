//! The program `ressenti`; the code is in the library of this crate.

fn main() -> std::process::ExitCode {
    orchestrator::main()
}
