//! What people see of a run beside the lines of its steps.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anstyle::AnsiColor;
use artifact::format;
use settings::StepId;
use stage::ProgressMode;

use crate::run_summary::RunSummary;

/// Says that a stage met a passing fault and is started again.
pub(crate) fn retry(mode: ProgressMode, step: &StepId, reason: &str, wait: Duration) {
    let seconds = wait.as_secs_f64();
    let line = if mode == ProgressMode::Json {
        serde_json::json!({
            "event": "retry", "stage": step.stage, "variant": step.variant, "seconds": seconds,
            "reason": reason,
        })
        .to_string()
    } else {
        format!(
            "  {step}: a fault that may pass ({reason}); starting it again in {}",
            format::seconds(seconds)
        )
    };
    // Nobody reads stderr any more: there is nobody to tell that either.
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// The last lines of a run: what ran, how long, and where the report is.
pub(crate) fn summary(mode: ProgressMode, tally: &RunSummary, seconds: f64, report: Option<&Path>) {
    let mut out = anstream::stdout();
    // A closed pipe is a reader who has seen enough: not an error of ours.
    let _ = if mode == ProgressMode::Json {
        let line = serde_json::json!({
            "event": "run", "fresh": tally.fresh, "done": tally.done, "failed": tally.failed, "held": tally.held,
            "untried": tally.untried, "interrupted": tally.interrupted, "seconds": seconds, "report": report,
        });
        writeln!(out, "{line}")
    } else {
        write_summary(&mut out, tally, seconds, report)
    };
}

fn write_summary(
    out: &mut impl Write,
    tally: &RunSummary,
    seconds: f64,
    report: Option<&Path>,
) -> std::io::Result<()> {
    writeln!(out, "\n{}", in_words(tally, seconds))?;
    if let Some(report) = report {
        let bold = anstyle::Style::new().bold();
        writeln!(out, "{bold}report{bold:#}  {}", report.display())?;
    }
    let hint = AnsiColor::Cyan.on_default().bold();
    if tally.interrupted {
        writeln!(
            out,
            "\n{hint}hint{hint:#}: Finished steps are kept; the same command goes on from here"
        )?;
    } else if tally.untried > 0 {
        let steps = format::plural(tally.untried, "step", "steps");
        writeln!(
            out,
            "\n{hint}hint{hint:#}: {steps} not tried; `--keep-going` runs what does not need the failed one"
        )?;
    }
    Ok(())
}

fn in_words(tally: &RunSummary, seconds: f64) -> String {
    let counts = [
        (tally.fresh, "fresh"),
        (tally.done, "done"),
        (tally.failed, "failed"),
        (tally.held, "held back"),
        (tally.untried, "not tried"),
    ];
    let total = counts.iter().map(|(count, _)| count).sum();
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", format::count(*count)))
        .collect();
    let verb = if tally.interrupted {
        "interrupted after"
    } else {
        "in"
    };
    // Under ten seconds a tenth more or less is seen: a run where all is fresh takes less than one.
    let time = if seconds < 1.0 {
        format!("{seconds:.2} s")
    } else {
        format::seconds(seconds)
    };
    format!(
        "{}: {} {verb} {time}",
        format::plural(total, "step", "steps"),
        parts.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tally: RunSummary, seconds: f64, report: Option<&str>, expected: &str) {
        let mut screen = anstream::StripStream::new(Vec::new());
        write_summary(&mut screen, &tally, seconds, report.map(Path::new))
            .expect("memory takes it");
        assert_eq!(String::from_utf8_lossy(&screen.into_inner()), expected);
    }

    #[test]
    fn a_run_ends_with_what_counts() {
        check(
            RunSummary {
                fresh: 7,
                ..RunSummary::default()
            },
            0.123,
            Some("artifacts/report/reviews/report.html"),
            "\n7 steps: 7 fresh in 0.12 s\nreport  artifacts/report/reviews/report.html\n",
        );
        check(
            RunSummary {
                fresh: 3,
                done: 1,
                failed: 1,
                held: 2,
                untried: 1,
                code: 1,
                ..RunSummary::default()
            },
            75.0,
            None,
            "\n8 steps: 3 fresh, 1 done, 1 failed, 2 held back, 1 not tried in 75 s\n\n\
             hint: 1 step not tried; `--keep-going` runs what does not need the failed one\n",
        );
        check(
            RunSummary {
                done: 1,
                untried: 4,
                interrupted: true,
                code: 130,
                ..RunSummary::default()
            },
            9.0,
            None,
            "\n5 steps: 1 done, 4 not tried interrupted after 9.0 s\n\n\
             hint: Finished steps are kept; the same command goes on from here\n",
        );
    }
}
