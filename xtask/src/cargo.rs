//! Commands that run after the set-up: cargo, and the orchestrator that it built.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::config::LIBTORCH;
use crate::error::{Error, Result};
use crate::setup::LibtorchSource;

/// A cargo command in the root of the checkout.
pub(crate) fn cargo(root: &Path, source: LibtorchSource) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // `cargo run` sets variables about xtask, which build scripts must not see.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    remove_libtorch_variable(&mut command, source);
    command
}

/// Removes LIBTORCH from the environment. `cargo run` set it from the old `.cargo/libtorch.toml`, and it would
/// override the new value in the file.
fn remove_libtorch_variable(command: &mut Command, source: LibtorchSource) {
    if source == LibtorchSource::Provisioned {
        command.env_remove(LIBTORCH);
    }
}

/// `ressenti run` with the default pipeline, or with the one that the `extra` arguments name.
pub(crate) fn ressenti(root: &Path, source: LibtorchSource, extra: &[OsString]) -> Result<Command> {
    let own = env::current_exe().map_err(|cause| cannot_start("ressenti", cause))?;
    let mut command = Command::new(own.with_file_name("ressenti"));
    command.current_dir(root).arg("run");
    if !names_a_pipeline(extra) {
        command.args(["--pipeline", "pipeline.toml"]);
    }
    command.args(extra);
    remove_libtorch_variable(&mut command, source);
    Ok(command)
}

fn names_a_pipeline(arguments: &[OsString]) -> bool {
    let mut texts = arguments.iter().filter_map(|argument| argument.to_str());
    texts.any(|text| text == "--pipeline" || text.starts_with("--pipeline="))
}

/// Runs `command`; an error carries its exit code.
pub(crate) fn run_command(mut command: Command) -> Result<()> {
    let status = command.status();
    let status = status.map_err(|cause| cannot_start(&program(&command), cause))?;
    if status.success() {
        return Ok(());
    }
    // If a signal ended the command, the code is 128 plus the signal, as in shells.
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    let code = code.and_then(|code| u8::try_from(code).ok());
    let error = Error::new(format!("`{}` failed", program(&command)));
    Err(error.with_exit(Some(code.unwrap_or(1).into())))
}

/// Replaces this process with `command`. Returns only on failure.
pub(crate) fn exec(mut command: Command) -> Error {
    let cause = command.exec();
    cannot_start(&program(&command), cause)
}

/// Runs `command` and returns its output; `None` if the program is not installed.
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
    let error = Error::new(format!("Failed to start `{program}`")).with_cause(cause);
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
            let command = ressenti(
                Path::new("/checkout"),
                LibtorchSource::Provisioned,
                &arguments,
            )
            .expect("we have a path");
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
            let result = run_command(command).map_err(|error| error.exit.expect("an exit code"));
            assert_eq!(format!("{result:?}"), format!("{expected:?}"));
        };
        check("exit 0", Ok(()));
        check("exit 75", Err(ExitCode::from(75)));
        check("kill -9 $$", Err(ExitCode::from(137)));
        let missing = run_command(Command::new("no-such-program-of-ressenti"));
        let error = missing.expect_err("it is not there");
        assert!(error.to_string().starts_with("Failed to start"), "{error}");
    }
}
