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
    Blocked,
}

impl StepState {
    /// The word at the start of the line.
    pub fn as_str(self) -> &'static str {
        self.shown().0
    }

    fn shown(self) -> (&'static str, Style) {
        match self {
            Self::Fresh => ("fresh", Style::new().dimmed()),
            Self::Done => ("done", AnsiColor::Green.on_default()),
            Self::Stale => ("stale", AnsiColor::Yellow.on_default()),
            Self::Failed => ("failed", AnsiColor::Red.on_default()),
            Self::Blocked => ("blocked", AnsiColor::Red.on_default()),
        }
    }
}

/// Prints a step's line on stdout; as a JSON object where progress is JSON.
pub fn print_step(mode: ProgressMode, state: StepState, step: &StepId, text: &str) {
    let (word, style) = state.shown();
    let StepId { stage, variant } = step;
    let line = match mode {
        ProgressMode::Json => {
            let line = serde_json::json!({
                "event": "step", "state": word, "stage": stage, "variant": variant, "text": text,
            });
            format!("{line}\n")
        }
        _ => format!("{style}{word:<7}{style:#} {stage:<9} {variant:<12} {text}\n"),
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
    let _ = match failure.kind() {
        // As the user wished: no error.
        FailureKind::Interrupted => writeln!(err, "stopped: {}", chain[0]),
        _ => writeln!(err, "{error}error{error:#}: {}", chain[0]),
    };
    for cause in &chain[1..] {
        let cause = cause.trim_end().replace('\n', "\n    ");
        let _ = writeln!(err, "  cause: {cause}");
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
