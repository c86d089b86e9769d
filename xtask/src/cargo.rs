//! The commands that follow the set-up: cargo itself, and the orchestrator it built.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::config::LIBTORCH;
use crate::error::{Error, Result};
use crate::setup::Source;

/// A cargo command in the root of the checkout, as if a person had typed it there.
pub(crate) fn cargo(root: &Path, source: Source) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // `cargo run` tells xtask about xtask; build scripts must not see that.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
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
pub(crate) fn ressenti(root: &Path, source: Source, arguments: &[OsString]) -> Result<Command> {
    let own = env::current_exe().map_err(|cause| cannot_start("ressenti", cause))?;
    let mut command = Command::new(own.with_file_name("ressenti"));
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
pub(crate) fn succeed(mut command: Command) -> Result<()> {
    let status = command.status();
    let status = status.map_err(|cause| cannot_start(&program(&command), cause))?;
    if status.success() {
        return Ok(());
    }
    // Of a command that a signal ended it is 128 and the signal, as shells do.
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    let code = code.and_then(|code| u8::try_from(code).ok());
    let error = Error::new(format!("`{}` failed", program(&command)));
    Err(error.with_exit(Some(code.unwrap_or(1).into())))
}

/// Becomes `command`: signals and exit code are then its own.
pub(crate) fn become_(mut command: Command) -> Error {
    let cause = command.exec();
    cannot_start(&program(&command), cause)
}

/// What `command` prints; `None` where its program is not installed.
pub(crate) fn output_if_installed(mut command: Command) -> Result<Option<Output>> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cannot_start(&program(&command), cause)),
    }
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

pub(crate) fn cannot_start(program: &str, cause: io::Error) -> Error {
    let error = Error::new(format!("Cannot start `{program}`")).with_cause(cause);
    if program == "strip" {
        error.with_hint("Install binutils (Debian, Ubuntu: `apt install binutils`)")
    } else if program.ends_with("ressenti") {
        error.with_hint("Build it with `cargo build --workspace`")
    } else {
        error
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
            let result = succeed(command).map_err(|error| error.exit.expect("an exit code"));
            assert_eq!(format!("{result:?}"), format!("{expected:?}"));
        };
        check("exit 0", Ok(()));
        check("exit 75", Err(ExitCode::from(75)));
        check("kill -9 $$", Err(ExitCode::from(137)));
        let missing = succeed(Command::new("no-such-program-of-ressenti"));
        let error = missing.expect_err("it is not there");
        assert!(error.to_string().starts_with("Cannot start"), "{error}");
    }
}
