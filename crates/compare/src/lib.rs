//! Two runs side by side: what is different in data, settings and code, and whether a model is worse
//! for it. `--baseline` of the stages and `ressenti compare` judge by the same function,
//! [`EvaluationResults::regressions`].

mod arguments;
mod changes;
mod judged;
mod run;
mod show;
mod verdicts;

use std::io::Write;
use std::process::ExitCode;

use artifact::Failure;
use clap::Parser;
use serde::Serialize;
use stage::print_failure;

use arguments::{Arguments, Format};

pub use changes::{Change, Changes};
pub use judged::{EvaluationResults, PREDICTIONS};
pub use run::{Run, Step};
pub use verdicts::{Compared, Verdict, verdicts};

/// Everything that is said of two runs.
#[derive(Clone, Debug, Serialize)]
pub struct Sides {
    /// What differs in the steps; nothing where one of the runs says nothing of its steps.
    pub changes: Option<Changes>,
    /// Model by model.
    pub models: Vec<Compared>,
    /// What has become worse, in words; nothing where all is well.
    pub regressions: Vec<String>,
}

impl Sides {
    /// Compares two runs.
    pub fn of(before: &Run, after: &Run) -> Self {
        let known = !before.steps.is_empty() && !after.steps.is_empty();
        let regressions = before.judged.regressions(&after.judged);
        Self {
            changes: known.then(|| Changes::between(&before.steps, &after.steps)),
            models: verdicts(&before.judged, &after.judged),
            regressions: regressions.into_iter().map(|it| it.text).collect(),
        }
    }
}

/// The whole of the program.
pub fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            print_failure(&failure);
            failure.code().into()
        }
    }
}

/// Prints the comparison, and says whether no model has become worse.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let before = Run::open(&arguments.before)?;
    let after = Run::open(&arguments.after)?;
    let sides = Sides::of(&before, &after);
    let shown = match arguments.format {
        Format::Text => show::text(&before, &after, &sides),
        Format::Markdown => show::markdown(&before, &after, &sides),
        Format::Json => serde_json::to_string_pretty(&sides).expect("plain data") + "\n",
    };
    // A closed pipe is a reader who has seen enough: not an error of ours.
    let _ = std::io::stdout().write_all(shown.as_bytes());
    Ok(sides.regressions.is_empty())
}
