//! The binary `ressenti-predict-networks`: `ressenti-predict` with libtorch, which becomes this program where
//! the model is a network.

fn main() -> std::process::ExitCode {
    predict::main(Some(classifier::NETWORKS))
}
