//! The binary `ressenti-embed`.

fn main() -> std::process::ExitCode {
    stage::main::<embed::Embed>()
}
