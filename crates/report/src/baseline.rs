//! `--baseline`: the CI regression run over all models of a report.

use std::path::{Path, PathBuf};

use artifact::{Artifact, Failure, format};
use clap::Args;
use compare::{Judged, JudgedError};
use stage::Context;

use crate::METRICS;

/// Arguments of the report beside those of every stage.
#[derive(Clone, Debug, Default, Args)]
pub struct BaselineOptions {
    /// Fail if a model is significantly worse than in this `metrics.json`; a `predictions.parquet`
    /// beside it makes the comparison a paired one, which sees smaller losses
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

/// Compares the report with a baseline, if one was given.
pub(crate) fn check(
    context: &Context,
    artifact: &Artifact,
    options: &BaselineOptions,
) -> Result<(), Failure> {
    let Some(path) = &options.baseline else {
        return Ok(());
    };
    let baseline = read(path)?;
    let current = read(&artifact.file(METRICS)?)?;
    let regressions = baseline.regressions(&current);
    if regressions.is_empty() {
        context.progress().note(&format!(
            "no model is significantly worse than in `{}`",
            path.display()
        ));
        return Ok(());
    }
    let lines: Vec<String> = regressions.iter().map(ToString::to_string).collect();
    let number = format::plural(lines.len() as u64, "model is", "models are");
    let message = format!(
        "{number} worse than in the baseline `{}`: {}",
        path.display(),
        lines.join("; ")
    );
    Err(Failure::new(message).with_hint(
        "If the loss is meant, replace the baseline by the `metrics.json` of this report"
            .to_owned(),
    ))
}

fn read(path: &Path) -> Result<Judged, Failure> {
    Judged::read(path).map_err(|error| match error {
        JudgedError::Artifact(error) => error.into(),
        JudgedError::Metrics(error) => Failure::from_error(error),
    })
}
