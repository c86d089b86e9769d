//! What people see: one line per step on stdout, failures on stderr.

use std::io::Write;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use settings::StepId;

use crate::ProgressMode;
use artifact::{Failure, FailureKind};

/// What became of a step, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// There already, and whole.
    Fresh,
    /// Made just now.
    Done,
    /// To be made.
    Stale,
    /// Tried, without success.
    Failed,
    /// Not tried, because of a failure before it.
    Held,
}

impl StepState {
    /// The word at the start of the line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Done => "done",
            Self::Stale => "stale",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }

    fn style(self) -> Style {
        let color = match self {
            Self::Fresh => return Style::new().dimmed(),
            Self::Done => AnsiColor::Green,
            Self::Stale => AnsiColor::Yellow,
            Self::Failed | Self::Held => AnsiColor::Red,
        };
        color.on_default()
    }
}

/// Prints a step's line on stdout; as a JSON object where progress is JSON.
pub fn print_step(mode: ProgressMode, state: StepState, step: &StepId, text: &str) {
    let style = state.style();
    let line = if mode == ProgressMode::Json {
        let line = serde_json::json!({
            "event": "step", "state": state.as_str(), "stage": step.stage, "variant": step.variant, "text": text,
        });
        format!("{line}\n")
    } else {
        format!(
            "{style}{:<6}{style:#} {:<9} {:<12} {text}\n",
            state.as_str(),
            step.stage,
            step.variant
        )
    };
    let stdout = std::io::stdout();
    let line = match AutoStream::choice(&stdout) {
        ColorChoice::Never => strip_str(&line).to_string(),
        _ => line,
    };
    // In one piece, because several stages may write to the same place. A closed pipe is a reader who
    // has seen enough: not an error of ours.
    let _ = stdout.lock().write_all(line.as_bytes());
}

/// Prints a failure on stderr: what, why, and after an empty line what to do.
pub fn print_failure(failure: &Failure) {
    let mut err = anstream::stderr();
    let error = AnsiColor::Red.on_default().bold();
    let hint = AnsiColor::Cyan.on_default().bold();
    let chain = failure.chain();
    if failure.kind() == FailureKind::Interrupted {
        // As the user wished: no error.
        let _ = writeln!(err, "stopped: {}", chain[0]);
    } else {
        let _ = writeln!(err, "{error}error{error:#}: {}", chain[0]);
    }
    for cause in &chain[1..] {
        let _ = writeln!(
            err,
            "  caused by: {}",
            cause.trim_end().replace('\n', "\n    ")
        );
    }
    if let Some(text) = failure.hint() {
        let _ = writeln!(err, "\n{hint}hint{hint:#}: {text}");
    }
}

/// The exit code of a program that ended so; a failure is printed.
pub fn exit_code(ended: Result<(), Failure>) -> u8 {
    ended.map_or_else(
        |failure| {
            print_failure(&failure);
            failure.code()
        },
        |()| 0,
    )
}
