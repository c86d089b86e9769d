//! The binary `ressenti-predict`, which `ressenti predict` starts. It is linked without libtorch, so that a
//! linear model answers at once; `ressenti-networks` takes over where the model is a network.

fn main() -> std::process::ExitCode {
    predict::main(std::env::args_os(), None).into()
}
