//! The binary `ressenti-serve`, which `ressenti serve` starts.

fn main() -> std::process::ExitCode {
    serve::main()
}
