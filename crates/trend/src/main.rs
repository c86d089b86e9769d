//! The binary `ressenti-trend`, which `ressenti trend` starts. It links no libtorch:
//! `ressenti-networks` takes over where the model is a network.

fn main() -> std::process::ExitCode {
    trend::main(std::env::args_os(), None).into()
}
