//! The program `ressenti-report`.

fn main() -> std::process::ExitCode {
    stage::main::<report::Report>()
}
