//! The commands that follow the set-up: cargo itself, and the orchestrator it built.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::config::LIBTORCH;
use crate::error::Error;
use crate::setup::Source;

/// A cargo command in the root of the checkout, as if a person had typed it there.
pub(crate) fn cargo(root: &Path, source: Source) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // `cargo run` tells xtask about xtask; build scripts must not see that.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_"]
                .iter()
                .any(|own| name.starts_with(own))
        }) {
            command.env_remove(name);
        }
    }
    forget_ours(&mut command, source);
    command
}

/// `cargo run` set LIBTORCH for us from `.cargo/libtorch.toml`, as it was before the set-up. In the
/// environment that old value would go before the file's new one.
fn forget_ours(command: &mut Command, source: Source) {
    if source == Source::Ours {
        command.env_remove(LIBTORCH);
    }
}

/// `ressenti run` on the default pipeline, or on the one that `arguments` name. It was built next to us.
pub(crate) fn ressenti(
    root: &Path,
    source: Source,
    arguments: &[OsString],
) -> Result<Command, Error> {
    let own = env::current_exe().map_err(|source| Error::Start {
        program: "ressenti".to_owned(),
        source,
    })?;
    let mut command =
        Command::new(own.with_file_name(format!("ressenti{}", env::consts::EXE_SUFFIX)));
    command.current_dir(root).arg("run");
    if !names_a_pipeline(arguments) {
        command.args(["--pipeline", "pipeline.toml"]);
    }
    command.args(arguments);
    forget_ours(&mut command, source);
    Ok(command)
}

fn names_a_pipeline(arguments: &[OsString]) -> bool {
    let mut texts = arguments.iter().filter_map(|argument| argument.to_str());
    texts.any(|text| text == "--pipeline" || text.starts_with("--pipeline="))
}

/// Runs `command` to its end; fails with its exit code if that is not 0.
pub(crate) fn succeed(mut command: Command) -> Result<(), Error> {
    let status = command
        .status()
        .map_err(|source| cannot_start(&command, source))?;
    if status.success() {
        return Ok(());
    }
    // Of a command that a signal ended it is 128 and the signal, as shells do.
    let code = status
        .code()
        .or_else(|| Some(128 + status.signal()?))
        .and_then(|code| u8::try_from(code).ok());
    Err(Error::Exit(code.unwrap_or(1).into()))
}

/// Becomes `command`: signals and exit code are then its own.
pub(crate) fn become_(mut command: Command) -> Error {
    let source = command.exec();
    cannot_start(&command, source)
}

/// What `command` prints; `None` where its program is not installed.
pub(crate) fn output_if_installed(mut command: Command) -> Result<Option<Output>, Error> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(cannot_start(&command, source)),
    }
}

fn cannot_start(command: &Command, source: io::Error) -> Error {
    Error::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use super::*;

    #[test]
    fn a_pipeline_of_ones_own_replaces_the_default() {
        let check = |arguments: &[&str], expected: bool| {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            let command =
                ressenti(Path::new("/checkout"), Source::Ours, &arguments).expect("we have a path");
            let all: Vec<_> = command.get_args().collect();
            assert_eq!(all[0], "run");
            assert_eq!(
                all.contains(&"pipeline.toml".as_ref()),
                expected,
                "{arguments:?}"
            );
        };
        check(&[], true);
        check(&["--set", "model.naive.epochs=1"], true);
        check(&["--pipeline", "pipelines/imdb.toml"], false);
        check(&["--pipeline=pipelines/imdb.toml"], false);
    }

    #[test]
    fn exit_codes_are_passed_on() {
        let check = |script: &str, expected: Result<(), ExitCode>| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            let result = succeed(command).map_err(|error| match error {
                Error::Exit(code) => code,
                error => panic!("{error}"),
            });
            assert_eq!(format!("{result:?}"), format!("{expected:?}"));
        };
        check("exit 0", Ok(()));
        check("exit 75", Err(ExitCode::from(75)));
        check("kill -9 $$", Err(ExitCode::from(137)));
        let missing = succeed(Command::new("no-such-program-of-ressenti"));
        assert!(matches!(missing, Err(Error::Start { .. })));
    }
}
