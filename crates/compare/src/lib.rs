//! Compares two runs: what differs in data, settings and code, and which models are worse. `--baseline` of the
//! stages and `ressenti compare` find regressions with the same function, [`EvaluationResults::regressions`].

mod arguments;
mod changes;
mod render;
mod results;
mod run;
mod verdicts;

use std::io::Write;
use std::process::ExitCode;

use artifact::Failure;
use clap::Parser;
use serde::Serialize;
use stage::print_failure;

use arguments::{Arguments, Format};

pub use changes::{Change, Changes};
pub use results::{EvaluationResults, PREDICTIONS};
pub use run::{Run, Step};
pub use verdicts::{ModelComparison, Verdict, compare_models};

/// The comparison of two runs.
#[derive(Clone, Debug, Serialize)]
pub struct RunComparison {
    /// Differences between the steps; `None` if one of the runs does not list its steps.
    pub changes: Option<Changes>,
    /// Why the runs are not comparable; then there are no regressions.
    pub not_comparable: Option<String>,
    /// Splits with few reviews of a class, for each run that has some.
    pub warnings: Vec<String>,
    /// One comparison for each model.
    pub models: Vec<ModelComparison>,
    /// A sentence for each regression.
    pub regressions: Vec<String>,
}

impl RunComparison {
    /// Compares two runs.
    pub fn new(before: &Run, after: &Run) -> Self {
        let have_steps = !before.steps.is_empty() && !after.steps.is_empty();
        let regressions = before.results.regressions(&after.results);
        let regressions = regressions.unwrap_or_default().into_iter();
        let warnings = [("A", before), ("B", after)].into_iter();
        let warnings = warnings.flat_map(|(name, run)| {
            let warnings = run.results.metrics.warnings.iter();
            warnings.map(move |warning| format!("{name}: {warning}."))
        });
        Self {
            not_comparable: before.results.not_comparable(&after.results),
            warnings: warnings.collect(),
            changes: have_steps.then(|| Changes::between(&before.steps, &after.steps)),
            models: compare_models(&before.results, &after.results),
            regressions: regressions.map(|it| it.text).collect(),
        }
    }
}

/// Runs the program.
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

/// Prints the comparison and returns whether the runs are comparable and there are no regressions.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let before = Run::open(&arguments.before)?;
    let after = Run::open(&arguments.after)?;
    let comparison = RunComparison::new(&before, &after);
    let text = match arguments.format {
        Format::Text => render::text(&before, &after, &comparison),
        Format::Markdown => render::markdown(&before, &after, &comparison),
        Format::Json => serde_json::to_string_pretty(&comparison).expect("plain data") + "\n",
    };
    // A closed pipe is not an error: the reader needs no more output.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(comparison.regressions.is_empty() && comparison.not_comparable.is_none())
}
