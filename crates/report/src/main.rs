//! All figures on one page.

fn main() -> std::process::ExitCode {
    stage::main::<report::Report>()
}
