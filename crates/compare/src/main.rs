//! The binary `ressenti-compare`, which `ressenti compare` starts.

fn main() -> std::process::ExitCode {
    compare::main()
}
