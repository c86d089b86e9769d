//! The binary `ressenti-serve`, which `ressenti serve` starts. It links no libtorch:
//! `ressenti-networks` takes over where the model is a network.

fn main() -> std::process::ExitCode {
    serve::main(std::env::args_os(), None).into()
}
