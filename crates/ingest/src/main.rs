//! The program `ressenti-ingest`: the stage, and the command `inspect`.

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == "inspect") {
        return ingest::inspect(arguments);
    }
    stage::main::<ingest::Ingest>()
}
