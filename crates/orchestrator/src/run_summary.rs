//! Counts how the steps of a run ended, and prints the summary.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use artifact::{StageName, format};
use serde_json::json;
use settings::StepId;
use stage::ProgressMode;

use crate::launch::ProcessEnd;

/// The summary of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunSummary {
    /// Steps whose output existed.
    pub(crate) fresh: u64,
    /// Steps that were built.
    pub(crate) done: u64,
    /// Steps that failed.
    pub(crate) failed: u64,
    /// Steps that depend on a failed step.
    pub(crate) blocked: u64,
    /// Steps that did not run because the run stopped.
    pub(crate) not_run: u64,
    /// Whether the report exists and is current.
    pub(crate) has_report: bool,
    /// Whether the user stopped it.
    pub(crate) interrupted: bool,
    /// The exit code: that of the first failed stage, 130 if interrupted.
    pub(crate) code: u8,
}

/// How one step ended.
pub(crate) enum StepEnd {
    Fresh,
    Done,
    /// Its program failed without an output.
    Failed(ProcessEnd),
    /// Its program failed because of a regression, but the output exists.
    Regression(ProcessEnd),
    Interrupted,
}

impl RunSummary {
    pub(crate) fn count(&mut self, id: &StepId, end: &StepEnd) {
        let output_exists = !matches!(end, StepEnd::Interrupted | StepEnd::Failed(_));
        match end {
            StepEnd::Fresh => self.fresh += 1,
            StepEnd::Done => self.done += 1,
            StepEnd::Interrupted => {
                self.interrupted = true;
                self.not_run += 1;
            }
            StepEnd::Failed(ending) | StepEnd::Regression(ending) => {
                self.failed += 1;
                if self.code == 0 {
                    self.code = ending.code;
                }
            }
        }
        self.has_report |= id.stage == StageName::Report && output_exists;
    }

    /// Prints the last lines of a run: counts, duration, the path of the report, and commands for the next steps.
    pub(crate) fn print(
        &self,
        mode: ProgressMode,
        seconds: f64,
        report: Option<&Path>,
        next_steps: &[(&str, String)],
    ) {
        let mut out = anstream::stdout();
        // The reader may close the pipe early, for example `head`. That is not an error.
        let _ = if mode == ProgressMode::Json {
            let line = json!({
                "event": "run", "fresh": self.fresh, "done": self.done, "failed": self.failed, "held": self.blocked,
                "untried": self.not_run, "interrupted": self.interrupted, "seconds": seconds, "report": report,
            });
            writeln!(out, "{line}")
        } else {
            self.write(&mut out, seconds, report, next_steps)
        };
    }

    fn write(
        &self,
        out: &mut impl Write,
        seconds: f64,
        report: Option<&Path>,
        next_steps: &[(&str, String)],
    ) -> io::Result<()> {
        writeln!(out, "\n{}", self.counts_line(seconds))?;
        if let Some(report) = report {
            let bold = Style::new().bold();
            writeln!(out, "{bold}report{bold:#}   {}", report.display())?;
            for (what, command) in next_steps {
                writeln!(out, "{bold}{what:<8}{bold:#} {command}")?;
            }
        }
        let advice = if self.interrupted {
            "Finished steps are kept; run the same command again to resume".to_owned()
        } else if self.not_run > 0 {
            let steps = format::plural(self.not_run, "step was", "steps were");
            format!(
                "{steps} not run; `--keep-going` runs the steps that do not need the failed step"
            )
        } else {
            return Ok(());
        };
        let hint = AnsiColor::Cyan.on_default().bold();
        writeln!(out, "  {hint}hint{hint:#}: {advice}")
    }

    fn counts_line(&self, seconds: f64) -> String {
        let counts = [
            (self.fresh, "fresh"),
            (self.done, "done"),
            (self.failed, "failed"),
            (self.blocked, "blocked"),
            (self.not_run, "not run"),
        ];
        let total = counts.iter().map(|(count, _)| count).sum();
        let some = counts.iter().filter(|(count, _)| *count > 0);
        let parts = some.map(|(count, word)| format!("{} {word}", format::count(*count)));
        let parts: Vec<String> = parts.collect();
        let verb = match self.interrupted {
            true => "; interrupted after",
            false => " in",
        };
        // A run with only fresh steps takes less than a second, so show hundredths.
        let time = match seconds < 1.0 {
            true => format!("{seconds:.2} s"),
            false => format::seconds(seconds),
        };
        let steps = format::plural(total, "step", "steps");
        format!("{steps}: {}{verb} {time}", parts.join(", "))
    }
}

/// Prints lines about a whole plan or run.
pub(crate) fn print_notes(mode: ProgressMode, notes: impl IntoIterator<Item = String>) {
    for text in notes {
        let line = match mode {
            ProgressMode::Json => json!({"event": "note", "text": text}).to_string(),
            _ => text,
        };
        // The reader may close the pipe early, for example `head`. That is not an error.
        let _ = writeln!(anstream::stdout(), "{line}");
    }
}

/// Prints that a stage is started again after a transient error.
pub(crate) fn print_retry(mode: ProgressMode, step: &StepId, reason: &str, wait: Duration) {
    let seconds = wait.as_secs_f64();
    let StepId { stage, variant } = step;
    let event = json!({
        "event": "retry", "stage": stage, "variant": variant, "seconds": seconds, "reason": reason,
    });
    let seconds = format::seconds(seconds);
    let line = match mode {
        ProgressMode::Json => event.to_string(),
        _ => format!("  {step}: transient error ({reason}); retrying in {seconds}"),
    };
    // If standard error is closed, there is no other place to print.
    let _ = writeln!(anstream::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(summary: RunSummary, seconds: f64, report: Option<&str>, expected: &str) {
        let mut screen = anstream::StripStream::new(Vec::new());
        let report = report.map(Path::new);
        summary
            .write(
                &mut screen,
                seconds,
                report,
                &[("predict", "ressenti predict 'TEXT'".to_owned())],
            )
            .expect("memory takes it");
        assert_eq!(String::from_utf8_lossy(&screen.into_inner()), expected);
    }

    #[test]
    fn the_summary_counts_steps_by_how_they_ended() {
        check(
            RunSummary {
                fresh: 7,
                ..RunSummary::default()
            },
            0.123,
            Some("artifacts/report/reviews/report.html"),
            "\n7 steps: 7 fresh in 0.12 s\nreport   artifacts/report/reviews/report.html\npredict  ressenti predict 'TEXT'\n",
        );
        check(
            RunSummary {
                fresh: 3,
                done: 1,
                failed: 1,
                blocked: 2,
                not_run: 1,
                code: 1,
                ..RunSummary::default()
            },
            75.0,
            None,
            "\n8 steps: 3 fresh, 1 done, 1 failed, 2 blocked, 1 not run in 75 s\n  \
             hint: 1 step was not run; `--keep-going` runs the steps that do not need the failed step\n",
        );
        check(
            RunSummary {
                done: 1,
                not_run: 4,
                interrupted: true,
                code: 130,
                ..RunSummary::default()
            },
            9.0,
            None,
            "\n5 steps: 1 done, 4 not run; interrupted after 9.0 s\n  \
             hint: Finished steps are kept; run the same command again to resume\n",
        );
    }
}
