//! Answers on stdout. A reader who has seen enough is no error of ours; an answer that is lost is one.

use std::io::{self, Write};

use artifact::Failure;

/// Prints a text on stdout as it is, without colours where there is no terminal.
///
/// # Errors
/// It did not come to where stdout goes, for example because a disk is full. A closed pipe is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    stdout_is_open(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(drop)
}

/// Whether somebody still reads what was written on stdout: `false` for a closed pipe, whose reader has seen
/// enough. What is written must be flushed, for an error is not told before.
///
/// # Errors
/// All else that kept it from being written.
pub fn stdout_is_open(written: io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let hint = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "Free some space where it goes, or send it elsewhere, and run the same command again"
                }
                _ => "Send it elsewhere, and run the same command again",
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
    fn only_a_closed_pipe_is_silent() {
        let check = |written: io::Result<()>, expected: Result<bool, &[&str]>| {
            let found = stdout_is_open(written).map_err(|failure| failure.chain());
            assert_eq!(
                found,
                expected.map_err(|lines| lines.iter().map(|it| (*it).to_owned()).collect())
            );
        };
        check(Ok(()), Ok(true));
        check(Err(io::ErrorKind::BrokenPipe.into()), Ok(false));
        let said = "Failed to write to standard output";
        check(
            Err(io::ErrorKind::StorageFull.into()),
            Err(&[said, "no storage space"]),
        );
        check(
            Err(io::ErrorKind::PermissionDenied.into()),
            Err(&[said, "permission denied"]),
        );
    }
}
