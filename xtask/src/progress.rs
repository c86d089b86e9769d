//! Short lines on standard error while something takes its time: one that rewrites itself on a terminal,
//! plain lines now and then where the output goes to a file.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the line on a terminal changes.
const REWRITE: Duration = Duration::from_millis(100);
/// How often a log gets a line.
const LOG: Duration = Duration::from_secs(10);
/// A step that took less needs no time behind it.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// One line: what it is about, then what happens to it.
pub(crate) fn say(subject: &str, text: impl fmt::Display) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{subject:<22}  {text}");
}

/// Something that goes on; says what at once, how far while it goes, and how long it took at its end.
pub(crate) struct Step {
    subject: String,
    action: String,
    done: u64,
    total: u64,
    terminal: bool,
    start: Instant,
    last_line: Instant,
}

impl Step {
    /// `total` in bytes; 0 where there is nothing to count.
    pub(crate) fn start(subject: &str, action: impl Into<String>, total: u64) -> Self {
        let now = Instant::now();
        let step = Self {
            subject: subject.to_owned(),
            action: action.into(),
            done: 0,
            total,
            terminal: std::io::stderr().is_terminal(),
            start: now,
            last_line: now,
        };
        if step.terminal {
            step.rewrite(" ...");
        } else {
            say(&step.subject, format_args!("{} ...", step.action));
        }
        step
    }

    /// `done` bytes of the total so far.
    pub(crate) fn at(&mut self, done: u64) {
        self.done = done;
        let pause = if self.terminal { REWRITE } else { LOG };
        if self.total == 0 || self.last_line.elapsed() < pause {
            return;
        }
        self.last_line = Instant::now();
        let share = format!(" ... {} %", done.min(self.total) * 100 / self.total);
        if self.terminal {
            self.rewrite(&share);
        } else {
            say(&self.subject, format_args!("{}{share}", self.action));
        }
    }

    /// `more` bytes since the last call.
    pub(crate) fn add(&mut self, more: u64) {
        self.at(self.done + more);
    }

    pub(crate) fn finish(self) {
        let time = self.start.elapsed();
        if self.terminal {
            let time = if time < WORTH_TELLING {
                String::new()
            } else {
                format!(", {} s", time.as_secs())
            };
            self.rewrite(&format!("{time}\n"));
        } else if time >= WORTH_TELLING {
            say(
                &self.subject,
                format_args!("{} took {} s", self.action, time.as_secs()),
            );
        }
    }

    fn rewrite(&self, tail: &str) {
        let mut stderr = anstream::stderr();
        let _ = write!(
            stderr,
            "\r\x1b[2K{:<22}  {}{tail}",
            self.subject, self.action
        );
        let _ = stderr.flush();
    }
}

/// `530712279` as `531 MB`, `2466783` as `2.5 MB`.
pub(crate) fn megabytes(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 10.0 {
        format!("{megabytes:.1} MB")
    } else {
        format!("{megabytes:.0} MB")
    }
}

/// `10605` as `10,605`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
