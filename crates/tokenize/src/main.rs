//! The binary `ressenti-tokenize`.

fn main() -> std::process::ExitCode {
    stage::main::<tokenize::Tokenize>()
}
