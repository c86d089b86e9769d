//! Status lines on standard error: one line that is updated on a terminal, plain lines in a log.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Width of the first column.
const WIDTH: usize = 22;
/// Time between two updates on a terminal.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(100);
/// Time between two lines in a log.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Steps shorter than this leave no line.
const MIN_SHOWN_DURATION: Duration = Duration::from_secs(2);

/// Prints one line: the subject, then its status.
pub(crate) fn print_status(subject: &str, text: impl fmt::Display) {
    // If standard error is closed, there is no other place to print.
    let _ = writeln!(anstream::stderr(), "{subject:<WIDTH$}  {text}");
}

/// A step with progress. On a terminal its line appears at once and stays if the step was long. In a log only
/// long steps are shown, so a quick set-up prints little.
pub(crate) struct Step {
    subject: String,
    action: String,
    done: u64,
    total: u64,
    is_terminal: bool,
    start: Instant,
    last_line: Option<Instant>,
}

impl Step {
    /// Starts a step of `total` bytes.
    pub(crate) fn start(subject: &str, action: impl Into<String>, total: u64) -> Self {
        let mut step = Self {
            subject: subject.to_owned(),
            action: action.into(),
            done: 0,
            total,
            is_terminal: is_terminal(),
            start: Instant::now(),
            last_line: None,
        };
        step.set_done(0);
        step
    }

    /// Sets the number of finished bytes.
    pub(crate) fn set_done(&mut self, done: u64) {
        self.done = done;
        let is_due = match (self.is_terminal, self.last_line) {
            (true, last) => last.is_none_or(|last| last.elapsed() >= TERMINAL_INTERVAL),
            (false, None) => self.start.elapsed() >= MIN_SHOWN_DURATION,
            (false, Some(last)) => last.elapsed() >= LOG_INTERVAL,
        };
        if !is_due {
            return;
        }
        self.last_line = Some(Instant::now());
        let (subject, action) = (&self.subject, &self.action);
        let percent = match done.min(self.total) * 100 {
            0 => String::new(),
            hundredths => format!(" {}%", hundredths / self.total),
        };
        let text = format!("{action} ...{percent}");
        match self.is_terminal {
            true => rewrite(&format!("{subject:<WIDTH$}  {text}")),
            false => print_status(subject, text),
        }
    }

    /// Adds finished bytes.
    pub(crate) fn add(&mut self, more: u64) {
        self.set_done(self.done + more);
    }
}

/// Ends the step. Errors are printed elsewhere.
impl Drop for Step {
    fn drop(&mut self) {
        if self.is_terminal {
            rewrite("");
        }
        let time = self.start.elapsed();
        if time >= MIN_SHOWN_DURATION {
            let (action, seconds) = (&self.action, time.as_secs());
            print_status(&self.subject, format_args!("{action}: {seconds} s"));
        }
    }
}

/// Whether standard error is a terminal that can update a line.
fn is_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|name| name != "dumb")
}

/// Replaces the current line.
fn rewrite(line: &str) {
    // Not through anstream: with NO_COLOR it would remove the control codes.
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
pub(crate) fn format_count(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_formatted() {
        let check = |bytes: u64, size: &str, number: &str| {
            assert_eq!(
                (megabytes(bytes).as_str(), format_count(bytes).as_str()),
                (size, number)
            );
        };
        check(0, "0.0 MB", "0");
        check(999, "0.0 MB", "999");
        check(2_466_783, "2.5 MB", "2,466,783");
        check(530_712_279, "531 MB", "530,712,279");
    }
}
