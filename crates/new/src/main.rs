//! The binary `ressenti-new`, which `ressenti new` starts.

fn main() -> std::process::ExitCode {
    new::main(std::env::args_os())
}
