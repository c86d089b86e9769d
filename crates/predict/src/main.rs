//! The binary `ressenti-predict`, which `ressenti predict` starts.

fn main() -> std::process::ExitCode {
    predict::main()
}
