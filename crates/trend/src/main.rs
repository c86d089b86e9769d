//! The binary `ressenti-trend`, which `ressenti trend` starts.

fn main() -> std::process::ExitCode {
    trend::main()
}
