//! The binary `ressenti-predict`, which `ressenti predict` starts. It is linked without libtorch, so that a
//! linear model answers at once; `ressenti-predict-networks` takes over where the model is a network.

fn main() -> std::process::ExitCode {
    predict::main(None).into()
}
