//! The binary `ressenti-ingest`.

fn main() -> std::process::ExitCode {
    stage::main::<ingest::Ingest>()
}
