//! Writing results to stdout. A closed pipe is not an error; any other failed write is.

use std::io::{self, Write};

use artifact::Failure;

/// Prints a text on stdout, without colours if stdout is not a terminal.
///
/// # Errors
/// The text cannot be written, for example because a disk is full. A closed pipe is not an error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    stdout_is_open(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(drop)
}

/// Checks the result of a write to stdout: `false` for a closed pipe. The write must be flushed, because errors of
/// buffered output appear only then.
///
/// # Errors
/// All other errors.
pub fn stdout_is_open(written: io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let hint = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "Free some disk space, or redirect the output to another disk, and run the same command again"
                }
                _ => "Redirect the output to another file, and run the same command again",
            };
            let failure = Failure::new("Failed to write to standard output").with_cause(error);
            Err(failure.with_hint(hint.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closed_pipe_is_not_an_error() {
        let check = |written: io::Result<()>, expected: Result<bool, &[&str]>| {
            let found = stdout_is_open(written).map_err(|failure| failure.chain());
            assert_eq!(
                found,
                expected.map_err(|lines| lines.iter().map(|it| (*it).to_owned()).collect())
            );
        };
        check(Ok(()), Ok(true));
        check(Err(io::ErrorKind::BrokenPipe.into()), Ok(false));
        let message = "Failed to write to standard output";
        check(
            Err(io::ErrorKind::StorageFull.into()),
            Err(&[message, "no storage space"]),
        );
        check(
            Err(io::ErrorKind::PermissionDenied.into()),
            Err(&[message, "permission denied"]),
        );
    }
}
