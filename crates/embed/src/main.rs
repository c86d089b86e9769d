//! The binary `ressenti-embed`: the stage, and `fetch`, which downloads a pretrained encoder.

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == "fetch") {
        return embed::fetch(arguments);
    }
    stage::main::<embed::Embed>()
}
