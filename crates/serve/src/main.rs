//! The binary `ressenti-serve`, which `ressenti serve` starts. It does not link libtorch: if the model is a network,
//! it continues as `ressenti-networks`.

fn main() -> std::process::ExitCode {
    serve::main(std::env::args_os(), None).into()
}
