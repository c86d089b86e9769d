//! Short lines on standard error while something takes its time: one that rewrites itself on a terminal,
//! plain lines now and then where the output goes to a file.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The column of the subjects.
const WIDTH: usize = 22;
/// How often the line on a terminal changes.
const REWRITE: Duration = Duration::from_millis(100);
/// How often a log gets a line.
const LOG: Duration = Duration::from_secs(10);
/// A step that takes less leaves no line.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// One line: what it is about, then what happens to it.
pub(crate) fn say(subject: &str, text: impl fmt::Display) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{subject:<WIDTH$}  {text}");
}

/// Something that goes on. On a terminal its line is there at once and stays if it took a while; a log hears
/// of it only if it takes a while, so that a quick set-up is a short one.
pub(crate) struct Step {
    subject: String,
    action: String,
    done: u64,
    total: u64,
    terminal: bool,
    start: Instant,
    last_line: Option<Instant>,
}

impl Step {
    /// `total` in bytes.
    pub(crate) fn start(subject: &str, action: impl Into<String>, total: u64) -> Self {
        let mut step = Self {
            subject: subject.to_owned(),
            action: action.into(),
            done: 0,
            total,
            terminal: is_terminal(),
            start: Instant::now(),
            last_line: None,
        };
        step.at(0);
        step
    }

    /// `done` bytes of the total so far.
    pub(crate) fn at(&mut self, done: u64) {
        self.done = done;
        let due = match (self.terminal, self.last_line) {
            (true, last) => last.is_none_or(|last| last.elapsed() >= REWRITE),
            (false, None) => self.start.elapsed() >= WORTH_TELLING,
            (false, Some(last)) => last.elapsed() >= LOG,
        };
        if !due {
            return;
        }
        self.last_line = Some(Instant::now());
        let share = match done.min(self.total) * 100 {
            0 => " ...".to_owned(),
            hundredfold => format!(" ... {} %", hundredfold / self.total),
        };
        if self.terminal {
            rewrite(&format!("{:<WIDTH$}  {}{share}", self.subject, self.action));
        } else {
            say(&self.subject, format_args!("{}{share}", self.action));
        }
    }

    /// `more` bytes since the last call.
    pub(crate) fn add(&mut self, more: u64) {
        self.at(self.done + more);
    }
}

/// The step ends, well or with an error that is told elsewhere.
impl Drop for Step {
    fn drop(&mut self) {
        if self.terminal {
            rewrite("");
        }
        let time = self.start.elapsed();
        if time >= WORTH_TELLING {
            let (action, seconds) = (&self.action, time.as_secs());
            say(&self.subject, format_args!("{action}: {seconds} s"));
        }
    }
}

/// Whether a line can be rewritten where standard error goes.
fn is_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|name| name != "dumb")
}

/// Puts `line` in the place of the line the cursor is in.
fn rewrite(line: &str) {
    // Not through anstream: under NO_COLOR it would take away what erases the old line.
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "\r\x1b[2K{line}");
    let _ = stderr.flush();
}

/// `530712279` as `531 MB`, `2466783` as `2.5 MB`.
pub(crate) fn megabytes(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    let decimals = usize::from(megabytes < 10.0);
    format!("{megabytes:.decimals$} MB")
}

/// `10605` as `10,605`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        let check = |bytes: u64, size: &str, number: &str| {
            assert_eq!(
                (megabytes(bytes).as_str(), grouped(bytes).as_str()),
                (size, number)
            );
        };
        check(0, "0.0 MB", "0");
        check(999, "0.0 MB", "999");
        check(2_466_783, "2.5 MB", "2,466,783");
        check(530_712_279, "531 MB", "530,712,279");
    }
}
