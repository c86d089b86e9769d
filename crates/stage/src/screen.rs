//! Output for people: one line per step on stdout, failures on stderr.

use std::io::Write;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use settings::StepId;

use crate::ProgressMode;
use artifact::{Failure, FailureKind};

/// The state of a step in `plan`, `run` and `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Its output exists and is undamaged.
    Fresh,
    /// It was run now.
    Done,
    /// It has to run.
    Stale,
    /// It was run and failed.
    Failed,
    /// It was not run, because a step that it depends on failed.
    Blocked,
}

impl StepState {
    /// The word at the start of the line.
    pub fn as_str(self) -> &'static str {
        self.word_and_style().0
    }

    fn word_and_style(self) -> (&'static str, Style) {
        match self {
            Self::Fresh => ("fresh", Style::new().dimmed()),
            Self::Done => ("done", AnsiColor::Green.on_default()),
            Self::Stale => ("stale", AnsiColor::Yellow.on_default()),
            Self::Failed => ("failed", AnsiColor::Red.on_default()),
            Self::Blocked => ("blocked", AnsiColor::Red.on_default()),
        }
    }
}

/// Prints the line of a step on stdout; with JSON progress as a JSON object.
pub fn print_step(mode: ProgressMode, state: StepState, step: &StepId, text: &str) {
    let (word, style) = state.word_and_style();
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
    // One write, because several stages may share stdout. A closed pipe is not an error.
    let _ = stdout.lock().write_all(line.as_bytes());
}

/// Prints a failure on stderr: the message, its causes and the hint.
pub fn print_failure(failure: &Failure) {
    let mut err = anstream::stderr();
    let error = AnsiColor::Red.on_default().bold();
    let hint = AnsiColor::Cyan.on_default().bold();
    let chain = failure.chain();
    let _ = match failure.kind() {
        // Requested by the user, so not an error.
        FailureKind::Interrupted => writeln!(err, "stopped: {}", chain[0]),
        _ => writeln!(err, "{error}error{error:#}: {}", chain[0]),
    };
    for cause in &chain[1..] {
        let cause = cause.trim_end().replace('\n', "\n    ");
        let _ = writeln!(err, "  cause: {cause}");
    }
    if let Some(text) = failure.hint() {
        let _ = writeln!(err, "  {hint}hint{hint:#}: {text}");
    }
}

/// The exit code for a result; prints a failure.
pub fn exit_code(result: Result<(), Failure>) -> u8 {
    let Err(failure) = result else {
        return 0;
    };
    print_failure(&failure);
    failure.code()
}
